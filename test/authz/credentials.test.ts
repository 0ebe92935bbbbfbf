/** API keys and HTTP basic authentication by the whole filter, against another reading of what is right. */
import { createHash, randomBytes } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Header, HttpRequest } from "../driver.ts";
import { loadModule } from "../host/driver.ts";
import { Host, type HttpStream, type Listener, PluginModule } from "../host/index.ts";
import { ALLOCATIONS, compileCounted } from "../modules/counted.ts";
import { outrigger } from "../cli/command.ts";

const MODULE = "build/authz.wasm";

const sha256 = (...parts: (string | Uint8Array)[]): string => {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest("hex");
};

function listen(configuration: object, host = new Host(), module = loadModule(MODULE)): Listener {
  return host.listen({ plugins: [{ module, name: "authz", configuration: JSON.stringify(configuration) }] });
}

const KEYS = { ci: "ork_00112233445566778899aabbccddeeff", shop: "ork_ffeeddccbbaa99887766554433221100" };
const PASSWORDS = { Aladdin: "open sesame", test: "123£", é: "" };
const SALT = "000102030405060708090a0b0c0d0e0f";

const CONFIGURATION = {
  apiKeys: {
    from: [{ header: "x-api-key" }, { queryParam: "key" }, { cookie: "k" }],
    keys: Object.entries(KEYS).map(([name, key]) => ({ name, sha256: sha256(key) })),
  },
  basicAuth: {
    users: Object.entries(PASSWORDS).map(([name, password]) => ({
      name,
      salt: SALT,
      sha256: sha256(Buffer.from(SALT, "hex"), password),
    })),
  },
};

/** Tells by its reason who a request comes from. */
const WHO = {
  ...CONFIGURATION,
  annotate: "always",
  policies: ["api-key/ci", "api-key/shop", "basic/Aladdin", "basic/test", "basic/é", "nobody"].map(
    (principal, at) => ({
      name: `p${at}`,
      rules: [principal === "nobody" ? {} : { from: [{ source: { requestPrincipals: [principal] } }] }],
    }),
  ),
};

const get = (path: string, ...headers: Header[]): HttpRequest => ({ method: "GET", path, headers });
const basic = (credentials: string): Header => [
  "authorization",
  `Basic ${Buffer.from(credentials).toString("base64")}`,
];

describe("credentials", { timeout: 300_000 }, () => {
  test("that the command makes are those that the filter takes", async () => {
    const key = JSON.parse((await outrigger(["api-key", "--json"])).stdout) as Record<string, string>;
    const user = JSON.parse((await outrigger(["basic-user", "ann", "--json"])).stdout) as Record<
      string,
      string
    >;
    const listener = listen({
      apiKeys: {
        from: [{ header: "x-api-key" }],
        keys: [{ name: key.name, sha256: key.sha256 }],
      },
      basicAuth: { users: [{ name: "ann", salt: user.salt, sha256: user.sha256 }] },
      policies: [
        {
          name: "both",
          rules: [
            {
              from: [{ source: { requestPrincipals: [`api-key/${key.name}`] } }],
              when: [{ key: "request.auth.principal", values: ["basic/ann"] }],
            },
          ],
        },
      ],
    });
    const status = (...headers: Header[]): number => listener.run(get("/", ...headers)).response!.status;
    expect(status(["x-api-key", key.key!], basic(`ann:${user.password}`))).toBe(200);
    expect(status(["x-api-key", key.key!])).toBe(403);
    expect(status(["x-api-key", user.password!], basic(`ann:${user.password}`))).toBe(401);
    expect(status(["x-api-key", key.key!], basic(`ann:${key.key}`))).toBe(401);
  });

  test("are nowhere to be seen: not in logs, properties, metrics, shared data or replies, nor upstream", () => {
    const host = new Host({ logLevel: 0 });
    const listener = listen(WHO, host);
    const secrets = [
      ...Object.values(KEYS),
      "open sesame",
      "hunter2",
      Buffer.from("Aladdin:hunter2").toString("base64"),
    ];
    const told: string[] = [];
    const run = (request: HttpRequest): void => {
      const stream: HttpStream = listener.run(request);
      told.push(
        JSON.stringify(stream.response!.headers.entries()),
        Buffer.from(stream.response!.body).toString(),
        JSON.stringify(stream.info.state.properties()),
        JSON.stringify(stream.upstream ?? null),
        stream.info.details ?? "",
      );
    };
    for (const key of [...Object.values(KEYS), "hunter2", `${KEYS.ci},${KEYS.ci}`]) {
      run(get("/", ["x-api-key", key]));
      run(get(`/?key=${encodeURIComponent(key)}`));
      run(get("/", ["cookie", `a=1; k=${key}`]));
    }
    for (const credentials of ["Aladdin:open sesame", "Aladdin:hunter2", "hunter2"])
      run(get("/", basic(credentials)));
    expect(host.logs.length).toBeGreaterThan(10);
    told.push(JSON.stringify(host.logs), JSON.stringify(host.metrics.values()));
    for (const text of told) for (const secret of secrets) expect(text).not.toContain(secret);
  });

  test("are read as another program reads them, and never trap", () => {
    const listener = listen(WHO);
    const seed = Number(process.env.SEED ?? randomBytes(4).readUInt32LE());
    console.log(`seed ${seed}`);
    const key = fc.oneof(
      fc.constantFrom(...Object.values(KEYS), "", "x", KEYS.ci.toUpperCase(), `${KEYS.ci}0`),
      fc.stringMatching(/^[!-~]{0,40}$/),
      fc.constant("y".repeat(5000)),
    );
    const credentials = fc.oneof(
      fc.constantFrom(...Object.entries(PASSWORDS).map(([name, password]) => `${name}:${password}`)),
      fc.constantFrom("Aladdin", "Aladdin:", ":", "", "test:123", "Aladdin:open sesame:"),
      fc.string(),
    );
    const authorization = fc.oneof(
      fc
        .tuple(fc.constantFrom("Basic ", "basic ", "BASIC  ", "Basic"), credentials)
        .map(([scheme, text]) => scheme + Buffer.from(text).toString("base64")),
      // Spoilt in one place.
      fc
        .tuple(credentials, fc.nat(40), fc.constantFrom("", "=", " ", "-", "A", ","))
        .map(([text, at, put]) => {
          const encoded = Buffer.from(text).toString("base64");
          return `Basic ${encoded.slice(0, at)}${put}${encoded.slice(at + 1)}`;
        }),
      fc.constantFrom("Bearer a.b.c", "Basi", "Basic", "Basic\t", "Basics QQ==", "Negotiate", "B"),
      fc.stringMatching(/^[!-~]([ -~]{0,30}[!-~])?$/),
    );
    const rarely = (one: fc.Arbitrary<string>): fc.Arbitrary<string[]> =>
      fc.oneof({ weight: 3, arbitrary: fc.constant<string[]>([]) }, fc.array(one, { maxLength: 2 }));
    const request = fc.record({
      header: rarely(key),
      query: rarely(key),
      cookie: rarely(key.filter((text) => !/[;\s"]/.test(text))),
      // HTTP takes white space off the ends.
      authorization: fc.option(authorization.map((value) => value.trim())),
    });
    const seen = new Set<string>();
    fc.assert(
      fc.property(request, (given) => {
        const headers: Header[] = [
          ...given.header.map((text): Header => ["x-api-key", text]),
          ...given.cookie.map((text): Header => ["cookie", `k=${text}; other=1`]),
        ];
        if (given.authorization !== null) headers.push(["authorization", given.authorization]);
        const query = given.query.map((text) => `key=${encodeURIComponent(text)}&other=1`).join("&");
        const { response, upstream, info } = listener.run(get(query === "" ? "/" : `/?${query}`, ...headers));
        const expected = model(given);
        seen.add(expected);
        expect(info.state.get("outrigger.authz")).toBe(`authz:${expected}`);
        expect(response!.status).toBe(expected.startsWith("p") ? 200 : 401);
        if (!expected.startsWith("p")) {
          expect(upstream).toBeNull();
          return;
        }
        const path = upstream!.headers.find(([name]) => name === ":path")![1];
        const arrived = upstream!.headers.map(([name, value]) => `${name}: ${value}`).join("\n");
        if (modelKey(given) !== null) {
          for (const secret of Object.values(KEYS)) expect(arrived).not.toContain(secret);
          expect(path).toBe(query === "" ? "/" : `/?${given.query.map(() => "other=1").join("&")}`);
          const cookies = given.cookie.map(() => "other=1").join("; ");
          expect(upstream!.headers.find(([name]) => name === "cookie")?.[1] ?? "").toBe(cookies);
        }
        if (isBasic(given.authorization)) expect(arrived).not.toContain("authorization");
        else if (given.authorization !== null)
          expect(arrived).toContain(`authorization: ${given.authorization}`);
      }),
      { seed: seed | 0, numRuns: 3000, endOnFailure: false },
    );
    expect([...seen].sort()).toEqual(["api-key", "basic", "p0", "p1", "p2", "p3", "p4", "p5"]);
  });

  test("of 100,000 keys are found, and load in seconds", () => {
    const keys = Array.from({ length: 100_000 }, (_, at) => ({
      name: `k${at}`,
      sha256: sha256(`key ${at}`),
    }));
    const before = process.cpuUsage();
    const listener = listen({
      annotate: "always",
      apiKeys: { from: [{ header: "x-api-key" }], keys },
      policies: [
        { name: "last", rules: [{ from: [{ source: { requestPrincipals: ["api-key/k99999"] } }] }] },
        { name: "any", rules: [{ from: [{ source: { requestPrincipals: ["*"] } }] }] },
      ],
    });
    // In two VMs. Processor time: others may be at work.
    expect(process.cpuUsage(before).user / 1e6).toBeLessThan(4);
    const reason = (key: string): string | undefined =>
      listener.run(get("/", ["x-api-key", key])).info.state.get("outrigger.authz");
    expect(reason("key 99999")).toBe("authz:last");
    for (let at = 0; at < 99_999; at += 997) expect(reason(`key ${at}`)).toBe("authz:any");
    expect(reason("key 100000")).toBe("authz:api-key");
  });

  test("allocate nothing, right or wrong", async () => {
    const host = new Host({ logLevel: 3 });
    const module = PluginModule.compile(await compileCounted("filters/authz/module.ts"));
    const listener = listen(WHO, host, module);
    const requests: HttpRequest[] = [
      get("/", ["x-api-key", KEYS.ci], basic("Aladdin:open sesame")),
      get(`/?a=1&key=${KEYS.shop}&b=2`, ["cookie", "a=1"]),
      get(`/?%6bey=%6f${KEYS.shop.slice(1)}`),
      get("/", ["cookie", `a=1; k=${KEYS.ci}; b=2`]),
      get("/", ["x-api-key", "wrong"]),
      get("/", ["x-api-key", KEYS.ci], ["x-api-key", KEYS.ci]),
      get("/", ["x-api-key", "x".repeat(10_000)]),
      get("/", basic("Aladdin:wrong")),
      get("/", basic(`nobody:${"x".repeat(2000)}`)),
      get("/", ["authorization", "Basic !"]),
      get("/", ["authorization", "Bearer a.b.c"]),
    ];
    const play = (count: number): void => {
      for (let at = 0; at < count; at++) listener.run(requests[at % requests.length]!);
    };
    const allocations = (): number =>
      Number((host.workers[0]!.allVms[0]!.exports[ALLOCATIONS] as WebAssembly.Global).value);
    play(requests.length * 10);
    const [before, memory] = [allocations(), host.wasmMemoryBytes()];
    play(20_000);
    expect(allocations() - before).toBe(0);
    expect(host.wasmMemoryBytes()).toBe(memory);
  });
});

interface Given {
  header: string[];
  query: string[];
  cookie: string[];
  authorization: string | null;
}

/** The reason of what becomes of a request, without `authz:`. */
function model(given: Given): string {
  const key = modelKey(given);
  if (key === undefined) return "api-key";
  const user = modelUser(given.authorization);
  if (user === undefined) return "basic";
  const policies = [key === null ? "" : `api-key/${key}`, user === null ? "" : `basic/${user}`];
  const order = ["api-key/ci", "api-key/shop", "basic/Aladdin", "basic/test", "basic/é"];
  const first = order.findIndex((principal) => policies.includes(principal));
  return `p${first < 0 ? order.length : first}`;
}

/** The key's name; null without a key, undefined for a wrong one. */
function modelKey({ header, query, cookie }: Given): string | null | undefined {
  const place = [header, query, cookie].find((values) => values.length > 0);
  if (place === undefined) return null;
  if (place.length > 1) return undefined;
  return Object.entries(KEYS).find(([, key]) => key === place[0])?.[0];
}

function isBasic(authorization: string | null): boolean {
  return /^basic(?![!#$%&'*+.^_`|~0-9A-Za-z-])/i.test(authorization ?? "");
}

/** The user's name; null without one, undefined for a wrong one. */
function modelUser(authorization: string | null): string | null | undefined {
  if (!isBasic(authorization)) return null;
  const encoded = /^basic +([A-Za-z0-9+/]*={0,2})$/i.exec(authorization!)?.[1];
  if (encoded === undefined) return undefined;
  const credentials = Buffer.from(encoded, "base64");
  if (credentials.toString("base64") !== encoded) return undefined;
  return Object.entries(PASSWORDS).find(([user, password]) =>
    credentials.equals(Buffer.from(`${user}:${password}`)),
  )?.[0];
}

/** What becomes of tokens in the filter, beside what `jwt-native` compares with Envoy: what is stricter, what is cached, and what is handed on. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ConfigurationRefused, type Exchange, type Header, type HttpRequest } from "../driver.ts";
import { HostDriver, type HostSession } from "../host/driver.ts";
import { base64url, token } from "../jwt/signing.ts";
import { headerOf, type JwtRule } from "./jwt-native.ts";
import { ALPHA, BETA } from "./jwt-tokens.ts";

const HOUR = 3_600_000;
const alpha: JwtRule = { issuer: ALPHA.name, jwks: ALPHA.jwks };
const driver = new HostDriver();
let opened = 0;

const open = (configuration: object): Promise<HostSession> =>
  driver.open({
    plugins: [
      {
        module: "build/authz.wasm",
        name: `jwt-${++opened}`,
        rootId: "authz",
        configuration: JSON.stringify(configuration),
      },
    ],
  });

const get = (text?: string, more: Partial<HttpRequest> = {}): HttpRequest => ({
  method: "GET",
  path: "/a",
  ...more,
  headers: [
    ...(more.headers ?? []),
    ...(text === undefined ? [] : [["authorization", `Bearer ${text}`] as Header]),
  ],
});

const bodyOf = ({ response }: Exchange): string => Buffer.from(response.body).toString();
const verdict = (exchange: Exchange): string => `${exchange.response.status} ${exchange.details}`;
const claimsOf = (now: number, claims: object = {}): object => ({
  iss: ALPHA.name,
  sub: "ann",
  exp: Math.floor(now / 1000) + 3600,
  ...claims,
});

afterAll(() => driver.close());

describe("a token", () => {
  let session: HostSession;
  const [rsa, ec, secret] = ALPHA.keys as [
    (typeof ALPHA.keys)[0],
    (typeof ALPHA.keys)[0],
    (typeof ALPHA.keys)[0],
  ];
  const signed = (
    claims: object | string = claimsOf(session.now()),
    header: object | string = { alg: "ES256", kid: "ec" },
  ) => token("ES256", ec, claims, header);
  beforeAll(async () => {
    session = await open({ jwtRules: [alpha] });
  });

  test("that is right is let through without it, and its claims are left for later filters", async () => {
    for (const key of [rsa, ec, secret]) {
      const text = token(key.algorithm, key, claimsOf(session.now()), { alg: key.algorithm, kid: key.kid });
      const exchange = await session.request(get(text));
      expect(exchange.response.status).toBe(200);
      expect(headerOf(exchange.upstream!.headers, "authorization")).toBeUndefined();
      expect(exchange.properties["outrigger.claims"]).toContain("ann");
    }
  });

  test("is not needed", async () => {
    const exchange = await session.request(get());
    expect(exchange.response.status).toBe(200);
    expect(exchange.properties["outrigger.claims"]).toBeUndefined();
  });

  // Each is a 401 with a challenge, says why, and leaves the worker as it was.
  const nested = (depth: number): string => `{"a":${"[".repeat(depth)}${"]".repeat(depth)}}`;
  const members = (count: number): string =>
    `{${Array.from({ length: count }, (_, at) => `"m${at}":${at}`).join(",")},"m${count - 1}":0}`;
  const header = base64url('{"alg":"ES256","kid":"ec"}');
  const malformed: readonly [string, () => string][] = [
    ["no dots", () => "token"],
    ["one dot", () => "a.b"],
    ["three dots", () => `${signed()}.`],
    ["an empty header", () => `.${signed().split(".").slice(1).join(".")}`],
    ["an empty payload", () => signed("")],
    ["nothing but dots", () => ".."],
    ["padding", () => `${signed()}==`],
    ["standard base64", () => signed().replace(".", "+/.")],
    ["white space inside", () => signed().replace(".", " .")],
    ["50 KiB of one part", () => "a".repeat(50 * 1024)],
    ["3,000 members of which the last is there twice", () => signed(members(3000))],
    ["10,000 brackets", () => signed(nested(10_000))],
    ["65 brackets", () => signed(nested(65))],
    ["a payload of no object", () => signed("[1]")],
    ["null for a payload", () => signed("null")],
    ["a payload in single quotes", () => signed(`{'iss':'${ALPHA.name}'}`)],
    ["a trailing comma", () => signed(`{"iss":"${ALPHA.name}",}`)],
    ["a member twice", () => signed(`{"iss":"${ALPHA.name}","sub":"ann","sub":"admin"}`)],
    ["a member twice in a header", () => signed(claimsOf(session.now()), '{"alg":"ES256","alg":"none"}')],
    ["a header of no object", () => signed(claimsOf(session.now()), "1")],
    [
      "extensions that must be understood",
      () => signed(claimsOf(session.now()), { alg: "ES256", kid: "ec", crit: ["exp"] }),
    ],
    ["a number of no double", () => signed(`{"iss":"${ALPHA.name}","x":1e999}`)],
    ["half a surrogate pair", () => signed(`{"iss":"${ALPHA.name}","x":"\\ud800"}`)],
    ["bytes of no UTF-8", () => `${header}.${base64url(Buffer.from([0x7b, 0xff, 0x7d]))}.AAAA`],
    ["an issuer of no text", () => signed(claimsOf(session.now(), { iss: [ALPHA.name] }))],
    ["a subject of no text", () => signed(claimsOf(session.now(), { sub: { $ne: "" } }))],
    ["an audience of no texts", () => signed(claimsOf(session.now(), { aud: ["a", 1] }))],
    ["a text for a time", () => signed(claimsOf(session.now(), { exp: "4102444800" }))],
    ["a negative time", () => signed(claimsOf(session.now(), { nbf: -1 }))],
    ["a time of no u64", () => signed(claimsOf(session.now(), { iat: 2 ** 64 }))],
  ];
  test.each(malformed)("with %s is malformed", async (_what, make) => {
    const exchange = await session.request(get(make()));
    expect(verdict(exchange)).toBe("401 authz:jwt-malformed");
    expect(headerOf(exchange.response.headers, "www-authenticate")).toBe(
      'Bearer realm="http://example.test/a", error="invalid_token"',
    );
    expect(bodyOf(exchange)).toMatch(/^Jwt /);
    expect((await session.request(get(signed()))).response.status).toBe(200);
  });

  const refused: readonly [string, string, () => string][] = [
    ["of an issuer that no rule has", "jwt-issuer", () => BETA.sign()],
    ["of no issuer", "jwt-issuer", () => signed({ sub: "ann" })],
    [
      "that has expired",
      "jwt-expired",
      () => signed(claimsOf(session.now(), { exp: session.now() / 1000 - 70 })),
    ],
    [
      "that is not good yet",
      "jwt-not-yet",
      () => signed(claimsOf(session.now(), { nbf: session.now() / 1000 + 70 })),
    ],
    [
      "with another's signature",
      "jwt-signature",
      () => `${signed().split(".").slice(0, 2).join(".")}.${base64url(Buffer.alloc(64, 1))}`,
    ],
    [
      "with a secret's algorithm and a public key's name",
      "jwt-unknown-key",
      () => token("HS256", secret, claimsOf(session.now()), { alg: "HS256", kid: "rsa" }),
    ],
    [
      "by a key that is not there",
      "jwt-unknown-key",
      () => signed(claimsOf(session.now()), { alg: "ES256", kid: "other" }),
    ],
    ["with an empty signature", "jwt-signature", () => `${signed().split(".").slice(0, 2).join(".")}.`],
    ["without an algorithm", "jwt-malformed", () => signed(claimsOf(session.now()), { kid: "ec" })],
    ["by none", "jwt-algorithm", () => `${base64url('{"alg":"none"}')}.${signed().split(".")[1]}.`],
    ["by nOnE", "jwt-algorithm", () => `${base64url('{"alg":"nOnE"}')}.${signed().split(".")[1]}.`],
    [
      "by an algorithm that the proxy has not",
      "jwt-algorithm",
      () => signed(claimsOf(session.now()), { alg: "PS256", kid: "rsa" }),
    ],
  ];
  test.each(refused)("%s is refused: %s", async (_what, kind, make) => {
    expect(verdict(await session.request(get(make())))).toBe(`401 authz:${kind}`);
  });

  test("of 60 seconds more or less is good", async () => {
    const now = session.now() / 1000;
    for (const times of [{ exp: now - 50 }, { nbf: now + 50 }, { exp: 0 }, { iat: now + 50 }])
      expect((await session.request(get(signed(claimsOf(session.now(), times))))).response.status).toBe(200);
  });

  test("that is issued later than that is not yet good", async () => {
    const text = signed(claimsOf(session.now(), { iat: session.now() / 1000 + 70 }));
    expect(verdict(await session.request(get(text)))).toBe("401 authz:jwt-not-yet");
  });

  test("beside another one in the same header is refused, however they came", async () => {
    const text = signed();
    for (const headers of [
      [["authorization", `Bearer ${text},Bearer ${text}`]],
      [
        ["authorization", `Bearer ${text}`],
        ["authorization", "Basic eDp5"],
      ],
    ] as const satisfies readonly Header[][])
      expect(verdict(await session.request({ ...get(), headers }))).toBe("401 authz:jwt-duplicate");
  });

  test.each<[string, (good: string, other: string) => Partial<HttpRequest>]>([
    ["parameter", (good, other) => ({ path: `/?access_token=${good}&access_token=${other}` })],
    ["escaped parameter", (good, other) => ({ path: `/?access_token=${good}&%61ccess_token=${other}` })],
    ["cookie", (good, other) => ({ headers: [["cookie", `t=${good}; t=${other}`]] })],
    [
      "cookie that not all take for one",
      (good, other) => ({ headers: [["cookie", `t=${good}; t =${other}`]] }),
    ],
    [
      "cookie header",
      (good, other) => ({
        headers: [
          ["cookie", `t=${good}`],
          ["cookie", `t=${other}`],
        ],
      }),
    ],
  ])("beside a second %s is refused: the upstream may take that one", async (_what, make) => {
    const both = await open({
      jwtRules: [{ ...alpha, forwardOriginalToken: true, fromParams: ["access_token"], fromCookies: ["t"] }],
    });
    const good = signed();
    const forged = `${signed(claimsOf(session.now(), { sub: "admin" }))
      .split(".")
      .slice(0, 2)
      .join(".")}.AAAA`;
    for (const other of [forged, ""])
      expect(verdict(await both.request(get(undefined, make(good, other))))).toBe("401 authz:jwt-duplicate");
    expect((await both.request(get(undefined, { path: `/?access_token=${good}` }))).response.status).toBe(
      200,
    );
  });

  test("has no principal of an API key or a user, where the issuer may be anybody", async () => {
    const requestPrincipals = ["api-key/ci", "basic/ann", "other/ann"];
    const named = await open({
      jwtRules: [{ jwksUri: "http://keys.test/", jwksCluster: "keys" }],
      policies: [{ name: "known", rules: [{ from: [{ source: { requestPrincipals } }] }] }],
    });
    named.host.clusters.set("keys", { http: () => ({ body: Buffer.from(ALPHA.jwks) }) });
    await named.advance(2000);
    const as = async (iss: string, sub: string): Promise<string> =>
      verdict(await named.request(get(signed(claimsOf(named.now(), { iss, sub })))));
    expect(await as("other", "ann")).toBe("200 via_upstream");
    expect(await as("api-key", "ci")).toBe("403 authz:no-allow");
    expect(await as("basic", "ann")).toBe("403 authz:no-allow");
  });

  test("cannot end the challenge by the path", async () => {
    const exchange = await session.request(get("x", { path: '/a?"b\\c' }));
    expect(headerOf(exchange.response.headers, "www-authenticate")).toBe(
      'Bearer realm="http://example.test/a?%22b%5Cc", error="invalid_token"',
    );
  });

  test("is counted by the way in which it is wrong", async () => {
    const counted = await open({ jwtRules: [alpha] });
    await counted.request(get("x"));
    await counted.request(get("x.y"));
    await counted.request(get(BETA.sign()));
    await counted.advance(1000);
    expect(await counted.metrics()).toMatchObject({
      "kind=.=jwt-malformed;.;outrigger_authz_rejected": 2,
      "kind=.=jwt-issuer;.;outrigger_authz_rejected": 1,
    });
  });
});

describe("a verified token", () => {
  const [rsa] = ALPHA.keys as [(typeof ALPHA.keys)[0]];
  const make = (now: number, claims: object = {}): string =>
    token("RS256", rsa, claimsOf(now, claims), { alg: "RS256", kid: "rsa" });

  test("is not verified again, but is compared whole", async () => {
    const session = await open({ jwtRules: [alpha] });
    const text = make(session.now());
    const calls = (): number => session.host.hostCalls.get("proxy_call_foreign_function") ?? 0;
    const before = calls();
    for (let time = 0; time < 3; time++) expect((await session.request(get(text))).response.status).toBe(200);
    expect(calls() - before).toBe(1);
    // The same end, which is what it is looked up by.
    const [head, , signature] = text.split(".");
    const other = `${head}.${base64url(JSON.stringify(claimsOf(session.now(), { sub: "admin" })))}.${signature}`;
    expect(verdict(await session.request(get(other)))).toBe("401 authz:jwt-signature");
  });

  test("expires at its time", async () => {
    const session = await open({ jwtRules: [alpha] });
    const text = make(session.now(), { exp: Math.floor(session.now() / 1000) + 600 });
    expect((await session.request(get(text))).response.status).toBe(200);
    await session.advance(600_000 + 59_000);
    expect((await session.request(get(text))).response.status).toBe(200);
    await session.advance(3000);
    expect(verdict(await session.request(get(text)))).toBe("401 authz:jwt-expired");
  });

  test("is another configuration's no more", async () => {
    const session = await open({ jwtRules: [alpha] });
    const text = make(session.now());
    expect((await session.request(get(text))).response.status).toBe(200);
    await session.update([
      {
        module: "build/authz.wasm",
        name: "jwt-updated",
        rootId: "authz",
        configuration: JSON.stringify({ jwtRules: [{ ...alpha, jwks: BETA.jwks }] }),
      },
    ]);
    expect(verdict(await session.request(get(text)))).toBe("401 authz:jwt-signature");
  });

  test("is one rule's alone: what another rule's issuer may do is nobody else's", async () => {
    const session = await open({
      jwtRules: [
        { ...alpha, audiences: ["shop"], fromHeaders: [{ name: "x-shop" }] },
        { ...alpha, fromHeaders: [{ name: "x-any" }] },
      ],
    });
    const text = make(session.now(), { aud: "other" });
    const any = { method: "GET", path: "/", headers: [["x-any", text]] } as const satisfies HttpRequest;
    expect((await session.request(any)).response.status).toBe(200);
    const shop = { ...any, headers: [["x-shop", text]] } as const satisfies HttpRequest;
    expect(verdict(await session.request(shop))).toBe("403 authz:jwt-audience");
  });

  test("gives way to others: memory is bounded", async () => {
    const session = await open({ jwtRules: [alpha] });
    const [, , secret] = ALPHA.keys as [unknown, unknown, (typeof ALPHA.keys)[0]];
    const many = (from: number, count: number): string[] =>
      Array.from({ length: count }, (_, at) =>
        token("HS256", secret, claimsOf(session.now(), { sub: `user-${from + at}`, x: "y".repeat(3000) }), {
          alg: "HS256",
          kid: "secret",
        }),
      );
    const memory = (): number => session.host.workers[0]!.allVms[0]!.memory.byteLength;
    const first = many(0, 900);
    for (const text of first) await session.request(get(text));
    const size = memory();
    for (const text of many(900, 700)) await session.request(get(text));
    expect(memory()).toBe(size);
    for (const text of first.slice(0, 50))
      expect((await session.request(get(text))).response.status).toBe(200);
  });
});

describe("policies", () => {
  test("see the claims, the principal, and the request as it goes on", async () => {
    const session = await open({
      jwtRules: [{ ...alpha, outputClaimToHeaders: [{ header: "x-sub", claim: "sub" }] }],
      policies: [
        {
          name: "claims",
          rules: [
            {
              from: [{ source: { requestPrincipals: [`${ALPHA.name}/ann`] } }],
              when: [
                { key: "request.auth.claims[realm][roles]", values: ["lead"] },
                { key: "request.auth.claims[scope]", values: ["write"] },
                { key: "request.headers[x-sub]", values: ["ann"] },
                { key: "request.headers[authorization]", notValues: ["*"] },
              ],
            },
          ],
        },
      ],
    });
    const ask = async (claims: object): Promise<string> => {
      const text = token("ES256", ALPHA.keys[1]!, claimsOf(session.now(), claims), {
        alg: "ES256",
        kid: "ec",
      });
      return verdict(await session.request(get(text, { headers: [["x-sub", "ann"]] })));
    };
    const right = { realm: { roles: ["staff", "lead"] }, scope: "read write" };
    // Twice: the second time from the cache.
    for (let time = 0; time < 2; time++) {
      expect(await ask(right)).toBe("200 via_upstream");
      expect(await ask({ ...right, sub: "bob" })).toBe("403 authz:no-allow");
      expect(await ask({ ...right, scope: "read writes" })).toBe("403 authz:no-allow");
      expect(await ask({ ...right, realm: { roles: "leader" } })).toBe("403 authz:no-allow");
      expect(await ask({ ...right, realm: "lead" })).toBe("403 authz:no-allow");
    }
    expect(verdict(await session.request(get()))).toBe("403 authz:no-allow");
  });
});

describe("headers that rules write", () => {
  const rules = [
    { ...alpha, outputPayloadToHeader: "x-alpha", fromHeaders: [{ name: "x-a" }] },
    { issuer: BETA.name, jwks: BETA.jwks, outputPayloadToHeader: "x-beta", fromHeaders: [{ name: "x-b" }] },
  ];

  test("are nobody else's: those of rules that were not asked, and of preflights, are removed too", async () => {
    const session = await open({ jwtRules: rules });
    const forged: Header[] = [
      ["x-alpha", "forged"],
      ["X-Beta", "forged"],
    ];
    const a = token("ES256", ALPHA.keys[1]!, claimsOf(session.now()), { alg: "ES256", kid: "ec" });
    for (const request of [
      get(undefined, { headers: forged }),
      get(undefined, { headers: [...forged, ["x-a", a]] }),
      get(undefined, {
        method: "OPTIONS",
        headers: [...forged, ["origin", "https://a.test"], ["access-control-request-method", "GET"]],
      }),
    ]) {
      const { upstream } = await session.request(request);
      expect(upstream!.headers.filter(([, value]) => value === "forged")).toEqual([]);
    }
  });

  describe("have several values, of which a policy sees each,", () => {
    const policies = [
      {
        name: "no-suspended",
        action: "DENY",
        rules: [{ when: [{ key: "request.headers[x-role]", values: ["suspended"] }] }],
      },
    ];
    /** Enough others for them to be looked up by their values. */
    const many = Array.from({ length: 10 }, (_, at) => ({
      name: `no-${at}`,
      action: "DENY",
      rules: [{ when: [{ key: "request.headers[x-role]", values: [`role-${at}`] }] }],
    }));
    const role = { header: "x-role", claim: "role" };
    const signed = (session: HostSession): string =>
      token("ES256", ALPHA.keys[1]!, claimsOf(session.now(), { role: "suspended", team: "x" }), {
        alg: "ES256",
        kid: "ec",
      });

    test.each([
      ["one", policies],
      ["one of many", [...many, ...policies]],
    ])("where a client shows its token twice: %s", async (_, listed) => {
      const session = await open({
        jwtRules: [{ ...alpha, outputClaimToHeaders: [role] }],
        policies: listed,
      });
      const text = signed(session);
      expect(verdict(await session.request(get(text)))).toBe("403 authz:no-suspended");
      const twice = await session.request(get(text, { path: `/a?access_token=${text}` }));
      expect(verdict(twice)).toBe("403 authz:no-suspended");
    });

    test("where two claims are written into it", async () => {
      const session = await open({
        jwtRules: [{ ...alpha, outputClaimToHeaders: [role, { ...role, claim: "team" }] }],
        policies,
      });
      expect(verdict(await session.request(get(signed(session))))).toBe("403 authz:no-suspended");
    });
  });

  test("have no text that no header can have", async () => {
    const session = await open({
      jwtRules: [{ ...alpha, outputClaimToHeaders: [{ header: "x-name", claim: "name" }] }],
    });
    const text = token("ES256", ALPHA.keys[1]!, claimsOf(session.now(), { name: "a\r\nx-admin: 1" }), {
      alg: "ES256",
      kid: "ec",
    });
    const { upstream } = await session.request(get(text));
    expect(headerOf(upstream!.headers, "x-name")).toBeUndefined();
  });

  test("stay as they are in shadow mode, as does the token", async () => {
    const session = await open({
      mode: "shadow",
      jwtRules: [{ ...alpha, outputPayloadToHeader: "x-alpha" }],
    });
    const text = token("ES256", ALPHA.keys[1]!, claimsOf(session.now()), { alg: "ES256", kid: "ec" });
    const right = await session.request(get(text, { headers: [["x-alpha", "own"]] }));
    expect(headerOf(right.upstream!.headers, "x-alpha")).toBe("own");
    expect(headerOf(right.upstream!.headers, "authorization")).toBe(`Bearer ${text}`);
    const wrong = await session.request(get("wrong"));
    expect(wrong.response.status).toBe(200);
    expect(wrong.properties["outrigger.authz"]).toBe("authz:jwt-malformed");
  });

  test("are seen by policies in shadow mode as they would be, and the token is not", async () => {
    const when = (name: string, key: string, ...values: string[]): object => ({
      name,
      action: "DENY",
      rules: [{ when: [{ key: `request.headers[${key}]`, values }] }],
    });
    const jwtRules = [{ ...alpha, outputClaimToHeaders: [{ header: "x-sub", claim: "sub" }] }];
    const policies = [
      when("forged", "x-sub", "forged"),
      when("token", "authorization", "*"),
      when("shown", ":path", "/a?access_token*"),
      when("query", ":path", "*="),
      when("ann", "x-sub", "ann"),
    ];
    const request = (text: string | undefined, path = "/a"): HttpRequest =>
      get(text, { path, headers: [["x-sub", "forged"]] });
    for (const mode of ["enforce", "shadow"]) {
      const session = await open({ mode, jwtRules, policies });
      const text = token("ES256", ALPHA.keys[1]!, claimsOf(session.now()), { alg: "ES256", kid: "ec" });
      for (const one of [
        request(text),
        request(undefined, `/a?access_token=${text}&a=`),
        request(text, "/a?b="),
      ]) {
        const { response, details, properties, upstream } = await session.request(one);
        const isEnforced = mode === "enforce";
        expect(response.status).toBe(isEnforced ? 403 : 200);
        expect(isEnforced ? details : properties["outrigger.authz"]).toMatch(
          one.path === "/a" ? /^authz:ann$/ : /^authz:query$/,
        );
        if (isEnforced) continue;
        // All as it came: nothing that was pretended is in it.
        const shown = (headers: readonly Header[]): Header[] =>
          headers.filter(([name]) => name === "x-sub" || name === "authorization");
        expect(shown(upstream!.headers)).toEqual(shown(one.headers!));
        expect(headerOf(upstream!.headers, ":path")).toBe(one.path);
      }
      expect(verdict(await session.request(request(undefined)))).toBe("200 via_upstream");
    }
  });
});

test("a token in the query is taken out, and the rest of the query stays as it was written", async () => {
  const session = await open({ jwtRules: [{ ...alpha, fromParams: ["tok en"] }] });
  const text = token("ES256", ALPHA.keys[1]!, claimsOf(session.now()), { alg: "ES256", kid: "ec" });
  const path = `/a?b=%26c%3D1&tok%20en=${text}&a=2&tok%20en=other`;
  const { upstream } = await session.request(get(undefined, { path }));
  expect(headerOf(upstream!.headers, ":path")).toBe("/a?b=%26c%3D1&a=2");
});

describe("the configuration", () => {
  const refused = async (...jwtRules: unknown[]): Promise<string[]> => {
    const outcome = await open({ jwtRules }).catch((error: unknown) => error);
    expect(outcome).toBeInstanceOf(ConfigurationRefused);
    return (outcome as ConfigurationRefused).messages.join("\n").split("\n").slice(1);
  };

  test.each<[string, object, RegExp]>([
    ["no keys", { issuer: "a" }, /^jwtRules\[0\]\.jwksUri: required; expected the URL/],
    [
      "keys twice",
      { ...alpha, jwksUri: "https://a.test/keys" },
      /^jwtRules\[0\]: only one of jwks and jwksUri/,
    ],
    ["keys that are none", { issuer: "a", jwks: "{}" }, /^jwtRules\[0\]\.jwks: /],
    [
      "keys as an object",
      { issuer: "a", jwks: {} },
      /^jwtRules\[0\]\.jwks: expected the text of a JSON Web Key Set, got an object/,
    ],
    ["no issuer", { jwks: ALPHA.jwks }, /^jwtRules\[0\]\.issuer: required/],
    ["an empty issuer", { ...alpha, issuer: "" }, /^jwtRules\[0\]\.issuer: expected an issuer, got ""/],
    [
      "an empty audience",
      { ...alpha, audiences: ["a", ""] },
      /^jwtRules\[0\]\.audiences\[1\]: expected an audience/,
    ],
    [
      "a URL of another scheme",
      { issuer: "a", jwksUri: "ftp://a.test" },
      /^jwtRules\[0\]\.jwksUri: expected a URL/,
    ],
    [
      "a header that is none",
      { ...alpha, fromHeaders: [{ name: "a b" }] },
      /^jwtRules\[0\]\.fromHeaders\[0\]\.name: expected the name of a header/,
    ],
    [
      "a location without a name",
      { ...alpha, fromHeaders: [{ prefix: "a" }] },
      /^jwtRules\[0\]\.fromHeaders\[0\]\.name: required/,
    ],
    [
      "an empty parameter",
      { ...alpha, fromParams: [""] },
      /^jwtRules\[0\]\.fromParams\[0\]: expected the name of a query parameter/,
    ],
    [
      "an empty cookie",
      { ...alpha, fromCookies: [""] },
      /^jwtRules\[0\]\.fromCookies\[0\]: expected the name of a cookie/,
    ],
    ["an unknown field", { ...alpha, forward: true }, /^jwtRules\[0\]\.forward: unknown field/],
    ["a skew of a day", { ...alpha, clockSkew: "24h" }, /^jwtRules\[0\]\.clockSkew: expected a duration/],
    [
      "an output that frames the request",
      { ...alpha, outputPayloadToHeader: "Transfer-Encoding" },
      /^jwtRules\[0\]\.outputPayloadToHeader: a header that has another meaning/,
    ],
    [
      "an output in the token's place",
      { ...alpha, outputPayloadToHeader: "authorization" },
      /^jwtRules\[0\]\.outputPayloadToHeader: a header that tokens are taken from/,
    ],
    [
      "an output without a claim",
      { ...alpha, outputClaimToHeaders: [{ header: "x-a" }] },
      /^jwtRules\[0\]\.outputClaimToHeaders\[0\]\.claim: required/,
    ],
    [
      "no key that can be used",
      { ...alpha, jwks: '{"keys":[{"kty":"a"},{"kty":"b"}]}' },
      /^jwtRules\[0\]\.jwks: no key can be used: keys\[0\]: .* oct; keys\[1\]: .* oct$/,
    ],
  ])("with %s is refused", async (_what, rule, message) => {
    expect(await refused(rule)).toEqual([expect.stringMatching(message)]);
  });

  test.each([
    ["a fragment", "https://a.test/keys?token=S3CRET#x", "URL like .* without user and fragment"],
    ["a user", "https://ann:S3CRET@a.test/keys", "URL like .* without user and fragment"],
    ["a port that is none", "https://a.test:65536/keys?token=S3CRET", "port from 1 to 65535"],
  ])("with a URL of keys with %s is refused, and the URL is not told", async (_what, jwksUri, expected) => {
    const [problem] = await refused({ issuer: "a", jwksUri });
    expect(problem).toMatch(new RegExp(`^jwtRules\\[0\\]\\.jwksUri: expected a ${expected}`));
    expect(problem).not.toContain("S3CRET");
  });

  test("may have no rules, or the whole of what Istio has", async () => {
    await open({ jwtRules: [] });
    await open({
      jwtRules: [
        {
          ...alpha,
          audiences: ["a"],
          fromHeaders: [{ name: "x-a", prefix: "A " }],
          fromParams: ["p"],
          fromCookies: ["c"],
          forwardOriginalToken: true,
          outputPayloadToHeader: "x-b",
          outputClaimToHeaders: [{ header: "x-c", claim: "a.b" }],
          spaceDelimitedClaims: ["words"],
          timeout: "3s",
          clockSkew: "0s",
        },
        { issuer: "b", jwks_uri: "https://b.test/keys" },
      ],
    });
  });
});

test("the clock's skew is the configuration's", async () => {
  const session = await open({ jwtRules: [{ ...alpha, clockSkew: "0s" }] });
  const text = token("ES256", ALPHA.keys[1]!, claimsOf(session.now(), { exp: session.now() / 1000 - 2 }), {
    alg: "ES256",
    kid: "ec",
  });
  expect(verdict(await session.request(get(text)))).toBe("401 authz:jwt-expired");
  await session.advance(HOUR);
});

test("the longest skew does not carry the latest time over", async () => {
  const session = await open({ jwtRules: [{ ...alpha, clockSkew: "1h" }] });
  // The last double below 2^64.
  const text = token("ES256", ALPHA.keys[1]!, `{"iss":"${ALPHA.name}","exp":18446744073709549568}`, {
    alg: "ES256",
    kid: "ec",
  });
  expect(verdict(await session.request(get(text)))).toBe("200 via_upstream");
});

test("of keys that are left out the log says why", async () => {
  const { keys } = JSON.parse(ALPHA.jwks) as { keys: object[] };
  const jwks = JSON.stringify({ keys: [...keys, { kty: "OKP", crv: "Ed25519", x: "AAAA" }] });
  const session = await open({ jwtRules: [{ issuer: ALPHA.name, jwks }] });
  const said = (await session.logs()).filter(({ level }) => level === "warn").map(({ text }) => text);
  expect(said.join("\n")).toContain(`authz: keys that are left out:\nkeys[${keys.length}]: `);
});

/** Policies of every kind and requests that are as broken, as many and as long as a proxy lets through. */
import fc from "fast-check";
import type { Header, HttpRequest } from "../driver.ts";
import { Host, type PluginModule } from "../host/index.ts";
import { nodeLibraries } from "../host/node-libraries.ts";

/** Every way in which a request is looked at: with these each of its bytes is read. */
export const HOSTILE_CONFIG = {
  jwtRules: [
    {
      issuer: "https://issuer.test",
      audiences: ["a"],
      jwks: JSON.stringify({
        keys: [{ kty: "oct", kid: "k", alg: "HS256", k: "s".repeat(43) }],
      }),
      fromHeaders: [{ name: "authorization", prefix: "Bearer " }, { name: "x-token" }],
      fromParams: ["token"],
      fromCookies: ["token"],
      outputPayloadToHeader: "x-payload",
      outputClaimToHeaders: [{ header: "x-sub", claim: "sub" }],
    },
  ],
  apiKeys: {
    from: [{ header: "x-api-key" }, { queryParam: "key" }, { cookie: "key" }],
    keys: [{ name: "ci", sha256: "00".repeat(32) }],
  },
  basicAuth: { realm: "r", users: [{ name: "ann", salt: "00".repeat(16), sha256: "00".repeat(32) }] },
  policies: [
    {
      name: "deny",
      action: "DENY",
      rules: [
        {
          to: [
            {
              operation: {
                paths: ["/t/{*}/x", "/u/{**}/x", "*/secret", "/a/*", "/exact"],
                methods: ["GET", "PO*"],
              },
            },
          ],
        },
        { to: [{ operation: { hosts: ["admin.test", "*.internal", "ops.*"], notPaths: ["/", "/b*"] } }] },
        {
          from: [
            { source: { principals: ["*/sa/x"], namespaces: ["n*s"] } },
            { source: { serviceAccounts: ["a/b"] } },
          ],
        },
        {
          from: [
            {
              source: { remoteIpBlocks: ["10.0.0.0/8", "2001:db8::/32"], notRemoteIpBlocks: ["10.1.0.0/16"] },
            },
          ],
        },
        {
          when: [
            { key: "request.headers[x-a]", values: ["a*", "*b", "c"] },
            { key: "request.headers[cookie]", notValues: ["*"] },
          ],
        },
        { when: [{ key: "request.auth.claims[a][b]", values: ["c"] }] },
        {
          when: [
            { key: "request.auth.audiences", values: ["x"] },
            { key: "request.auth.presenter", notValues: ["y"] },
          ],
        },
      ],
    },
    {
      name: "trial",
      action: "DENY",
      mode: "shadow",
      rules: [{ when: [{ key: "request.headers[x-b]", values: ["*"] }] }],
    },
    { name: "log", action: "AUDIT", rules: [{ to: [{ operation: { paths: ["*"] } }] }] },
    { name: "allow", action: "ALLOW", rules: [{ to: [{ operation: { methods: ["*"] } }] }] },
  ],
};

const byte = (from: number): fc.Arbitrary<string> =>
  fc
    .integer({ min: from, max: 0xff })
    .filter((c) => c !== 0x7f)
    .map((c) => String.fromCharCode(c));
const noise = (max: number): fc.Arbitrary<string> => fc.string({ unit: byte(0x20), maxLength: max });

const PIECES = [
  "/",
  "//",
  ".",
  "..",
  "%2f",
  "%5C",
  "%",
  "%2",
  "%zz",
  ";",
  "\\",
  "{*}",
  "*",
  "a",
  "secret",
  "t/a/x",
  "u/",
  "x",
  "~",
  "%00",
  "#",
  "?",
];
const path = fc
  .tuple(fc.array(fc.constantFrom(...PIECES), { maxLength: 40 }), fc.constantFrom(1, 1, 1, 50, 400))
  .map(([pieces, times]) => `/${pieces.join("").repeat(times).slice(0, 50_000)}`);
const query = fc
  .tuple(fc.constantFrom("token", "key", "%74oken", "", "a"), noise(60), fc.constantFrom(0, 1, 1000))
  .map(([name, value, times]) =>
    times === 0 ? "" : `?${`${name}=${value.replace(/[^\x21-\x7e]/g, "_")}&`.repeat(times).slice(0, 20_000)}`,
  );

/** Three parts that look like a token's, and may be none. */
const part = fc.oneof(
  noise(20),
  fc.json({ maxDepth: 4 }).map((text) => Buffer.from(text).toString("base64url")),
  fc.constantFrom(
    ...[
      { alg: "HS256", kid: "k" },
      { alg: "none" },
      { alg: "RS256" },
      { sub: 1, exp: -1 },
      { aud: [[]], exp: 1e300 },
      { iss: "https://issuer.test", aud: "a" },
    ].map((one) => Buffer.from(JSON.stringify(one)).toString("base64url")),
  ),
  fc
    .constantFrom("[".repeat(3000), '{"a":'.repeat(3000), `"${"\\u0000".repeat(3000)}"`)
    .map((text) => Buffer.from(text).toString("base64url")),
  fc.constantFrom("", "=", "a", "A".repeat(40_000)),
);
const tokenText = fc.array(part, { minLength: 1, maxLength: 5 }).map((parts) => parts.join("."));
const credential = fc.oneof(
  tokenText.map((text) => `Bearer ${text}`),
  noise(200).map((text) => `Basic ${Buffer.from(text, "latin1").toString("base64")}`),
  noise(200).map((text) => `Basic ${text}`),
  fc.tuple(tokenText, tokenText).map((both) => both.map((one) => `Bearer ${one}`).join(",")),
  noise(300),
);

const header: fc.Arbitrary<Header> = fc.oneof(
  fc.tuple(fc.constantFrom("x-a", "x-b", "X-A", "user-agent", "x-forwarded-for", "x-other"), noise(100)),
  fc.tuple(fc.constantFrom("authorization", "Authorization", "x-token", "x-api-key"), credential),
  fc.tuple(
    fc.constant("cookie"),
    fc
      .tuple(fc.constantFrom("token", "key", "a", ""), fc.oneof(tokenText, noise(100)))
      .map((pair) => pair.join("=")),
  ),
  fc.tuple(
    fc.constant("x-forwarded-for"),
    fc.constantFrom(
      "10.1.2.3",
      "10.2.3.4",
      "::ffff:10.1.2.3",
      "2001:db8::1",
      "999.1.1.1",
      "1.2.3",
      "[::1]",
      "fe80::1%eth0",
      "10.1.2.3:80",
    ),
  ),
);
const many = fc
  .tuple(header, fc.constantFrom(2, 20, 95))
  .map(([one, count]): Header[] =>
    Array.from({ length: count }, () => [one[0], one[1].slice(0, Math.floor(50_000 / count))]),
  );

export const hostileRequest: fc.Arbitrary<HttpRequest> = fc.record(
  {
    method: fc.constantFrom("GET", "POST", "DELETE", "OPTIONS", "HEAD", "CONNECT"),
    path: fc.tuple(path, query).map((both) => both.join("")),
    authority: fc.oneof(
      fc.constantFrom("admin.test", "ADMIN.TEST:80", "x.internal", "ops.x", "[::1]", ""),
      noise(60),
    ),
    headers: fc.oneof(
      { weight: 4, arbitrary: fc.array(header, { maxLength: 12 }) },
      { weight: 1, arbitrary: many },
    ),
    peer: fc.constantFrom(
      { uris: ["spiffe://cluster.local/ns/a/sa/b"] },
      { uris: ["spiffe://cluster.local/ns/nns/sa/x"] },
      { uris: ["spiffe://", ""], dnsNames: ["x".repeat(250)] },
      { uris: [`spiffe://${"/ns/".repeat(500)}`] },
      {},
    ),
  },
  { requiredKeys: ["method", "path", "headers"], noNullPrototype: true },
);

export interface Hostility {
  host: Host;
  /** Plays a request; throws where it trapped the module, or was neither passed on nor answered. */
  play(request: HttpRequest): "passed" | "denied" | "refused";
}

/** A proxy under attack. */
export function besiege(module: PluginModule, config: object = HOSTILE_CONFIG): Hostility {
  const host = new Host({ ...nodeLibraries, logLevel: 3 });
  const listener = host.listen({
    plugins: [{ module, name: "authz", rootId: "authz", configuration: JSON.stringify(config) }],
  });
  return {
    host,
    play(request) {
      const { upstream, response, info } = listener.run(request);
      const trap = host.logs.find(({ text }) => text.includes("Uncaught"));
      if (trap !== undefined) throw new Error(`trap: ${trap.text}`);
      if (upstream !== null) return "passed";
      if (response === null) throw new Error("neither passed on nor answered");
      // None of this may ever be an error of the filter's own.
      if (info.details === "authz:error") throw new Error("an error inside");
      return info.details?.startsWith("authz:") === true ? "denied" : "refused";
    },
  };
}

/** Nothing that a client sends traps `authz`, is an error to it or grows its memory without end. Answers the number of requests. */
export function fuzzAuthzHostile(
  module: PluginModule,
  { seconds, seed }: { seconds: number; seed: number },
): number {
  let runs = 0;
  let settled = 0;
  const siege = besiege(module);
  const property = fc.property(hostileRequest, (request) => {
    siege.play(request);
    // By then the arena has seen the largest requests.
    if (++runs === 300) settled = siege.host.wasmMemoryBytes();
    if (runs > 300 && siege.host.wasmMemoryBytes() > settled + 4 * 1024 * 1024)
      throw new Error("memory grows");
  });
  fc.assert(property, {
    seed,
    numRuns: Number.MAX_SAFE_INTEGER,
    interruptAfterTimeLimit: seconds * 1000,
    markInterruptAsFailure: false,
    endOnFailure: true,
  });
  return runs;
}

/** A configuration of `authz` with every kind of clause and credential, and requests that make it look at all of them. */
import { createHash } from "node:crypto";
import type { Header, HttpRequest, Peer } from "../driver.ts";
import { rsaSigner, secretSigner, token, type Algorithm } from "../jwt/signing.ts";

const RSA = rsaSigner();
const SECRET = secretSigner(Buffer.alloc(32, "s"));
const FAR = 4_102_444_800;
const API_KEY = "ork_00112233445566778899aabbccddeeff";
const SALT = Buffer.alloc(16, 1);
const PASSWORD = "open sesame";
const sha256 = (...parts: (string | Buffer)[]): string =>
  createHash("sha256")
    .update(Buffer.concat(parts.map((one) => Buffer.from(one))))
    .digest("hex");

export const AUTHZ = {
  annotate: "always",
  trustDomainAliases: ["old-td"],
  jwtRules: [
    {
      issuer: "https://rsa.example",
      audiences: ["reviews"],
      jwks: JSON.stringify({ keys: [{ ...RSA.jwk, kid: "rsa" }] }),
      fromHeaders: [{ name: "authorization", prefix: "Bearer " }, { name: "x-jwt" }],
      fromParams: ["token"],
      fromCookies: ["token"],
      outputPayloadToHeader: "x-payload",
      outputClaimToHeaders: [
        { header: "x-sub", claim: "sub" },
        { header: "x-role", claim: "realm.roles" },
      ],
    },
    {
      issuer: "https://hmac.example",
      jwks: JSON.stringify({ keys: [{ ...SECRET.jwk, kid: "hmac" }] }),
      forwardOriginalToken: true,
    },
  ],
  apiKeys: {
    from: [{ header: "x-api-key" }, { queryParam: "key" }, { cookie: "key" }],
    keys: [{ name: "ci", sha256: sha256(API_KEY) }],
  },
  basicAuth: { users: [{ name: "ann", salt: SALT.toString("hex"), sha256: sha256(SALT, PASSWORD) }] },
  policies: [
    {
      name: "audited",
      action: "AUDIT",
      rules: [{ to: [{ operation: { methods: ["POST", "PUT"] } }] }],
    },
    {
      name: "on-trial",
      action: "DENY",
      mode: "shadow",
      rules: [{ when: [{ key: "request.headers[x-trial]", values: ["*"] }] }],
    },
    {
      name: "allowed-on-trial",
      mode: "shadow",
      rules: [{ from: [{ source: { notNamespaces: ["guests"] } }] }],
    },
    {
      name: "denied",
      action: "DENY",
      rules: [
        { to: [{ operation: { paths: ["/admin*", "*/secret", "/v1/{*}/private/{**}"] } }] },
        { to: [{ operation: { hosts: ["*.evil.test", "evil.test*"], notPorts: ["1"] } }] },
        {
          from: [{ source: { ipBlocks: ["192.0.2.0/24"] } }, { source: { remoteIpBlocks: ["203.0.113.9"] } }],
        },
        { when: [{ key: "request.headers[x-role]", values: ["banned", "ex-*", "*-gone"] }] },
        { when: [{ key: "experimental.envoy.filters.http.other[a]", values: ["[b]", "c"] }] },
      ],
      deny: { status: 404, body: { error: "gone" }, headers: { "x-reason": "denied" } },
    },
    {
      name: "mesh",
      namespace: "shop",
      rules: [
        {
          from: [
            {
              source: {
                principals: ["cluster.local/ns/shop/sa/cart", "*/sa/till"],
                notTrustDomains: ["evil"],
              },
            },
            { source: { namespaces: ["web", "test-*"], notPrincipals: ["*/sa/guest"] } },
            { source: { serviceAccounts: ["front", "web/back"] } },
            { source: { trustDomains: ["partner.*"], notServiceAccounts: ["guest"] } },
          ],
          to: [{ operation: { paths: ["/mesh"] } }],
          when: [
            { key: "source.principal", values: ["*"] },
            { key: "source.namespace", notValues: ["guests"] },
            { key: "source.serviceAccount", notValues: ["guests/guest"] },
            { key: "source.trustDomain", notValues: ["evil"] },
          ],
        },
      ],
    },
    {
      name: "places",
      rules: [
        {
          from: [{ source: { ipBlocks: ["127.0.0.0/8", "::1"], notRemoteIpBlocks: ["203.0.113.8"] } }],
          to: [{ operation: { paths: ["/places"], notMethods: ["DELETE"], notHosts: ["a.test"] } }],
          when: [
            { key: "source.ip", notValues: ["10.0.0.0/8"] },
            { key: "remote.ip", notValues: ["10.0.0.0/8"] },
            { key: "destination.ip", notValues: ["10.0.0.0/8"] },
            { key: "destination.port", notValues: ["1"] },
            { key: "connection.sni", notValues: ["a.test"] },
          ],
        },
      ],
    },
    {
      name: "claims",
      rules: [
        {
          from: [{ source: { requestPrincipals: ["https://rsa.example/*", "*/bob"] } }],
          to: [{ operation: { paths: ["/claims"] } }],
          when: [
            { key: "request.auth.claims[realm][roles]", values: ["admin", "ops-*"] },
            { key: "request.auth.claims[scope]", values: ["read", "write"], match: "all" },
            { key: "request.auth.audiences", values: ["reviews"] },
            { key: "request.auth.presenter", notValues: ["evil"] },
            { key: "request.auth.principal", notValues: ["*/mallory"] },
            {
              key: "request.auth.claims[sub]",
              valuesFrom: ["request.headers[x-user]", "request.auth.claims[azp]"],
            },
          ],
        },
        {
          to: [{ operation: { paths: ["/claims"] } }],
          when: [
            {
              key: "source.principal",
              valuesFrom: ["request.auth.claims[spiffe]", "request.auth.principal"],
            },
          ],
        },
      ],
    },
    {
      name: "credentials",
      rules: [
        {
          from: [{ source: { requestPrincipals: ["api-key/ci", "basic/ann"] } }],
          to: [{ operation: { paths: ["/keys*"] } }],
        },
      ],
    },
    {
      name: "anybody-known",
      rules: [
        {
          from: [{ source: { requestPrincipals: ["*"] } }],
          to: [{ operation: { methods: ["G*", "HEAD"], paths: ["/known", "*.js", "/v1/{*}/{**}/end"] } }],
        },
      ],
    },
  ],
};

const get = (
  path: string,
  headers: readonly Header[] = [],
  more: Partial<HttpRequest> = {},
): HttpRequest => ({
  method: "GET",
  path,
  headers,
  ...more,
});

/** A request that any authenticated user may make, with a right token. */
export function authorized(algorithm: Algorithm, claims: Record<string, unknown> = {}): HttpRequest {
  return get("/known", [["authorization", `Bearer ${signed(algorithm, claims)}`]]);
}

/** One with a token whose signature is not right. */
export function wrongToken(number: number): HttpRequest {
  const [header, payload, signature] = signed("HS256", { sub: `nobody-${number}` }).split(".");
  return get("/known", [
    ["authorization", `Bearer ${header}.${payload}.${[...signature!].reverse().join("")}`],
  ]);
}

function signed(algorithm: Algorithm, claims: Record<string, unknown>): string {
  const isRsa = algorithm.startsWith("RS");
  const issued = {
    iss: isRsa ? "https://rsa.example" : "https://hmac.example",
    sub: "bob",
    aud: ["reviews", "ratings"],
    exp: FAR,
    scope: "read write",
    realm: { roles: ["admin", "ops-1", 7, null] },
    ...claims,
  };
  return token(algorithm, isRsa ? RSA : SECRET, issued, { alg: algorithm, kid: isRsa ? "rsa" : "hmac" });
}

const RS256 = signed("RS256", { spiffe: "cluster.local/ns/shop/sa/cart" });
const HS256 = signed("HS256", {});
const EXPIRED = signed("HS256", { exp: 1_000_000_000 });
const spiffe = (path: string): { peer: Peer } => ({ peer: { uris: [`spiffe://${path}`] } });
const basic = (user: string): Header => ["authorization", `Basic ${Buffer.from(user).toString("base64")}`];

export const AUTHZ_MIX: readonly HttpRequest[] = [
  get("/nothing"),
  get("/admin/x?y=z"),
  get("/a//b/../secret"),
  get("/v1/a/private/b/c"),
  get("/x", [], { authority: "A.EVIL.test" }),
  get("/x", [["x-forwarded-for", "203.0.113.9"]]),
  get("/x", [
    ["x-role", "user"],
    ["x-role", "long-gone"],
    ["x-trial", "1"],
  ]),
  get("/mesh", [], spiffe("old-td/ns/shop/sa/cart")),
  get("/mesh", [], spiffe("cluster.local/ns/test-1/sa/x")),
  get("/mesh", [], spiffe("cluster.local/ns/web/sa/back")),
  get("/mesh", [], spiffe("partner.example/ns/a/sa/b")),
  get("/mesh", [], spiffe("evil/ns/guests/sa/guest")),
  get("/mesh", [], { peer: { dnsNames: ["cart.shop"] } }),
  get("/places"),
  get("/places", [["x-forwarded-for", "203.0.113.8"]]),
  { ...get("/places"), method: "POST" },
  get("/claims", [
    ["authorization", `Bearer ${RS256}`],
    ["x-user", "bob"],
    ["x-sub", "forged"],
  ]),
  get("/claims", [["authorization", `Bearer ${HS256}`]]),
  get("/claims", [["authorization", `Bearer ${RS256}`]], spiffe("cluster.local/ns/shop/sa/cart")),
  get("/claims", [["x-jwt", RS256]]),
  get(`/known?a=b&token=${RS256}`),
  get("/a.js", [["cookie", `a=b; token=${RS256}`]]),
  get("/v1/x/y/z/end", [["authorization", `Bearer ${HS256}`]]),
  get("/known", [["authorization", `Bearer ${EXPIRED}`]]),
  get("/known", [["authorization", `Bearer ${RS256.slice(0, -4)}AAAA`]]),
  get("/known", [["authorization", "Bearer a.b.c"]]),
  get("/known", [
    ["authorization", `Bearer ${RS256}`],
    ["x-jwt", HS256],
  ]),
  get("/keys", [["x-api-key", API_KEY]]),
  get(`/keys?key=${API_KEY}&a=b`, [["cookie", "key=x; a=b"]]),
  get("/keys", [["x-api-key", "wrong"]]),
  get("/keys", [basic(`ann:${PASSWORD}`)]),
  get("/keys", [basic("ann:wrong")]),
  { ...get("/nothing", [["content-type", "application/grpc"]]), method: "POST" },
];

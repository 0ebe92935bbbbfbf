/** Configurations of `authz` that between them ask the host all that it can be asked, each with requests that pass and that do not. */
import type { Claims, Cluster, HttpRequest, Json } from "../driver.ts";
import type { AttributeValue } from "../host/index.ts";
import { ecSigner, rsaSigner, secretSigner, token, type Algorithm, type Signer } from "../jwt/signing.ts";
import { createHash } from "node:crypto";

export interface FaultCase {
  name: string;
  config: Json;
  clusters?: Readonly<Record<string, Cluster>>;
  /** What the proxy knows of all requests. */
  attributes?: Readonly<Record<string, AttributeValue>>;
  passes: readonly HttpRequest[];
  refused: readonly HttpRequest[];
}

const get = (path: string, more: Partial<HttpRequest> = {}): HttpRequest => ({
  method: "GET",
  path,
  ...more,
});
const from = (address: string): HttpRequest => get("/", { headers: [["x-forwarded-for", address]] });
const as = (...uris: string[]): HttpRequest => get("/", { peer: { uris } });
const claiming = (claims: Claims): HttpRequest => get("/", { claims });
const bearer = (text: string): HttpRequest => get("/", { headers: [["authorization", `Bearer ${text}`]] });

type Rule = Readonly<Record<string, Json>>;
const policies = (...list: readonly [action: string, ...rules: Rule[]][]): Json => ({
  policies: list.map(([action, ...rules], at) => ({ name: `p${at}`, action, rules })),
});
const source = (fields: Record<string, Json>): Rule => ({ from: [{ source: fields }] });
const operation = (fields: Record<string, Json>): Rule => ({ to: [{ operation: fields }] });
const when = (key: string, ...values: string[]): Rule => ({ when: [{ key, values }] });
const whenNot = (key: string, ...notValues: string[]): Rule => ({ when: [{ key, notValues }] });

const ANN = "spiffe://cluster.local/ns/a/sa/ann";
const BOB = "spiffe://cluster.local/ns/b/sa/bob";
const [ANN_PRINCIPAL] = [ANN.slice("spiffe://".length)];

const FAR_AWAY = 4_000_000_000;
const ISSUER = "https://issuer.test";

function jwtCase(algorithm: Algorithm, signer: Signer, stranger: Signer): FaultCase {
  const claims = { iss: ISSUER, sub: "ann", exp: FAR_AWAY, groups: ["staff"] };
  const kid = { alg: algorithm, kid: "k" };
  return {
    name: `tokens of ${algorithm}`,
    config: {
      jwtRules: [
        { issuer: ISSUER, jwks: JSON.stringify({ keys: [{ ...signer.jwk, kid: "k", alg: algorithm }] }) },
      ],
      policies: [
        {
          name: "staff",
          rules: [
            {
              ...source({ requestPrincipals: [`${ISSUER}/*`] }),
              ...when("request.auth.claims[groups]", "staff"),
            },
          ],
        },
        { name: "guests", action: "DENY", rules: [when("request.auth.claims[groups]", "guest")] },
      ],
    },
    passes: [bearer(token(algorithm, signer, claims, kid))],
    refused: [
      get("/"),
      bearer(token(algorithm, stranger, claims, kid)),
      bearer(token(algorithm, signer, { ...claims, exp: 1 }, kid)),
      bearer(token(algorithm, signer, { ...claims, nbf: FAR_AWAY }, kid)),
      bearer(token(algorithm, signer, { ...claims, groups: ["other"] }, kid)),
      bearer(token(algorithm, signer, { ...claims, groups: ["staff", "guest"] }, kid)),
      bearer("a.b.c"),
    ],
  };
}

/** The same with keys that are fetched, for which the first requests wait. */
function fetched(signer: Signer, stranger: Signer): FaultCase {
  const { config, ...rest } = jwtCase("ES256", signer, stranger);
  const { policies } = config as { policies: Json };
  const body = Buffer.from(JSON.stringify({ keys: [{ ...signer.jwk, kid: "k", alg: "ES256" }] }));
  return {
    ...rest,
    name: "tokens whose keys are fetched",
    config: {
      jwtRules: [{ issuer: ISSUER, jwksUri: `${ISSUER}/keys`, jwksCluster: "keys", timeout: "2s" }],
      policies,
    },
    clusters: { keys: { http: () => ({ body, after: 100 }) } },
  };
}

const sha256 = (...parts: (string | Uint8Array)[]): string =>
  parts.reduce((hash, part) => hash.update(part), createHash("sha256")).digest("hex");

const SALT = Buffer.alloc(16, 7);
const basic = (user: string, password: string): HttpRequest =>
  get("/", {
    headers: [["authorization", `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`]],
  });

/** A `CheckResponse` that denies: `status.code` 7. */
const CHECK_DENIED = Uint8Array.of(0x0a, 0x02, 0x08, 0x07);

/** A service that lets through what asks for `/yes`. */
const authorizers: Readonly<Record<string, Cluster>> = {
  http: {
    http: ({ headers }) => ({
      status: headers.some(([name, value]) => name === ":path" && value.endsWith("/yes")) ? 200 : 403,
    }),
  },
  grpc: {
    grpc: (exchange) => ({
      onMessage: (message) => {
        const yes = Buffer.from(message).includes("/yes");
        exchange.send(yes ? new Uint8Array(0) : CHECK_DENIED);
        exchange.end(0);
      },
    }),
  },
};

const custom = (provider: Json): Json => ({
  extensionProviders: [provider],
  policies: [
    {
      name: "asked",
      action: "CUSTOM",
      provider: { name: "provider" },
      rules: [operation({ paths: ["/ask/*"] })],
    },
  ],
});

export const CASES: readonly FaultCase[] = [
  {
    name: "paths, methods, hosts and headers that are denied",
    config: policies([
      "DENY",
      operation({ paths: ["/admin", "/t/{*}"] }),
      operation({ methods: ["DELETE"] }),
      operation({ hosts: ["admin.test"] }),
      when("request.headers[x-role]", "admin"),
    ]),
    passes: [get("/")],
    refused: [
      get("/admin"),
      get("/t/a"),
      { method: "DELETE", path: "/" },
      get("/", { authority: "admin.test" }),
      get("/", { headers: [["x-role", "admin"]] }),
    ],
  },
  {
    name: "paths, methods, hosts and headers that alone are allowed",
    config: policies([
      "ALLOW",
      {
        ...operation({ paths: ["/x"], methods: ["GET"], hosts: ["example.test"] }),
        ...when("request.headers[x-role]", "user"),
      },
    ]),
    passes: [get("/x", { headers: [["x-role", "user"]] })],
    refused: [get("/x"), get("/"), { method: "POST", path: "/x", headers: [["x-role", "user"]] }],
  },
  {
    name: "paths and headers by what they are not",
    config: policies(["DENY", operation({ notPaths: ["/x"] }), whenNot("request.headers[x-role]", "user")]),
    passes: [get("/x", { headers: [["x-role", "user"]] })],
    refused: [get("/y", { headers: [["x-role", "user"]] }), get("/x")],
  },
  {
    name: "callers that alone are allowed",
    config: policies(["ALLOW", source({ principals: [ANN_PRINCIPAL] })]),
    passes: [as(ANN)],
    refused: [as(BOB), get("/")],
  },
  {
    name: "callers that are denied",
    config: policies([
      "DENY",
      source({ principals: [ANN_PRINCIPAL] }),
      source({ namespaces: ["c"] }),
      source({ serviceAccounts: ["d/eve"] }),
    ]),
    passes: [as(BOB)],
    refused: [as(ANN), as("spiffe://cluster.local/ns/c/sa/x"), as("spiffe://cluster.local/ns/d/sa/eve")],
  },
  {
    name: "callers by what they are not",
    config: policies(["DENY", source({ notPrincipals: [ANN_PRINCIPAL] })]),
    passes: [as(ANN)],
    refused: [as(BOB), get("/")],
  },
  {
    name: "addresses that alone are allowed",
    config: policies(["ALLOW", source({ remoteIpBlocks: ["10.0.0.0/8"] })]),
    passes: [from("10.1.2.3")],
    refused: [from("11.1.2.3"), from("::1")],
  },
  {
    name: "addresses that are denied",
    config: policies(["DENY", source({ remoteIpBlocks: ["10.0.0.0/8"] }), when("remote.ip", "11.0.0.1")]),
    passes: [from("12.1.2.3")],
    refused: [from("10.1.2.3"), from("11.0.0.1")],
  },
  {
    name: "addresses by what they are not",
    config: policies(["DENY", source({ notRemoteIpBlocks: ["10.0.0.0/8"] })]),
    passes: [from("10.1.2.3")],
    refused: [from("11.1.2.3")],
  },
  {
    name: "a connection's peer that is denied, or is not",
    config: policies(["DENY", source({ ipBlocks: ["11.0.0.0/8"] }), source({ notIpBlocks: ["10.0.0.0/8"] })]),
    attributes: { "outrigger.peer": "10.1.2.3:5" },
    passes: [get("/")],
    refused: [],
  },
  {
    name: "a connection's peer that is denied",
    config: policies(["DENY", source({ ipBlocks: ["10.0.0.0/8"] })]),
    attributes: { "outrigger.peer": "10.1.2.3:5" },
    passes: [],
    refused: [get("/")],
  },
  {
    name: "ports, addresses and names of the destination",
    config: policies([
      "ALLOW",
      {
        when: [
          { key: "destination.port", values: ["8080"] },
          { key: "destination.ip", values: ["127.0.0.0/8"] },
          { key: "connection.sni", values: ["a.test"] },
        ],
      },
    ]),
    attributes: { "connection.requested_server_name": "a.test" },
    passes: [get("/")],
    refused: [],
  },
  {
    name: "ports, addresses and names of the destination that are denied",
    config: policies([
      "DENY",
      operation({ ports: ["8080"] }),
      when("destination.ip", "127.0.0.1"),
      when("connection.sni", "a.test"),
    ]),
    attributes: { "connection.requested_server_name": "a.test" },
    passes: [],
    refused: [get("/")],
  },
  {
    name: "tokens that the proxy has verified",
    config: policies(
      [
        "DENY",
        when("request.auth.claims[groups]", "guest"),
        when("request.auth.claims[team][name]", "red"),
        whenNot("request.auth.claims[sub]", "ann", "bob"),
      ],
      [
        "ALLOW",
        {
          ...source({ requestPrincipals: [`${ISSUER}/*`] }),
          ...when("request.auth.claims[groups]", "staff"),
        },
      ],
    ),
    passes: [claiming({ iss: ISSUER, sub: "ann", groups: ["staff"], team: null })],
    refused: [
      get("/"),
      claiming({ iss: ISSUER, sub: "ann", groups: ["staff", "guest"] }),
      claiming({ iss: ISSUER, sub: "bob", groups: ["staff"], team: { name: "red" } }),
      claiming({ iss: ISSUER, sub: "eve", groups: ["staff"] }),
      claiming({ iss: "other", sub: "ann", groups: ["staff"] }),
    ],
  },
  jwtCase("HS256", secretSigner(Buffer.alloc(32, 1)), secretSigner(Buffer.alloc(32, 2))),
  jwtCase("RS256", rsaSigner(), rsaSigner()),
  jwtCase("ES256", ecSigner("P-256"), ecSigner("P-256")),
  {
    name: "API keys",
    config: {
      apiKeys: { from: [{ header: "x-api-key" }], keys: [{ name: "ci", sha256: sha256("the key of ci") }] },
      policies: [{ name: "known", rules: [source({ requestPrincipals: ["api-key/ci"] })] }],
    },
    passes: [get("/", { headers: [["x-api-key", "the key of ci"]] })],
    refused: [get("/"), get("/", { headers: [["x-api-key", "another key"]] })],
  },
  {
    name: "HTTP basic authentication",
    config: {
      basicAuth: {
        realm: "r",
        users: [{ name: "ann", salt: SALT.toString("hex"), sha256: sha256(SALT, "secret") }],
      },
      policies: [{ name: "known", rules: [source({ requestPrincipals: ["basic/ann"] })] }],
    },
    passes: [basic("ann", "secret")],
    refused: [get("/"), basic("ann", "Secret"), basic("bob", "secret")],
  },
  fetched(ecSigner("P-256"), ecSigner("P-256")),
  {
    name: "a service that is asked by HTTP",
    config: custom({
      name: "provider",
      envoyExtAuthzHttp: { service: "authz.test", port: 80, cluster: "http" },
    }),
    clusters: authorizers,
    passes: [get("/ask/yes"), get("/")],
    refused: [get("/ask/no")],
  },
  {
    name: "a service that is asked by gRPC",
    config: custom({
      name: "provider",
      envoyExtAuthzGrpc: { service: "authz.test", port: 80, cluster: "grpc" },
    }),
    clusters: authorizers,
    passes: [get("/ask/yes"), get("/")],
    refused: [get("/ask/no")],
  },
];

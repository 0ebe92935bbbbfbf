/** Random configurations of `authz`. */
import fc from "fast-check";
import { annotate, type Json, mode, name, some, text, token, vocabulary } from "./vocabulary.ts";

/** A configuration that is right in every respect, also those which no schema can say. */
export function rightAuthz(): fc.Arbitrary<Json> {
  return extensionProviders().chain((providers) =>
    some({
      mode,
      annotate,
      trustDomain,
      trustDomainAliases: fc.array(trustDomain, { maxLength: 2 }),
      jwtRules: fc.array(jwtRule, { maxLength: 3 }),
      apiKeys,
      basicAuth,
      extensionProviders: fc.constant(providers),
      policies: policies(providers.map((one) => one.name)),
      deny: denial,
    }).map((configuration) =>
      // Those that CUSTOM policies name are there.
      configuration.policies === undefined
        ? configuration
        : { ...configuration, extensionProviders: providers },
    ),
  );
}

/** One thing of each kind: a change often meets what it could make wrong. */
export function smallAuthz(): fc.Arbitrary<Json> {
  const ruled = (rule: fc.Arbitrary<Json>): fc.Arbitrary<Json> =>
    rule.map((one) => ({ policies: [{ name: "a", namespace: "n", rules: [one] }] }));
  return fc.oneof(
    ruled(condition(false).map((one) => ({ when: [one] }))),
    ruled(source.map((one) => ({ from: [{ source: one }] }))),
    ruled(operation.map((one) => ({ to: [{ operation: one }] }))),
    jwtRule.map((one) => ({ jwtRules: [one] })),
    apiKeys.map((one) => ({ apiKeys: one })),
    basicAuth.map((one) => ({ basicAuth: one })),
    extensionProviders().map((all) => ({ extensionProviders: all })),
    policies([]).map((all) => ({ policies: all })),
    denial.map((one) => ({ deny: one })),
    condition(true).map((one) => ({
      extensionProviders: [{ name: "p", envoyExtAuthzGrpc: { cluster: "c" } }],
      policies: [{ name: "a", action: "CUSTOM", provider: { name: "p" }, rules: [{ when: [one] }] }],
    })),
  );
}

const trustDomain = fc.constantFrom("cluster.local", "td.example", "é", "a b");

const pattern = fc.oneof(text, fc.constantFrom("*", "a*", "*a", "cluster.local/ns/shop/sa/cart"));
const block = fc.constantFrom("10.0.0.0/8", "127.0.0.1", "::/0", "2001:DB8::/32", "::ffff:1.2.3.4/128");
const port = fc.constantFrom("0", "80", "00080", "9999", "59999", "64999", "65499", "65529", "65535");
const account = fc.constantFrom("cart", "shop/cart", "a b/é", "x".repeat(320));
const trustDomains = fc.constantFrom("*", "cluster.local", "*.local", "cluster*", "é");
const path = fc.oneof(
  fc.constantFrom("*", "/", "/a*", "*.js", "/v1/{*}", "/{**}", "/a/{*}/b/{**}/c/d", "/{*}/", "/a b"),
  text.filter((one) => !/[{}]/.test(one)),
);
/** Some lists may be empty, which is as if they were not there. */
const listed = (item: fc.Arbitrary<string>): fc.Arbitrary<string[]> => fc.array(item, { maxLength: 2 });

const withContrary = (fields: Record<string, fc.Arbitrary<string>>): Record<string, fc.Arbitrary<string[]>> =>
  Object.fromEntries(
    Object.entries(fields).flatMap(([field, item]) => [
      [field, listed(item)],
      [`not${field[0]!.toUpperCase()}${field.slice(1)}`, listed(item)],
    ]),
  );

/** Not all lists of it are empty. */
const full = (object: Record<string, readonly string[] | undefined>): boolean =>
  Object.values(object).some((list) => list!.length > 0);

const anonymous = { ipBlocks: block, remoteIpBlocks: block };
const anonymousSource = some(withContrary(anonymous)).filter(full);
const source = some(
  withContrary({
    principals: pattern,
    requestPrincipals: pattern,
    namespaces: pattern,
    serviceAccounts: account,
    trustDomains,
    ...anonymous,
  }),
)
  .map(
    // Accounts stand by themselves.
    ({ serviceAccounts = [], notServiceAccounts = [], ...rest }) =>
      full(pick(rest, ["principals", "notPrincipals", "namespaces", "notNamespaces"]))
        ? { ...rest, ...(serviceAccounts.length === 0 ? { serviceAccounts } : {}) }
        : { ...rest, serviceAccounts, notServiceAccounts },
  )
  .filter(full);

function pick(object: Record<string, string[]>, names: string[]): Record<string, string[]> {
  return Object.fromEntries(Object.entries(object).filter(([one]) => names.includes(one)));
}

const operation = some(withContrary({ hosts: pattern, ports: port, methods: pattern, paths: path })).filter(
  full,
);

const header = token.map((one) => `request.headers[${one}]`);
const claim = fc
  .constantFrom("sub", "realm][roles", "https://x/y", "a]b", "]", "é")
  .map((one) => `request.auth.claims[${one}]`);
const identities = [
  "source.principal",
  "source.namespace",
  "source.serviceAccount",
  "source.trustDomain",
  "request.auth.principal",
  "request.auth.audiences",
  "request.auth.presenter",
];

/** An entry of `when`; of a CUSTOM policy, one that asks for nothing that is known only of who was authenticated. */
function condition(isCustom: boolean): fc.Arbitrary<Json> {
  const comparable = fc.oneof(
    header,
    fc.constantFrom("request.headers[:path]", "connection.sni"),
    ...(isCustom ? [] : [claim, fc.constantFrom(...identities)]),
  );
  const values = (item: fc.Arbitrary<string>): Record<string, fc.Arbitrary<unknown>> => ({
    values: listed(item),
    notValues: listed(item),
  });
  const of = (key: fc.Arbitrary<string>, item: fc.Arbitrary<string>, more = {}): fc.Arbitrary<Json> =>
    some({ key, ...values(item), match: fc.constantFrom("any", "all"), ...more }, ["key"]).filter(
      (one) =>
        full(withoutWords(one)) && (one.match !== "all" || /^(request\.auth|experimental)\./.test(one.key)),
    );
  const froms = { valuesFrom: listed(comparable), notValuesFrom: listed(comparable) };
  const kinds = [
    of(fc.constantFrom("source.ip", "remote.ip", "destination.ip"), block),
    of(fc.constant("destination.port"), port),
    of(
      fc.constantFrom("experimental.envoy.filters.network.mysql[db]", "experimental.envoy.filters.[a]"),
      fc.oneof(pattern, fc.constantFrom("[a]", "[a", "[*]", "a]")).filter((one) => !/^\[[[\]]*\]$/.test(one)),
    ),
    of(fc.oneof(header, fc.constantFrom("request.headers[:path]", "connection.sni")), pattern, froms),
    of(claim, pattern, froms),
    of(fc.constantFrom(...identities.filter((one) => !/Account|Domain/.test(one))), pattern, froms),
    of(fc.constant("source.serviceAccount"), account, froms),
    of(fc.constant("source.trustDomain"), fc.oneof(trustDomains, fc.constant("a/b*")), froms),
  ];
  return fc.oneof(...(isCustom ? kinds.slice(0, 4) : kinds));
}

function withoutWords(condition: Record<string, unknown>): Record<string, string[]> {
  return Object.fromEntries(Object.entries(condition).filter(([, one]) => Array.isArray(one))) as Record<
    string,
    string[]
  >;
}

const denial = some({
  status: fc.integer({ min: 400, max: 599 }),
  body: fc.oneof(text, fc.constantFrom<Json>("", {}, [], { error: { code: 1 } }, ["a"])),
  headers: fc.dictionary(
    fc.constantFrom("content-type", "X-Reason", "set-cookie"),
    fc.constantFrom("", "a\tb", "é"),
    { maxKeys: 2, noNullPrototype: true },
  ),
});

function policies(providers: readonly string[]): fc.Arbitrary<Json[]> {
  const rule = (isCustom: boolean): fc.Arbitrary<unknown> =>
    some({
      from: fc.array(some({ source: isCustom ? anonymousSource : source }, ["source"]), {
        maxLength: 2,
      }),
      to: fc.array(some({ operation }, ["operation"]), { maxLength: 2 }),
      when: fc.array(condition(isCustom), { maxLength: 2 }),
    });
  const rules = (isCustom: boolean, minLength: number): fc.Arbitrary<unknown[]> =>
    fc.array(rule(isCustom), { minLength, maxLength: 2 });
  const target = fc.constantFrom<Json>({}, [], { matchLabels: { app: "a" } }, "a", null);
  const plain = { namespace: name, mode, selector: target, targetRef: target, targetRefs: target };
  const kinds = [
    some({ ...plain, action: fc.constantFrom("ALLOW", "AUDIT"), rules: rules(false, 0) }, ["namespace"]),
    some({ ...plain, action: fc.constant("DENY"), rules: rules(false, 1), deny: denial }, [
      "namespace",
      "action",
      "rules",
    ]),
    ...(providers.length === 0
      ? []
      : [
          some(
            {
              ...plain,
              action: fc.constant("CUSTOM"),
              provider: fc.record({ name: fc.constantFrom(...providers) }),
              rules: rules(true, 1),
            },
            ["action", "provider", "rules"],
          ),
        ]),
  ];
  const policyName = name.map((one) => (/^(allowed|basic|error)$/.test(one) ? "a" : one));
  return fc
    .array(fc.oneof(...(kinds as fc.Arbitrary<Record<string, Json>>[])), { maxLength: 3 })
    .chain((list) =>
      fc
        .uniqueArray(policyName, { minLength: list.length, maxLength: list.length })
        .map((names) => list.map((one, at) => ({ name: names[at]!, ...one }))),
    );
}

const JWKS = JSON.stringify({ keys: [{ kty: "oct", k: "A".repeat(43) }] });
const filled = (item: fc.Arbitrary<string>): fc.Arbitrary<string[]> => fc.array(item, { maxLength: 2 });
const out = fc.constantFrom("x-jwt", "X-Jwt-Sub", "x_a");
const anyRule = {
  audiences: filled(text),
  fromHeaders: fc.array(
    some({ name: fc.constantFrom("x-token", "Authorization"), prefix: fc.constantFrom("", "Bearer ") }, [
      "name",
    ]),
    { maxLength: 2 },
  ),
  fromParams: filled(text),
  fromCookies: filled(text),
  forwardOriginalToken: fc.boolean(),
  outputPayloadToHeader: out,
  outputClaimToHeaders: fc.array(fc.record({ header: out, claim: text }), { maxLength: 2 }),
  timeout: fc.constantFrom("1ms", "5s", "60s"),
  spaceDelimitedClaims: filled(text),
  clockSkew: fc.constantFrom("0s", "60s", "1h"),
};
const uri = fc.constantFrom(
  "https://issuer.example/jwks.json",
  "HTTP://a_b:65535?x=y",
  "http://[::1]:00080/",
  "https://127.0.0.1",
);
const remoteRule = {
  ...anyRule,
  issuer: text,
  jwksCluster: text,
  jwksRefresh: fc.constantFrom("1s", "60s"),
  jwksMaxStale: fc.constantFrom("10m", "168h"),
};
const jwtRule = fc.oneof(
  some({ ...anyRule, issuer: text, jwks: fc.constant(JWKS) }, ["issuer", "jwks"]),
  some({ ...remoteRule, jwksUri: uri }, ["jwksUri"]),
  some({ ...remoteRule, jwks_uri: uri }, ["jwks_uri"]),
) as fc.Arbitrary<Json>;

const hex = (bytes: number): fc.Arbitrary<string> =>
  fc.tuple(fc.uint8Array({ minLength: bytes, maxLength: bytes }), fc.boolean()).map(([all, upper]) => {
    const digits = Buffer.from(all).toString("hex");
    return upper ? digits.toUpperCase() : digits;
  });
const apiKeys = some(
  {
    from: fc.array(
      fc.oneof(
        fc.constantFrom<Json>({ header: "x-api-key" }, { header: "X-Key" }),
        text.map((one): Json => ({ queryParam: one })),
        token.map((one): Json => ({ cookie: one })),
      ),
      { minLength: 1, maxLength: 3 },
    ),
    forward: fc.boolean(),
    keys: fc.uniqueArray(fc.record({ name, sha256: hex(32) }), {
      minLength: 1,
      maxLength: 3,
      selector: (one) => one.name,
    }),
  },
  ["from", "keys"],
);

const visible = text.filter((one) => !/[\p{Cc}]/u.test(one));
const basicAuth = some(
  {
    realm: visible,
    forward: fc.boolean(),
    users: fc
      .integer({ min: 16, max: 64 })
      .chain((salt) =>
        fc.uniqueArray(
          fc.record({ name: visible.filter((one) => !one.includes(":")), salt: hex(salt), sha256: hex(32) }),
          { minLength: 1, maxLength: 3, selector: (one) => one.name },
        ),
      ),
  },
  ["users"],
);

interface NamedProvider {
  [field: string]: Json;
  name: string;
}

function extensionProviders(): fc.Arbitrary<NamedProvider[]> {
  const { key } = vocabulary();
  const headers = fc.array(fc.constantFrom("x-user", "X-Ext-*", "*-id"), { maxLength: 2 });
  const options = {
    timeout: fc.constantFrom("1ms", "0.5s", "10m"),
    failOpen: fc.boolean(),
    clearRouteCache: fc.boolean(),
    statusOnError: fc.constantFrom<Json>("200", "403", 503, 599),
  };
  const http = {
    ...options,
    pathPrefix: fc.constantFrom("", "/", "/check", "/a~b"),
    includeRequestHeadersInCheck: headers,
    includeHeadersInCheck: headers,
    includeAdditionalHeadersInCheck: fc.dictionary(
      fc.constantFrom("x-a", "X-B"),
      fc.constantFrom("", "é", "a\tb"),
      {
        maxKeys: 2,
        noNullPrototype: true,
      },
    ),
    headersToUpstreamOnAllow: headers,
    headersToDownstreamOnAllow: headers,
    headersToDownstreamOnDeny: headers,
  };
  const cluster = { cluster: text };
  const service = {
    service: fc.constantFrom("authz.default.svc.cluster.local", "ns/host", "::1"),
    port: fc.integer({ min: 1, max: 65535 }),
  };
  const placed = (fields: Record<string, fc.Arbitrary<unknown>>): fc.Arbitrary<unknown> =>
    fc.oneof(
      some({ ...fields, ...cluster, ...service }, ["cluster"]),
      some({ ...fields, ...service }, ["service", "port"]),
    );
  const cache = some(
    {
      by: key,
      ttl: fc.constantFrom("1ms", "30s", "1h"),
      maxEntries: fc.integer({ min: 1, max: 1000 }),
    },
    ["by"],
  );
  const provider = fc.oneof(
    some({ name, envoyExtAuthzGrpc: placed(options), cache }, ["name", "envoyExtAuthzGrpc"]),
    some({ name, envoyExtAuthzHttp: placed(http), cache }, ["name", "envoyExtAuthzHttp"]),
  );
  return fc.uniqueArray(provider as fc.Arbitrary<NamedProvider>, {
    maxLength: 2,
    selector: (one) => one.name,
  });
}

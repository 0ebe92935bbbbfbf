/**
 * What the reader refuses though the schema takes it, since no JSON Schema can say it. Each with an example, and what
 * the reader's message (path and all) looks like. Nothing else may be refused that the schema takes.
 */
import type { Json } from "./vocabulary.ts";

export interface Unsaid {
  what: string;
  message: RegExp;
  example: Json;
}

const match = (one: Json): Json => ({ rules: [{ name: "a", variant: "v", match: one }] });
const ruled = (...rules: Json[]): Json => ({ rules });

/** Of the vocabulary that all filters share; the examples are of `dark-launch`. */
export const UNSAID: readonly Unsaid[] = [
  {
    what: "a text of at most 256 characters that has more bytes",
    message: /\.contains: longer than 256 bytes$/,
    example: match({ path: { contains: "é".repeat(129) } }),
  },
  {
    what: "colons and digits that are no IPv6 address",
    message:
      /locks\[\d+\]: expected an IP address or a block, like 10\.0\.0\.0\/8, got "[\dA-Fa-f.:]*:[\dA-Fa-f.:/]*"$/,
    example: match({ source: { remoteIpBlocks: ["1::2::3"] } }),
  },
  {
    what: "an attribute that Envoy has not",
    message: /\.cel: (\w+ has no \w* in Envoy|Envoy has no attribute \w+); expected /,
    example: match({ cel: "request.heders['a'] == 'b'" }),
  },
  {
    what: "an expression that does not compile",
    message: /\.cel: expected a CEL expression \(the proxy logs at info what is wrong\), got ".*"$/,
    example: match({ cel: "request.path ==" }),
  },
  {
    what: "a regex that does not compile, or is too large",
    message: /\.regex: .+, at \d+$/,
    example: match({ path: { regex: "(a" } }),
  },
  {
    what: "NUL in a string",
    message: /^line 1, column \d+: NUL \(`\\u0000`\) in a string$/,
    example: match({ path: "a\u0000" }),
  },
  {
    what: "half of a surrogate pair",
    message: /^line 1, column \d+: half of a surrogate pair$/,
    example: match({ path: "a\ud800" }),
  },
  {
    what: "more than 64 levels",
    message: /^line 1, column \d+: nested deeper than 64 levels$/,
    example: match(Array.from({ length: 64 }).reduce<Json>((inner) => ({ not: inner }), {})),
  },
];

export const DARK_LAUNCH_UNSAID: readonly Unsaid[] = [
  {
    what: "a rule's name that another rule has",
    message: /^rules\[\d+\]\.name: another rule has this name$/,
    example: ruled({ name: "a", variant: "v" }, { name: "a", variant: "w" }),
  },
  {
    what: "a variant that another of the same rule is",
    message: /^rules\[\d+\]\.variants\[\d+\]: another of the variants has this name$/,
    example: ruled({
      name: "a",
      variants: [
        { name: "v", weight: 1 },
        { name: "v", weight: 2 },
      ],
      by: [{ host: {} }],
    }),
  },
  {
    what: "weights that sum to 0",
    message: /^rules\[\d+\]\.variants: the weights sum to 0; expected one above 0$/,
    example: ruled({ name: "a", variants: [{ name: "v", weight: 0 }], by: [{ host: {} }] }),
  },
  {
    what: "a lifetime below a second or beyond 400 days",
    message:
      /^sticky\.cookie\.ttl: expected a duration like 1h \(1s to 9600h\), got "\d+(\.\d+)?(ms|s|m|h)"$/,
    example: { sticky: { cookie: { name: "v", ttl: "9601h" } } },
  },
  {
    what: "a day that its month does not have",
    message: /^expires: expected a time like \S+, got "\d{4}-(02-(29|3.)|..-31)T.*"$/,
    example: { expires: "2026-02-29T00:00:00Z" },
  },
];

const hour: Json = { requests: 1, per: "hour" };
const limited = (...limits: Json[]): Json => ({ limits });
const overridden = (...overrides: Json[]): Json =>
  limited({ name: "a", key: [{ header: "x" }, { host: {} }], limit: hour, overrides });

export const LOCAL_RATE_LIMIT_UNSAID: readonly Unsaid[] = [
  {
    what: "a limit's name that another limit has",
    message: /^limits\[\d+\]\.name: another limit has this name$/,
    example: limited({ name: "a", limit: hour }, { name: "a", limit: hour }),
  },
  {
    what: "a burst that nobody lives to see",
    message: /imit: a burst that takes more than 73 years to come$/,
    example: limited({ name: "a", limit: { requests: 1, per: "day", burst: 100_000 } }),
  },
  {
    what: "a cost above the burst",
    message: /^limits\[\d+\]\.cost: more than the burst: no request would pass$/,
    example: limited({ name: "a", limit: hour, cost: 2 }),
  },
  {
    what: "a cost above the burst of an override",
    message: /^limits\[\d+\]\.overrides\[\d+\]: the cost is more than the burst: no request would pass$/,
    example: limited({
      name: "a",
      key: [{ header: "x" }],
      limit: { requests: 9, per: "hour" },
      overrides: [{ key: ["b"], limit: hour }],
      cost: 2,
    }),
  },
  {
    what: "an override that has not one value for each part of the key",
    message: /\.key: expected a list of \d+ texts, one for each part of `key`, got (a|an empty) list$/,
    example: overridden({ key: ["a"], limit: hour }),
  },
  {
    what: "an override that comes twice",
    message: /\.key: another override has this key$/,
    example: overridden({ key: ["a", "b"], limit: hour }, { key: ["a", "b"], limit: hour }),
  },
];

const asked = (...limits: Json[]): Record<string, Json> => ({
  domain: "d",
  service: { cluster: "c" },
  limits,
});
const described = { name: "a", descriptor: [{ key: "k", value: "v" }] };

export const GLOBAL_RATE_LIMIT_UNSAID: readonly Unsaid[] = [
  {
    what: "a limit's name that another limit has",
    message: /^limits\[\d+\]\.name: another limit has this name$/,
    example: asked(described, described),
  },
  {
    what: "a lease that is not more than a request takes",
    message: /^limits\[\d+\]\.lease\.max: not more than the `hits` of one request$/,
    example: asked({ ...described, hits: 9, lease: { max: 9 } }),
  },
  {
    what: "a local burst below what a request takes",
    message: /^limits\[\d+\]\.local: a burst below `hits` admits nothing$/,
    example: asked({ ...described, hits: 9, local: { requests: 1, per: "hour" } }),
  },
  {
    what: "a local burst that nobody lives to see",
    message: /^limits\[\d+\]\.local: a burst that takes more than 73 years to come$/,
    example: asked({ ...described, local: { requests: 1, per: "day", burst: 100_000 } }),
  },
  {
    what: "failureMode local without a limit for it",
    message: /^limits\[\d+\]\.local: required; expected a limit, like .*, for failureMode local$/,
    example: { ...asked(described), failureMode: "local" },
  },
  {
    what: "a timeout below a millisecond or above a minute",
    message: /^service\.timeout: expected a duration like 20ms \(1ms to 60s\), got "[\d.]+(ms|s|m|h)"$/,
    example: { ...asked(described), service: { cluster: "c", timeout: "2m" } },
  },
  {
    what: "an interval below a millisecond or above an hour",
    message: /^breaker\.\w+: expected a duration like \d+s \(1ms to 1h\), got "[\d.]+(ms|s|m|h)"$/,
    example: { ...asked(described), breaker: { maxInterval: "2h" } },
  },
  {
    what: "a longest interval below the first one",
    message: /^breaker: maxInterval is below baseInterval$/,
    example: { ...asked(described), breaker: { baseInterval: "31s" } },
  },
];

export const TRACE_PROPAGATION_UNSAID: readonly Unsaid[] = [
  {
    what: "a rule's name that another rule has",
    message: /^sampling\.rules\[\d+\]\.name: another rule has this name$/,
    example: {
      sampling: {
        rules: [
          { name: "a", percent: 1 },
          { name: "a", percent: 2 },
        ],
      },
    },
  },
  {
    what: "a time to live below a second or above a day",
    message: /^correlate\.ttl: expected a duration like 60s \(1s to 24h\), got "[\d.]+(ms|s|m|h)"$/,
    example: { correlate: { ttl: "25h" } },
  },
  {
    what: "a timeout below a millisecond or above a minute",
    message: /^report\.\w+\.timeout: expected a duration like 5s \(1ms to 60s\), got "[\d.]+(ms|s|m|h)"$/,
    example: { report: { zipkin: { cluster: "c", timeout: "61s" } } },
  },
  {
    what: "a tag with a secret",
    message: /^report\.tags\S*\[\d+\]\.\w+: a secret, which no trace is to carry$/,
    example: { report: { zipkin: { cluster: "c" }, tags: { t: [{ header: "authorization" }] } } },
  },
  {
    what: "the name of a tag that has more than 255 bytes in fewer characters",
    message: /^report\.tags\S*: expected a name of 1 to 255 bytes$/,
    example: { report: { zipkin: { cluster: "c" }, tags: { ["é".repeat(128)]: [{ host: {} }] } } },
  },
  {
    what: "the name of a service that has more than 255 bytes in fewer characters",
    message: /^report\.serviceName: expected a text of 1 to 255 bytes, got /,
    example: { report: { zipkin: { cluster: "c" }, serviceName: "é".repeat(128) } },
  },
];

const policies = (...all: Json[]): Json => ({ policies: all });
const when = (one: Json): Json => policies({ name: "a", rules: [{ when: [one] }] });
const from = (source: Json): Json => policies({ name: "a", namespace: "n", rules: [{ from: [{ source }] }] });
const token = (rule: object): Json => ({ jwtRules: [{ issuer: "i", jwksUri: "http://i", ...rule }] });
const sha256 = "00".repeat(32);
const keys = (...all: Json[]): Json => ({ apiKeys: { from: [{ header: "x" }], keys: all } });
const salt = "00".repeat(16);
const users = (...all: Json[]): Json => ({ basicAuth: { users: all } });
const provider = (more: object, service: object = {}): Json => ({
  name: "p",
  envoyExtAuthzGrpc: { cluster: "c", ...service },
  ...more,
});
const providers = (...all: Json[]): Json => ({ extensionProviders: all });

export const AUTHZ_UNSAID: readonly Unsaid[] = [
  {
    what: "a policy's name that another one of its namespace has",
    message: /^policies\[\d+\]\.name: another policy of this namespace has this name$/,
    example: policies({ name: "a" }, { name: "a" }),
  },
  {
    what: "a provider that there is not",
    message: /^policies\[\d+\]\.provider\.name: expected the name of one of `extensionProviders`, got ".*"$/,
    example: policies({ name: "a", action: "CUSTOM", provider: { name: "p" }, rules: [{}] }),
  },
  {
    what: "a service account without a namespace, in a policy that has none either",
    message: /\]: a service account without a namespace, in a policy without `namespace`$/,
    example: policies({ name: "a", rules: [{ from: [{ source: { serviceAccounts: ["cart"] } }] }] }),
  },
  {
    what: "a service account of at most 320 characters that has more bytes",
    message: /\]: expected a service account, like .*, without wildcards, got ".*[^ -~].*"$/,
    example: from({ serviceAccounts: ["é".repeat(161)] }),
  },
  {
    what: "a trust domain that is longer than can be looked for",
    message: /\]: longer than can be looked for$/,
    example: from({ trustDomains: [`*${"x".repeat(5000)}`] }),
  },
  {
    what: "colons and digits that are no IPv6 address, as the value of a condition",
    message:
      /\.when\[\d+\]\.\w+\[\d+\]: expected an IP address or a block, like 10\.0\.0\.0\/8, got "[\dA-Fa-f.:]*:[\dA-Fa-f.:/]*"$/,
    example: when({ key: "remote.ip", values: ["1::2::3"] }),
  },
  {
    what: "a key's name that another key has",
    message: /^apiKeys\.keys\[\d+\]\.name: another key has this name$/,
    example: keys({ name: "a", sha256 }, { name: "a", sha256: "11".repeat(32) }),
  },
  {
    what: "a key's hash that another key has",
    message: /^apiKeys\.keys\[\d+\]: another key has this sha256, or its first 64 bits$/,
    example: keys({ name: "a", sha256 }, { name: "b", sha256 }),
  },
  {
    what: "a user's name that another user has",
    message: /^basicAuth\.users\[\d+\]: another user has this name$/,
    example: users({ name: "a", salt, sha256 }, { name: "a", salt, sha256 }),
  },
  {
    what: "a salt that is not as long as the others",
    message: /^basicAuth\.users\[\d+\]: expected a salt as long as those before: /,
    example: users({ name: "a", salt, sha256 }, { name: "b", salt: `${salt}00`, sha256 }),
  },
  {
    what: "a user's name of at most 255 characters that has more bytes",
    message: /^basicAuth\.users\[\d+\]\.name: expected a name of 1 to 255 bytes /,
    example: users({ name: "é".repeat(128), salt, sha256 }),
  },
  {
    what: "a realm of at most 255 characters that has more bytes",
    message:
      /^basicAuth\.realm: expected a text of 1 to 255 bytes without control characters, got ".*[^ -~].*"$/,
    example: { basicAuth: { realm: "é".repeat(128), users: [{ name: "a", salt, sha256 }] } },
  },
  {
    what: "a text that is no set of keys, or one of keys that cannot be used, of which the lines behind tell",
    message:
      /^(jwtRules\[\d+\]\.jwks: (larger than |no JSON: |expected a JSON Web Key Set|more than |`keys` is empty|no key can be used)|keys\[\d+\]: )/,
    example: { jwtRules: [{ issuer: "i", jwks: "{}" }] },
  },
  {
    what: "the port 0, and one beyond 65535, in a URL",
    message: /^jwtRules\[\d+\]\.jwks_?[uU]ri: expected a port from 1 to 65535 /,
    example: token({ jwksUri: "http://i:65536/" }),
  },
  {
    what: "a time of a rule for tokens that is too short or too long",
    message:
      /^jwtRules\[\d+\]\.(clockSkew|timeout|jwksRefresh|jwksMaxStale): expected a duration like .*, got "[\d.]+(ms|s|m|h)"$/,
    example: token({ clockSkew: "61m" }),
  },
  {
    what: "keys that count no longer than until they are fetched again",
    message: /^jwtRules\[\d+\]: jwksMaxStale is shorter than jwksRefresh$/,
    example: token({ jwksRefresh: "2m", jwksMaxStale: "1m" }),
  },
  {
    what: "a claim's header from which tokens are taken",
    message: /^jwtRules\[\d+\]\.output\S*: a header that tokens are taken from$/,
    example: token({ outputPayloadToHeader: "authorization" }),
  },
  {
    what: "a provider's name that another provider has",
    message: /^extensionProviders\[\d+\]\.name: another one has this name$/,
    example: providers(provider({}), provider({})),
  },
  {
    what: "a time of a provider that is too short or too long",
    message:
      /^extensionProviders\[\d+\]\.(cache\.ttl|envoyExtAuthz\w+\.timeout): expected a duration like .*, got "[\d.]+(ms|s|m|h)"$/,
    example: providers(provider({}, { timeout: "11m" })),
  },
];

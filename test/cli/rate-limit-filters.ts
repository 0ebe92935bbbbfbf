/** EnvoyFilters as users of Istio write them for rate limits, of random actions. */
import fc from "fast-check";

const NAMES = ["x-user", "x-tenant"];
const VALUES = ["ann", "bob", "An", "a,b"];

const name = fc.constantFrom(...NAMES);
const value = fc.constantFrom(...VALUES);

const stringMatch = fc.oneof(
  fc
    .tuple(fc.constantFrom("exact", "prefix", "suffix", "contains"), value, fc.boolean())
    .map(([kind, text, ignore]) => ({
      [kind]: text,
      ...(ignore ? { ignore_case: true } : {}),
    })),
  fc.constantFrom("a.*", ".*", "ann|bob").map((regex) => ({ safe_regex: { regex } })),
);
const flags = fc.record(
  { invert_match: fc.boolean(), treat_missing_header_as_empty: fc.boolean() },
  { requiredKeys: [], noNullPrototype: true },
);
const headerMatcher = fc.oneof(
  fc.tuple(name, stringMatch, flags).map(([of, string_match, more]) => ({ name: of, string_match, ...more })),
  fc
    .tuple(name, fc.boolean(), fc.boolean())
    .map(([of, present_match, invert_match]) => ({ name: of, present_match, invert_match })),
  // Without a comparison, it asks for presence.
  name.map((of) => ({ name: of })),
);

const skip = fc.boolean().map((skip_if_absent) => (skip_if_absent ? { skip_if_absent } : {}));
const action = fc.oneof(
  fc.tuple(fc.constantFrom(...NAMES, ":path", "x-api-key"), skip).map(([header_name, more]) => ({
    request_headers: { header_name, descriptor_key: header_name.replace(":", ""), ...more },
  })),
  fc.constant({ remote_address: {} }),
  fc
    .constantFrom({}, { descriptor_key: "all" })
    .map((more) => ({ generic_key: { descriptor_value: "v", ...more } })),
  fc
    .tuple(
      fc.array(headerMatcher, { minLength: 1, maxLength: 2 }),
      fc.constantFrom({}, { expect_match: false }, { expect_match: true }),
    )
    .map(([headers, more]) => ({ header_value_match: { descriptor_value: "h", headers, ...more } })),
  fc.constant({ query_parameters: { query_parameter_name: "q", descriptor_key: "q" } }),
  fc.constantFrom({ exact: "1" }, { prefix: "" }, { contains: "2" }).map((string_match) => ({
    query_parameter_value_match: {
      descriptor_value: "p",
      query_parameters: [
        { name: "q", ...("prefix" in string_match ? { present_match: true } : { string_match }) },
      ],
    },
  })),
);

/** Items of `rate_limits`. */
export const rateLimits = fc.array(
  fc.record({ actions: fc.array(action, { minLength: 1, maxLength: 3 }) }, { noNullPrototype: true }),
  { minLength: 1, maxLength: 3 },
);

export interface Asked {
  path: string;
  headers: [string, string][];
}

export const request: fc.Arbitrary<Asked> = fc.record({
  path: fc.constantFrom("/", "/a", "/a?q=1", "/a?q=2&q=1", "/?q="),
  headers: fc.uniqueArray(fc.tuple(fc.constantFrom(...NAMES, "x-api-key"), value), {
    selector: ([of]) => of,
    maxLength: 3,
  }),
});

export function globalFilter(domain: string, cluster = "ratelimit"): object {
  return {
    "@type": "type.googleapis.com/envoy.extensions.filters.http.ratelimit.v3.RateLimit",
    domain,
    failure_mode_deny: true,
    timeout: "5s",
    rate_limit_service: {
      transport_api_version: "V3",
      grpc_service: { envoy_grpc: { cluster_name: cluster } },
    },
  };
}

/** The EnvoyFilter that Istio's documentation puts the filter in with, and the one for all virtual hosts. */
export function globalResources(domain: string, limits: readonly object[]): object[] {
  return [
    envoyFilter("filter", [filterPatch("envoy.filters.http.ratelimit", globalFilter(domain))]),
    envoyFilter("routes", [hostPatch("", limits)]),
  ];
}

/** The limits of a virtual host; of all without a name. */
export function hostPatch(of: string, limits: readonly object[], context: PatchContext = "GATEWAY"): object {
  const vhost = of === "" ? { name: of, route: { action: "ANY" } } : { name: of };
  return {
    applyTo: "VIRTUAL_HOST",
    match: { context, routeConfiguration: { vhost } },
    patch: { operation: "MERGE", value: { rate_limits: limits } },
  };
}

/** Which proxies an EnvoyFilter is for. */
interface Place {
  namespace: string;
  labels: Readonly<Record<string, string>>;
}

const ON_GATEWAY: Place = { namespace: "istio-system", labels: { istio: "ingressgateway" } };

export function envoyFilter(
  of: string,
  configPatches: readonly object[],
  { namespace, labels }: Place = ON_GATEWAY,
) {
  return {
    apiVersion: "networking.istio.io/v1alpha3",
    kind: "EnvoyFilter",
    metadata: { name: of, namespace },
    spec: { workloadSelector: { labels }, configPatches },
  };
}

export type PatchContext = "GATEWAY" | "SIDECAR_INBOUND" | "SIDECAR_OUTBOUND";

export function filterPatch(of: string, typed_config: object, context: PatchContext = "GATEWAY"): object {
  const filter = {
    name: "envoy.filters.network.http_connection_manager",
    subFilter: { name: "envoy.filters.http.router" },
  };
  return {
    applyTo: "HTTP_FILTER",
    match: { context, listener: { filterChain: { filter } } },
    patch: { operation: "INSERT_BEFORE", value: { name: of, typed_config } },
  };
}

const ALL = { default_value: { numerator: 100, denominator: "HUNDRED" } };

/** Envoy's local filter with this bucket for all, and these for values of `x-user`; an empty value is any other. */
export function localFilter(
  all: number,
  ofUsers: Readonly<Record<string, number>>,
  consumesDefault: boolean,
): object {
  const bucket = (tokens: number): object => ({
    max_tokens: tokens,
    tokens_per_fill: tokens,
    fill_interval: "3600s",
  });
  return {
    "@type": "type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit",
    stat_prefix: "local",
    filter_enabled: ALL,
    filter_enforced: ALL,
    token_bucket: bucket(all),
    always_consume_default_token_bucket: consumesDefault,
    rate_limits: [{ actions: [{ request_headers: { header_name: "x-user", descriptor_key: "user" } }] }],
    descriptors: Object.entries(ofUsers).map(([user, tokens]) => ({
      entries: [{ key: "user", value: user }],
      token_bucket: bucket(tokens),
    })),
  };
}

/** Envoy's configuration, as the JSON it is started with. */

type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json };

/** A header that a route looks at, and the value it must have; with null, any. */
export interface HeaderRule {
  name: string;
  value: string | null;
}

export interface ListenerSpec {
  port: number;
  /** HTTP filters in front of the router. */
  filters: readonly Json[];
  /** Names of the headers which `/verify` shows in its answer. */
  shown: readonly string[];
  /** A request with this header is answered by "v2", any other by "v1". */
  variantRoute: HeaderRule;
  /** The cluster that answers what no other route does; Envoy itself where it is left out. */
  upstream?: string;
  /** What Envoy's own filter asks a rate limit service about. */
  rateLimits?: readonly Json[];
  /** Routes by header that are tried before and match nothing: the native filter's yardstick. */
  idleRoutes?: readonly HeaderRule[];
  /** Envoy's own tracing. */
  tracing?: Json;
}

/** What an Envoy has besides its listener. */
export interface Surroundings {
  clusters?: readonly Json[];
  /** Another listener, on a port of its own. */
  feed?: ListenerSpec;
  /** Envoy's runtime settings. */
  runtime?: Readonly<Record<string, Json>>;
}

const type = (name: string): string => `type.googleapis.com/envoy.${name}`;

function headerRoute({ name, value }: HeaderRule, body: string): Json {
  return {
    match: {
      prefix: "/reviews",
      headers: [{ name, ...(value === null ? { present_match: true } : { string_match: { exact: value } }) }],
    },
    direct_response: { status: 200, body: { inline_string: body } },
  };
}

/** Envoy answers by itself (`direct_response`): an upstream would add its own noise to each row alike. */
export function listener(spec: ListenerSpec, name = "bench"): Json {
  return {
    name,
    address: { socket_address: { address: "127.0.0.1", port_value: spec.port } },
    filter_chains: [
      {
        filters: [
          {
            name: "envoy.filters.network.http_connection_manager",
            typed_config: {
              "@type": type("extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"),
              stat_prefix: "bench",
              generate_request_id: false,
              ...(spec.tracing === undefined ? {} : { tracing: spec.tracing }),
              route_config: {
                name: "bench",
                virtual_hosts: [
                  {
                    name: "bench",
                    domains: ["*"],
                    routes: [
                      ...(spec.idleRoutes ?? []).map((rule) => headerRoute(rule, "idle")),
                      headerRoute(spec.variantRoute, "v2"),
                      {
                        match: { prefix: "/reviews" },
                        ...(spec.upstream === undefined
                          ? { direct_response: { status: 200, body: { inline_string: "v1" } } }
                          : { route: { cluster: spec.upstream, rate_limits: spec.rateLimits ?? [] } }),
                      },
                      {
                        match: { path: "/verify" },
                        direct_response: { status: 200, body: { inline_string: "ok" } },
                        response_headers_to_add: spec.shown.map((name) => ({
                          header: { key: `seen-${name}`, value: `%REQ(${name})%` },
                        })),
                      },
                    ],
                  },
                ],
              },
              http_filters: [
                ...spec.filters,
                {
                  name: "envoy.filters.http.router",
                  typed_config: { "@type": type("extensions.filters.http.router.v3.Router") },
                },
              ],
            },
          },
        ],
      },
    ],
  };
}

/** A Wasm filter. Filters of one module and one `vmId` share a VM. */
export function wasmFilter(
  name: string,
  module: string,
  rootId: string,
  configuration: string,
  vmId: string = name,
): Json {
  return {
    name,
    typed_config: {
      "@type": type("extensions.filters.http.wasm.v3.Wasm"),
      config: {
        name,
        root_id: rootId,
        configuration: { "@type": "type.googleapis.com/google.protobuf.StringValue", value: configuration },
        vm_config: { vm_id: vmId, runtime: "envoy.wasm.runtime.v8", code: { local: { filename: module } } },
      },
    },
  };
}

export function luaFilter(name: string, source: string): Json {
  return {
    name,
    typed_config: {
      "@type": type("extensions.filters.http.lua.v3.Lua"),
      default_source_code: { inline_string: source },
    },
  };
}

/**
 * Envoy's own local rate limit: a descriptor for each of these values of a header, and a limit that refuses nobody; and
 * one for `refused`, which admits one request a day.
 */
export function localRateLimitFilter(
  name: string,
  header: string,
  values: readonly string[],
  refused: string,
): Json {
  const bucket = (tokens: number, interval: string): Json => ({
    max_tokens: tokens,
    tokens_per_fill: tokens,
    fill_interval: interval,
  });
  const always = {
    default_value: { numerator: 100, denominator: "HUNDRED" },
    runtime_key: "always",
  };
  const descriptor = (value: string, token_bucket: Json): Json => ({
    entries: [{ key: "value", value }],
    token_bucket,
  });
  return {
    name,
    typed_config: {
      "@type": type("extensions.filters.http.local_ratelimit.v3.LocalRateLimit"),
      stat_prefix: name,
      token_bucket: bucket(1_000_000_000, "1s"),
      filter_enabled: always,
      filter_enforced: always,
      descriptors: [
        ...values.map((value) => descriptor(value, bucket(1_000_000_000, "1s"))),
        descriptor(refused, bucket(1, "86400s")),
      ],
      rate_limits: [{ actions: [{ request_headers: { header_name: header, descriptor_key: "value" } }] }],
    },
  };
}

/** A rule of Envoy's RBAC filter: a method, a path's prefix and a header's value, all of which must be so. */
export interface RbacRule {
  name: string;
  method: string;
  prefix: string;
  header: string;
  value: string;
}

/** Envoy's own RBAC filter that lets pass what one of the rules allows, in the form that istiod gives them. */
export function rbacFilter(name: string, rules: readonly RbacRule[]): Json {
  const exact = (header: string, value: string): Json => ({
    header: { name: header, string_match: { exact: value } },
  });
  const policies = rules.map((rule): [string, Json] => [
    rule.name,
    {
      permissions: [
        {
          and_rules: {
            rules: [
              { or_rules: { rules: [exact(":method", rule.method)] } },
              { or_rules: { rules: [{ url_path: { path: { prefix: rule.prefix } } }] } },
            ],
          },
        },
      ],
      principals: [{ and_ids: { ids: [{ or_ids: { ids: [exact(rule.header, rule.value)] } }] } }],
    },
  ]);
  return {
    name,
    typed_config: {
      "@type": type("extensions.filters.http.rbac.v3.RBAC"),
      rules: { action: "ALLOW", policies: Object.fromEntries(policies) },
    },
  };
}

/** Envoy's own filter of tokens, as istiod configures it, with room in its cache for so many tokens; 0 for no cache. */
export function jwtAuthnFilter(
  name: string,
  issuer: string,
  audience: string,
  jwks: string,
  cached: number,
): Json {
  return {
    name,
    typed_config: {
      "@type": type("extensions.filters.http.jwt_authn.v3.JwtAuthentication"),
      providers: {
        "origins-0": {
          issuer,
          audiences: [audience],
          forward: true,
          payload_in_metadata: "payload",
          normalize_payload_in_metadata: { space_delimited_claims: ["permission", "scope"] },
          local_jwks: { inline_string: jwks },
          ...(cached > 0 ? { jwt_cache_config: { jwt_cache_size: cached } } : {}),
        },
      },
      rules: [
        {
          match: { prefix: "/" },
          requires: {
            requires_any: { requirements: [{ provider_name: "origins-0" }, { allow_missing: {} }] },
          },
        },
      ],
      bypass_cors_preflight: true,
    },
  };
}

/** Envoy's own filter that asks a rate limit service; a failed call is an error, so that none is measured unseen. */
export function rateLimitFilter(domain: string, clusterName: string, timeout: string): Json {
  return {
    name: "ratelimit",
    typed_config: {
      "@type": type("extensions.filters.http.ratelimit.v3.RateLimit"),
      domain,
      timeout,
      failure_mode_deny: true,
      rate_limit_service: {
        transport_api_version: "V3",
        grpc_service: { envoy_grpc: { cluster_name: clusterName } },
      },
    },
  };
}

/**
 * Envoy's own tracing of every request, to Zipkin's `/api/v2/spans` on this cluster; a span goes on from
 * `traceparent` where there are no headers of B3.
 */
export function zipkinTracing(clusterName: string): Json {
  return {
    random_sampling: { value: 100 },
    provider: {
      name: "envoy.tracers.zipkin",
      typed_config: {
        "@type": type("config.trace.v3.ZipkinConfig"),
        collector_cluster: clusterName,
        collector_endpoint: "/api/v2/spans",
        collector_endpoint_version: "HTTP_JSON",
        trace_context_option: "USE_B3_WITH_W3C_PROPAGATION",
      },
    },
  };
}

function bootstrap(adminPort: number, rest: Readonly<Record<string, Json>>): Json {
  return {
    node: { id: "bench", cluster: "bench" },
    admin: { address: { socket_address: { address: "127.0.0.1", port_value: adminPort } } },
    ...rest,
  };
}

/** A cluster on the loopback, HTTP/1.1 or HTTP/2. */
export function cluster(name: string, port: number, protocol: "http1" | "http2"): Json {
  const address = { socket_address: { address: "127.0.0.1", port_value: port } };
  return {
    name,
    connect_timeout: "1s",
    load_assignment: {
      cluster_name: name,
      endpoints: [{ lb_endpoints: [{ endpoint: { address } }] }],
    },
    typed_extension_protocol_options: {
      "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
        "@type": type("extensions.upstreams.http.v3.HttpProtocolOptions"),
        explicit_http_config:
          protocol === "http2" ? { http2_protocol_options: {} } : { http_protocol_options: {} },
      },
    },
  };
}

/** A bootstrap with its listeners in it. */
export function staticBootstrap(
  adminPort: number,
  spec: ListenerSpec,
  { clusters = [], feed, runtime }: Surroundings = {},
): Json {
  const listeners = [listener(spec), ...(feed ? [listener(feed, "feed")] : [])];
  const layers = runtime ? [{ name: "bench", static_layer: runtime }] : [];
  return bootstrap(adminPort, {
    static_resources: { listeners, clusters },
    ...(runtime ? { layered_runtime: { layers } } : {}),
  });
}

/** A bootstrap that reads its listeners from a file, and again whenever the file is replaced by a rename. */
export function watchingBootstrap(adminPort: number, listenersFile: string): Json {
  return bootstrap(adminPort, {
    dynamic_resources: {
      lds_config: { resource_api_version: "V3", path_config_source: { path: listenersFile } },
    },
  });
}

/** What stands in that file. */
export function listenersFile(version: string, spec: ListenerSpec): Json {
  return {
    version_info: version,
    resources: [{ "@type": type("config.listener.v3.Listener"), ...(listener(spec) as object) }],
  };
}

export type { Json };

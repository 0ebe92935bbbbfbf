/** EnvoyFilters for rate limits of a gateway and of both sides of a sidecar, with random actions, and requests for each of their virtual hosts. */
import fc from "fast-check";
import { expect } from "vitest";
import type { HttpRequest } from "../driver.ts";
import {
  envoyFilter,
  filterPatch,
  globalFilter,
  hostPatch,
  localFilter,
  rateLimits,
  request,
  type PatchContext,
} from "../cli/rate-limit-filters.ts";
import type { KubeObject } from "../peers/kube-resources.ts";
import { manifests } from "./reference-mesh.ts";
import type { Side } from "./converted-mesh.ts";
import { destined, GATEWAY } from "./converted-routes.ts";

const GLOBAL = "envoy.filters.http.ratelimit";
const CLUSTER = "rate_limit_cluster";
const HOSTS = 8;
const REQUESTS = 12;
/** Of one VirtualService: istiod makes one virtual host of them, which has the name of the first (`collapseDuplicateRoutes` of `gateway.go`). */
const TWO = ["a.two.example", "b.two.example"];

export interface Limited {
  on: Side;
  requests: HttpRequest[];
}

/** In every virtual host: shows that the filter is there. */
const PROBE = {
  actions: [
    {
      header_value_match: { descriptor_value: "probe", headers: [{ name: "x-probe", present_match: true }] },
    },
  ],
};

export const PROBED: readonly Limited[] = (
  [
    ["gateway", "l0.example"],
    ["inbound", "productpage:9080"],
    ["outbound", "reviews:9080"],
  ] as const
).map(([on, authority]) => ({
  on,
  requests: [{ method: "GET", path: "/", authority, headers: [["x-probe", "1"]] }],
}));

export interface GeneratedLimits {
  /** For all of it, before and after. */
  services: KubeObject[];
  /** What is to be converted. */
  filters: KubeObject[];
  /** Adds the cluster that the filters call, to all proxies; it stays. */
  cluster: KubeObject;
  all: Limited[];
  /** What is asked otherwise, as docs/convert.md says, behind a plugin that sets {@link LAUNCHED}: the answer before and now. */
  different: Limited & { before: string; after: string };
}

/** Of every request to the gateway, by a plugin before the limits. */
export const LAUNCHED = "x-launched";

/** `port` is the service's, of 127.0.0.1. */
export function generatedLimits(seed: number, port: number): GeneratedLimits {
  let made = 0;
  const limits = (): object[] => [...fc.sample(rateLimits, { seed: seed + ++made, numRuns: 1 })[0]!, PROBE];
  const asks = (on: Limited["on"], ...authorities: string[]): Limited => ({
    on,
    requests: fc
      .sample(request, { seed: seed + ++made, numRuns: REQUESTS })
      .map((one, at) => ({ method: "GET", ...one, authority: authorities[at % authorities.length]! })),
  });
  const hosts = Array.from({ length: HOSTS }, (_, at) => `l${at}.example`);
  const toRoute = (host: string, more: object = {}): object =>
    routePatch(host, "items", { rate_limits: limits(), ...more });
  const atGateway = [
    ...hosts.map((host) => hostPatch(`${host}:80`, limits())),
    toRoute(hosts[1]!),
    toRoute(hosts[2]!, { include_vh_rate_limits: true }),
    hostPatch("*.wide.example:80", limits()),
    hostPatch("*:80", limits()),
    ...["launched", "items"].map((name) =>
      routePatch("launched.example", name, {
        rate_limits: [{ actions: [{ generic_key: { descriptor_value: name } }] }],
      }),
    ),
    hostPatch(`${TWO[0]}:80`, limits()),
  ];
  const atSidecar = (side: PatchContext, domain: string, host: string): object[] => [
    filterPatch(GLOBAL, globalFilter(domain, CLUSTER), side),
    hostPatch(host, limits(), side),
  ];
  const sidecar = { namespace: "my-app", labels: { app: "productpage" } };
  return {
    services: [
      ...[["*"], ["*.wide.example"], ["deep.wide.example"], TWO, ...hosts.map((host) => [host])].map(
        virtualService,
      ),
      launchedService(),
    ],
    filters: [
      envoyFilter("limits", [filterPatch(GLOBAL, globalFilter("gateway", CLUSTER))]),
      envoyFilter("limited-routes", atGateway),
      envoyFilter(
        "sidecar-limits",
        [
          ...atSidecar("SIDECAR_INBOUND", "inbound", "inbound|http|9080"),
          ...atSidecar("SIDECAR_OUTBOUND", "outbound", "reviews.my-app.svc.cluster.local:9080"),
        ],
        sidecar,
      ),
    ],
    cluster: {
      apiVersion: "networking.istio.io/v1alpha3",
      kind: "EnvoyFilter",
      metadata: { name: "cluster", namespace: "istio-system" },
      spec: { configPatches: [clusterPatch(port)] },
    },
    all: [
      ...hosts.map((host) => asks("gateway", host, host.toUpperCase(), `${host}:8080`)),
      asks("gateway", "a.wide.example", "deep.wide.example"),
      asks("gateway", ...TWO),
      asks("gateway", "elsewhere.example", "wide.example"),
      asks("inbound", "productpage:9080", "any.example"),
      asks("outbound", "reviews:9080", "reviews.my-app.svc.cluster.local", "settled:9080", "Reviews.my-app"),
    ],
    different: {
      on: "gateway",
      requests: [{ method: "GET", path: "/a", authority: "launched.example" }],
      before: '200  asked gateway [{"key":"generic_key","value":"launched"}]',
      after: '200  asked gateway [{"key":"generic_key","value":"items"}]',
    },
  };
}

/** Its route is another one when the header has been set. */
function launchedService(): KubeObject {
  const base = virtualService(["launched.example"], -1);
  const { http, ...spec } = base.spec as { http: object[] };
  const launched = destined({ name: "launched", match: [{ headers: { [LAUNCHED]: { exact: "yes" } } }] }, 2);
  return {
    ...base,
    metadata: { ...base.metadata, name: "launched" },
    spec: { ...spec, http: [launched, ...http] },
  };
}

function routePatch(host: string, name: string, value: object): object {
  return {
    applyTo: "HTTP_ROUTE",
    match: { context: "GATEWAY", routeConfiguration: { vhost: { name: `${host}:80`, route: { name } } } },
    patch: { operation: "MERGE", value: { route: value } },
  };
}

/** Of `istio/mesh/rate-limit`, for plain HTTP. A busy machine is not to decide what its 20 ms for a call let pass. */
export function referenceLimits(host: string): { service: KubeObject; filters: KubeObject[] } {
  const text = JSON.stringify(manifests("rate-limit", "envoy-filter.yaml"));
  expect(text).toMatch(/"timeout":"20ms"[^]*api\.example\.com:443/);
  const filters = text
    .replace('"timeout":"20ms"', '"timeout":"2s"')
    .replace("api.example.com:443", `${host}:80`);
  return { service: virtualService([host], 0), filters: JSON.parse(filters) as KubeObject[] };
}

const LOCAL = "envoy.filters.http.local_ratelimit";

/** Of productpage's sidecar: so many for each of these users, and more than are asked for others. By the filter, or by its routes, as Istio's documentation has it, for a filter with a name of its own. */
export function localLimits(users: Readonly<Record<string, number>>, by: "filter" | "routes"): KubeObject {
  const limits = {
    "@type": "",
    ...localFilter(1000, users, true),
    enable_x_ratelimit_headers: "DRAFT_VERSION_03",
  };
  const name = by === "routes" ? "productpage.limits" : LOCAL;
  const { "@type": type, ...value } = limits;
  const bare = { "@type": type, stat_prefix: "local" };
  const struct = { "@type": "type.googleapis.com/udpa.type.v1.TypedStruct", type_url: type, value };
  const ofRoutes = {
    applyTo: "HTTP_ROUTE",
    match: {
      context: "SIDECAR_INBOUND",
      routeConfiguration: { vhost: { name: "inbound|http|9080", route: { action: "ANY" } } },
    },
    patch: { operation: "MERGE", value: { typed_per_filter_config: { [name]: struct } } },
  };
  const patches = [
    filterPatch(name, by === "filter" ? limits : bare, "SIDECAR_INBOUND"),
    ...(by === "routes" ? [ofRoutes] : []),
  ];
  return envoyFilter("local", patches, { namespace: "my-app", labels: { app: "productpage" } });
}

function virtualService(hosts: string[], at: number): KubeObject {
  return {
    apiVersion: "networking.istio.io/v1",
    kind: "VirtualService",
    metadata: { name: `limited-${at}`, namespace: "my-app" },
    spec: {
      hosts,
      gateways: [GATEWAY],
      http: [
        destined({ name: "items", match: [{ uri: { prefix: "/a" } }] }, 0),
        destined({ name: "rest" }, 1),
      ],
    },
  };
}

function clusterPatch(port: number): object {
  return {
    applyTo: "CLUSTER",
    match: { context: "ANY" },
    patch: {
      operation: "ADD",
      value: {
        name: CLUSTER,
        type: "STATIC",
        connect_timeout: "5s",
        lb_policy: "ROUND_ROBIN",
        http2_protocol_options: {},
        load_assignment: {
          cluster_name: CLUSTER,
          endpoints: [
            {
              lb_endpoints: [
                { endpoint: { address: { socket_address: { address: "127.0.0.1", port_value: port } } } },
              ],
            },
          ],
        },
      },
    },
  };
}

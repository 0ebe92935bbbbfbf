/** An `EnvoyFilter`: which of its patches are about rate limits, where they apply, and what they say. */
import type { Field } from "./field.ts";
import type { Target } from "./plugin.ts";
import { targetKey } from "./plugin.ts";
import type { Resource } from "./resources.ts";
import { joined, type RequestMatch } from "./route-match.ts";

export type Context = "ANY" | "SIDECAR_INBOUND" | "SIDECAR_OUTBOUND" | "GATEWAY";

/** A filter that a patch puts into the chain. */
export interface FilterPatch {
  resource: Resource;
  kind: "global" | "local";
  context: Context;
  ports: number[];
  /** It stands before all other filters. */
  first: boolean;
  config: Field;
}

/** What a patch says of routes. */
export interface RoutePatch {
  resource: Resource;
  context: Context;
  /** Which requests have such a route. */
  match: RequestMatch;
  level: "virtual host" | "route";
  rateLimits: readonly Field[];
  /** `LocalRateLimit` of a route's `typed_per_filter_config`. */
  local: Field | null;
  includesVirtualHost: boolean;
  at: Field;
}

/** All patches for the same proxies. */
export interface PatchGroup {
  namespace: string;
  target: Target;
  filters: FilterPatch[];
  routes: RoutePatch[];
  /** Clusters that patches add, by their names. */
  clusters: Map<string, AddedCluster>;
}

export interface AddedCluster {
  /** Its only address, as `host:port`; null where it has several. */
  address: string | null;
  at: Field;
}

const GLOBAL = "envoy.extensions.filters.http.ratelimit.v3.RateLimit";
const LOCAL = "envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit";

export function readEnvoyFilters(resources: readonly Resource[]): PatchGroup[] {
  const groups = new Map<string, PatchGroup>();
  for (const resource of resources) {
    if (resource.kind !== "EnvoyFilter" || resource.group !== "networking.istio.io") continue;
    const { spec, namespace } = resource;
    const target = targetOf(spec);
    const key = targetKey(namespace, target);
    const group = groups.get(key) ?? {
      namespace,
      target,
      filters: [],
      routes: [],
      clusters: new Map<string, AddedCluster>(),
    };
    groups.set(key, group);
    spec.pass("priority");
    for (const patch of spec.get("configPatches")?.items() ?? []) readPatch(resource, patch, group);
    spec.finish();
  }
  return [...groups.values()];
}

/** An EnvoyFilter's `workloadSelector.labels` is `selector.matchLabels` of other resources. */
function targetOf(spec: Field): Target {
  const labels = spec.find("workloadSelector", "labels")?.value();
  spec.get("workloadSelector")?.finish();
  const references = spec.get("targetRefs")?.value();
  return {
    ...(labels === undefined ? {} : { selector: { matchLabels: labels } }),
    ...(references === undefined ? {} : { targetRefs: references }),
  };
}

function readPatch(resource: Resource, field: Field, group: PatchGroup): void {
  const { report } = field.place;
  const before = report.count;
  const applyTo = field.get("applyTo")?.text() ?? "";
  const match = field.get("match");
  const context = (match?.get("context")?.text() ?? "ANY") as Context;
  match?.get("proxy")?.leave("which proxies by version or metadata: a plugin has labels for that");
  const patch = field.get("patch");
  const operation = patch?.get("operation")?.text() ?? "";
  const value = patch?.get("value") ?? null;
  field.finish();
  if (value === null || patch === null) return field.leave("no patch.value");
  patch.pass("filterClass");
  patch.finish();
  const base = { resource, context };
  if (applyTo === "HTTP_FILTER") {
    const found = unwrapped(value.get("typedConfig"));
    value.pass("name");
    value.finish();
    const kind = found?.type.endsWith(GLOBAL) ? "global" : found?.type.endsWith(LOCAL) ? "local" : null;
    if (kind === null || found === null)
      return field.leave("not one of Envoy's rate limit filters: the patch stays with the EnvoyFilter");
    if (!/^(?:ADD|INSERT_(?:BEFORE|AFTER|FIRST))$/.test(operation))
      return field.leave(`operation ${operation || "(none)"}: expected one that inserts the filter`);
    const { ports, first } = readListener(match, operation);
    if (report.count === before) group.filters.push({ ...base, kind, ports, first, config: found.config });
  } else if (applyTo === "VIRTUAL_HOST" || applyTo === "HTTP_ROUTE") {
    const level = applyTo === "HTTP_ROUTE" ? "route" : "virtual host";
    const action = level === "route" ? value.get("route") : null;
    const rateLimits = [value, action].flatMap((one) => one?.get("rateLimits")?.items() ?? []);
    const perFilter = value.find("typedPerFilterConfig", "envoy.filters.http.local_ratelimit");
    const local = unwrapped(perFilter);
    const includesVirtualHost = action?.get("includeVhRateLimits")?.boolean() === true;
    value
      .get("typedPerFilterConfig")
      ?.finish("the configuration of another filter: it stays with the EnvoyFilter");
    action?.finish("not about rate limits: it stays with the EnvoyFilter");
    value.finish("not about rate limits: it stays with the EnvoyFilter");
    if (rateLimits.length === 0 && local === null)
      return field.leave("nothing about rate limits: the patch stays with the EnvoyFilter");
    const which = readRouteConfiguration(match, level);
    if (report.count > before) return;
    group.routes.push({
      ...base,
      match: which,
      level,
      rateLimits,
      local: local?.config ?? null,
      includesVirtualHost,
      at: field,
    });
  } else if (applyTo === "CLUSTER" && operation === "ADD") {
    // The plugin may call it as the filter does; where it leads is looked at for a better name.
    group.clusters.set(value.get("name")?.text() ?? "", { address: addressOf(value), at: field });
  } else
    field.leave(
      `applyTo ${applyTo || "(none)"}: nothing about rate limits, the patch stays with the EnvoyFilter`,
    );
}

/** A typed configuration, and that in a `TypedStruct`. */
function unwrapped(field: Field | null): { type: string; config: Field } | null {
  if (field === null) return null;
  const type = field.get("@type")?.text() ?? "";
  if (!/(?:udpa|xds)\.type\.v[13]\.TypedStruct$/.test(type)) return { type, config: field };
  const config = field.get("value");
  const inner = field.get("typeUrl")?.text() ?? "";
  field.finish();
  return config === null ? null : { type: inner, config };
}

function readListener(match: Field | null, operation: string): { ports: number[]; first: boolean } {
  const listener = match?.get("listener");
  match?.finish();
  const port = listener?.get("portNumber")?.number() ?? null;
  const chain = listener?.get("filterChain");
  const filter = chain?.get("filter");
  const name = filter?.get("name")?.text() ?? "envoy.filters.network.http_connection_manager";
  if (!name.endsWith("http_connection_manager")) filter!.leave("expected the HTTP connection manager");
  const sub = filter?.find("subFilter", "name")?.text() ?? null;
  filter?.finish();
  chain?.finish();
  listener?.finish();
  const first = operation === "INSERT_FIRST" || (operation === "INSERT_BEFORE" && sub === null);
  return { ports: port === null ? [] : [port], first };
}

function readRouteConfiguration(match: Field | null, level: RoutePatch["level"]): RequestMatch {
  const configuration = match?.get("routeConfiguration");
  match?.finish();
  const virtualHost = configuration?.get("vhost");
  const name = virtualHost?.get("name")?.text() ?? "";
  const route = virtualHost?.get("route");
  const routeName = route?.get("name")?.text() ?? "";
  const action = route?.get("action")?.text() ?? "ANY";
  if (action !== "ANY" && action !== "ROUTE") route!.leave("expected action ANY or ROUTE");
  if (level === "virtual host" && routeName !== "") route!.leave("the patch is for the whole virtual host");
  route?.finish();
  virtualHost?.finish();
  configuration?.finish("a plugin sees all route configurations of its listeners");
  return joined([
    ...hostOf(name),
    ...(routeName === "" ? [] : [{ cel: `xds.route_name == ${JSON.stringify(routeName)}` }]),
  ]);
}

/** istiod names virtual hosts `<host>:<port>`, and those of inbound listeners `inbound|http|<port>`, which take any host. */
function hostOf(name: string): RequestMatch[] {
  const host = name.replace(/:\d+$/, "");
  if (host === "" || host === "*" || name.startsWith("inbound|")) return [];
  return [{ host: host.startsWith("*") ? { suffix: host.slice(1) } : host }];
}

/** Of a cluster with one endpoint. */
function addressOf(cluster: Field): string | null {
  const endpoints = cluster.find("loadAssignment", "endpoints")?.items() ?? [];
  const all = endpoints.flatMap((one) => one.get("lbEndpoints")?.items() ?? []);
  const socket = all.length === 1 ? all[0]!.find("endpoint", "address", "socketAddress") : null;
  const [address, port] = [socket?.get("address")?.text(), socket?.get("portValue")?.number()];
  return address && port ? `${address}:${port}` : null;
}

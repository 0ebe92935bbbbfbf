/** An `EnvoyFilter`: which of its patches are about rate limits, where they apply, and what they say. */
import type { Field } from "./field.ts";
import { signOfGateways } from "./gateways.ts";
import { targetKey, targetRefsOf, type Target } from "./plugin.ts";
import type { Resource } from "./resources.ts";
import type { RouteScope } from "./route-scope.ts";

const CONTEXTS = ["ANY", "SIDECAR_INBOUND", "SIDECAR_OUTBOUND", "GATEWAY"] as const;
export type Context = (typeof CONTEXTS)[number];

/** Before all filters that a plugin can stand before, before those of tokens, before those of policies, after all filters that a plugin can stand after. */
export type Order = "first" | "AUTHN" | "AUTHZ" | "last";

type Kind = "global" | "local";

/** A filter that a patch puts into the chain. */
export interface FilterPatch {
  resource: Resource;
  kind: Kind;
  /** In the chain; routes have configurations for it under this name. */
  name: string;
  context: Context;
  ports: number[];
  order: Order;
  config: Field;
  /** Something of the patch cannot be converted, which is told. */
  isBroken: boolean;
}

/** What a patch says of routes: their rate limits, or a configuration for one filter. A patch with several of these is several. */
export interface RoutePatch {
  resource: Resource;
  context: Context;
  scope: RouteScope;
  level: "virtual host" | "route";
  rateLimits: readonly Field[];
  own: OwnConfiguration | null;
  includesVirtualHost: boolean;
  /** A plugin has it; else it stays. */
  isTaken: boolean;
  /** Something of the patch cannot be converted, which is told: so neither can a filter that looks at it. */
  isBroken: boolean;
  at: Field;
}

/** What routes have of a filter in place of the filter's own: `LocalRateLimit`, or `RateLimitPerRoute`, which plugins have nothing of. */
interface OwnConfiguration {
  /** The filter's name in the chain (`mostSpecificPerFilterConfig` of Envoy's `filter_manager.cc`). */
  filter: string;
  kind: Kind;
  config: Field;
}

/** A patch that makes something else of a filter which another has put into the chain, or takes it out. */
export interface FilterChange {
  resource: Resource;
  context: Context;
  operation: string;
  /** The filter's name; null for all. */
  filter: string | null;
  at: Field;
}

/** All patches for the same proxies. */
export interface PatchGroup {
  namespace: string;
  target: Target;
  filters: FilterPatch[];
  changes: FilterChange[];
  routes: RoutePatch[];
  clusters: AddedCluster[];
}

/** A cluster that a patch adds. */
export interface AddedCluster {
  name: string;
  resource: Resource;
  /** Its only address, as `host:port`; null where it has several. */
  address: string | null;
  /** A plugin calls it, or another that leads there. */
  isCalled: boolean;
  at: Field;
}

const GLOBAL = "envoy.extensions.filters.http.ratelimit.v3.RateLimit";
const LOCAL = "envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit";
const CONNECTION_MANAGER = "envoy.filters.network.http_connection_manager";

export function readEnvoyFilters(resources: readonly Resource[]): PatchGroup[] {
  const groups = new Map<string, PatchGroup>();
  const filters = filtersOf(resources);
  for (const resource of resources) {
    if (resource.kind !== "EnvoyFilter" || resource.group !== "networking.istio.io") continue;
    const { spec, namespace } = resource;
    const target = targetOf(spec);
    const key = targetKey(namespace, target);
    const group = groups.get(key) ?? {
      namespace,
      target,
      filters: [],
      changes: [],
      routes: [],
      clusters: [],
    };
    groups.set(key, group);
    spec
      .get("priority")
      ?.note("the order among EnvoyFilters: the plugin has none of it, its own `priority` says its place");
    const ofGateways = signOfGateways(target, resources) !== null;
    const patches = spec.get("configPatches")?.items() ?? [];
    if (patches.length === 0) resource.root.leave(`${resource.title} has no configPatches`);
    for (const patch of patches) readPatch(resource, patch, { group, ofGateways, filters });
    spec.finish();
  }
  return [...groups.values()];
}

/** An EnvoyFilter's `workloadSelector.labels` is `selector.matchLabels` of other resources. */
export function workloadOf(spec: Field): Target {
  const labels = spec.find("workloadSelector", "labels")?.value();
  return labels === undefined ? {} : { selector: { matchLabels: labels } };
}

function targetOf(spec: Field): Target {
  const workload = workloadOf(spec);
  spec.get("workloadSelector")?.finish();
  const references = targetRefsOf(spec);
  return { ...workload, ...(references === undefined ? {} : { targetRefs: references }) };
}

/** Rate limit filters by their names, those that Envoy's documentation gives them and those of the input. */
function filtersOf(resources: readonly Resource[]): Map<string, Kind> {
  const filters = new Map<string, Kind>([
    ["envoy.filters.http.ratelimit", "global"],
    ["envoy.filters.http.local_ratelimit", "local"],
  ]);
  const patches = resources
    .filter(({ kind, group }) => kind === "EnvoyFilter" && group === "networking.istio.io")
    .flatMap(({ spec }) => spec.get("configPatches")?.items() ?? []);
  for (const patch of patches) {
    if (patch.get("applyTo")?.text() !== "HTTP_FILTER") continue;
    const value = patch.find("patch", "value");
    const kind = kindOf(unwrapped(value?.get("typedConfig") ?? null)?.type);
    const name = value?.get("name")?.text();
    if (kind !== undefined && name) filters.set(name, kind);
  }
  return filters;
}

/** By the type of a configuration. */
function kindOf(type = ""): Kind | undefined {
  if (type.endsWith(GLOBAL) || type.endsWith(`${GLOBAL}PerRoute`)) return "global";
  return type.endsWith(LOCAL) ? "local" : undefined;
}

interface PatchPlace {
  group: PatchGroup;
  ofGateways: boolean;
  filters: ReadonlyMap<string, Kind>;
}

function readPatch(resource: Resource, field: Field, { group, ofGateways, filters }: PatchPlace): void {
  const { report } = field.place;
  const before = report.count;
  const applyTo = field.get("applyTo")?.text() ?? "";
  const match = field.get("match");
  const context = applyTo === "CLUSTER" ? "ANY" : readContext(match?.get("context") ?? null, ofGateways);
  match?.get("proxy")?.leave("which proxies by version or metadata: a plugin has labels for that");
  const patch = field.get("patch");
  const operation = patch?.get("operation")?.text() ?? "";
  const value = patch?.get("value") ?? null;
  field.finish();
  if (applyTo === "HTTP_FILTER" && ["MERGE", "REPLACE", "REMOVE"].includes(operation)) {
    const filter = match?.find("listener", "filterChain", "filter", "subFilter", "name")?.text() ?? null;
    group.changes.push({ resource, context, operation, filter, at: field });
    if (operation === "REMOVE") return field.leave("takes a filter out of the chain: the patch stays");
  }
  if (value === null || patch === null) return field.leave("no patch.value");
  patch.pass("filterClass");
  patch.finish();
  const base = { resource, context };
  if (applyTo === "HTTP_FILTER") {
    const found = unwrapped(value.get("typedConfig"));
    const name = value.get("name")?.text() ?? "";
    value.finish();
    const kind = kindOf(found?.type);
    if (kind === undefined || found === null)
      return field.leave("not one of Envoy's rate limit filters: the patch stays with the EnvoyFilter");
    const inserts = /^(?:ADD|INSERT_(?:BEFORE|AFTER|FIRST))$/.test(operation);
    if (!inserts) field.leave(`operation ${operation || "(none)"}: expected one that inserts the filter`);
    const { ports, order } = inserts ? readListener(match, operation) : { ports: [], order: "last" as const };
    const isBroken = report.count > before;
    if (!isBroken && context === "SIDECAR_OUTBOUND" && group.target.selector === undefined)
      match!
        .get("context")!
        .note(
          "the patch is for sidecars, and the plugin for gateways of the same namespaces too, whose listeners are a client's: give it a selector where there are any",
        );
    group.filters.push({ ...base, kind, name, ports, order, config: found.config, isBroken });
  } else if (applyTo === "VIRTUAL_HOST" || applyTo === "HTTP_ROUTE") {
    const level: RoutePatch["level"] = applyTo === "HTTP_ROUTE" ? "route" : "virtual host";
    const action = level === "route" ? value.get("route") : null;
    if (level === "route")
      value
        .get("rateLimits")
        ?.leave(
          "a route of Envoy has its rate limits in `route`: istiod leaves these out, and nothing is limited by them",
        );
    const rateLimits = (level === "route" ? action : value)?.get("rateLimits")?.items() ?? [];
    const own = ownConfigurations(value, filters);
    const includesVirtualHost = action?.get("includeVhRateLimits")?.boolean() === true;
    action?.finish("not about rate limits: it stays with the EnvoyFilter");
    value.finish("not about rate limits: it stays with the EnvoyFilter");
    if (rateLimits.length === 0 && own.length === 0)
      return field.leave("nothing about rate limits: the patch stays with the EnvoyFilter");
    if (operation !== "MERGE") field.leave(`operation ${operation || "(none)"}: expected MERGE`);
    const scope = readRouteConfiguration(match, level);
    const isBroken = report.count > before;
    const said = { ...base, scope, level, includesVirtualHost, isBroken, at: field };
    if (rateLimits.length > 0) group.routes.push({ ...said, rateLimits, own: null, isTaken: false });
    for (const one of own) group.routes.push({ ...said, rateLimits: [], own: one, isTaken: false });
  } else if (applyTo === "CLUSTER" && operation === "ADD") {
    // The plugin may call it as the filter does; where it leads is looked at for a better name.
    const name = value.get("name")?.text() ?? "";
    group.clusters.push({ name, resource, address: addressOf(value), isCalled: false, at: field });
  } else
    field.leave(
      `applyTo ${applyTo || "(none)"}: nothing about rate limits, the patch stays with the EnvoyFilter`,
    );
}

/** Those of rate limit filters in what routes have for filters. */
function ownConfigurations(value: Field, filters: ReadonlyMap<string, Kind>): OwnConfiguration[] {
  return (value.get("typedPerFilterConfig")?.members() ?? []).flatMap(({ name: filter, field }) => {
    const found = unwrapped(field);
    const kind = kindOf(found?.type) ?? filters.get(filter);
    if (kind === undefined) field.leave("the configuration of another filter: it stays with the EnvoyFilter");
    if (kind === "global")
      field.leave(
        "what Envoy's filter does otherwise for these routes (RateLimitPerRoute), which is not converted",
      );
    return kind === undefined || found === null ? [] : [{ filter, kind, config: found.config }];
  });
}

/** Plugins know the sides of proxies, and gateways have the side of sidecars' outbound listeners: a patch for one kind needs a selector of it. */
function readContext(field: Field | null, ofGateways: boolean): Context {
  const text = field?.text() ?? "ANY";
  const context = CONTEXTS.find((one) => one === text);
  if (context === undefined)
    field!.leave(
      `expected ${CONTEXTS.join(", ")}: others are not known to this command, and istiod applies none of them`,
    );
  if (context === "GATEWAY" && !ofGateways)
    field!.leave(
      "the patch is for gateways, and no selector says so: the plugin would be in sidecars too. Give the EnvoyFilter a workloadSelector with the gateway's labels, and the input its Gateway",
    );
  if (context === "SIDECAR_OUTBOUND" && ofGateways)
    field!.leave("the patch is for sidecars, and its selector is a gateway's: istiod applies it to none");
  return context ?? "ANY";
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

function readListener(match: Field | null, operation: string): { ports: number[]; order: Order } {
  const listener = match?.get("listener");
  match?.finish();
  const port = listener?.get("portNumber")?.number() ?? null;
  const chain = listener?.get("filterChain");
  const filter = chain?.get("filter");
  const name = filter?.get("name")?.text() ?? CONNECTION_MANAGER;
  if (name !== CONNECTION_MANAGER)
    filter!.leave(
      `istiod has no ${name} in listeners of HTTP, so the patch does nothing; expected ${CONNECTION_MANAGER}`,
    );
  const order = readOrder(filter?.get("subFilter") ?? null, operation);
  filter?.finish();
  chain?.finish();
  listener?.finish();
  return { ports: port === null ? [] : [port], order };
}

/** What stands before or after these, in a chain of istiod's (`listener_builder.go`). */
const ORDERS: Readonly<Record<string, Order>> = {
  "INSERT_BEFORE envoy.filters.http.router": "last",
  "INSERT_BEFORE envoy.filters.http.jwt_authn": "AUTHN",
  "INSERT_AFTER envoy.filters.http.jwt_authn": "AUTHZ",
  "INSERT_BEFORE envoy.filters.http.rbac": "AUTHZ",
};

/** Without a filter to stand before, a patch puts its own before all others (`patchHTTPFilters` of `listener_patch.go`). */
function readOrder(sub: Field | null, operation: string): Order {
  const name = sub?.get("name")?.text() ?? "";
  sub?.finish();
  if (operation === "INSERT_FIRST") return "first";
  if (name === "" || operation === "ADD") return operation === "INSERT_BEFORE" ? "first" : "last";
  const order = ORDERS[`${operation} ${name}`];
  if (order === undefined)
    sub!.leave(`${operation} ${name}: no plugin stands there; expected ${Object.keys(ORDERS).join(", ")}`);
  else if (order !== "last")
    sub!.note(
      `the patch does nothing where a proxy has no ${name}; the plugin stands in its phase (${order}) all the same`,
    );
  return order ?? "last";
}

/** istiod names virtual hosts `<host>:<port>`, and those of inbound listeners `inbound|http|<port>`. */
function readRouteConfiguration(match: Field | null, level: RoutePatch["level"]): RouteScope {
  const configuration = match?.get("routeConfiguration");
  match?.finish();
  const virtualHost = configuration?.get("vhost");
  const name = virtualHost?.get("name")?.text() ?? "";
  const route = virtualHost?.get("route");
  const routeName = route?.get("name")?.text() ?? "";
  const action = route?.get("action")?.text() ?? "ANY";
  if (action === "ROUTE")
    route!.note(
      "the plugin counts requests too that a redirect or a direct response answers, which ROUTE leaves out",
    );
  else if (action !== "ANY") route!.leave("expected action ANY or ROUTE");
  if (level === "virtual host" && routeName !== "") route!.leave("the patch is for the whole virtual host");
  if (routeName !== "")
    route!.note(
      "the plugin knows the route that Envoy has found so far; where a plugin before it changes a header that routes match, as dark-launch does, Envoy's filter would look for the route again",
    );
  route?.finish();
  virtualHost?.finish();
  configuration?.finish("a plugin sees all route configurations of its listeners");
  return { virtualHost: name, route: routeName };
}

/** Of a cluster with one endpoint. */
function addressOf(cluster: Field): string | null {
  const endpoints = cluster.find("loadAssignment", "endpoints")?.items() ?? [];
  const all = endpoints.flatMap((one) => one.get("lbEndpoints")?.items() ?? []);
  const socket = all.length === 1 ? all[0]!.find("endpoint", "address", "socketAddress") : null;
  const [address, port] = [socket?.get("address")?.text(), socket?.get("portValue")?.number()];
  return address && port ? `${address}:${port}` : null;
}

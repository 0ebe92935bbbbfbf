/**
 * A `VirtualService` that routes by headers to `dark-launch` and what is left of the VirtualService: what a request must be moves into the
 * plugin, which says its answer in a header, and the routes match that header. What a route does stays where it is.
 */
import type { Modules } from "../modules.ts";
import { refusalOf } from "../refusal.ts";
import type { Field } from "./field.ts";
import { goesBefore, hostMatch, hostsOf } from "./host-match.ts";
import type { MeshConfig } from "./mesh-config.ts";
import { Names, resourceName, ruleName } from "./names.ts";
import {
  labelsOf,
  overlap,
  type ConvertedPlugin,
  type ConvertedResource,
  type Place,
  type Target,
} from "./plugin.ts";
import type { Resource } from "./resources.ts";
import { placesOf } from "./routing-places.ts";
import { isAboutHeaders, joined, readRouteMatch, type RequestMatch } from "./route-match.ts";

export interface LaunchOptions {
  /** The routing header. */
  header: string;
  /** With the filter that reads what is made of a VirtualService. */
  modules: Modules;
  mesh: MeshConfig;
}

interface Rule {
  name: string;
  variant: string;
  match?: RequestMatch;
}

/** A VirtualService that is converted. */
interface Service {
  resource: Resource;
  /** Patterns of hosts: `a.example`, `*.example`, `*`. */
  hosts: readonly string[];
  rules: readonly Rule[];
}

interface Launch {
  namespace: string;
  target: Target;
  /** Where its proxies may be. */
  reach: Place;
  services: Service[];
  remarks: string[];
}

/** Names that are there once in the whole conversion: any two rules may come into one plugin. */
interface Taken {
  rules: Names;
  variants: Names;
}

export interface ConvertedService extends ConvertedResource {
  from: Resource;
  /** All of `spec.http`, as it is now. */
  routes: readonly unknown[];
}

export interface ConvertedLaunches {
  plugins: ConvertedPlugin[];
  services: ConvertedService[];
}

export function convertVirtualServices(
  resources: readonly Resource[],
  { header, modules, mesh: { rootNamespace } }: LaunchOptions,
): ConvertedLaunches {
  /** By where the plugin runs: two plugins in one proxy would write one header. */
  const launches = new Map<string, Launch>();
  const services: ConvertedLaunches["services"] = [];
  const taken = { rules: new Names(), variants: new Names() };
  /** Routes that follow the header now. */
  const moved = new Set<Field>();
  for (const resource of resources) {
    if (resource.kind !== "VirtualService" || resource.group !== "networking.istio.io") continue;
    const read = convertRoutes(resource, header, taken);
    if (read === null) continue;
    const configuration = JSON.stringify({ header, rules: read.rules });
    const told = refusalOf(modules.runnerOf("dark-launch"), "dark-launch", configuration);
    for (const problem of told)
      resource.root.leave(`dark-launch refuses what was made of it, so it stays as it is: ${problem}`);
    if (told.length > 0) continue;
    const service = { resource, hosts: hostsOf(resource), rules: read.rules };
    const { places, unknown } = placesOf(resource, resources, rootNamespace);
    for (const { at, why } of unknown)
      resource.spec
        .get("gateways")!
        .items()
        [at]!.leave(
          `${why}, so which proxies route by it is not known here: give the Gateway too, with a selector. The VirtualService stays as it is`,
        );
    if (unknown.length > 0) continue;
    const keyOf = ({ namespace, target }: (typeof places)[number]): string =>
      JSON.stringify([namespace, target]);
    const others = new Set(places.flatMap((place) => launches.get(keyOf(place))?.services ?? []));
    if (inOrder([...others, service]) === null) {
      const rival = [...others].find((other) => inOrder([other, service]) === null) ?? [...others][0]!;
      resource.root.leave(
        `stays as it is: it has hosts that ${rival.resource.title} has too, or each has some within the other's, so a plugin for both would not know which of them routes a request`,
      );
      continue;
    }
    services.push({ ...read.service, from: resource });
    for (const route of read.moved) moved.add(route);
    for (const place of places) {
      const { namespace, target, reach, remark } = place;
      const launch = launches.get(keyOf(place)) ?? { namespace, target, reach, services: [], remarks: [] };
      launches.set(keyOf(place), launch);
      // Several gateways may be of the same proxies.
      if (!launch.services.includes(service)) launch.services.push(service);
      launch.remarks.push(remark);
      resource.root.note(remark);
    }
  }
  if (services.length > 0 && leaveOthersOfHeader(resources, header, moved))
    return { plugins: [], services: [] };
  const all = [...launches.values()];
  for (const launch of all) remarkOthers(launch, all, rootNamespace);
  return { plugins: all.map((launch) => pluginOf(launch, header)), services };
}

/** Whether a route that stays as it is matches the header that the plugin writes: no request would take it as before. Each is told. */
function leaveOthersOfHeader(
  resources: readonly Resource[],
  header: string,
  moved: ReadonlySet<Field>,
): boolean {
  const matched = resources
    .filter(({ kind, group }) => kind === "VirtualService" && group === "networking.istio.io")
    .flatMap(({ spec }) => spec.get("http")?.items() ?? [])
    .filter((route) => !moved.has(route))
    .flatMap((route) => route.get("match")?.items() ?? [])
    .flatMap((match) => [match.get("headers"), match.get("withoutHeaders")])
    .flatMap((headers) => headers?.members() ?? [])
    .filter(({ name }) => name.toLowerCase() === header.toLowerCase());
  for (const { field } of matched)
    field.leave(
      "the routing header, which the plugin writes in place of what a client sends, and the route stays as it is: no VirtualService is converted. Give the plugin another --header",
    );
  return matched.length > 0;
}

/** A plugin removes what one before it has said in the header. */
function remarkOthers(launch: Launch, all: readonly Launch[], rootNamespace: string): void {
  const { services, remarks } = launch;
  for (const other of all) {
    if (other === launch || !overlap(launch.reach, other.reach, rootNamespace)) continue;
    const missing = other.services.filter((service) => !services.includes(service));
    if (missing.length === 0) continue;
    const titles = missing.map(({ resource }) => resource.title).join(", ");
    const remark = `A proxy that loads this plugin and that of ${titles} follows one of them alone: give them selectors, or namespaces, of different proxies.`;
    remarks.push(remark);
    services[0]!.resource.root.note(remark);
  }
}

/**
 * Those of more specific hosts first, since Envoy takes the most specific virtual host that a request fits, and a plugin the first rule; else as
 * they are. Null where there is no such order.
 */
function inOrder(services: readonly Service[]): Service[] | null {
  const rest = [...services];
  const ordered: Service[] = [];
  while (rest.length > 0) {
    const next = rest.findIndex((one) =>
      rest.every((other) => other === one || !goesBefore(other.hosts, one.hosts)),
    );
    if (next < 0) return null;
    ordered.push(...rest.splice(next, 1));
  }
  return ordered;
}

/** Null where no route has anything for the plugin. */
function convertRoutes(
  resource: Resource,
  header: string,
  taken: Taken,
): { rules: Rule[]; service: Omit<ConvertedService, "from">; moved: Field[] } | null {
  const { spec, root } = resource;
  const routes = spec.get("http")?.items() ?? [];
  spec.pass("hosts", "gateways", "exportTo", "tls", "tcp");
  spec.finish();
  const host = hostMatch(resource);
  const rules: Rule[] = [];
  const moved: Field[] = [];
  const changed = routes.map((route) => route.value() as Record<string, unknown>);
  let isLeft = false;
  for (const [at, route] of routes.entries()) {
    const matches = route.get("match")?.items() ?? [];
    // A route of another kind stays as it is: routes are tried in their order, with the header or without.
    if (!matches.some(isAboutHeaders)) {
      isLeft ||= matches.length > 0;
      continue;
    }
    const read = matches.map(readRouteMatch);
    const isRewritable = !replacesPrefix(route) || new Set(matches.map(textOfPath)).size === 1;
    if (!isRewritable)
      route.leave(
        "a rewrite of the path that was matched, and alternatives with several paths: which of them held is not in the header. Give each path a route of its own",
      );
    if (host === null || read.includes(null) || !isRewritable) {
      isLeft = true;
      continue;
    }
    const alternatives = read as RequestMatch[];
    const asked = joined([host, ...(alternatives.length === 1 ? alternatives : [{ anyOf: alternatives }])]);
    const own = route.get("name")?.text() ?? null;
    const name = taken.rules.claim(ruleName(`${resource.name}-${own ?? `http-${at}`}`, isReserved));
    const variant = taken.variants.claim(wantedVariant(route, at));
    rules.push({ name, variant, match: asked });
    moved.push(route);
    const follows = matches.map((one) => ({
      ...keptOf(one),
      headers: { [header]: { exact: variant } },
    }));
    const match = follows.filter(
      (one, number) => !follows.slice(0, number).some((other) => covers(other, one)),
    );
    changed[at] = { ...changed[at], match };
  }
  if (rules.length === 0) {
    root.leave("no route of it matches on headers that a plugin could look at; it stays as it is");
    return null;
  }
  const manifest = withoutServerFields(root.value() as Manifest);
  const comments = [
    `${resource.title} with this plugin: the routes match the header ${header}, and all else is as it was. Apply the plugin first, and this when it is loaded.`,
    ...(isLeft
      ? ["Routes without header matches, and those that could not be converted, are as they were."]
      : []),
  ];
  return {
    rules,
    moved,
    service: {
      manifest: { ...manifest, spec: { ...manifest.spec, http: changed } },
      comments,
      routes: changed,
    },
  };
}

/** Whether the path changes by what was matched of it: Envoy replaces the prefix that its route has (`ApplyRedirect` and the rewrite of `route.go`). */
function replacesPrefix(route: Field): boolean {
  return route.find("rewrite", "uri") !== null || route.find("redirect", "prefixRewrite") !== null;
}

function textOfPath(match: Field): string {
  return JSON.stringify([match.get("uri")?.value(), match.get("ignoreUriCase")?.value() === true]);
}

interface Kept {
  name?: unknown;
  statPrefix?: unknown;
  uri?: { exact?: string; prefix?: string; regex?: string };
  ignoreUriCase?: boolean;
}

/** What a match keeps beside the header: the path, which a rewrite replaces, and what routes and statistics are named by. */
function keptOf(match: Field): Kept {
  const names = ["name", "statPrefix", "uri", "ignoreUriCase"];
  const members = names.map((name) => [name, match.get(name)?.value()] as const);
  return Object.fromEntries(members.filter(([, value]) => value !== undefined));
}

/** Whether all paths of the second are paths of the first, as far as their texts say it: istioctl warns of matches that are never asked. */
function covers(one: Kept, other: Kept): boolean {
  if (one.name !== other.name || one.statPrefix !== other.statPrefix) return false;
  const { exact, prefix, regex } = one.uri ?? {};
  // Case is for texts, not for regular expressions.
  if (regex !== undefined) return other.uri?.regex === regex;
  if (exact === undefined && prefix === undefined) return true;
  const text = exact ?? prefix!;
  // Of `/` all are the same.
  const hasCase = text.toLowerCase() !== text.toUpperCase();
  if (hasCase && one.ignoreUriCase !== true && other.ignoreUriCase === true) return false;
  const folded = (path: string): string => (one.ignoreUriCase === true ? path.toLowerCase() : path);
  if (exact !== undefined) return other.uri?.exact !== undefined && folded(other.uri.exact) === folded(exact);
  const path = other.uri?.exact ?? other.uri?.prefix;
  return path !== undefined && folded(path).startsWith(folded(prefix!));
}

interface Manifest {
  metadata?: Record<string, unknown>;
  spec: object;
  status?: unknown;
}

/** A resource as somebody would apply it, where the input is what the API server answers. */
function withoutServerFields({ status, ...manifest }: Manifest): Manifest {
  void status;
  const own = ["name", "namespace", "labels", "annotations"];
  const metadata = Object.entries(manifest.metadata ?? {}).filter(([name]) => own.includes(name));
  for (const [name, value] of metadata)
    if (name === "annotations")
      delete (value as Record<string, unknown>)["kubectl.kubernetes.io/last-applied-configuration"];
  return { ...manifest, metadata: Object.fromEntries(metadata) };
}

/** What the header says for a route: the subset that it leads to, if it is one. */
function wantedVariant(route: Field, at: number): string {
  const destinations = route.get("route")?.items() ?? [];
  const subset = destinations.length === 1 ? destinations[0]!.find("destination", "subset")?.text() : null;
  return (subset ?? route.get("name")?.text() ?? `http-${at}`)
    .replace(/[^\x21-\x7e]|[,;"\\]/g, "-")
    .slice(0, 56);
}

function pluginOf({ namespace, target, services, remarks }: Launch, header: string): ConvertedPlugin {
  const labels = Object.values(labelsOf(target)).sort();
  const from = services.map(({ resource }) => resource);
  return {
    filter: "dark-launch",
    name: resourceName("dark-launch", ...labels, from.length === 1 ? from[0]!.name : null),
    namespace,
    target,
    mode: "CLIENT",
    failStrategy: "FAIL_OPEN",
    pluginConfig: { header, rules: inOrder(services)!.flatMap(({ rules }) => rules) },
    comments: [
      `The header matches of ${from.map(({ title }) => title).join(", ")}, whose routes follow the header ${header} below.`,
      "A header that came several times is one value here, joined by commas, where Envoy (1.39 and later) looks at each; and no rule holds for what asks a Service by its address.",
      `What a client sends as ${header} is removed. A proxy that has not loaded this, or cannot run it (FAIL_OPEN), lets clients choose a route by that header.`,
      ...remarks,
    ],
    from,
  };
}

/** Reasons of the filter's own. */
function isReserved(name: string): boolean {
  return ["default", "none", "disabled", "expired", "inbound"].includes(name);
}

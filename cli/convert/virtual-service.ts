/**
 * A `VirtualService` that routes by headers to `dark-launch` and what is left of the VirtualService: what a request must be moves into the
 * plugin, which says its answer in a header, and the routes match that header. What a route does stays where it is.
 */
import type { Field } from "./field.ts";
import { hostMatch } from "./host-match.ts";
import { Names, resourceName, ruleName } from "./names.ts";
import { labelsOf, type ConvertedPlugin, type ConvertedResource, type Target } from "./plugin.ts";
import type { Resource } from "./resources.ts";
import { isAboutHeaders, joined, readRouteMatch, type RequestMatch } from "./route-match.ts";

export interface LaunchOptions {
  /** The routing header. */
  header: string;
}

interface Rule {
  name: string;
  variant: string;
  match?: RequestMatch;
}

interface Launch {
  namespace: string;
  target: Target;
  rules: Rule[];
  from: Resource[];
  remarks: string[];
}

export interface ConvertedLaunches {
  plugins: ConvertedPlugin[];
  services: ConvertedResource[];
}

export function convertVirtualServices(
  resources: readonly Resource[],
  { header }: LaunchOptions,
): ConvertedLaunches {
  /** By where the plugin runs: two plugins in one proxy would write one header. */
  const launches = new Map<string, Launch>();
  const services: ConvertedResource[] = [];
  const names = new Names();
  for (const resource of resources) {
    if (resource.kind !== "VirtualService" || resource.group !== "networking.istio.io") continue;
    const rules = convertRoutes(resource, header, names);
    if (rules === null) continue;
    services.push(rules.service);
    for (const { namespace, target, remark } of placesOf(resource, resources)) {
      const key = JSON.stringify([namespace, target]);
      const launch = launches.get(key) ?? { namespace, target, rules: [], from: [], remarks: [] };
      launches.set(key, launch);
      launch.rules.push(...rules.rules);
      launch.from.push(resource);
      if (remark !== null) launch.remarks.push(remark);
    }
  }
  return { plugins: [...launches.values()].map((launch) => pluginOf(launch, header)), services };
}

/** Null where no route has anything for the plugin. */
function convertRoutes(
  resource: Resource,
  header: string,
  names: Names,
): { rules: Rule[]; service: ConvertedResource } | null {
  const { spec, root } = resource;
  const routes = spec.get("http")?.items() ?? [];
  spec.pass("hosts", "gateways", "exportTo", "tls", "tcp");
  spec.finish();
  const host = hostMatch(resource);
  const rules: Rule[] = [];
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
    if (host === null || read.includes(null)) {
      isLeft = true;
      continue;
    }
    const alternatives = read as RequestMatch[];
    const match = joined([host, ...(alternatives.length === 1 ? alternatives : [{ anyOf: alternatives }])]);
    const own = route.get("name")?.text() ?? null;
    const name = names.claim(ruleName(`${resource.name}-${own ?? `http-${at}`}`, isReserved));
    const variant = variantOf(route, at, rules);
    rules.push({ name, variant, match });
    changed[at] = { ...changed[at], match: [{ headers: { [header]: { exact: variant } } }] };
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
    service: { manifest: { ...manifest, spec: { ...manifest.spec, http: changed } }, comments },
  };
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

/** What the header says for a route: the subset that it leads to, if it is one; with a number where an earlier route has that. */
function variantOf(route: Field, at: number, rules: readonly Rule[]): string {
  const destinations = route.get("route")?.items() ?? [];
  const subset = destinations.length === 1 ? destinations[0]!.find("destination", "subset")?.text() : null;
  const wanted = (subset ?? route.get("name")?.text() ?? `http-${at}`)
    .replace(/[^\x21-\x7e]|[,;"\\]/g, "-")
    .slice(0, 56);
  const taken = new Set(rules.map(({ variant }) => variant));
  let variant = wanted;
  for (let number = 2; taken.has(variant); number++) variant = `${wanted}-${number}`;
  return variant;
}

/** The proxies that route by it: sidecars of its namespace for `mesh`, and gateways. */
function placesOf(
  { spec, namespace, title }: Resource,
  resources: readonly Resource[],
): { namespace: string; target: Target; remark: string | null }[] {
  const gateways =
    spec
      .get("gateways")
      ?.items()
      .map((one) => one.text() ?? "") ?? [];
  const names = gateways.length === 0 ? ["mesh"] : [...new Set(gateways)];
  return names.map((name) => {
    if (name === "mesh")
      return {
        namespace,
        target: {},
        remark: `For the callers of ${title}: this reaches those in its own namespace; callers in another one need the plugin there too.`,
      };
    const [of, short] = name.includes("/") ? (name.split("/") as [string, string]) : [namespace, name];
    const gateway = resources.find(
      (one) =>
        one.kind === "Gateway" &&
        one.group === "networking.istio.io" &&
        one.name === short &&
        one.namespace === of,
    );
    const selector = gateway?.spec.get("selector")?.value();
    if (gateway === undefined || selector === undefined)
      return {
        namespace,
        target: {},
        remark: `For the proxies of the Gateway ${name}, which is not in the input: give the plugin their namespace and a selector with their labels.`,
      };
    const target = { selector: { matchLabels: selector } };
    return {
      namespace: gateway.namespace,
      target,
      remark: `For the proxies of the Gateway ${name}: where they are in another namespace than ${gateway.namespace || "it"}, the plugin belongs there.`,
    };
  });
}

function pluginOf({ namespace, target, rules, from, remarks }: Launch, header: string): ConvertedPlugin {
  const labels = Object.values(labelsOf(target)).sort();
  for (const [at, remark] of remarks.entries()) from[at]!.root.note(remark);
  return {
    filter: "dark-launch",
    name: resourceName("dark-launch", ...labels, from.length === 1 ? from[0]!.name : null),
    namespace,
    target,
    mode: "CLIENT",
    failStrategy: "FAIL_OPEN",
    pluginConfig: { header, rules },
    comments: [
      `The header matches of ${from.map(({ title }) => title).join(", ")}, whose routes follow the header ${header} below.`,
      `What a client sends as ${header} is removed.`,
      ...remarks,
    ],
    from,
  };
}

/** Reasons of the filter's own. */
function isReserved(name: string): boolean {
  return ["default", "none", "disabled", "expired", "inbound"].includes(name);
}

/** Envoy's `ratelimit` filter and what EnvoyFilters say of routes for it, to `global-rate-limit`. */
import { readConfiguration } from "../ratelimit-service/config.ts";
import type { DescriptorNode, Limit as ServiceLimit } from "../ratelimit-service/descriptors.ts";
import { Unit } from "../ratelimit-service/units.ts";
import type { FilterPatch, PatchGroup } from "./envoy-filter.ts";
import type { Field } from "./field.ts";
import { CLUSTER_DOMAIN } from "./host-match.ts";
import { Names, resourceName, ruleName } from "./names.ts";
import { labelsOf, type ConvertedPlugin } from "./plugin.ts";
import {
  answersOf,
  placeRemarks,
  readMilliseconds,
  remarksOf,
  routesOf,
  whereOf,
} from "./rate-limit-settings.ts";
import { descriptorsOfRoutes, routeRemarks } from "./rate-limit-routes.ts";
import { readRateLimit, type ActionEntry, type AskedDescriptor } from "./rate-limit-actions.ts";
import type { Resource } from "./resources.ts";
import { joined, type RequestMatch } from "./route-match.ts";
import { regionMatch } from "./route-scope.ts";

/** Null where it cannot be converted whole, which is told. */
export function convertGlobalRateLimit(
  filter: FilterPatch,
  group: PatchGroup,
  resources: readonly Resource[],
): ConvertedPlugin | null {
  const { config, resource } = filter;
  const { report } = config.place;
  const before = report.count;
  const domain = config.get("domain")?.text() ?? "";
  if (domain === "") config.leave("domain is missing: Envoy refuses the filter without it");
  const stage = config.get("stage")?.number() ?? 0;
  const timeout = config.get("timeout");
  const milliseconds = timeout === null ? 20 : readMilliseconds(timeout);
  const deny = config.get("failureModeDeny")?.boolean() === true;
  const statusOnError = config.find("statusOnError", "code")?.number() ?? null;
  const service = readService(config);
  const plain = config.get("disableXEnvoyRatelimitedHeader")?.boolean() === true;
  const answers = answersOf(config, "rateLimitedStatus", "", plain ? {} : { "x-envoy-ratelimited": "true" });
  const kind = config.get("requestType")?.text() ?? "both";
  if (kind !== "both" && kind !== "")
    config.get("requestType")!.leave("expected both: whether a request is internal is not known here");
  if (config.get("rateLimitedAsResourceExhausted")?.boolean() !== true)
    config.note(
      "gRPC requests over their limit get RESOURCE_EXHAUSTED, where Envoy's filter would say UNAVAILABLE",
    );
  config.pass("@type", "statPrefix");
  const own = (config.get("rateLimits")?.items() ?? []).map(readRateLimit);
  config.finish();
  const names = new Names();
  const routes = routesOf(group, filter);
  const stages = group.filters.map((one) => one.config.get("stage")?.number() ?? 0);
  for (const one of routes.flatMap(({ rateLimits }) => rateLimits.map(readRateLimit)))
    if (one !== null && !stages.includes(one.stage))
      one.field.leave(`stage ${one.stage}: of no filter in the input`);
  const limits = [
    ...own.flatMap((asked) => (asked === null ? [] : [limitOf(asked, {}, names)])),
    ...descriptorsOfRoutes(routes, stage).map(({ asked, region }) =>
      limitOf(asked, regionMatch(region), names),
    ),
  ];
  if (limits.length === 0 && report.count === before)
    config.leave(
      "no rate_limits for it in the input: Envoy's filter does nothing then. Give the patch of the routes (VIRTUAL_HOST or HTTP_ROUTE) too",
    );
  if (report.count > before || service === null) return null;
  const { cluster, comments: ofCluster } = calledCluster(service, config, group);
  for (const route of routes) route.isTaken = true;
  const from = [...new Set([resource, ...routes.map((route) => route.resource)])];
  const comments = [
    ...ofCluster,
    ...routeRemarks(routes),
    ...placeRemarks(filter),
    'Requests that Envoy answers itself (redirects, direct responses, those without a route) are asked about too; `cel: xds.cluster_name != ""` in a match leaves them out, as Envoy\'s filter does.',
    "A header that came several times is all its values joined by commas, where Envoy's filter sends the first, and (1.39 and later) looks at each where it compares.",
    ...remarksOf(answers),
    ...serviceRemarks(domain, limits, resources, config),
  ];
  return {
    filter: "global-rate-limit",
    name: resourceName("global-rate-limit", ...Object.values(labelsOf(group.target)).sort(), domain),
    namespace: group.namespace,
    target: group.target,
    ...whereOf(filter),
    failStrategy: deny ? "FAIL_RELOAD" : "FAIL_OPEN",
    pluginConfig: {
      domain,
      service: { cluster, timeout: `${milliseconds ?? 20}ms` },
      failureMode: deny ? "deny" : "allow",
      ...(deny && statusOnError !== null ? { statusOnError } : {}),
      limits,
      ...answers,
    },
    comments,
    from,
  };
}

interface Limit {
  name: string;
  match?: RequestMatch;
  descriptor: object[];
  hits?: number;
}

function limitOf({ entries, hits }: AskedDescriptor, where: RequestMatch, names: Names): Limit {
  const match = joined([
    where,
    ...entries.flatMap(({ condition }) => (condition === undefined ? [] : [condition])),
  ]);
  const wanted = ruleName(entries.map(({ key, value }) => value ?? key).join("."), (name) =>
    ["error", "allowed"].includes(name),
  );
  return {
    name: names.claim(wanted),
    ...(Object.keys(match).length === 0 ? {} : { match }),
    descriptor: entries.map(entryOf),
    ...(hits === null || hits === 1 ? {} : { hits }),
  };
}

/** Envoy sends values as they are; our own default hides those of credentials. */
function entryOf({ key, value, from, skipIfMissing }: ActionEntry): object {
  if (value !== undefined) return { key, value };
  const isClientsText = from !== undefined && !("remoteAddress" in from);
  return {
    key,
    from,
    ...(isClientsText ? { hash: false } : {}),
    ...(skipIfMissing === true ? { skipIfMissing } : {}),
  };
}

/** The cluster that the filter calls; null where there is none, which is told. */
function readService(config: Field): string | null {
  const service = config.get("rateLimitService");
  service?.pass("transportApiVersion");
  const grpc = service?.get("grpcService");
  // Envoy's filter has its own timeout in place of this one.
  grpc?.pass("timeout");
  grpc?.drop("the plugin asks the service once", "retryPolicy");
  const cluster = grpc?.find("envoyGrpc", "clusterName")?.text() ?? null;
  grpc?.get("envoyGrpc")?.drop("the plugin says no authority of its own to the service", "authority");
  grpc?.get("envoyGrpc")?.finish();
  grpc?.finish("expected envoy_grpc");
  service?.finish();
  if (cluster === null)
    (service ?? config).leave("no rate_limit_service.grpc_service.envoy_grpc.cluster_name");
  return cluster;
}

/** The cluster that the plugin calls: where one of Istio's own leads to the same service, that one. */
function calledCluster(
  cluster: string,
  config: Field,
  group: PatchGroup,
): { cluster: string; comments: string[] } {
  const added = group.clusters.find(({ name }) => name === cluster);
  if (added === undefined) return { cluster, comments: [] };
  added.isCalled = true;
  const address = added.address ?? "";
  const [host = "", port = ""] = address.split(/:(?=\d+$)/);
  if (!/\.svc(?:\.|$)/.test(host)) {
    added.at.keep(`the cluster ${cluster}, which the plugin calls: the patch stays`);
    return {
      cluster,
      comments: [`It calls the cluster ${cluster}, which ${added.resource.title} adds: keep that patch.`],
    };
  }
  const isShort = host.endsWith(".svc");
  const whole = isShort ? `${host}.${CLUSTER_DOMAIN}` : host;
  config.note(
    `the cluster ${cluster} leads to ${address}, for which Istio has a cluster of its own; the patch that adds it may go` +
      (isShort ? `, where the cluster's domain is ${CLUSTER_DOMAIN}` : ""),
  );
  return { cluster: `outbound|${port}||${whole}`, comments: [] };
}

/** What the service's own configuration says of these descriptors, where a ConfigMap of the input has it. */
function serviceRemarks(
  domain: string,
  limits: readonly Limit[],
  resources: readonly Resource[],
  config: Field,
): string[] {
  const files = resources
    .filter(({ kind }) => kind === "ConfigMap")
    .flatMap(({ root, title }) =>
      (root.get("data")?.members() ?? []).flatMap(({ name, field }) => {
        const value = field.value();
        return typeof value === "string" && /^\s*domain\s*:/m.test(value)
          ? [{ file: `${title} ${name}`, text: value, field }]
          : [];
      }),
    );
  if (files.length === 0) return ["The service's configuration stays as it is."];
  const { configuration, problems } = readConfiguration(files);
  for (const { file, path, message, line } of problems) {
    const field = files.find((one) => one.file === file)?.field ?? config;
    field.note(`ratelimit would refuse it, line ${line}: ${path === "" ? "" : `${path}: `}${message}`);
  }
  if (problems.length > 0) return [];
  const root = configuration.domains.get(domain);
  if (root === undefined) {
    config.note(
      `no ratelimit configuration in the input has the domain "${domain}": the service would limit nothing`,
    );
    return [];
  }
  return limits.map(({ name, descriptor }) => {
    const found = limitsAt(root, descriptor as { key: string; value?: string }[]);
    if (found.length === 0)
      config.note(
        `limit ${name}: the service's configuration has no limit for its descriptor, and lets all of it pass`,
      );
    const rates = found.map(({ unlimited, requestsPerUnit, unit }) =>
      unlimited ? "unlimited" : `${requestsPerUnit} a ${nameOfUnit(unit)}`,
    );
    return `${name}: ${[...new Set(rates)].join(", ") || "no limit"}, says ${files.map(({ file }) => file).join(", ")}.`;
  });
}

/** The limits that such a descriptor can find; a value that the request says may be any. */
function limitsAt(
  root: DescriptorNode,
  descriptor: readonly { key: string; value?: string }[],
): ServiceLimit[] {
  let nodes: DescriptorNode[] = [root];
  for (const { key, value } of descriptor) {
    nodes = nodes.flatMap(({ children, wildcards }) => {
      if (value === undefined)
        return [...children].flatMap(([name, child]) =>
          name === key || name.startsWith(`${key}_`) ? [child] : [],
        );
      const whole = `${key}_${value}`;
      const wildcard = wildcards.find((pattern) => whole.startsWith(pattern.slice(0, -1)));
      const child = children.get(whole) ?? children.get(wildcard ?? key) ?? children.get(key);
      return child === undefined ? [] : [child];
    });
  }
  return nodes.flatMap(({ limit }) => (limit === null ? [] : [limit]));
}

function nameOfUnit(unit: number): string {
  return (
    Object.entries(Unit)
      .find(([, number]) => number === unit)?.[0]
      .toLowerCase() ?? "period"
  );
}

/** The rate limits of EnvoyFilters: each filter of Envoy's with what routes say for it, and what stays. */
import {
  readEnvoyFilters,
  type FilterChange,
  type FilterPatch,
  type PatchGroup,
  type RoutePatch,
} from "./envoy-filter.ts";
import { convertGlobalRateLimit } from "./global-rate-limit.ts";
import { convertLocalRateLimit } from "./local-rate-limit.ts";
import { insteadOf, overlap, type ConvertedPlugin } from "./plugin.ts";
import { contextsMeet, routesOf } from "./rate-limit-settings.ts";
import type { Resource } from "./resources.ts";

/** A filter that stays, and what it looks at: that stays too. */
interface Refused {
  filter: FilterPatch;
  routes: readonly RoutePatch[];
}

export function convertRateLimits(resources: readonly Resource[], rootNamespace: string): ConvertedPlugin[] {
  const groups = readEnvoyFilters(resources);
  const plugins: ConvertedPlugin[] = [];
  const refused: Refused[] = [];
  for (const group of groups) {
    const meeting = groups.filter((other) => other === group || overlap(group, other, rootNamespace));
    const all = meeting.flatMap(({ routes }) => routes);
    const changes = meeting.flatMap((one) => one.changes);
    for (const filter of group.filters) {
      const routes = routesOf({ routes: all }, filter);
      const plugin = isChanged(filter, changes) ? null : convert(filter, routes, group, resources);
      if (plugin === null) refused.push({ filter, routes });
      else plugins.push(plugin);
    }
  }
  for (const group of groups) nameWhatStays(group, refused);
  return plugins;
}

/** Whether another patch makes something else of the filter (`mergeHTTPFilter` of istiod's `listener_patch.go`), which is told. */
function isChanged({ name, context, config }: FilterPatch, changes: readonly FilterChange[]): boolean {
  const change = changes.find(
    ({ filter, operation, context: other }) =>
      (filter === name || (filter === null && operation === "MERGE")) && contextsMeet(context, other),
  );
  if (change === undefined) return false;
  const { operation, at, resource } = change;
  config.leave(
    `the filter stays as it is: ${at.path} of ${resource.title} changes it (${operation}), which is not converted. Say what comes of it in the patch that inserts the filter`,
  );
  return true;
}

/** Null where it cannot be converted whole, which is told. `routes` are all that it looks at, those of other targets too. */
function convert(
  filter: FilterPatch,
  routes: readonly RoutePatch[],
  group: PatchGroup,
  resources: readonly Resource[],
): ConvertedPlugin | null {
  const { kind, config, context, isBroken } = filter;
  if (isBroken) return null;
  // istiod merges the patches of all EnvoyFilters that a proxy has; a plugin knows those of its own proxies, and not who has the others.
  const elsewhere = routes.find((route) => !group.routes.includes(route));
  if (elsewhere !== undefined) {
    config.leave(
      `the filter stays as it is: ${elsewhere.at.path} of ${elsewhere.resource.title} says what routes have of it, for other proxies that may have some of these among them. Give both EnvoyFilters one namespace and workloadSelector, or such that exclude each other`,
    );
    return null;
  }
  const broken = routes.find((route) => route.isBroken);
  if (broken !== undefined) {
    config.leave(
      `the filter stays as it is: ${broken.at.path} of ${broken.resource.title} says what routes have of it, and is not converted whole, so these routes would have other limits. Put its rate limits into a patch of their own that is converted`,
    );
    return null;
  }
  const other = routes.find((route) => context === "ANY" && route.context !== "ANY");
  if (other !== undefined) {
    config.leave(
      `the filter is for context ANY, and ${other.resource.title} says what routes of ${other.context} have, which a plugin for both sides would do on the other side too: give the filter's patch that context`,
    );
    return null;
  }
  return kind === "global"
    ? convertGlobalRateLimit(filter, group, resources)
    : convertLocalRateLimit(filter, group);
}

/** What no plugin has of a group. */
function nameWhatStays(group: PatchGroup, refused: readonly Refused[]): void {
  for (const route of group.routes) {
    // What stays of it has been told.
    if (route.isBroken) continue;
    const looking = refused.find(({ routes }) => routes.includes(route))?.filter;
    const why =
      looking === undefined
        ? whyUnread(route)
        : `the filter of ${looking.resource.title} looks at it, and is not converted: the patch stays`;
    if (!route.isTaken || looking !== undefined) route.at.leave(why);
  }
  for (const { at, isCalled } of group.clusters)
    if (!isCalled) at.leave("a cluster that no plugin of the output calls: the patch stays");
}

function whyUnread({ own }: RoutePatch): string {
  return own === null
    ? "the filter that these rate limits are for is not in the input, or not for the same proxies"
    : `no filter of the input that is for the same proxies is called ${own.filter}, and Envoy looks for what routes have of a filter by its name: the patch stays`;
}

/** Says first in the comments of each plugin what may go. To be called when all that stays has been told. */
export function sayWhatMayGo(plugins: readonly ConvertedPlugin[]): void {
  for (const { from, comments } of plugins) {
    const staying = from.filter(({ root }) => root.place.stays.count > 0);
    const going = from.filter((resource) => !staying.includes(resource));
    comments.unshift(
      ...(going.length > 0 ? [insteadOf(going)] : []),
      ...staying.map(
        ({ title }) =>
          `Instead of patches of ${title}: take them out of it once this is loaded, and keep those that standard error names as not converted.`,
      ),
    );
  }
}

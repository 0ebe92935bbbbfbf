/** The rate limits of EnvoyFilters: each filter of Envoy's with what routes say for it, and what stays. */
import { readEnvoyFilters, type FilterPatch, type PatchGroup } from "./envoy-filter.ts";
import { convertGlobalRateLimit } from "./global-rate-limit.ts";
import { convertLocalRateLimit } from "./local-rate-limit.ts";
import { insteadOf, type ConvertedPlugin } from "./plugin.ts";
import { routesOf } from "./rate-limit-settings.ts";
import type { Resource } from "./resources.ts";

export function convertRateLimits(resources: readonly Resource[]): ConvertedPlugin[] {
  return readEnvoyFilters(resources).flatMap((group) => {
    const plugins: ConvertedPlugin[] = [];
    const refused: FilterPatch[] = [];
    for (const filter of group.filters) {
      const plugin = convert(filter, group, resources);
      if (plugin === null) refused.push(filter);
      else plugins.push(plugin);
    }
    nameWhatStays(group, refused);
    return plugins;
  });
}

/** Null where it cannot be converted whole, which is told. */
function convert(
  filter: FilterPatch,
  group: PatchGroup,
  resources: readonly Resource[],
): ConvertedPlugin | null {
  const { kind, config, context, isBroken } = filter;
  if (isBroken) return null;
  const routes = routesOf(group, filter);
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
function nameWhatStays(group: PatchGroup, refused: readonly FilterPatch[]): void {
  for (const route of group.routes) {
    // What stays of it has been told.
    if (route.isBroken) continue;
    const looking = refused.find((filter) => routesOf(group, filter).includes(route));
    const why =
      looking === undefined
        ? "the filter that these rate limits are for is not in the input, or not for the same proxies"
        : `the filter of ${looking.resource.title} looks at it, and is not converted: the patch stays`;
    const { rateLimits, local, taken } = route;
    const isTaken = (rateLimits.length === 0 || taken.rateLimits) && (local === null || taken.local);
    if (!isTaken || looking !== undefined) route.at.leave(why);
  }
  for (const { at, isCalled } of group.clusters)
    if (!isCalled) at.leave("a cluster that no plugin of the output calls: the patch stays");
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

/** The `rate_limits` of routes and virtual hosts, which Envoy's two rate limit filters look at alike. */
import type { RoutePatch } from "./envoy-filter.ts";
import { readRateLimit, type AskedDescriptor } from "./rate-limit-actions.ts";
import { without, type Region, type RouteScope } from "./route-scope.ts";

/** A descriptor that is made of the requests of these routes. */
export interface RouteDescriptor {
  asked: AskedDescriptor;
  region: Region;
}

/** Those of a stage; what cannot be read is told. */
export function descriptorsOfRoutes(routes: readonly RoutePatch[], stage: number): RouteDescriptor[] {
  return routes.flatMap((route) => {
    const asked = route.rateLimits
      .map(readRateLimit)
      .filter((one): one is AskedDescriptor => one !== null && one.stage === stage);
    if (asked.length === 0) return [];
    // A route's own go instead of its virtual host's, unless it includes them (`populateDescriptors` of `local_ratelimit.cc`).
    const instead = routes.filter(
      (other) =>
        route.level === "virtual host" &&
        other.level === "route" &&
        other.rateLimits.length > 0 &&
        !other.includesVirtualHost,
    );
    const region = without(
      route.scope,
      instead.map(({ scope }) => scope),
    );
    if (region === null) {
      route.at.note(
        "every route has limits of its own, so those of the virtual host never apply; they were left out",
      );
      return [];
    }
    return asked.map((one) => ({ asked: one, region }));
  });
}

/** What is to be known of limits that ask for a virtual host or a route: comments. */
export function routeRemarks(routes: readonly RoutePatch[]): string[] {
  const isAsked = (name: keyof RouteScope): boolean => routes.some(({ scope }) => scope[name] !== "");
  return [
    ...(isAsked("virtualHost")
      ? [
          "Virtual hosts are known by their names (xds.virtual_host_name), which Envoy tells since 1.33 (Istio 1.25): with an older one these limits never apply.",
        ]
      : []),
    ...(isAsked("route")
      ? [
          "A route is the one that Envoy found when the request came. Where a plugin before this one changes it, as dark-launch does, match the header that it writes instead of the route's name.",
        ]
      : []),
  ];
}

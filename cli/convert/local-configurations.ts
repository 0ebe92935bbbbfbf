/** Which of Envoy's local configurations a request has, of the filter's own and those of routes. */
import type { RoutePatch } from "./envoy-filter.ts";
import type { Field } from "./field.ts";
import { common, EVERYWHERE, without, type Region, type RouteScope } from "./route-scope.ts";

/** A configuration, and the requests that Envoy has it for: all where a filter has it, those of routes where a route has it. */
export interface Configuration {
  config: Field;
  /** Null where others go before it for each route. */
  region: Region | null;
}

/** Those of routes, and that of the filter for all other requests. */
export function configurationsOf(config: Field, routes: readonly RoutePatch[]): Configuration[] {
  const ofRoutes = routes.filter(({ own }) => own !== null);
  const scopesOf = (patches: readonly RoutePatch[]): RouteScope[] => patches.map(({ scope }) => scope);
  return [
    ...ofRoutes.map((route) => ({
      config: route.own!.config,
      region: without(route.scope, scopesOf(ofRoutes.filter((other) => goesBefore(other, route)))),
    })),
    { config, region: without(EVERYWHERE, scopesOf(ofRoutes)) },
  ];
}

/** Envoy has the most specific configuration (`resolveMostSpecificPerFilterConfig`), and istiod puts a later patch in place of an earlier one (`mergeMap`). */
function goesBefore(other: RoutePatch, route: RoutePatch): boolean {
  if (other === route || common(other.scope, route.scope) === null) return false;
  if (other.level !== route.level) return other.level === "route";
  if (other.resource !== route.resource) {
    route.own!.config.leave(
      `${other.resource.title} has a configuration for the same routes too: which one Envoy gets depends on the priority and the age of the two EnvoyFilters; put both into one`,
    );
    return false;
  }
  return other.at.path.localeCompare(route.at.path, "en", { numeric: true }) > 0;
}

/** Whether Envoy has the configuration more than once, each with its own bucket. An inbound virtual host has one route (`buildSidecarInboundHTTPRouteConfig`). */
export function isSeveral({ virtualHost, route }: RouteScope, level: RoutePatch["level"]): boolean {
  if (virtualHost === "") return true;
  return level === "route" && route === "" && !virtualHost.startsWith("inbound|");
}

/** Which routes a patch is for, as an expression says it, and which of them are left without those of other patches. */
import type { RequestMatch } from "./route-match.ts";

/** By the names that Envoy knows (`xds.virtual_host_name`, `xds.route_name`); an empty one stands for all. */
export interface RouteScope {
  virtualHost: string;
  route: string;
}

/** A scope, without these. */
export interface Region {
  scope: RouteScope;
  except: readonly RouteScope[];
}

export const EVERYWHERE: RouteScope = { virtualHost: "", route: "" };

/** Null where nothing is left of the scope. */
export function without(scope: RouteScope, others: readonly RouteScope[]): Region | null {
  const except = others.flatMap((other) => common(scope, other) ?? []);
  if (except.some((one) => isWithin(scope, one))) return null;
  // Each once, and none that is within another.
  const largest = except.filter(
    (one, at) =>
      !except.some((other, otherAt) => isWithin(one, other) && (otherAt < at || !isWithin(other, one))),
  );
  return { scope, except: largest };
}

/** Null where no route is in both. */
export function intersection(one: Region, other: Region): Region | null {
  const scope = common(one.scope, other.scope);
  return scope === null ? null : without(scope, [...one.except, ...other.except]);
}

/** Null where no route is in both. */
export function common(one: RouteScope, other: RouteScope): RouteScope | null {
  const both = (a: string, b: string): string | null => (a === "" || a === b ? b : b === "" ? a : null);
  const virtualHost = both(one.virtualHost, other.virtualHost);
  const route = both(one.route, other.route);
  return virtualHost === null || route === null ? null : { virtualHost, route };
}

/**
 * Holds for requests whose route is in the region. By their virtual host's name and not by its host: a service has a host for each way to call it,
 * its addresses too, and a gateway's virtual hosts are those of one port.
 */
export function regionMatch({ scope, except }: Region): RequestMatch {
  const conditions = conditionsOf(scope);
  // What is true of all of the scope need not be asked again.
  const excepted = except.map((one) => conditionsOf(one).filter((each) => !conditions.includes(each)));
  const alternatives = excepted.map((all) =>
    all.length > 1 && excepted.length > 1 ? `(${all.join(" && ")})` : all.join(" && "),
  );
  return {
    ...(conditions.length === 0 ? {} : { cel: conditions.join(" && ") }),
    ...(alternatives.length === 0 ? {} : { not: { cel: alternatives.join(" || ") } }),
  };
}

function conditionsOf({ virtualHost, route }: RouteScope): string[] {
  const equals = (name: string, value: string): string[] =>
    value === "" ? [] : [`${name} == ${JSON.stringify(value)}`];
  return [...equals("xds.virtual_host_name", virtualHost), ...equals("xds.route_name", route)];
}

function isWithin(one: RouteScope, other: RouteScope): boolean {
  const shared = common(one, other);
  return shared !== null && shared.virtualHost === one.virtualHost && shared.route === one.route;
}

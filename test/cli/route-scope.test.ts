/** Regions of routes, beside asking each route. */
import { Environment } from "@marcbachmann/cel-js";
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  intersection,
  regionMatch,
  without,
  type Region,
  type RouteScope,
} from "../../cli/convert/route-scope.ts";

const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);

const scope: fc.Arbitrary<RouteScope> = fc.record(
  { virtualHost: fc.constantFrom("", "a:80", 'b"'), route: fc.constantFrom("", "r", "s") },
  { noNullPrototype: true },
);
const scopes = fc.array(scope, { maxLength: 4 });

/** One route for each that scopes can tell apart. */
const ROUTES = ["a:80", 'b"', "c"].flatMap((virtualHost) =>
  ["r", "s", "t"].map((route): RouteScope => ({ virtualHost, route })),
);

function isIn({ virtualHost, route }: RouteScope, of: RouteScope): boolean {
  return (of.virtualHost === "" || of.virtualHost === virtualHost) && (of.route === "" || of.route === route);
}

const environment = new Environment({ unlistedVariablesAreDyn: true });

/** The routes that the region's match holds for. */
function chosen(region: Region | null): RouteScope[] {
  if (region === null) return [];
  const { cel, not, ...others } = regionMatch(region);
  expect(others).toEqual({});
  const holds = (expression: string | undefined, { virtualHost, route }: RouteScope): boolean =>
    expression !== undefined &&
    environment.parse(expression)({ xds: { virtual_host_name: virtualHost, route_name: route } }) === true;
  return ROUTES.filter((route) => (cel === undefined || holds(cel, route)) && !holds(not?.cel, route));
}

test(`a match holds for the routes of a scope that are in none of the others, SEED=${seed}`, () => {
  fc.assert(
    fc.property(scope, scopes, (of, others) => {
      const expected = ROUTES.filter(
        (route) => isIn(route, of) && !others.some((other) => isIn(route, other)),
      );
      const region = without(of, others);
      expect(chosen(region)).toEqual(expected);
      expect(region === null).toBe(expected.length === 0);
    }),
    { seed, numRuns: 500 },
  );
});

test(`an intersection holds where both do, SEED=${seed}`, () => {
  fc.assert(
    fc.property(scope, scopes, scope, scopes, (one, notOne, other, notOther) => {
      const regions = [without(one, notOne), without(other, notOther)] as const;
      if (regions[0] === null || regions[1] === null) return;
      const both = chosen(regions[1]);
      expect(chosen(intersection(...(regions as [Region, Region])))).toEqual(
        chosen(regions[0]).filter((route) => both.includes(route)),
      );
    }),
    { seed, numRuns: 500 },
  );
});

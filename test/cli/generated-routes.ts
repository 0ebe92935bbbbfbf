/** Routes of VirtualServices that look at headers, and requests that some of them take: of small pools, so that they meet. */
import fc from "fast-check";
import type { Header } from "../driver.ts";

export interface StringMatch {
  exact?: string;
  prefix?: string;
  regex?: string;
}

export interface Match {
  uri?: StringMatch;
  ignoreUriCase?: boolean;
  method?: StringMatch;
  authority?: StringMatch;
  scheme?: StringMatch;
  headers?: Record<string, StringMatch>;
  withoutHeaders?: Record<string, StringMatch>;
  queryParams?: Record<string, StringMatch>;
}

export interface Asked {
  method: string;
  path: string;
  authority: string;
  headers: Header[];
}

export const AUTHORITIES = ["reviews", "reviews:9080", "reviews.my-app", "Reviews", "other"];
const NAMES = ["x-a", "x-b"];
const VALUES = ["", "a", "ab", "b", "A"];
const PATHS = ["/", "/a", "/a/b", "/A", "/a?x=a", "/a/b?x=&y=b", "/ab?y=a%62&y=a"];

const stringMatch = (values: readonly string[]): fc.Arbitrary<StringMatch> =>
  fc.oneof(
    fc.constantFrom(...values).map((exact) => ({ exact })),
    fc.constantFrom(...values).map((prefix) => ({ prefix })),
    fc.constantFrom("*", "a*", ".*", "a|b", "[^a]+", ".*b", "/a.*").map((regex) => ({ regex })),
    fc.constant({}),
  );
const map = (names: readonly string[]): fc.Arbitrary<Record<string, StringMatch>> =>
  fc.dictionary(fc.constantFrom(...names), stringMatch(VALUES), {
    minKeys: 1,
    maxKeys: 2,
    noNullPrototype: true,
  });
const anyMatch = (authorities: readonly string[]): fc.Arbitrary<Match> =>
  fc.record(
    {
      uri: stringMatch(["/", "/a", "/A", "/a/b"]),
      ignoreUriCase: fc.boolean(),
      method: stringMatch(["GET", "POST", "P"]),
      authority: stringMatch(authorities),
      scheme: stringMatch(["http", "https"]),
      headers: map(NAMES),
      withoutHeaders: map(NAMES),
      queryParams: map(["x", "y"]),
    },
    { requiredKeys: ["headers"], noNullPrototype: true },
  );
const onlyWithout: fc.Arbitrary<Match> = fc.record({ withoutHeaders: map(NAMES) }, { noNullPrototype: true });
/** Of a path that requests have, with little else in the way. */
const onlyPath: fc.Arbitrary<Match> = fc.record(
  {
    uri: fc.constantFrom({ prefix: "/a" }, { prefix: "/a/" }, { exact: "/a" }, { regex: "/a.*" }),
    ignoreUriCase: fc.boolean(),
    withoutHeaders: map(NAMES),
  },
  { requiredKeys: ["uri", "withoutHeaders"], noNullPrototype: true },
);

export interface Route {
  match: Match[];
  rewrite?: { uri: string };
}

const route = (authorities: readonly string[]): fc.Arbitrary<Route> =>
  fc.record(
    {
      match: fc.array(fc.oneof(anyMatch(authorities), onlyWithout, onlyPath), { minLength: 1, maxLength: 2 }),
      rewrite: fc.constant({ uri: "/new" }),
    },
    { requiredKeys: ["match"], noNullPrototype: true },
  );

/** One to three routes of a VirtualService for one of these authorities. */
export const routes = (authorities: readonly string[]): fc.Arbitrary<Route[]> =>
  fc.array(route(authorities), { minLength: 1, maxLength: 3 });

/** Whether istiod and Envoy take it: of a path, `*` is no regular expression, and an empty prefix makes Envoy refuse all routes. */
export function isTaken({ match }: Route): boolean {
  return match.every(({ uri }) => uri?.regex !== "*") && !JSON.stringify(match).includes('"prefix":""');
}

export const request = (authorities: readonly string[]): fc.Arbitrary<Asked> =>
  fc.record({
    method: fc.constantFrom("GET", "POST", "PUT"),
    path: fc.constantFrom(...PATHS),
    authority: fc.constantFrom(...authorities),
    headers: fc.array(fc.tuple(fc.constantFrom(...NAMES), fc.constantFrom(...VALUES)), { maxLength: 3 }),
  });

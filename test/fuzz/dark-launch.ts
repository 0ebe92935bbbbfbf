/** Random configurations and random requests for `dark-launch`, small enough that they often meet. */
import fc from "fast-check";
import type { HttpRequest } from "../driver.ts";
import { bytes, type DarkLaunch, type RequestMatch, type StringMatch } from "./dark-launch-model.ts";

/** Values with much in common: prefixes of one another, cases, bytes beyond ASCII. */
const word = fc.oneof(
  fc.constantFrom(
    "a",
    "A",
    "ab",
    "abc",
    "aB",
    "b",
    "user-1",
    "user-2",
    "User-1",
    "é",
    "aé",
    "x,y",
    "a b",
    "%41",
  ),
  fc.string({ minLength: 1, maxLength: 6, unit: fc.constantFrom("a", "b", "A", "-", "1", "é", "/", ".") }),
);
const headerName = fc.constantFrom("x-a", "x-b", "X-User", "x-variant", "cookie", "user-agent");
const name = fc.constantFrom("a", "b", "ab", "session", "é");
const variant = fc.constantFrom("v1", "v2", "v3", "beta");

const stringMatch: fc.Arbitrary<StringMatch> = fc.oneof(
  word,
  fc
    .tuple(
      fc.oneof(
        fc.record({ exact: fc.oneof(word, fc.constant("")) }),
        fc.record({ prefix: word }),
        fc.record({ suffix: word }),
        fc.record({ contains: word }),
        fc.record({ in: fc.array(word, { minLength: 1, maxLength: 5 }) }),
        fc.constant({ present: true as const }),
      ),
      fc.record({ ignoreCase: fc.boolean(), not: fc.boolean() }, { requiredKeys: [] }),
    )
    .map(([comparison, flags]) => ({ ...comparison, ...flags })),
);

const pathMatch = fc.oneof(
  stringMatch,
  fc.constantFrom<StringMatch>(
    "/",
    "/a",
    { prefix: "/a/" },
    { suffix: "/b" },
    { prefix: "/" },
    { contains: "a" },
  ),
);

/** One condition is most of what people write, and what the index files rules under. */
const simpleMatch: fc.Arbitrary<RequestMatch> = fc.oneof(
  fc.tuple(headerName, stringMatch).map(([key, value]) => ({ headers: { [key]: value } })),
  fc.tuple(headerName, stringMatch).map(([key, value]) => ({ headers: { [key]: value } })),
  fc.tuple(name, stringMatch).map(([key, value]) => ({ queryParams: { [key]: value } })),
  fc.tuple(name, stringMatch).map(([key, value]) => ({ cookies: { [key]: value } })),
  fc.record({ path: pathMatch }),
);

/** All fields, with `inner` in those that hold matches themselves. */
const matchOf = (inner: fc.Arbitrary<RequestMatch>): fc.Arbitrary<RequestMatch> =>
  fc.record(
    {
      methods: fc.uniqueArray(fc.constantFrom("GET", "POST", "PUT"), { minLength: 1, maxLength: 2 }),
      path: pathMatch,
      host: fc.oneof(stringMatch, fc.constantFrom<StringMatch>("example.test", { suffix: ".test" }, "[::1]")),
      headers: fc.dictionary(headerName, stringMatch, { minKeys: 1, maxKeys: 2 }),
      queryParams: fc.dictionary(name, stringMatch, { minKeys: 1, maxKeys: 2 }),
      cookies: fc.dictionary(name, stringMatch, { minKeys: 1, maxKeys: 2 }),
      anyOf: fc.array(inner, { minLength: 1, maxLength: 2 }),
      not: inner,
    },
    { requiredKeys: [] },
  );

const requestMatch = matchOf(matchOf(simpleMatch));

export const configuration: fc.Arbitrary<DarkLaunch> = fc
  .record(
    {
      header: fc.constantFrom("x-variant", "X-Release", "x-a"),
      trustInbound: fc.boolean(),
      default: variant,
      disabled: fc.constantFrom(false, false, false, true),
      mode: fc.constantFrom<"enforce" | "shadow">("enforce", "enforce", "enforce", "shadow"),
      rules: fc.array(
        fc.record(
          {
            variant,
            mode: fc.constantFrom<"enforce" | "shadow">("enforce", "enforce", "shadow"),
            match: fc.oneof(simpleMatch, simpleMatch, requestMatch),
          },
          { requiredKeys: ["variant"] },
        ),
        { maxLength: 12 },
      ),
    },
    { requiredKeys: ["rules"] },
  )
  .map(({ rules, ...rest }) => ({
    ...rest,
    rules: rules.map((rule, at) => ({ name: `rule-${at}`, ...rule })),
  }));

/** A header's value as a client may send it: the host and Envoy take no control characters. */
const headerValue = fc.oneof(
  word.map(bytes),
  variant,
  fc.constant(""),
  fc.string({
    maxLength: 12,
    unit: fc
      .integer({ min: 0x21, max: 0xff })
      .filter((c) => c !== 0x7f)
      .map((c) => String.fromCharCode(c)),
  }),
);

const cookieValue = fc
  .array(
    fc.tuple(fc.constantFrom("a", "b", "session", "", " ab ", "é"), fc.constantFrom("=", "", " = "), word),
    { maxLength: 5 },
  )
  .map((pairs) => bytes(pairs.map((pair) => pair.join("")).join(";")).trim());

const query = fc
  .array(
    fc.tuple(
      fc.constantFrom("a", "b", "%61", "%c3%a9", "session", ""),
      fc.constantFrom("=", ""),
      fc.constantFrom("", "a", "ab", "%41", "%zz", "a%41", "%C3%A9", "%", "%4", "+", "user-1", "%C3%A9"),
    ),
    {
      minLength: 0,
      maxLength: 5,
    },
  )
  .map((pairs) => pairs.map((pair) => pair.join("")).join("&"));

export const request: fc.Arbitrary<HttpRequest> = fc
  .record({
    method: fc.constantFrom("GET", "POST", "PUT", "DELETE"),
    path: fc.constantFrom("/", "/a", "/a/b", "/b", "/aB", "/user-1"),
    query: fc.option(query, { nil: undefined }),
    authority: fc.constantFrom("example.test", "Example.TEST:8080", "a.test", "[::1]:80", "[::1]", "b"),
    headers: fc.array(
      fc.oneof(
        fc.tuple(
          fc.constantFrom(
            "x-a",
            "x-b",
            "x-user",
            "X-User",
            "x-variant",
            "X-Variant",
            "x-release",
            "user-agent-2",
          ),
          headerValue,
        ),
        fc.tuple(fc.constant("cookie"), cookieValue),
      ),
      { maxLength: 8 },
    ),
  })
  .map(({ query: search, path, ...rest }) => ({
    ...rest,
    path: search === undefined ? path : `${path}?${search}`,
  }));

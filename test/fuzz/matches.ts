/** Random matches and keys, of few names and values, so that requests often meet them. */
import fc from "fast-check";
import {
  type Expression,
  EXPRESSIONS,
  type Key,
  type KeyPart,
  type RequestMatch,
  type StringMatch,
} from "./match-model.ts";

/** Values with much in common: prefixes of one another, cases, bytes beyond ASCII. */
export const word = fc.oneof(
  fc.constantFrom(
    ...["a", "A", "ab", "abc", "aB", "b", "user-1", "user-2", "User-1", "é", "aé", "x,y", "a b", "%41"],
  ),
  fc.string({ minLength: 1, maxLength: 6, unit: fc.constantFrom("a", "b", "A", "-", "1", "é", "/", ".") }),
);
const headerName = fc.constantFrom(
  "x-a",
  "x-b",
  "X-User",
  "x-variant",
  "cookie",
  "host",
  ":method",
  "baggage",
);
/** Of query parameters and cookies. */
const name = fc.constantFrom("a", "b", "ab", "session", "é");
export const claimName = fc.constantFrom("groups", "realm.roles");
export const memberName = fc.constantFrom("variant", "a", "b", "session");

/**
 * Expressions which Node's RegExp and RE2 read alike, of ASCII only. One repetition at most has no bound: RegExp would take
 * time that is a power of a long value's length.
 */
const anyRegex = fc
  .tuple(
    fc.array(
      fc.tuple(
        fc.constantFrom(
          ...["a", "b", "A", "-", "1", "/", "\\.", "[ab]", "[a-z]", "[\\w.-]", "\\d", "\\w", "\\x41"],
          ...["(a|b)", "(?:ab|)", "(user|User)", "(?:a|ab)"],
        ),
        fc.constantFrom("", "", "", "?", "{2}", "{1,3}", "??"),
      ),
      { minLength: 1, maxLength: 4 },
    ),
    fc.nat({ max: 5 }),
    fc.constantFrom("*", "+", "*?", "{2,}"),
  )
  .map(([parts, which, unbounded]) =>
    parts.map(([atom, bounded], at) => atom + (at === which ? unbounded : bounded)).join(""),
  );
/** These often match. */
const regex = fc.oneof(
  anyRegex,
  fc.constantFrom("USER-\\d", "user-[0-9]+", "A|B", "a?B|x,y", "(V|B)[a-z0-9]*", "[A-C]{1,3}", "/a(/b)?"),
);

export interface Matches {
  simpleMatch: fc.Arbitrary<RequestMatch>;
  requestMatch: fc.Arbitrary<RequestMatch>;
  key: fc.Arbitrary<Key>;
}

export function matches(): Matches {
  const comparisons = [
    fc.record({ exact: fc.oneof(word, fc.constant("")) }),
    fc.record({ prefix: word }),
    fc.record({ suffix: word }),
    fc.record({ contains: word }),
    fc.record({ in: fc.array(word, { minLength: 1, maxLength: 5 }) }),
    fc.constant({ present: true as const }),
    fc.record({ regex }),
    fc.record({ regex }),
  ];
  const stringMatch: fc.Arbitrary<StringMatch> = fc.oneof(
    word,
    fc
      .tuple(
        fc.oneof<fc.Arbitrary<Exclude<StringMatch, string>>[]>(...comparisons),
        fc.record({ ignoreCase: fc.boolean(), not: fc.boolean() }, { requiredKeys: [] }),
      )
      .map(([comparison, flags]) => ({ ...comparison, ...flags })),
  );
  const key = randomKey();
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
  const percentage = fc.record(
    {
      value: fc.oneof(
        fc.constantFrom(0, 100, 50, 12.5),
        fc.integer({ min: 0, max: 1000 }).map((tenths) => tenths / 10),
      ),
      by: key,
      salt: word,
    },
    { requiredKeys: ["value", "by"] },
  );
  const principals = fc.array(
    fc.constantFrom("*", "a", "cluster.local/ns/a/sa/b", "cluster.local/*", "*/sa/b", ""),
    { minLength: 1, maxLength: 2 },
  );
  const namespaces = fc.array(fc.constantFrom("*", "a", "ab", "a*", "*b", ""), {
    minLength: 1,
    maxLength: 2,
  });
  const blocks = fc.array(
    fc.constantFrom(
      ...[
        "10.0.0.0/8",
        "10.1.2.3",
        "10.1.2.0/23",
        "0.0.0.0/0",
        "::/0",
        "2001:db8::/32",
        "2001:db8::1",
        "::ffff:10.0.0.0/104",
      ],
    ),
    { minLength: 1, maxLength: 2 },
  );
  const source = fc.record(
    { principals, namespaces, ipBlocks: blocks, remoteIpBlocks: blocks },
    { requiredKeys: [] },
  );
  const remote = fc.record({ remoteIpBlocks: blocks });
  const cel = fc.constantFrom(...(Object.keys(EXPRESSIONS) as Expression[]));

  /** One condition is most of what people write, and what the index files rules under. */
  const simpleMatch: fc.Arbitrary<RequestMatch> = fc.oneof(
    fc.tuple(headerName, stringMatch).map(([key, value]) => ({ headers: { [key]: value } })),
    fc.tuple(headerName, stringMatch).map(([key, value]) => ({ headers: { [key]: value } })),
    fc.tuple(name, stringMatch).map(([key, value]) => ({ queryParams: { [key]: value } })),
    fc.tuple(name, stringMatch).map(([key, value]) => ({ cookies: { [key]: value } })),
    fc.tuple(memberName, stringMatch).map(([key, value]) => ({ baggage: { [key]: value } })),
    fc.record({ path: pathMatch }),
    fc.record({ percentage }),
    fc.record({ cel }),
    fc.record({ source: remote }),
    fc.record({ source: fc.oneof(fc.record({ principals }), fc.record({ namespaces })) }),
    fc.tuple(claimName, stringMatch).map(([key, value]) => ({ claims: { [key]: value } })),
    fc.oneof(remote, fc.record({ ipBlocks: blocks })).map((one) => ({ not: { source: one } })),
  );

  /** All fields, with `inner` in those that hold matches themselves. */
  const matchOf = (inner: fc.Arbitrary<RequestMatch>): fc.Arbitrary<RequestMatch> =>
    fc.record(
      {
        methods: fc.uniqueArray(fc.constantFrom("GET", "POST", "PUT"), { minLength: 1, maxLength: 2 }),
        path: pathMatch,
        host: fc.oneof(
          stringMatch,
          fc.constantFrom<StringMatch>("example.test", { suffix: ".test" }, "[::1]"),
        ),
        headers: fc.dictionary(headerName, stringMatch, { minKeys: 1, maxKeys: 2 }),
        queryParams: fc.dictionary(name, stringMatch, { minKeys: 1, maxKeys: 2 }),
        cookies: fc.dictionary(name, stringMatch, { minKeys: 1, maxKeys: 2 }),
        baggage: fc.dictionary(memberName, stringMatch, { minKeys: 1, maxKeys: 2 }),
        claims: fc.dictionary(claimName, stringMatch, { maxKeys: 1 }),
        source: fc.oneof(remote, source),
        percentage,
        cel,
        anyOf: fc.array(inner, { minLength: 1, maxLength: 2 }),
        not: inner,
      },
      { requiredKeys: [] },
    );
  return {
    simpleMatch,
    requestMatch: fc.oneof(matchOf(matchOf(simpleMatch)), fewOf(matchOf(simpleMatch))),
    key,
  };
}

/** Of a match's fields the first two: with all of them it hardly ever holds. */
function fewOf(match: fc.Arbitrary<RequestMatch>): fc.Arbitrary<RequestMatch> {
  return fc
    .tuple(match, fc.nat({ max: 12 }))
    .map(([one, from]) => Object.fromEntries(Object.entries(one).slice(from % 6, (from % 6) + 2)));
}

function randomKey(): fc.Arbitrary<Key> {
  const parts: Record<string, fc.Arbitrary<KeyPart>> = {
    header: headerName.map((header) => ({ header })),
    cookie: name.map((cookie) => ({ cookie })),
    queryParam: name.map((queryParam) => ({ queryParam })),
    baggage: memberName.map((baggage) => ({ baggage })),
    claim: claimName.map((claim) => ({ claim })),
    remoteAddress: fc
      .record(
        { prefix4: fc.nat({ max: 32 }), prefix6: fc.nat({ max: 128 }), direct: fc.boolean() },
        { requiredKeys: [] },
      )
      .map((remoteAddress) => ({ remoteAddress })),
    principal: fc.constant({ principal: {} }),
    method: fc.constant({ method: {} }),
    path: fc
      .record({ segments: fc.integer({ min: 1, max: 3 }) }, { requiredKeys: [] })
      .map((path) => ({ path })),
    host: fc.constant({ host: {} }),
    routeName: fc.constant({ routeName: {} }),
    constant: word.map((constant) => ({ constant })),
  };
  const part = fc.oneof(
    // Often there: a key that is missing decides nothing.
    { weight: 8, arbitrary: fc.oneof(parts.header!, parts.path!, parts.host!, parts.queryParam!) },
    ...Object.values(parts).map((arbitrary) => ({ weight: 1, arbitrary })),
  );
  return fc.oneof(
    fc.array(part, { minLength: 1, maxLength: 1 }),
    fc.array(part, { minLength: 1, maxLength: 3 }),
  );
}

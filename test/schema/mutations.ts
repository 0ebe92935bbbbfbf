/** Changes of a configuration as people, templates and tools make them: most make it wrong, some leave it right. */
import fc from "fast-check";
import type { Json } from "./vocabulary.ts";

export type Mutation = (configuration: Json) => Json;

/** One change at a random place. `fields` are names of members that it may put in. */
export function mutation(fields: readonly string[]): fc.Arbitrary<Mutation> {
  const field = fc.constantFrom(...fields);
  const anything: fc.Arbitrary<Json> = fc.oneof(
    fc.constantFrom<Json>(...OTHERS, ...NUMBERS, ...TEXTS),
    field,
    field.map((name) => ({ [name]: "a" })),
  );
  const text = fc.constantFrom(...TEXTS);
  const at = fc.nat();
  return fc.oneof(
    // Another value of the same kind, which is right for some fields and wrong for others.
    fc.tuple(at, text).map(([at, put]) => changing(isText, at, () => put)),
    fc.tuple(at, text).map(([at, put]) => changing(isText, at, () => put)),
    fc.tuple(at, fc.constantFrom(...NUMBERS)).map(([at, put]) => changing(isNumber, at, () => put)),
    fc.tuple(at, fc.constantFrom(...NUMBERS)).map(([at, put]) => changing(isNumber, at, () => put)),
    fc.tuple(at, fc.boolean()).map(([at, put]) => changing(isBoolean, at, () => put)),
    fc
      .tuple(
        at,
        fc.constantFrom(" ", ";", ",", ":", "é", "\u0000", "\ud800", "\n", "/33", "]", ".", "x".repeat(256)),
      )
      .map(([at, more]) => changing(isText, at, (one) => `${one as string}${more}`)),
    // Any value.
    fc.tuple(at, anything).map(([at, put]) =>
      changing(
        () => true,
        at,
        () => put,
      ),
    ),
    fc.tuple(at, at).map(
      ([at, from]): Mutation =>
        (json) =>
          changing(
            () => true,
            at,
            () => structuredClone(nodeAt(json, from)),
          )(json),
    ),
    at.map((at) =>
      changing(
        () => true,
        at,
        (one) => [one],
      ),
    ),
    // Other members and elements.
    at.map((at) => changing(isObject, at, (one) => without(one, at))),
    fc
      .tuple(at, fc.oneof(field, fc.constantFrom("unknown", "", "Name")), anything)
      .map(([at, name, put]) => changing(isObject, at, (one) => ({ ...(one as object), [name]: put }))),
    fc
      .tuple(at, fc.oneof(field, text))
      .map(([at, name]) => changing(isObject, at, (one) => renamed(one as Record<string, Json>, at, name))),
    fc.tuple(at, anything).map(([at, put]) => changing(isList, at, (one) => [...(one as Json[]), put])),
    at.map((at) => changing(isList, at, (one) => [...(one as Json[]), ...(one as Json[])])),
    at.map((at) => changing(isList, at, () => [])),
  );
}

// Values on both sides of what some field takes.
const NUMBERS: readonly number[] = [
  -1, -0.001, 0, 0.5, 1, 1.5, 32, 33, 64, 65, 100, 100.001, 128, 129, 1_000_000, 1_000_000.5, 1e300,
];
const TEXTS: readonly string[] = [
  ...[
    "",
    "a",
    "a b",
    "true",
    "é",
    "x".repeat(64),
    "x".repeat(257),
    "é".repeat(200),
    "/",
    "a;b",
    '"',
    "unknown",
  ],
  ...[
    "default",
    "inbound",
    "expired",
    "host",
    "Cookie",
    "X-Envoy-Foo",
    "x-forwarded-",
    ":path",
    ":",
    "::",
    "x".repeat(256),
  ],
  ...["1h", "0.5s", "9601h", "1.h", ".5h", "1d", "h", "1 h", "999ms", "None", "none", "Shadow", "shadow"],
  ...["2026-02-30T00:00:00Z", "2026-13-01T00:00:00Z", "2026-12-31", "2026-12-31T24:00:00Z"],
  ...["2026-12-31T00:00:00.Z", "2026-12-31T00:00:00+24:00", "2026-12-31 00:00:00Z", "2026-12-31T00:00:60Z"],
  ...[
    "10.0.0.0/33",
    "10.0.0",
    "256.1.1.1",
    "010.1.1.1",
    "::1/129",
    ":::",
    "1::2::3",
    "g::",
    "fe80::1%eth0",
    "[::1]",
  ],
  ...["10.0.0.0/", "1:2", "1.2.3.4:80", "a..b", "[a", "[]", "a[b]c", ".a", "a.", "a.b"],
  ...["request.heders == 1", "foo.bar", "request.path ==", "(", "a{1000}{1000}"],
];
const OTHERS: readonly Json[] = [
  ...[null, true, false, [], {}, [null], [[]], ["a"], [""], [{}], { a: "b" }],
  ...[
    { present: true },
    { present: false },
    { exact: "a", prefix: "b" },
    { in: [] },
    { ignoreCase: true },
    { prefix: "" },
  ],
  ...[[{ header: "a" }], [{ header: "a", cookie: "b" }], [{ header: "" }], [{ cookie: "" }], { segments: 0 }],
];

const isText = (json: Json): boolean => typeof json === "string";
const isNumber = (json: Json): boolean => typeof json === "number";
const isBoolean = (json: Json): boolean => typeof json === "boolean";
const isList = (json: Json): boolean => Array.isArray(json);
const isObject = (json: Json): boolean => typeof json === "object" && json !== null && !Array.isArray(json);

/** All values of a configuration, the configuration itself first. */
function* nodesOf(json: Json): Generator<Json> {
  yield json;
  if (typeof json !== "object" || json === null) return;
  for (const child of Object.values(json)) yield* nodesOf(child);
}

function nodeAt(json: Json, at: number): Json {
  const nodes = [...nodesOf(json)];
  return nodes[at % nodes.length]!;
}

/** Changes the value at a place, counted over those that are of a kind, in the order of {@link nodesOf}. */
function changing(isOne: (json: Json) => boolean, at: number, change: (one: Json) => Json): Mutation {
  return (json) => {
    const count = [...nodesOf(json)].filter(isOne).length;
    if (count === 0) return json;
    let left = at % count;
    const walk = (one: Json): Json => {
      if (isOne(one) && left-- === 0) return change(one);
      if (Array.isArray(one)) return one.map(walk);
      if (typeof one !== "object" || one === null) return one;
      return Object.fromEntries(Object.entries(one).map(([name, child]) => [name, walk(child)]));
    };
    return walk(json);
  };
}

/** An object without one of its members. */
function without(one: Json, which: number): Json {
  const members = Object.entries(one as Record<string, Json>);
  return Object.fromEntries(members.filter((_, at) => at !== which % members.length));
}

/** An object with one of its members under another name. */
function renamed(one: Record<string, Json>, which: number, name: string): Json {
  const members = Object.entries(one);
  return Object.fromEntries(
    members.map(([old, value], at) => [at === which % members.length ? name : old, value]),
  );
}

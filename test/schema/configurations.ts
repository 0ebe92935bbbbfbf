/** Random configurations of `dark-launch`: right ones with every field of the vocabulary, and wrong ones made of them. */
import fc from "fast-check";

export type Json = null | boolean | number | string | Json[] | { [name: string]: Json };

/** A configuration that is right in every respect, also those which no schema can say. */
export function rightConfiguration(): fc.Arbitrary<Json> {
  const { requestMatch, key } = vocabulary();
  const weighted = fc
    .uniqueArray(some({ name: variant, weight: number(1, 1_000_000) }, ["name", "weight"]), {
      minLength: 1,
      maxLength: 4,
      selector: ({ name }) => name,
    })
    .chain((variants) =>
      // One of them at least keeps a weight.
      fc
        .nat({ max: variants.length })
        .map((zero) => variants.map((one, at) => (at > 0 && at === zero ? { ...one, weight: 0 } : one))),
    );
  const rule = fc.oneof(
    some({ variant, mode, match: requestMatch }, ["variant"]),
    some({ variants: weighted, by: key, salt: text, mode, match: requestMatch }, ["variants", "by"]),
  );
  const rules = fc
    .array(rule, { maxLength: 4 })
    .chain((list) =>
      fc
        .uniqueArray(ruleName, { minLength: list.length, maxLength: list.length })
        .map((names) => list.map((one, at) => ({ name: names[at]!, ...one }))),
    );
  return some({
    header: fc.constantFrom(
      "x-variant",
      "X-Variant",
      "x_v",
      "hosts",
      "te-",
      "x-envoy",
      "a".repeat(255),
      "!#$%&'*+-.^_`|~",
    ),
    trustInbound: fc.boolean(),
    default: variant,
    expires: fc.constantFrom(
      "2026-12-31T00:00:00Z",
      "2024-02-29t23:59:60.25+02:00",
      "0001-01-01T00:00:00.123456789z",
      "2026-04-30T00:00:00-23:59",
    ),
    disabled: fc.boolean(),
    mode,
    annotate: fc.constantFrom("decisions", "always"),
    rules,
    sticky: cookie.map((value) => ({ cookie: value })),
    baggage: token,
    exposeResponse: fc.boolean(),
  });
}

/** One rule with one condition, or with one key: a change often meets what it could make wrong. */
export function smallConfiguration(): fc.Arbitrary<Json> {
  const { conditions, key } = vocabulary();
  const fields = Object.entries(conditions) as [string, fc.Arbitrary<Json>][];
  const texts = ["path", "path", "path", "headers"].map((name) => fields.find(([field]) => field === name)!);
  return fc.oneof(
    fc
      .oneof(...[...fields, ...texts].map(([name, value]) => value.map((one) => ({ [name]: one }))))
      .map((match) => ({ rules: [{ name: "a", variant: "v", match }] })),
    key.map((by) => ({ rules: [{ name: "a", variants: [{ name: "v", weight: 1 }], by }] })),
    cookie.map((one) => ({ sticky: { cookie: one } })),
  );
}

function vocabulary() {
  const comparisons: fc.Arbitrary<Record<string, Json>>[] = [
    fc.record({ exact: fc.oneof(text, fc.constant("")) }),
    fc.record({ prefix: text }),
    fc.record({ suffix: text }),
    fc.record({ contains: fc.oneof(text, fc.constantFrom("x".repeat(256), "é".repeat(128))) }),
    fc.record({ in: fc.array(fc.oneof(text, fc.constant("")), { minLength: 1, maxLength: 3 }) }),
    fc.record({ regex: fc.constantFrom("a+", "/v[0-9]+/.*", "(?i)ab|c", "[^x]{2,3}") }),
    fc.constant({ present: true }),
  ];
  const stringMatch = fc.oneof(
    text,
    fc
      .tuple(fc.oneof(...comparisons), some({ ignoreCase: fc.boolean(), not: fc.boolean() }))
      .map(([comparison, flags]) => ({ ...comparison, ...flags })),
  );
  const parts: Record<string, fc.Arbitrary<Json>> = {
    header: headerName,
    cookie: text,
    queryParam: text,
    claim: claimName,
    baggage: token,
    remoteAddress: some({
      prefix4: fc.nat({ max: 32 }),
      prefix6: fc.nat({ max: 128 }),
      direct: fc.boolean(),
    }),
    principal: fc.constant({}),
    method: fc.constant({}),
    path: some({ segments: fc.integer({ min: 1, max: 64 }) }),
    host: fc.constant({}),
    routeName: fc.constant({}),
    constant: fc.oneof(text, fc.constant("")),
  };
  const part = fc.oneof(
    ...Object.entries(parts).map(([kind, value]) => value.map((one) => ({ [kind]: one }))),
  );
  const key = fc.array(part, { minLength: 1, maxLength: 3 });
  const patterns = fc.array(fc.oneof(text, fc.constantFrom("*", "cluster.local/ns/*", "*/sa/cart", "")), {
    minLength: 1,
    maxLength: 2,
  });
  const blocks = fc.array(
    fc.constantFrom(
      "10.0.0.0/8",
      "0.0.0.0/0",
      "255.249.199.99/32",
      "127.0.0.1",
      "::/0",
      "2001:DB8::/32",
      "::1",
      "::ffff:1.2.3.4/128",
      "1:2:3:4:5:6:7:8",
    ),
    { minLength: 1, maxLength: 3 },
  );
  const named = (name: fc.Arbitrary<string>) => fc.dictionary(name, stringMatch, { maxKeys: 2 });
  const conditionsWith = (inner: fc.Arbitrary<Json>) => ({
    methods: fc.array(fc.constantFrom("GET", "get", ""), { minLength: 1, maxLength: 2 }),
    path: stringMatch,
    host: stringMatch,
    headers: named(headerName),
    queryParams: named(text),
    cookies: named(text),
    baggage: named(token),
    claims: named(claimName),
    source: some({ principals: patterns, namespaces: patterns, ipBlocks: blocks, remoteIpBlocks: blocks }),
    percentage: some({ value: number(0, 100), by: key, salt: text }, ["value", "by"]),
    cel: fc.constantFrom("request.path == '/'", "'a' in request.headers"),
    anyOf: fc.array(inner, { minLength: 1, maxLength: 2 }),
    not: inner,
  });
  const inner = some(conditionsWith(fc.constant({})));
  const conditions = conditionsWith(inner);
  return { key, conditions, requestMatch: some(conditions) };
}

/** An object with some of the fields, the required ones always. */
function some<T extends Record<string, fc.Arbitrary<unknown>>>(
  fields: T,
  required: (keyof T & string)[] = [],
) {
  type Values = { [K in keyof T]: T[K] extends fc.Arbitrary<infer V> ? V : never };
  return fc.record(fields, { requiredKeys: required, noNullPrototype: true }) as fc.Arbitrary<Values>;
}

/**
 * A number of `least` to `most` with few digits: beyond 15, the reader rounds otherwise than the schema's validator, and
 * 100.00000000000001 is 100 to it.
 */
function number(least: number, most: number): fc.Arbitrary<number> {
  return fc.oneof(
    fc.constantFrom(least, most),
    fc.integer({ min: least * 1000, max: most * 1000 }).map((thousandths) => thousandths / 1000),
  );
}

const text = fc.oneof(
  fc.constantFrom("a", "User-1", "é", "日本", "a b", "x,y", '"', "\\", "\n", "*a*", "𝒳", "constructor"),
  fc.string({ minLength: 1, maxLength: 8 }),
);
const token = fc.constantFrom("variant", "a", "A-b_c.d", "!#$%&'*+-.^_`|~", "x".repeat(255), "toString");
const headerName = fc.oneof(
  token,
  fc.constantFrom("X-User", ":path", ":authority", "Host", `:${"y".repeat(255)}`),
);
const claimName = fc.constantFrom(
  "groups",
  "realm.roles",
  "[https://example.com/role]",
  "[realm][roles]",
  "a.[b]",
  "a[b].c",
  "a b]",
  "é",
);
const variant = fc.constantFrom("v1", "v2", "v3", "100%", "!#+-:<[]~", "z".repeat(63));
const ruleName = fc.oneof(
  fc.constantFrom("a", "Default", "none-", "_.-", "r".repeat(63)),
  fc.integer({ min: 0, max: 9999 }).map(String),
);
const mode = fc.constantFrom("enforce", "shadow");
const cookie = fc.oneof(
  some(
    {
      name: token,
      ttl: fc.constantFrom("1s", "1000ms", "1.5h", "9600h", "10.25m"),
      path: fc.constantFrom("/", "/a/b?c=d", `/${"p".repeat(254)}`),
      secure: fc.boolean(),
      httpOnly: fc.boolean(),
      sameSite: fc.constantFrom("Strict", "Lax"),
    },
    ["name"],
  ),
  fc.constant({ name: "v", secure: true, sameSite: "None" }),
);

/** Random pieces of the vocabulary that all filters share: right ones, with every field. */
import fc from "fast-check";

export type Json = null | boolean | number | string | Json[] | { [name: string]: Json };

export function vocabulary() {
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
export function some<T extends Record<string, fc.Arbitrary<unknown>>>(
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
export function number(least: number, most: number): fc.Arbitrary<number> {
  return fc.oneof(
    fc.constantFrom(least, most),
    fc.integer({ min: least * 1000, max: most * 1000 }).map((thousandths) => thousandths / 1000),
  );
}

export const annotate = fc.constantFrom("decisions", "always");
export const text = fc.oneof(
  fc.constantFrom("a", "User-1", "é", "日本", "a b", "x,y", '"', "\\", "\n", "*a*", "𝒳", "constructor"),
  fc.string({ minLength: 1, maxLength: 8 }),
);
export const token = fc.constantFrom(
  "variant",
  "a",
  "A-b_c.d",
  "!#$%&'*+-.^_`|~",
  "x".repeat(255),
  "toString",
);
export const headerName = fc.oneof(
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
/** What `mode` can be. */
export const mode = fc.constantFrom("enforce", "shadow");
/** Names of rules and limits. */
export const name = fc.oneof(
  fc.constantFrom("a", "Default", "none-", "_.-", "r".repeat(63)),
  fc.integer({ min: 0, max: 9999 }).map(String),
);

/** Random configurations of `dark-launch`. */
import fc from "fast-check";
import {
  annotate,
  type Json,
  mode,
  name as ruleName,
  number,
  some,
  text,
  token,
  vocabulary,
} from "./vocabulary.ts";

/** A configuration that is right in every respect, also those which no schema can say. */
export function rightDarkLaunch(): fc.Arbitrary<Json> {
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
    annotate,
    rules,
    sticky: cookie.map((value) => ({ cookie: value })),
    baggage: token,
    exposeResponse: fc.boolean(),
  });
}

/** One rule with one condition, or with one key: a change often meets what it could make wrong. */
export function smallDarkLaunch(): fc.Arbitrary<Json> {
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

const variant = fc.constantFrom("v1", "v2", "v3", "100%", "!#+-:<[]~", "z".repeat(63));
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

/** Random configurations of `local-rate-limit`. */
import fc from "fast-check";
import { annotate, type Json, mode, name, some, text, token, vocabulary } from "./vocabulary.ts";

export const rate = fc
  .tuple(
    fc.constantFrom<[string, number]>(
      ["second", 1_000_000],
      ["minute", 60_000_000],
      ["hour", 1_000_000_000],
      ["day", 1_000_000_000],
    ),
    fc.double({ min: 0, max: 1, noNaN: true }),
    fc.option(fc.integer({ min: 1, max: 20_000 }), { nil: undefined }),
  )
  .map(([[per, most], share, burst]) => ({
    requests: Math.max(1, Math.floor(most * share)),
    per,
    ...(burst === undefined ? {} : { burst }),
  }));

export const refusal = some({
  status: fc.integer({ min: 400, max: 599 }),
  body: fc.oneof(text, fc.constant("")),
  headers: fc.dictionary(
    fc.constantFrom("content-type", "X-Reason", "set-cookie", "x_a"),
    fc.constantFrom("", "a", "a\tb", "é", "text/plain; charset=utf-8"),
    { maxKeys: 3, noNullPrototype: true },
  ),
});

export const limitFields = fc.constantFrom("draft03", "draft10", "off");

/** A configuration that is right in every respect, also those which no schema can say. */
export function rightLocalRateLimit(): fc.Arbitrary<Json> {
  const { requestMatch, key } = vocabulary();
  const max = fc.integer({ min: 1, max: 1_000_000_000 });
  const cost = fc.oneof<fc.Arbitrary<Json>[]>(
    fc.constant(1),
    some({ header: token, max }, ["header", "max"]),
    some({ responseHeader: token, max }, ["responseHeader"]),
  );
  const plain = { mode, match: requestMatch, limit: rate, cost };
  const keyed = key.chain((parts) =>
    some(
      {
        ...plain,
        key: fc.constant(parts),
        onMissingKey: fc.constantFrom("skip", "reject", "share"),
        maxKeys: fc.integer({ min: 1, max: 1_000_000 }),
        overrides: fc.uniqueArray(
          fc.record({
            key: fc.array(text, { minLength: parts.length, maxLength: parts.length }),
            limit: rate,
          }),
          { maxLength: 3, selector: (one) => JSON.stringify(one.key) },
        ),
      },
      ["key", "limit"],
    ),
  );
  const limits = fc
    .array(fc.oneof(some(plain, ["limit"]), keyed), { minLength: 1, maxLength: 3 })
    .chain((list) =>
      fc
        .uniqueArray(name, { minLength: list.length, maxLength: list.length })
        .map((names) => list.map((one, at) => ({ name: names[at]!, ...one }))),
    );
  return some(
    {
      mode,
      annotate,
      limits,
      response: refusal,
      onContention: fc.constantFrom("deny", "allow"),
      responseHeaders: limitFields,
    },
    ["limits"],
  );
}

/** One limit: a change often meets what it could make wrong. */
export function smallLocalRateLimit(): fc.Arbitrary<Json> {
  return fc.oneof(
    rate.map((limit) => ({ limits: [{ name: "a", limit }] })),
    refusal.map((response) => ({
      limits: [{ name: "a", limit: { requests: 1, per: "day" } }],
      response,
    })),
    rate.map((limit) => ({
      limits: [
        {
          name: "a",
          key: [{ header: "x" }],
          limit: { requests: 1, per: "day" },
          overrides: [{ key: ["a"], limit }],
        },
      ],
    })),
  );
}

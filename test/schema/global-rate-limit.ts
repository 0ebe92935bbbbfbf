/** Random configurations of `global-rate-limit`. */
import fc from "fast-check";
import { limitFields, rate, refusal } from "./local-rate-limit.ts";
import { annotate, type Json, mode, name, some, text, vocabulary } from "./vocabulary.ts";

const count = fc.integer({ min: 1, max: 1_000_000 });

/** A configuration that is right in every respect, also those which no schema can say. */
export function rightGlobalRateLimit(): fc.Arbitrary<Json> {
  const { requestMatch, key } = vocabulary();
  const part = key.map(([one]) => one!);
  const entry = fc.oneof(
    fc.record({ key: text, value: text }),
    some({ key: text, from: part, hash: fc.boolean(), skipIfMissing: fc.boolean() }, ["key", "from"]),
  );
  const descriptor = fc.array(entry, { minLength: 1, maxLength: 3 });
  const counted = fc
    .tuple(fc.option(count, { nil: undefined }), rate, count)
    .map(([hits, local, more]) => ({
      ...(hits === undefined ? {} : { hits }),
      local: { ...local, burst: Math.max(hits ?? 1, local.burst ?? 1) },
      ...(hits === undefined || hits < 1_000_000 ? { lease: { max: Math.max((hits ?? 1) + 1, more) } } : {}),
    }))
    .filter(({ local }) => local.burst <= local.requests * 20_000);
  const plain = {
    match: requestMatch,
    limit: fc.record({
      requests: fc.integer({ min: 1, max: 1_000_000_000 }),
      per: fc.constantFrom("second", "minute", "hour", "day", "month", "year"),
    }),
    cacheDenials: fc.boolean(),
    maxKeys: count,
    mode,
  };
  const limit = fc
    .tuple(
      fc.oneof(
        some({ ...plain, descriptor }, ["descriptor"]),
        some({ ...plain, descriptors: fc.array(descriptor, { minLength: 1, maxLength: 3 }) }, [
          "descriptors",
        ]),
      ),
      counted,
    )
    .map(([one, more]) => ({ ...(one as object), ...more }));
  const limits = fc
    .array(limit, { minLength: 1, maxLength: 3 })
    .chain((list) =>
      fc
        .uniqueArray(name, { minLength: list.length, maxLength: list.length })
        .map((names) => list.map((one, at) => ({ name: names[at]!, ...one }))),
    );
  return some(
    {
      domain: text,
      service: some({ cluster: text, timeout: fc.constantFrom("1ms", "10ms", "1.5s", "1m") }, ["cluster"]),
      failureMode: fc.constantFrom("allow", "deny", "local"),
      statusOnError: fc.integer({ min: 400, max: 599 }),
      mode,
      annotate,
      limits,
      response: refusal,
      responseHeaders: limitFields,
      breaker: some({
        consecutiveFailures: count,
        baseInterval: fc.constantFrom("1ms", "5s"),
        maxInterval: fc.constantFrom("5s", "1m", "1h"),
      }),
    },
    ["domain", "service", "limits"],
  );
}

/** One limit: a change often meets what it could make wrong. */
export function smallGlobalRateLimit(): fc.Arbitrary<Json> {
  const base = { domain: "d", service: { cluster: "c", timeout: "20ms" } };
  return fc.constantFrom<Json>(
    {
      ...base,
      limits: [
        { name: "a", descriptor: [{ key: "k", from: { header: "x" }, hash: true, skipIfMissing: true }] },
      ],
    },
    {
      ...base,
      limits: [{ name: "a", descriptors: [[{ key: "k", value: "v" }]], hits: 2, lease: { max: 9 } }],
    },
    {
      ...base,
      limits: [{ name: "a", descriptor: [{ key: "k", value: "v" }], limit: { requests: 1, per: "year" } }],
      breaker: { consecutiveFailures: 1, baseInterval: "1s", maxInterval: "1m" },
    },
  );
}

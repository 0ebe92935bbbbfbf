import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Header } from "../driver.ts";
import { Model, type ModelLimit, type ModelRequest } from "./model.ts";
import { byKey, Proxy, type Rate } from "./proxy.ts";

const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);
console.log(`seed ${seed}`);

const rate: fc.Arbitrary<Rate> = fc
  .record(
    {
      requests: fc.oneof(fc.integer({ min: 1, max: 10 }), fc.integer({ min: 1, max: 1_000_000 })),
      per: fc.constantFrom("second", "minute", "hour", "day"),
      burst: fc.oneof(fc.integer({ min: 1, max: 5 }), fc.constantFrom(1000, 20_000)),
    },
    { requiredKeys: ["requests", "per"], noNullPrototype: true },
  )
  .map(({ burst, ...rest }) => (burst === undefined ? rest : { ...rest, burst }));

const KEYS = ["a", "b", "gold", "", "é", "k".repeat(300)];

const limit = (name: string): fc.Arbitrary<ModelLimit> =>
  fc.record(
    {
      name: fc.constant(name),
      keyed: fc.boolean(),
      onMissingKey: fc.constantFrom("skip", "reject", "share"),
      rate,
      overrides: fc.dictionary(fc.constantFrom(...KEYS), rate, { maxKeys: 2, noNullPrototype: true }),
      cost: fc.oneof(
        fc.constant(1),
        fc.record(
          { header: fc.constant("x-cost"), max: fc.integer({ min: 1, max: 20 }) },
          { noNullPrototype: true },
        ),
        fc.record(
          { responseHeader: fc.constant("x-cost"), max: fc.integer({ min: 1, max: 20 }) },
          { noNullPrototype: true },
        ),
      ),
    },
    { noNullPrototype: true },
  );

const cost = fc.option(
  fc.oneof(
    fc.integer({ min: 0, max: 25 }).map(String),
    fc.constantFrom("", "x", "-1", "1.5", "007", "99999999999999999999999999", "1,2"),
  ),
  { nil: undefined },
);

const step = fc.record({
  request: fc.record({
    key: fc.option(fc.constantFrom(...KEYS), { nil: undefined }),
    cost,
    responseCost: cost,
  }),
  /** Nanoseconds that pass before it. */
  pause: fc.oneof(fc.constant(0), fc.constant(0), fc.integer({ min: 0, max: 2_000_000_000 }), fc.nat()),
});

function configOf(limits: readonly ModelLimit[]): object {
  return {
    responseHeaders: "draft03",
    limits: limits.map(({ name, keyed, onMissingKey, rate: own, overrides, cost: units }) => ({
      name,
      limit: own,
      cost: units,
      ...(keyed
        ? {
            key: [{ header: "x-key" }],
            onMissingKey,
            overrides: Object.entries(overrides).map(([key, other]) => ({ key: [key], limit: other })),
          }
        : {}),
    })),
  };
}

function headersOf({ key, cost: units }: ModelRequest): Header[] {
  const headers: Header[] = [];
  if (key !== undefined) headers.push(["x-key", Buffer.from(key).toString("latin1")]);
  if (units !== undefined) headers.push(["x-cost", units]);
  return headers;
}

describe("local-rate-limit beside a plain model of it", () => {
  test("decides, waits and counts alike", { timeout: 120_000 }, () => {
    let refused = 0;
    fc.assert(
      fc.property(
        fc
          .integer({ min: 1, max: 3 })
          .chain((count) => fc.tuple(...["one", "two", "three"].slice(0, count).map(limit))),
        fc.array(step, { minLength: 1, maxLength: 60 }),
        fc.constantFrom(1, 3),
        (limits, steps, workers) => {
          const proxy = new Proxy(configOf(limits), { workers });
          const model = new Model(limits);
          for (const { request, pause } of steps) {
            proxy.clock.advance(BigInt(pause));
            const { responseCost } = request;
            proxy.reply = responseCost === undefined ? {} : { headers: [["x-cost", responseCost]] };
            const expected = model.ask(proxy.clock.monotonic, request);
            const { status, headers } = proxy.send(...headersOf(request));
            expect(status).toBe(expected.admitted ? 200 : 429);
            expect(headers["retry-after"]).toBe(expected.retryAfter?.toString());
            if (expected.admitted || expected.remaining !== undefined)
              expect(headers["x-ratelimit-remaining"]).toBe(expected.remaining?.toString());
            if (!expected.admitted) refused++;
          }
        },
      ),
      { numRuns: 300, seed },
    );
    expect(refused).toBeGreaterThan(100);
  });

  test("gives no key more than a bucket of its own would, when slots are few", { timeout: 120_000 }, () => {
    let shared = 0;
    fc.assert(
      fc.property(
        rate.filter(({ requests }) => requests <= 10),
        fc.array(
          fc.record({ key: fc.nat({ max: 40 }), pause: fc.oneof(fc.constant(0), fc.nat({ max: 3e9 })) }),
          {
            minLength: 50,
            maxLength: 300,
          },
        ),
        (own, steps) => {
          const proxy = new Proxy(byKey(own, { maxKeys: 1 }));
          const limits: ModelLimit[] = [
            { name: "m", keyed: true, onMissingKey: "skip", rate: own, overrides: {}, cost: 1 },
          ];
          // Of each key, what has passed is what its own bucket would let pass.
          const model = new Model(limits);
          for (const { key, pause } of steps) {
            proxy.clock.advance(BigInt(pause));
            if (!proxy.admits(`k${key}`)) {
              shared++;
              continue;
            }
            const request = { key: `k${key}`, cost: undefined, responseCost: undefined };
            expect(model.ask(proxy.clock.monotonic, request).admitted).toBe(true);
          }
        },
      ),
      { numRuns: 200, seed },
    );
    expect(shared).toBeGreaterThan(100);
  });
});

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Header } from "../driver.ts";
import { formats, traceHeaders } from "./headers.ts";
import { extract, hex } from "./model.ts";
import { configurationOf, ModelledProxy, ofTraces, type Source, withDefaults } from "./modelled.ts";
import { headersOf, Proxy } from "./proxy.ts";
import { title, VECTORS } from "./vectors.ts";

const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);
console.log(`seed ${seed}`);

describe("the model of the trace formats", () => {
  test.each(VECTORS.map((vector) => [title(vector), vector] as const))(
    "%s",
    (_, { format, headers, says }) => {
      const arrived = headers.map(([name, value]): [string, string] => [name, value.trim()]);
      const { context, sampling, malformed } = extract(arrived, [format]);
      if (typeof says === "string") {
        expect(context).toBeNull();
        expect(sampling.decision).toBe("undecided");
        expect(malformed.map(({ what }) => what)).toEqual(says === "malformed" ? [format] : []);
        return;
      }
      expect(malformed.map(({ what }) => what)).not.toContain(format);
      if (!("trace" in says)) {
        expect({ context, sampling }).toEqual({ context: null, sampling: says });
        return;
      }
      expect(context && { ...context, trace: hex(context.trace, 32), span: hex(context.span, 16) }).toEqual({
        trace: says.trace.padStart(32, "0"),
        span: says.span.padStart(16, "0"),
        parent: BigInt(`0x${says.parent ?? 0}`),
        decision: says.decision ?? "undecided",
        forced: says.forced ?? false,
        random: says.random ?? false,
        state: says.tracestate?.split(",") ?? [],
      });
    },
  );
});

describe("trace-propagation beside a plain model of the formats", () => {
  const percent = fc.constantFrom(0, 100);

  test("passes on upstream what the model says", { timeout: 120_000 }, () => {
    const seen: Record<Source, number> = { new: 0, headers: 0, "headers without span": 0, memory: 0 };
    fc.assert(
      fc.property(
        fc.oneof({ weight: 9, arbitrary: formats }, { weight: 1, arbitrary: fc.constant([]) }),
        formats,
        percent,
        fc.array(traceHeaders, { minLength: 1, maxLength: 10 }),
        (extracted, injected, share, requests) => {
          const proxy = new ModelledProxy({
            extract: extracted,
            inject: injected,
            sampling: { default: share },
          });
          for (const headers of requests) seen[proxy.check("enter", headers)]++;
          proxy.checkCounters();
        },
      ),
      { numRuns: 400, seed },
    );
    expect(seen.new).toBeGreaterThan(300);
    expect(seen.headers).toBeGreaterThan(300);
    expect(seen["headers without span"]).toBeGreaterThan(0);
  });

  test("finds each request the context that is its own, whichever way it goes", { timeout: 120_000 }, () => {
    const seen: Record<Source, number> = { new: 0, headers: 0, "headers without span": 0, memory: 0 };
    const none = fc.constant<Header[]>([]);
    const id = fc.constantFrom("one", "two", "three", undefined);
    const request = fc.record({
      way: fc.constantFrom<"enter" | "leave">("enter", "leave"),
      id,
      headers: fc.oneof(none, traceHeaders),
    });
    // What an application does that forwards one header.
    const forwarded = fc.tuple(id, traceHeaders).map(([one, headers]) => [
      { way: "enter" as const, id: one, headers },
      { way: "leave" as const, id: one, headers: [] },
    ]);
    const steps = fc
      .array(fc.oneof(request, forwarded), { minLength: 1, maxLength: 12 })
      .map((list) => list.flat());
    fc.assert(
      fc.property(
        fc.record({
          inject: formats,
          sampling: percent.map((share) => ({ default: share })),
          trustInbound: fc.constantFrom(true, true, false),
          correlates: fc.constantFrom(true, true, false),
          reports: fc.boolean(),
        }),
        steps,
        fc.boolean(),
        (config, requests, isInSuite) => {
          const proxy = new ModelledProxy(config, isInSuite ? { suite: [] } : {});
          for (const { way, id: one, headers } of requests) seen[proxy.check(way, headers, one)]++;
          proxy.checkCounters();
        },
      ),
      { numRuns: 200, seed },
    );
    expect(seen.memory).toBeGreaterThan(30);
  });

  test("leaves all as it is in shadow", { timeout: 60_000 }, () => {
    fc.assert(
      fc.property(
        fc.record({ extract: formats, inject: formats, correlates: fc.boolean(), reports: fc.boolean() }),
        fc.array(traceHeaders, { minLength: 1, maxLength: 10 }),
        (config, requests) => {
          const proxy = new Proxy({ ...configurationOf(withDefaults(config)), mode: "shadow" });
          const bare = proxy.host.listen({ plugins: [] });
          for (const headers of requests) {
            const arrived = bare.run({ method: "GET", path: "/", headers }).upstream!;
            expect(ofTraces(proxy.enter(headers))).toEqual(ofTraces(headersOf(arrived)));
          }
        },
      ),
      { numRuns: 50, seed },
    );
  });
});

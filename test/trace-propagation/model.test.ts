import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { formats, traceHeaders } from "./headers.ts";
import { type Checked, Inbound } from "./inbound.ts";
import { extract, hex } from "./model.ts";
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
        expect(malformed).toEqual(says === "malformed" ? [format] : []);
        return;
      }
      expect(malformed).not.toContain(format);
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
  test("passes on upstream what the model says", { timeout: 120_000 }, () => {
    const seen: Record<Checked, number> = { begun: 0, continued: 0, "continued without span": 0 };
    fc.assert(
      fc.property(
        formats,
        formats,
        fc.constantFrom(0, 100),
        fc.array(traceHeaders, { minLength: 1, maxLength: 10 }),
        (extracted, injected, percent, requests) => {
          const inbound = new Inbound({
            extract: extracted,
            inject: injected,
            sampling: { default: percent },
          });
          for (const headers of requests) seen[inbound.check(headers)]++;
          inbound.checkCounters();
        },
      ),
      { numRuns: 500, seed },
    );
    expect(seen.begun).toBeGreaterThan(300);
    expect(seen.continued).toBeGreaterThan(300);
    expect(seen["continued without span"]).toBeGreaterThan(5);
  });
});

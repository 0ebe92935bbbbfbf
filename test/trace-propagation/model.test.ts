import { describe, expect, test } from "vitest";
import { extract, hex } from "./model.ts";
import { VECTORS } from "./vectors.ts";

describe("the model of the trace formats", () => {
  test.each(VECTORS)("$format as in $source: $headers", ({ format, headers, says }) => {
    const arrived = headers.map(([name, value]): [string, string] => [name, value.trim()]);
    const { context, sampling, malformed } = extract(arrived, [format]);
    if (typeof says === "string") {
      expect(context).toBeNull();
      expect(sampling.decision).toBe("undecided");
      expect(malformed).toEqual(says === "malformed" ? [format] : []);
      return;
    }
    expect(malformed).toEqual([]);
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
  });
});

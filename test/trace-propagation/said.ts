/** What upstream headers must say of a vector: the same on the V8 host and in a real Envoy. */
import { expect } from "vitest";
import type { Header } from "../driver.ts";
import { extract, type Format, FORMATS, hex, type Sampling, type TraceContext } from "./model.ts";
import type { Vector } from "./vectors.ts";

/** What the headers of one format say. */
export function read(headers: readonly Header[], format: Format): TraceContext {
  const { context } = extract(headers, [format]);
  if (context === null) throw new Error(`no ${format} in ${JSON.stringify(headers)}`);
  return context;
}

export function ids({ trace, span }: TraceContext): string {
  return `${hex(trace, 32)}-${hex(span, 16)}`;
}

/** Of a request with the vector's headers, `passed` goes on in all formats; what was not decided is decided as `otherwise` says. */
export function expectSaid(
  { headers, says }: Vector,
  passed: readonly Header[],
  otherwise: Sampling["decision"],
): void {
  const w3c = read(passed, "w3c");
  for (const other of FORMATS) expect(`${other} ${ids(read(passed, other))}`).toBe(`${other} ${ids(w3c)}`);
  const { decision, forced, parent } = read(passed, "b3single");
  if (typeof says === "string" || !("trace" in says)) {
    expect(JSON.stringify(headers)).not.toContain(hex(w3c.trace, 32));
    expect(w3c.random).toBe(true);
    const expected = typeof says === "string" ? { decision: otherwise, forced: false } : says;
    expect({ decision, forced }).toEqual(expected);
    return;
  }
  expect(hex(w3c.trace, 32)).toBe(says.trace.padStart(32, "0"));
  if (says.span !== "") expect(hex(w3c.span, 16)).toBe(says.span);
  else expect(w3c.span).not.toBe(0n);
  expect(hex(parent, 16)).toBe(says.parent ?? "0".repeat(16));
  expect(decision).toBe(says.decision ?? otherwise);
  expect(forced).toBe(says.decision === "keep" && (says.forced ?? false));
  expect(w3c.forced).toBe(says.forced ?? false);
  expect(w3c.random).toBe(says.random ?? false);
  expect(w3c.state.join(",")).toBe(says.tracestate ?? "");
}

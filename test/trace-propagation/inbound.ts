/** What the filter passes on of what comes in, without spans of its own, and a comparison with the model of the formats. */
import type { Header } from "../driver.ts";
import type { PluginModule } from "../host/index.ts";
import { extract, type Format, FORMATS, HEADERS, inject, type Sampling, type TraceContext } from "./model.ts";
import { headersOf, Proxy } from "./proxy.ts";

export interface Propagation {
  extract?: readonly Format[];
  inject?: readonly Format[];
  /** Percent to keep of what nobody has decided yet: one of those that leave nothing to chance. Default here: 100. */
  sampling?: { default: 0 | 100 };
}

export class Inbound {
  private readonly config: Required<Propagation>;
  private readonly proxy: Proxy;
  /** How often the filter is to have counted what, by what is in the names of its counters. */
  private readonly counted = new Map<string, number>();
  /** What a request looks like where it arrives: behind the proxy's own parsing, in front of the filter. */
  private readonly arrive: (headers: readonly Header[]) => Header[];

  constructor(config: Propagation, module?: PluginModule) {
    this.config = { extract: FORMATS, inject: ["w3c", "b3"], sampling: { default: 100 }, ...config };
    this.proxy = new Proxy(this.config, module === undefined ? {} : { module });
    const bare = this.proxy.host.listen({ plugins: [] });
    this.arrive = (headers) => ofTraces(headersOf(bare.run({ method: "GET", path: "/", headers }).upstream!));
  }

  /** The headers of all formats that go on, by name, each once. */
  pass(headers: readonly Header[]): Header[] {
    return ofTraces(this.proxy.enter(headers));
  }

  /** Passes a request on, and throws where that is not what the model says. */
  check(headers: readonly Header[]): Checked {
    const arrived = this.arrive(headers);
    const passed = this.pass(headers);
    const trap = this.proxy.host.logs.find(({ text }) => text.includes("Uncaught"));
    if (trap !== undefined) throw new Error(`trap: ${trap.text}`);
    const { extract: order, inject: formats } = this.config;
    const { context, sampling, malformed, conflicts } = extract(arrived, order);
    for (const name of malformed) this.count(`format=.=${name};`, 1);
    this.count("conflicts", conflicts);
    const expected = { ...(context ?? BEGUN), ...this.decided(context ?? sampling) };
    const { trace, span } = expected.span === 0n ? together(passed, formats) : expected;
    same(arrived, passed, formats, { ...expected, trace: expected.trace || trace, span });
    return context === null ? "begun" : context.span === 0n ? "continued without span" : "continued";
  }

  /** Throws where what was not in order has not been counted as the model has it. */
  checkCounters(): void {
    for (const [name, wanted] of this.counted) {
      const counted = this.proxy.metric(name);
      if (counted !== wanted) throw new Error(`${name}: expected ${wanted}, got ${counted}`);
    }
  }

  private count(name: string, times: number): void {
    this.counted.set(name, (this.counted.get(name) ?? 0) + times);
  }

  /** What was left open is decided here. */
  private decided({ decision, forced }: Sampling): Sampling {
    if (decision !== "undecided") return { decision, forced };
    return { decision: this.config.sampling.default === 0 ? "drop" : "keep", forced: false };
  }
}

export type Checked = "begun" | "continued" | "continued without span";

/** A new trace, but its ids, and a decision. */
const BEGUN = { trace: 0n, span: 0n, parent: 0n, random: true, state: [] };

const NAMES = new Set(FORMATS.flatMap((format) => HEADERS[format]));

export function ofTraces(headers: Readonly<Record<string, string>>): Header[] {
  return Object.entries(headers)
    .filter(([name]) => NAMES.has(name))
    .sort(([left], [right]) => (left < right ? -1 : 1));
}

/**
 * What these headers say together, each format what it can say. Throws where one of the formats is not in order; whether they contradict
 * each other shows when the context is written anew.
 */
export function together(headers: readonly Header[], formats: readonly Format[]): TraceContext {
  const reads = formats.map((format) => {
    const { context } = extract(headers, [format]);
    if (context === null) throw new Error(`no ${format} in ${JSON.stringify(headers)}`);
    return { format, context };
  });
  const { trace, span, decision } = reads[0]!.context;
  const w3c = reads.find(({ format }) => format === "w3c")?.context;
  return {
    trace,
    span,
    parent: reads.find(({ context }) => context.parent !== 0n)?.context.parent ?? 0n,
    decision,
    forced: reads.some(({ context }) => context.forced),
    random: w3c?.random ?? false,
    state: w3c?.state ?? [],
  };
}

/** Throws where headers are not just what a context is in these formats. */
export function same(
  arrived: readonly Header[],
  passed: readonly Header[],
  formats: readonly Format[],
  context: TraceContext,
): void {
  const expected = ofTraces(headersOf({ headers: inject(context, formats, arrived) }));
  const [left, right] = [JSON.stringify(expected), JSON.stringify(passed)];
  if (left !== right) throw new Error(`${JSON.stringify(arrived)}: expected upstream ${left}, got ${right}`);
}

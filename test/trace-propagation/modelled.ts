/** The filter beside the model of the formats, and of what else its page says: whose context a request goes on with. */
import type { Header } from "../driver.ts";
import { extract, type Format, FORMATS, HEADERS, inject, type Sampling, type TraceContext } from "./model.ts";
import { headersOf, Proxy, type ProxyOptions } from "./proxy.ts";

export interface Propagation {
  extract?: readonly Format[];
  inject?: readonly Format[];
  /** Percent to keep of what nobody has decided yet: one of those that leave nothing to chance. Default here: 100. */
  sampling?: { default: 0 | 100 };
  trustInbound?: boolean;
  /** Contexts are remembered by `x-request-id`. */
  correlates?: boolean;
  /** Spans are told, so that each request that is sampled has one of its own. */
  reports?: boolean;
}

/** Where a request's context was from. */
export type Source = "new" | "headers" | "headers without span" | "memory";

type Way = "enter" | "leave";

/** What the model says of one request after the other. */
export class Expectations {
  private readonly config: Required<Propagation>;
  /** How often the filter is to have counted what, by what is in the names of its counters. */
  readonly counted = new Map<string, number>();
  /** By request id; null where it came with two traces. Nothing of it is forgotten: no time passes. */
  private readonly remembered = new Map<string, TraceContext | null>();

  constructor(config: Required<Propagation>) {
    this.config = config;
  }

  /** Throws where what is passed on of a request that comes in or goes out is not what the model says. */
  check(way: Way, arrived: readonly Header[], passed: readonly Header[], id?: string): Source {
    const { inject: formats, reports, correlates } = this.config;
    const { source, context } = this.contextOf(way, arrived, id);
    const expected = { ...context, ...this.decided(context) };
    if (source === "memory" || expected.span === 0n || (reports && expected.decision === "keep")) {
      const { trace, span } = together(passed, formats);
      if (span === expected.span) throw new Error("no span of its own");
      Object.assign(expected, { trace: expected.trace || trace, span, parent: expected.span });
    }
    same(arrived, passed, formats, expected);
    if (way === "enter" && correlates && id !== undefined) {
      const { trace } = this.remembered.get(id) ?? expected;
      const isOne = this.remembered.get(id) !== null && trace === expected.trace;
      this.remembered.set(id, isOne ? expected : null);
    }
    return source;
  }

  private contextOf(
    way: Way,
    arrived: readonly Header[],
    id = "",
  ): { source: Source; context: TraceContext } {
    const { extract: order, trustInbound } = this.config;
    const { context, sampling, malformed, conflicts } = extract(trustInbound ? arrived : [], order);
    for (const { what, kind } of malformed) this.count(`kind=.=${kind};.;format=.=${what};`, 1);
    this.count("conflicts", conflicts);
    if (context !== null)
      return { source: context.span === 0n ? "headers without span" : "headers", context };
    const remembered = way === "leave" ? this.remembered.get(id) : undefined;
    if (remembered) return { source: "memory", context: remembered };
    return { source: "new", context: { ...BEGUN, ...sampling } };
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

/** With what is the default here, where nothing is said. */
export function withDefaults(config: Propagation): Required<Propagation> {
  return {
    extract: FORMATS,
    inject: ["w3c", "b3"],
    sampling: { default: 100 },
    trustInbound: true,
    correlates: false,
    reports: false,
    ...config,
  };
}

/** The filter's own configuration. */
export function configurationOf({ correlates, reports, ...rest }: Required<Propagation>): object {
  return {
    ...rest,
    ...(correlates ? { correlate: {} } : {}),
    ...(reports ? { report: { zipkin: { cluster: "zipkin", path: "/api/v2/spans" } } } : {}),
  };
}

export class ModelledProxy {
  private readonly proxy: Proxy;
  private readonly expectations: Expectations;
  /** What a request looks like where it arrives: behind the proxy's own parsing, in front of the filter. */
  private readonly arrive: (headers: readonly Header[]) => Header[];

  constructor(config: Propagation, options: ProxyOptions = {}) {
    const whole = withDefaults(config);
    this.expectations = new Expectations(whole);
    this.proxy = new Proxy(configurationOf(whole), {
      collector: () => ({ status: 202 }),
      ...options,
    });
    const bare = this.proxy.host.listen({ plugins: [] });
    this.arrive = (headers) => ofTraces(headersOf(bare.run({ method: "GET", path: "/", headers }).upstream!));
  }

  /** The headers of all formats that go on of a request that comes in, by name, each once. */
  pass(headers: readonly Header[]): Header[] {
    return ofTraces(this.proxy.enter(headers));
  }

  /** Plays a request, and throws where what goes on is not what the model says. */
  check(way: Way, headers: readonly Header[], id?: string): Source {
    const identified: Header[] = id === undefined ? [...headers] : [["x-request-id", id], ...headers];
    const passed = ofTraces(this.proxy[way](identified));
    const trap = this.proxy.host.logs.find(({ text }) => text.includes("Uncaught"));
    if (trap !== undefined) throw new Error(`trap: ${trap.text}`);
    return this.expectations.check(way, this.arrive(headers), passed, id);
  }

  /** Throws where what was not in order has not been counted as the model has it. */
  checkCounters(): void {
    for (const [name, wanted] of this.expectations.counted) {
      const counted = this.proxy.metric(name);
      if (counted !== wanted) throw new Error(`${name}: expected ${wanted}, got ${counted}`);
    }
  }
}

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

/** The rows of `trace-propagation`, beside what the same host calls cost by hand, and Envoy's own tracing. */
import { existsSync } from "node:fs";
import { root, type BenchModule } from "./build.ts";
import { cluster, wasmFilter, zipkinTracing, type HeaderRule, type Json } from "./configuration.ts";
import { requireSameCalls } from "./host-calls.ts";
import { headerCounts, traced, tracedFields, traceId } from "./requests.ts";
import { SpanSink } from "./span-sink.ts";
import { baseline, chain, COPIES, type Variant } from "./variants.ts";

export const traceNames = [
  "trace-inbound",
  "trace-inbound-same-calls",
  "trace-outbound",
  "trace-outbound-same-calls",
  "trace-inbound-apart",
  "trace-correlate-inbound",
  "trace-outbound-apart",
  "trace-correlate-outbound",
  "trace-report",
  "trace-report-lean",
  "trace-envoy",
] as const;
export type TraceName = (typeof traceNames)[number];

/** Our filter; `$TRACE_PROPAGATION_WASM` names another build of it, to compare two. */
const traceModule = process.env.TRACE_PROPAGATION_WASM ?? `${root}build/trace-propagation.wasm`;

/** What each copy has counted, after one request: of ours, its metrics. */
const counters = {
  ours: "outrigger_trace_propagation_requests",
  remembered: "remembered.*outrigger_trace_propagation_correlation",
  restored: "restored.*outrigger_trace_propagation_correlation",
  sameCalls: "outrigger_bench_same_calls",
};

/** What copy `copy` of a filter, from 1, is configured with. */
type Configuration = (copy: number) => Readonly<Record<string, Json>>;

/**
 * The request's context is kept. Every other copy, the last one too, passes it on in B3 as well, and the copy
 * behind it removes that again: else all copies but the first would find written what they would write, and
 * do nothing.
 */
const inbound: Configuration = (copy) => ({
  extract: ["w3c"],
  inject: copy % 2 === 0 ? ["w3c", "b3"] : ["w3c"],
  direction: "inbound",
});

/**
 * A context is made: of a format that nobody sends, each copy in the chain finds none, though the one before
 * it wrote one. All new traces are sampled, as the one of the requests is.
 */
const outbound: Configuration = () => ({
  extract: ["jaeger"],
  inject: ["w3c", "b3"],
  direction: "outbound",
  sampling: { default: 100 },
});

/** A configuration with more in it. */
const and =
  (configuration: Configuration, more: Readonly<Record<string, Json>>): Configuration =>
  (copy) => ({ ...configuration(copy), ...more });

const correlate = { correlate: { by: "x-request-id", ttl: "60s", maxEntries: 100_000 } };

const zipkin = { zipkin: { cluster: "zipkin", path: "/api/v2/spans", timeout: "5s" }, serviceName: "bench" };
const report = { report: zipkin };
/** Without what takes a host call each. */
const leanReport = { report: { ...zipkin, route: false, peer: false } };

/** What `limit/trace-same-calls.ts` is configured with to do the same. */
const inboundByHand = (copy: number): string => (copy % 2 === 0 ? "keep" : "strip");
const outboundByHand = (): string => "begin";

/** What only the last copy's output can have: the trace of the requests, or a new one. */
const sameTrace: HeaderRule = { name: "x-b3-traceid", value: traceId };
const anyTrace: HeaderRule = { name: "x-b3-traceid", value: null };

/**
 * Envoy's own tracing sends a batch for so many spans, and what is left after so many milliseconds (default 5
 * s). Five is its default, and near its best: a span cost it more in batches of 1 and of 25, and ever more in
 * larger ones (tried to 500).
 */
const zipkinRuntime = { "tracing.zipkin.min_flush_spans": 5, "tracing.zipkin.flush_interval_ms": 1000 };

/**
 * The rows asked for, in the order of the table, after the baseline; throws when the module is not built. All
 * rows, the baseline too, get the same requests.
 */
export async function traceVariants(
  built: Record<BenchModule, string>,
  only: ReadonlySet<string>,
  separateVms: boolean,
): Promise<Variant[]> {
  const none: Variant = { ...baseline, requests: traced };

  /** Makes the copies of a filter; those in one VM share what they remember of requests. */
  const copies = (module: string, text: (copy: number) => string, apart: boolean) => (copy: number) =>
    wasmFilter(`copy-${copy}`, module, "", text(copy), apart || separateVms ? `copy-${copy}` : "");
  const copiesOfOurs = (configuration: Configuration, apart: boolean) =>
    copies(traceModule, (copy) => JSON.stringify(configuration(copy)), apart);

  const row = (
    name: TraceName,
    title: string,
    variantRoute: HeaderRule,
    counter: string,
    filter: (copy: number) => Json,
    more: Partial<Variant> = {},
  ): Variant => ({
    ...none,
    name,
    title,
    divisor: COPIES,
    expected: "v2",
    check: { kind: "counted", counter, refuses: false },
    spec: (port) => ({ ...chain(port, COPIES, filter), variantRoute }),
    ...more,
  });
  const ours = (
    name: TraceName,
    title: string,
    variantRoute: HeaderRule,
    configuration: Configuration,
    apart = false,
    more: Partial<Variant> = {},
  ): Variant => row(name, title, variantRoute, counters.ours, copiesOfOurs(configuration, apart), more);
  const byHand = (
    name: TraceName,
    title: string,
    variantRoute: HeaderRule,
    text: (copy: number) => string,
  ): Variant => row(name, title, variantRoute, counters.sameCalls, copies(built.traceSameCalls, text, false));

  /**
   * Inbound copies that remember the requests which the outbound ones then have to find, each in the VM of
   * its copy.
   */
  const remembering = copiesOfOurs(and(inbound, correlate), true);

  /** What sends its spans to a sink, so many for a request. */
  const reporting = async (variant: Variant, spans: number): Promise<Variant> => {
    if (!only.has(variant.name)) return variant;
    const sink = await SpanSink.start();
    return {
      ...variant,
      surroundings: { clusters: [cluster("zipkin", sink.port, "http1")], runtime: zipkinRuntime },
      settled: (requests) =>
        sink.take(requests * spans).catch((error: Error) => {
          throw new Error(`"${variant.title}" does not do its job: ${error.message}`);
        }),
    };
  };

  const rows: Variant[] = [
    ours("trace-inbound", "trace-propagation, inbound", sameTrace, inbound),
    byHand("trace-inbound-same-calls", "hand-written, same calls, inbound", sameTrace, inboundByHand),
    ours("trace-outbound", "trace-propagation, new trace", anyTrace, outbound),
    byHand("trace-outbound-same-calls", "hand-written, same calls, new trace", anyTrace, outboundByHand),
    ours("trace-inbound-apart", "inbound, a VM for each", sameTrace, inbound, true),
    ours(
      "trace-correlate-inbound",
      "inbound, and remembers the trace",
      sameTrace,
      and(inbound, correlate),
      true,
      {
        check: { kind: "counted", counter: counters.remembered, refuses: false },
      },
    ),
    ours("trace-outbound-apart", "new trace, a VM for each", anyTrace, outbound, true),
    ours(
      "trace-correlate-outbound",
      "the remembered trace, found",
      sameTrace,
      and(outbound, correlate),
      true,
      {
        check: { kind: "counted", counter: counters.restored, refuses: false },
        feed: (port) => ({ ...chain(port, COPIES, remembering), variantRoute: sameTrace }),
      },
    ),
    await reporting(ours("trace-report", "inbound, and spans", sameTrace, and(inbound, report)), COPIES),
    await reporting(
      ours("trace-report-lean", "spans without route and peer", sameTrace, and(inbound, leanReport)),
      COPIES,
    ),
    await reporting(
      {
        ...none,
        name: "trace-envoy",
        title: "Envoy's own spans (one, no injection)",
        check: { kind: "settled" },
        spec: (port) => ({ ...chain(port, COPIES, null), tracing: zipkinTracing("zipkin") }),
      },
      1,
    ),
  ];
  const asked = rows.filter(({ name }) => only.has(name));
  if (asked.length === 0) return [none];
  if (!existsSync(traceModule)) throw new Error(`${traceModule} is missing: npm run build`);
  for (const [name, configuration, text] of [
    ["trace-inbound-same-calls", inbound, inboundByHand],
    ["trace-outbound-same-calls", outbound, outboundByHand],
  ] as const) {
    if (!only.has(name)) continue;
    for (const headers of headerCounts) {
      await requireSameCalls(
        { module: traceModule, configuration: (copy) => JSON.stringify(configuration(copy)) },
        { module: built.traceSameCalls, configuration: text },
        tracedFields(headers),
        COPIES,
      );
    }
  }
  return [none, ...asked];
}

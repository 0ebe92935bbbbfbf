import { Annotate } from "../../assembly/annotate";
import { ABSENT, Bytes, literal } from "../../assembly/bytes/bytes";
import { Filter, keepRecords, keepUntilEnd, Verdict } from "../../assembly/filter";
import { HeaderView } from "../../assembly/header-view";
import { monotonicNow, now as wallNow } from "../../assembly/host/clock";
import { Counter, count, defineCounter, labelled } from "../../assembly/host/metrics";
import { setProperty } from "../../assembly/host/properties";
import { ConfigReader } from "../../assembly/json/config-reader";
import { JsonNode } from "../../assembly/json/node";
import { Mode } from "../../assembly/mode";
import { RandomNumbers } from "../../assembly/random";
import { reasonOf } from "../../assembly/reason";
import { RequestView } from "../../assembly/request-view";
import { listenerDirection } from "../../assembly/stream-properties";
import { CallAnswer, keepAsking } from "../../assembly/waiting";
import { BAGGAGE } from "./baggage";
import { DATADOG, Direction, TracePropagationConfig, W3C } from "./config";
import { TraceContext } from "./context";
import { ignoredUpperHalf } from "./formats/datadog";
import { FAULTS, Format, Found, write } from "./formats/format";
import { TRACESTATE } from "./formats/w3c";
import { CLIENT, Record, Records, REMEMBERED, SPAN } from "./records";
import { SpanRecorder } from "./report/recorder";
import { isForced, othersMembers, readTracestate } from "./tracestate";

const NAME = "trace-propagation";
const PROPERTY = literal("outrigger.trace-propagation");

/** Where a request's context is from: a format's position, or one of these. */
const RESTORED = 6;
const NEW = 7;
const SOURCES: StaticArray<string> = [
  "w3c",
  "b3",
  "b3single",
  "jaeger",
  "datadog",
  "xray",
  "restored",
  "new",
];

/** Gives each request one trace context, in every format that is asked for, and tells spans of it. */
@final
export class TracePropagation extends Filter {
  private readonly config: TracePropagationConfig = new TracePropagationConfig();
  // Made by `configure`. (With `!`, each use would be checked.)
  private random: RandomNumbers = changetype<RandomNumbers>(0);
  private recorder: SpanRecorder | null = null;
  private readonly records: Records = new Records();
  /** The context of the request at hand, and one that is compared with it. */
  private readonly context: TraceContext = new TraceContext();
  private readonly other: TraceContext = new TraceContext();
  /** By where the context is from. */
  private readonly requests: StaticArray<Counter> = new StaticArray<Counter>(SOURCES.length);
  private readonly reasons: StaticArray<Bytes> = new StaticArray<Bytes>(SOURCES.length);
  /** By format and fault; then by header, without which there is a context too. */
  private readonly malformed: StaticArray<Counter> = new StaticArray<Counter>(6 * 3);
  private badState: Counter = 0;
  private badTags: Counter = 0;
  private badBaggage: Counter = 0;
  private longBaggage: Counter = 0;
  private conflicts: Counter = 0;
  private untrusted: Counter = 0;

  configure(config: JsonNode, reader: ConfigReader): void {
    const own = this.config;
    own.read(config, reader);
    if (reader.failed) return;
    const random = RandomNumbers.seeded();
    if (random == null) {
      reader.problem(config, "the proxy has no random bytes for new ids");
      return;
    }
    this.random = random;
    for (let at = 0; at < SOURCES.length; at++) {
      this.requests[at] = defineCounter(
        labelled("outrigger_trace_propagation_requests", "context", SOURCES[at]),
      );
      this.reasons[at] = reasonOf(reader.keeper, NAME, SOURCES[at]);
    }
    for (let at = 0; at < this.malformed.length; at++) {
      this.malformed[at] = malformedCounter(SOURCES[at / 3], FAULTS[at % 3]);
    }
    this.badState = malformedCounter("tracestate", FAULTS[0]);
    this.badTags = malformedCounter("x-datadog-tags", FAULTS[0]);
    this.badBaggage = malformedCounter("baggage", FAULTS[0]);
    this.longBaggage = malformedCounter("baggage", FAULTS[2]);
    this.conflicts = defineCounter("outrigger_trace_propagation_conflicts");
    this.untrusted = defineCounter("outrigger_trace_propagation_untrusted");
    const correlation = own.correlation;
    if (correlation != null) correlation.define();
    const report = own.report;
    if (report != null && own.mode == Mode.Enforce) {
      report.reporter.define();
      this.recorder = new SpanRecorder(report);
      keepAsking();
    }
    keepUntilEnd();
    keepRecords();
  }

  outlivesResponses(): bool {
    return true;
  }

  onRequest(request: RequestView): Verdict {
    const config = this.config;
    const headers = request.headers;
    const context = this.context;
    context.clear();
    let baggage = headers.get(BAGGAGE);
    let from = NEW;
    if (config.trustInbound) from = this.extract(headers);
    else {
      this.countUntrusted(headers, baggage);
      baggage = ABSENT;
    }
    const correlation = config.correlation;
    const isInbound = (correlation == null && this.recorder == null) || this.isInbound();
    // A request that goes out with a context of its own needs no other. Many an application forwards all of it, but no baggage.
    const correlates =
      correlation != null &&
      (isInbound || from == NEW || (baggage == ABSENT && config.baggage != null)) &&
      correlation.identify(headers);
    let time: u64 = 0;
    if (correlates && !isInbound) {
      time = monotonicNow();
      const remembered = from == NEW ? context : this.other;
      if (correlation!.restore(remembered, time)) {
        if (from == NEW) from = RESTORED;
        if (baggage == ABSENT && context.isOf(remembered)) baggage = correlation!.baggage;
      }
    }
    count(unchecked(this.requests[from]));
    this.goOn(request, from);
    if (baggage != ABSENT) baggage = this.filterBaggage(baggage);
    if (config.mode == Mode.Enforce) this.inject(headers, baggage);
    this.annotate(from);
    const spans = this.recorder;
    const tells = spans != null && context.sampled;
    if (!tells && !(correlates && isInbound)) return Verdict.Continue;
    if (time == 0) time = monotonicNow();
    const deadline = correlates && isInbound ? correlation!.remember(context, baggage, time) : 0;
    const block = this.records.take(tells ? spans!.room : 0);
    if (block == 0) {
      if (tells) spans!.countBusy();
      return Verdict.Continue;
    }
    const record = changetype<Record>(block);
    record.began = time;
    record.span = context.span;
    if (deadline != 0) {
      record.flags |= REMEMBERED;
      record.hash = correlation!.hash;
      record.deadline = deadline;
      this.records.list(record);
    }
    if (tells) {
      record.flags |= isInbound ? SPAN : SPAN | CLIENT;
      record.high = context.high;
      record.low = context.low;
      record.parent = context.parent;
      spans!.begin(record, request);
    }
    request.note = block;
    return Verdict.Continue;
  }

  onEnd(note: u32): void {
    const record = changetype<Record>(note);
    const time = monotonicNow();
    if ((record.flags & SPAN) != 0) this.recorder!.end(record, time);
    if ((record.flags & REMEMBERED) != 0 && this.config.correlation!.ends(record, time)) return;
    this.onForgotten(note);
  }

  /** The record can be used again. Where nobody says how the request ended, what is remembered for it goes by itself. */
  onForgotten(note: u32): void {
    const record = changetype<Record>(note);
    if ((record.flags & REMEMBERED) != 0) this.records.unlist(record);
    this.records.giveBack(record);
  }

  onTick(): void {
    const time = monotonicNow();
    const correlation = this.config.correlation;
    if (correlation != null && this.records.first != 0) correlation.tick(this.records, time);
    const recorder = this.recorder;
    if (recorder != null) recorder.tick(wallNow() - time);
  }

  onBackground(answer: CallAnswer): void {
    this.config.report!.reporter.answered(answer);
  }

  /**
   * Whether the request comes in; where the listener does not say, it does. Asked for each request: plugins of one name and one
   * configuration have one root context, also on listeners of different directions (tried with Envoy 1.40).
   */
  private isInbound(): bool {
    const direction = this.config.direction;
    return direction == Direction.Auto ? listenerDirection() != 2 : direction == Direction.Inbound;
  }

  /** Reads the context of the first format that has a valid one; answers its position, or {@link NEW}. */
  // @ts-ignore: decorator
  @inline
  private extract(headers: HeaderView): i32 {
    const extract = this.config.extract;
    let from = NEW;
    for (let at = 0, length = extract.length; at < length; at++) {
      const position = unchecked(extract[at]);
      const format = unchecked(this.config.formats[position]);
      const context = from == NEW && !this.context.decided ? this.context : this.other;
      if (context == this.other) context.clear();
      const found = format.extract(headers, context);
      if (found == Found.Nothing) continue;
      if (found == Found.Malformed) {
        this.countMalformed(position, format, headers);
        context.clear();
      } else if (found == Found.Context) {
        if (from == NEW) {
          from = position;
          if (context == this.other) this.context.copy(this.other);
          if (position == W3C) this.takeState(headers);
          else if (position == DATADOG && ignoredUpperHalf) count(this.badTags);
        } else if (!context.agrees(this.context)) count(this.conflicts);
      }
    }
    return from;
  }

  /** Takes over `tracestate`, which is nothing without its `traceparent`. */
  private takeState(headers: HeaderView): void {
    const state = headers.get(TRACESTATE);
    if (state == ABSENT) return;
    if (readTracestate(state)) {
      this.context.state = othersMembers;
      this.context.forced = isForced;
    } else count(this.badState);
  }

  private countMalformed(position: i32, format: Format, headers: HeaderView): void {
    count(unchecked(this.malformed[position * 3 + <i32>format.faultIn(headers)]));
  }

  private countUntrusted(headers: HeaderView, baggage: Bytes): void {
    const formats = this.config.formats;
    let comes: bool = baggage != ABSENT;
    for (let at = 0; at < formats.length && !comes; at++) comes = unchecked(formats[at]).isIn(headers);
    if (comes) count(this.untrusted);
  }

  /** Makes of what was found the context that goes on: with a decision, and with a span. */
  // @ts-ignore: decorator
  @inline
  private goOn(request: RequestView, from: i32): void {
    const context = this.context;
    if (from == NEW) {
      context.high = this.random.nextId();
      context.low = this.random.nextId();
      context.random = true;
      if (this.config.timesTraces)
        context.high = ((wallNow() / 1000000000) << 32) | (context.high & 0xffffffff);
    }
    if (!context.decided) context.decide(this.config.sampling.samples(request, context), false);
    // A span of its own stands between what came and what goes on; one that is restored is that of another request.
    if (from == RESTORED || context.span == 0 || (this.recorder != null && context.sampled)) {
      context.parent = context.span;
      context.span = this.random.nextId();
    }
  }

  // @ts-ignore: decorator
  @inline
  private inject(headers: HeaderView, baggage: Bytes): void {
    const config = this.config;
    const context = this.context;
    // What goes first: each change makes later looks at headers a little dearer.
    for (let at = 0, length = config.remove.length; at < length; at++) {
      unchecked(config.formats[unchecked(config.remove[at])]).remove(headers);
    }
    for (let at = 0, length = config.inject.length; at < length; at++) {
      unchecked(config.formats[unchecked(config.inject[at])]).inject(headers, context);
    }
    if (baggage == ABSENT) headers.remove(BAGGAGE);
    else write(headers, BAGGAGE, baggage);
  }

  private filterBaggage(baggage: Bytes): Bytes {
    const filter = this.config.baggage;
    if (filter == null) return baggage;
    const kept = filter.read(baggage);
    if (filter.malformed > 0) count(this.badBaggage, filter.malformed);
    if (filter.oversized > 0) count(this.longBaggage, filter.oversized);
    return kept;
  }

  private annotate(from: i32): void {
    const config = this.config;
    if (config.annotate == Annotate.Always || config.mode == Mode.Shadow) {
      setProperty(PROPERTY, unchecked(this.reasons[from]));
    }
  }
}

function malformedCounter(format: string, kind: string): Counter {
  const name = "outrigger_trace_propagation_malformed";
  return defineCounter(labelled(labelled(name, "format", format), "kind", kind));
}

import { byteString, Bytes, bytesOf, lengthOf, literal } from "../../../assembly/bytes/bytes";
import { Keeper } from "../../../assembly/bytes/keeper";
import { logBytes, LogLevelValues } from "../../../assembly/host/log";
import { Counter, count, defineCounter, labelled } from "../../../assembly/host/metrics";
import { pairs } from "../../../assembly/host/pairs";
import { CallAnswer, callHttpInBackground } from "../../../assembly/waiting";
import { Encoding } from "./encoding";
import { JsonWriter } from "./json-writer";
import { Span } from "./span";

/** Where spans go. */
@final
export class Destination {
  constructor(
    readonly cluster: Bytes,
    readonly authority: Bytes,
    readonly path: Bytes,
    /** Milliseconds. */
    readonly timeout: u32,
  ) {}
}

/** Bytes of a batch. A call costs the proxy what a hundred spans do: the more go in one, the better. */
const BATCH: u32 = 256 << 10;
/** Batches that are out at once; what comes while so many are is dropped. */
const MOST_CALLS: u32 = 4;

/**
 * Gathers spans and sends them, a batch at once: when the second is over, or the batch is full. What cannot be sent, or was not
 * taken, is dropped and counted: memory is one batch here and {@link MOST_CALLS} in the proxy, whatever the collector does.
 */
@final
export class Reporter {
  private readonly batch: StaticArray<u8> = new StaticArray<u8>(BATCH);
  private readonly json: JsonWriter = new JsonWriter();
  /** Spans in the batch at hand. */
  private spans: u32 = 0;
  private calls: u32 = 0;
  private reported: Counter = 0;
  private sent: Counter = 0;
  private busy: Counter = 0;
  private failed: Counter = 0;
  private absent: Counter = 0;
  private readonly absentMessage: Bytes;
  private readonly failedMessage: Bytes;
  private readonly takenMessage: Bytes;
  /** What was said last of the collector: 0 nothing, 1 that it fails. */
  private isFailing: bool = false;
  private warned: bool = false;

  constructor(
    keeper: Keeper,
    private readonly destination: Destination,
    private readonly encoding: Encoding,
  ) {
    const name = byteString(destination.cluster);
    this.absentMessage = keeper.keepText(`trace-propagation: the proxy has no cluster ${name}`);
    this.failedMessage = keeper.keepText(`trace-propagation: ${name} takes no spans`);
    this.takenMessage = keeper.keepText(`trace-propagation: ${name} takes spans again`);
    this.reset();
  }

  /** Defines the metrics. */
  define(): void {
    this.reported = defineCounter("outrigger_trace_propagation_spans");
    this.sent = defineCounter("outrigger_trace_propagation_report_calls");
    this.busy = dropped("busy");
    this.failed = dropped("failed");
    this.absent = dropped("no_cluster");
  }

  /** Adds a span, that takes so many bytes at most, to the batch. */
  add(span: Span, room: u32): void {
    const full = changetype<usize>(this.batch) + BATCH - lengthOf(this.encoding.end);
    const json = this.json;
    if (json.top + room + 1 > full && (!this.send() || json.top + room > full)) {
      count(this.busy);
      return;
    }
    if (this.spans > 0) store<u8>(json.top++, 0x2c);
    this.encoding.write(json, span);
    this.spans++;
    count(this.reported);
  }

  /** Counts a span that was not even begun, since too many are under way. */
  countBusy(): void {
    count(this.busy);
  }

  /** Sends what there is. False when it cannot be sent now. */
  send(): bool {
    if (this.spans == 0) return true;
    if (this.calls == MOST_CALLS) return false;
    const json = this.json;
    json.raw(this.encoding.end);
    const start = changetype<usize>(this.batch);
    const destination = this.destination;
    const headers = pairs
      .begin()
      .add(METHOD, POST)
      .add(PATH, destination.path)
      .add(AUTHORITY, destination.authority)
      .add(CONTENT_TYPE, JSON_TYPE)
      .finish();
    const body = bytesOf(start, <u32>(json.top - start));
    const spans = this.spans;
    if (callHttpInBackground(destination.cluster, headers, body, destination.timeout, spans)) {
      this.calls++;
      count(this.sent);
    } else {
      count(this.absent, spans);
      if (!this.warned) logBytes(LogLevelValues.warn, this.absentMessage);
      this.warned = true;
    }
    this.reset();
    return true;
  }

  /** A batch was answered, or was not. */
  answered(answer: CallAnswer): void {
    this.calls--;
    const isTaken = answer.status >= 200 && answer.status < 300;
    if (!isTaken) count(this.failed, answer.memo);
    if (isTaken != this.isFailing) return;
    this.isFailing = !isTaken;
    logBytes(LogLevelValues.warn, isTaken ? this.takenMessage : this.failedMessage);
  }

  private reset(): void {
    this.spans = 0;
    this.json.top = changetype<usize>(this.batch);
    this.json.raw(this.encoding.begin);
  }
}

function dropped(reason: string): Counter {
  return defineCounter(labelled("outrigger_trace_propagation_dropped_spans", "reason", reason));
}

/** What a proxy calls a cluster's host: of Istio's `outbound|9411||zipkin.istio-system.svc.cluster.local`, host and port. */
export function authorityOf(keeper: Keeper, cluster: Bytes): Bytes {
  const name = byteString(cluster);
  const bar = name.lastIndexOf("|");
  if (bar < 0) return cluster;
  const parts = name.split("|");
  return keeper.keepText(parts.length == 4 ? parts[3] + ":" + parts[1] : name.substring(bar + 1));
}

// @ts-ignore: decorator
@lazy const METHOD = literal(":method");
// @ts-ignore: decorator
@lazy const POST = literal("POST");
// @ts-ignore: decorator
@lazy const PATH = literal(":path");
// @ts-ignore: decorator
@lazy const AUTHORITY = literal(":authority");
// @ts-ignore: decorator
@lazy const CONTENT_TYPE = literal("content-type");
// @ts-ignore: decorator
@lazy const JSON_TYPE = literal("application/json");

import { arenaAllocate, resetArena } from "../../assembly/bytes/arena";
import { byteAt, Bytes, bytesOf, copyTo, indexOfByte, lengthOf, literal } from "../../assembly/bytes/bytes";
import { decimalText } from "../../assembly/bytes/decimal";
import { sipHash } from "../../assembly/bytes/siphash";
import { HeaderView } from "../../assembly/header-view";
import { Counter, count, defineCounter, labelled } from "../../assembly/host/metrics";
import { ProcessKey, processKey } from "../../assembly/host/process-key";
import { ConfigReader } from "../../assembly/json/config-reader";
import { JsonNode } from "../../assembly/json/node";
import { TraceContext } from "./context";
import { ENDED, Record, Records } from "./records";
import { Kept, Remembered, Restored } from "./remembered";

const SECOND: u64 = 1000000000;
/** So long after its request what was remembered of it can be restored. */
const AFTERWARDS: u64 = 5 * SECOND;
/** What is remembered is asked for on ticks, of which one may be late. */
const TICK: u64 = SECOND;

/**
 * Remembers the context of a request under an id that the application sends along with its own requests, and gives it to these.
 *
 * A request costs a read and a write when it begins, and nothing when it ends: what is remembered is good for {@link AFTERWARDS} and a tick
 * more, and on ticks the deadline moves for requests that still last. One that has lasted more than a tick has its deadline set when the
 * next tick sees that it has ended.
 */
@final
export class Correlation {
  /** The hash of the request's id, after {@link identify}. */
  hash: u64 = 0;
  private remembered: Counter = 0;
  private cut: Counter = 0;
  private evicted: Counter = 0;
  private contended: Counter = 0;
  private restored: Counter = 0;
  private missed: Counter = 0;
  private ambiguous: Counter = 0;
  private ignored: Counter = 0;

  constructor(
    /** The header that has the id, in lower case. */
    private readonly header: Bytes,
    /** Nanoseconds. */
    private readonly ttl: u64,
    private readonly contexts: Remembered,
    private readonly key: ProcessKey,
  ) {}

  /** Null, and told, where the host has no random bytes. */
  static create(
    reader: ConfigReader,
    node: JsonNode,
    header: Bytes,
    ttl: u64,
    entries: i32,
  ): Correlation | null {
    const key = processKey(KEY_NAME);
    if (key == null) {
      reader.problem(node, "the proxy has no random bytes for the hash of ids");
      return null;
    }
    // All plugins of the proxy that are configured alike share them, whatever their name and direction.
    const prefix = reader.keeper.keepText(
      "outrigger/trace-propagation/contexts/" + decimalText(entries) + "\0",
    );
    return new Correlation(header, ttl, new Remembered(prefix, entries), key);
  }

  /** Defines the metrics. */
  define(): void {
    this.remembered = outcome("remembered");
    this.cut = outcome("cut");
    this.evicted = outcome("evicted");
    this.contended = outcome("contended");
    this.restored = outcome("restored");
    this.missed = outcome("missed");
    this.ambiguous = outcome("ambiguous");
    this.ignored = outcome("ignored");
  }

  /** Whether the request has an id that can be used; {@link hash} is then its hash. */
  identify(headers: HeaderView): bool {
    const id = headers.get(this.header);
    const length = lengthOf(id);
    if (length == 0 || length > LONGEST_ID || indexOfByte(id, 0x2c) >= 0) {
      count(this.ignored);
      return false;
    }
    this.hash = sipHash(isUuid(id) ? withoutReason(id) : id, this.key.key0, this.key.key1);
    return true;
  }

  /** Remembers the context of the request with {@link hash}; answers until when. */
  remember(context: TraceContext, baggage: Bytes, now: u64): u64 {
    const deadline = now + min(this.ttl, AFTERWARDS + TICK);
    const kept = this.contexts.remember(this.hash, context, baggage, deadline, now);
    if (this.contexts.evicted > 0) count(this.evicted);
    switch (kept) {
      case Kept.Cut:
        count(this.cut);
      case Kept.Whole:
        count(this.remembered);
        break;
      case Kept.Ambiguous:
        count(this.ambiguous);
        break;
      default:
        count(this.contended);
    }
    return deadline;
  }

  /** Whether a context is remembered for {@link hash}; `context` has it then, but for its parent, and {@link baggage} what goes with it. */
  restore(context: TraceContext, now: u64): bool {
    switch (this.contexts.restore(this.hash, context, now)) {
      case Restored.Context:
        count(this.restored);
        return true;
      case Restored.Ambiguous:
        count(this.ambiguous);
        return false;
      default:
        count(this.missed);
        return false;
    }
  }

  get baggage(): Bytes {
    return this.contexts.baggage;
  }

  /** Whether the record of a request that has ended is still needed. */
  ends(record: Record, now: u64): bool {
    // What stands there goes soon enough by itself.
    if (record.deadline <= now + AFTERWARDS + TICK) return false;
    record.flags |= ENDED;
    record.ended = now;
    return true;
  }

  /**
   * Moves the deadlines of requests that last, and of those that have ended after they had lasted; these records are given back. Gives back
   * the arena: nothing of a tick is to be in it.
   */
  tick(records: Records, now: u64): void {
    for (let at = records.first; at != 0;) {
      const record = changetype<Record>(at);
      at = record.next;
      // Each set is read into the arena: of ten thousand requests that last they would be tens of megabytes, which no module gives back.
      resetArena();
      if ((record.flags & ENDED) != 0) {
        this.contexts.move(record.hash, record.span, record.ended + AFTERWARDS, true);
        records.unlist(record);
        records.giveBack(record);
        continue;
      }
      // Good until the tick behind the next one, and then as long as is promised.
      const needed = now + AFTERWARDS + 2 * TICK;
      const last = record.began + this.ttl;
      if (record.deadline >= needed || record.deadline >= last) continue;
      // Those that have lasted for long are looked at less often.
      const deadline = min(last, needed + (now - record.began) / 2);
      this.contexts.move(record.hash, record.span, deadline, false);
      record.deadline = deadline;
    }
  }
}

function outcome(result: string): Counter {
  return defineCounter(labelled("outrigger_trace_propagation_correlation", "result", result));
}

/** Whether an id is written as Envoy writes its own: 8-4-4-4-12. */
function isUuid(id: Bytes): bool {
  return (
    lengthOf(id) == UUID &&
    byteAt(id, 8) == HYPHEN &&
    byteAt(id, 13) == HYPHEN &&
    byteAt(id, 18) == HYPHEN &&
    byteAt(id, 23) == HYPHEN
  );
}

/** A UUID without the digit in which a proxy that traces keeps its reason (`UUIDRequestIDExtension` in Envoy): it may change on the way. */
function withoutReason(id: Bytes): Bytes {
  const copy = arenaAllocate(UUID);
  copyTo(copy, id);
  store<u8>(copy, 0x34, REASON);
  return bytesOf(copy, UUID);
}

/** Longer ids are not used. */
const LONGEST_ID: u32 = 128;
const UUID: u32 = 36;
const REASON: usize = 14;
const HYPHEN: u8 = 0x2d;

// @ts-ignore: decorator
@lazy const KEY_NAME = literal("trace-propagation/hash-key");

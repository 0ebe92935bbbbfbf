import { arenaAllocate } from "../../assembly/bytes/arena";
import { ABSENT, Bytes, bytesOf, copyTo, lengthOf, pointerOf } from "../../assembly/bytes/bytes";
import { ATTEMPTS, SharedSets } from "../../assembly/shared-sets";
import { TraceContext } from "./context";

/** What came of {@link Remembered.remember}. */
export enum Kept {
  /** All of it. */
  Whole,
  /** Without baggage, or without `tracestate` as well, for which there was no room. */
  Cut,
  /** The hash is live with another trace: until it is not, it restores nothing. */
  Ambiguous,
  /** Other workers have written the set again and again. */
  Contended,
}

/** What came of {@link Remembered.restore}. */
export enum Restored {
  Nothing,
  Context,
  Ambiguous,
}

/**
 * Contexts of requests by the hash of their ids, over all workers of the proxy and both directions, in memory that does not grow: sets of
 * up to {@link SET} entries, each set one shared value. An entry lives until its deadline, which its request moves while it lasts; where a
 * set is full the entry goes that ends first. What is live is all that a set's value holds, one entry behind the other.
 *
 * An entry: hash, deadline, upper and lower half of the trace id, span (u64 each), flags (u8), the lengths of `tracestate` and `baggage`
 * (u16 each), and these.
 */
@final
export class Remembered {
  private readonly sets: SharedSets;
  /** Of what {@link restore} has found; {@link ABSENT} for none. */
  baggage: Bytes = ABSENT;
  /** Live entries that {@link remember} has put out. */
  evicted: u32 = 0;

  /** `prefix` tells these from all others of the proxy. There is room for `entries` and more, since they never fill all sets alike. */
  constructor(prefix: Bytes, entries: u32) {
    this.sets = new SharedSets(prefix, (entries * 5) / (SET * 2) + 1);
  }

  /** Remembers a context until `deadline`, in the place of an older one of its trace. One read and one write. */
  remember(hash: u64, context: TraceContext, baggage: Bytes, deadline: u64, now: u64): Kept {
    this.evicted = 0;
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const value = this.sets.read(hash);
      const room = arenaAllocate(lengthOf(value) + ENTRY + MOST_TEXT);
      let top = room;
      let count: u32 = 0;
      let text: u32 = 0;
      let flags: u8 = 0;
      const end = endOf(value);
      for (let at = pointerOf(value); at < end; at += sizeOf(at)) {
        if (deadlineOf(at) <= now) continue;
        if (load<u64>(at) == hash) {
          flags |= isOf(at, context) ? SHARED : SHARED | AMBIGUOUS;
          deadline = max(deadline, deadlineOf(at));
          continue;
        }
        const size = sizeOf(at);
        memory.copy(top, at, size);
        top += size;
        text += size - ENTRY;
        count++;
      }
      if (count == SET) {
        const size = removeFirstToEnd(room, top);
        top -= size;
        text -= size - ENTRY;
        this.evicted = 1;
      }
      const cut = this.append(top, hash, deadline, context, baggage, SET_TEXT - min(text, SET_TEXT), flags);
      const written = bytesOf(room, <u32>(top - room) + sizeOf(top));
      if (this.sets.write(written)) {
        return (flags & AMBIGUOUS) != 0 ? Kept.Ambiguous : cut ? Kept.Cut : Kept.Whole;
      }
    }
    return Kept.Contended;
  }

  /** Writes an entry to `top`; answers whether something of it had no room among the texts of its set. */
  private append(
    top: usize,
    hash: u64,
    deadline: u64,
    context: TraceContext,
    baggage: Bytes,
    room: u32,
    flags: u8,
  ): bool {
    const isAmbiguous = (flags & AMBIGUOUS) != 0;
    if (room > MOST_TEXT) room = MOST_TEXT;
    const state = isAmbiguous || lengthOf(context.state) > room ? ABSENT : context.state;
    room -= lengthOf(state);
    const members = isAmbiguous || lengthOf(baggage) > room ? ABSENT : baggage;
    store<u64>(top, hash);
    store<u64>(top, deadline, 8);
    store<u64>(top, context.high, 16);
    store<u64>(top, context.low, 24);
    store<u64>(top, context.span, 32);
    if (context.sampled) flags |= SAMPLED;
    if (context.forced) flags |= FORCED;
    if (context.random) flags |= RANDOM;
    store<u64>(top, flags, 40);
    store<u16>(top, <u16>lengthOf(state), 42);
    store<u16>(top, <u16>lengthOf(members), 44);
    copyTo(top + ENTRY, state);
    copyTo(top + ENTRY + lengthOf(state), members);
    return lengthOf(state) < lengthOf(context.state) || lengthOf(members) < lengthOf(baggage);
  }

  /** Reads what is remembered for `hash` into a context, of which a parent stays as it is. One read. */
  restore(hash: u64, context: TraceContext, now: u64): Restored {
    const at = find(this.sets.read(hash), hash);
    if (at == 0 || deadlineOf(at) <= now) return Restored.Nothing;
    const flags = load<u8>(at, 40);
    if ((flags & AMBIGUOUS) != 0) return Restored.Ambiguous;
    context.high = load<u64>(at, 16);
    context.low = load<u64>(at, 24);
    context.span = load<u64>(at, 32);
    context.decide((flags & SAMPLED) != 0, (flags & FORCED) != 0);
    context.random = (flags & RANDOM) != 0;
    const state = stateOf(at);
    context.state = lengthOf(state) == 0 ? ABSENT : state;
    const baggage = baggageOf(at);
    this.baggage = lengthOf(baggage) == 0 ? ABSENT : baggage;
    return Restored.Context;
  }

  /**
   * Moves the deadline of what is remembered for a request: later while it lasts, sooner (`isLast`) when it has ended and nothing newer
   * stands in its place, nor did anything live when it came: others that last may have their deadlines there. One read and, where that
   * changes something, one write.
   */
  move(hash: u64, span: u64, deadline: u64, isLast: bool): void {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const value = this.sets.read(hash);
      const at = find(value, hash);
      if (at == 0) return;
      const before = deadlineOf(at);
      if (isLast) {
        if (before <= deadline || load<u64>(at, 32) != span || (load<u8>(at, 40) & SHARED) != 0) return;
      } else if (before >= deadline) return;
      store<u64>(at, deadline, 8);
      if (this.sets.write(value)) return;
    }
  }
}

/** Where the last whole entry of a value ends: no byte of it is believed. */
function endOf(value: Bytes): usize {
  const end = pointerOf(value) + lengthOf(value);
  let at = pointerOf(value);
  for (let count: u32 = 0; count < SET && at + ENTRY <= end && at + sizeOf(at) <= end; count++)
    at += sizeOf(at);
  return at;
}

/** The entry of `hash`, or 0. */
function find(value: Bytes, hash: u64): usize {
  const end = endOf(value);
  for (let at = pointerOf(value); at < end; at += sizeOf(at)) if (load<u64>(at) == hash) return at;
  return 0;
}

/** Takes out the entry that ends first of those between `start` and `end`; answers its size. */
function removeFirstToEnd(start: usize, end: usize): u32 {
  let first = start;
  for (let at = start; at < end; at += sizeOf(at)) if (deadlineOf(at) < deadlineOf(first)) first = at;
  const size = sizeOf(first);
  memory.copy(first, first + size, end - first - size);
  return size;
}

function isOf(at: usize, context: TraceContext): bool {
  return (
    (load<u8>(at, 40) & AMBIGUOUS) == 0 &&
    load<u64>(at, 16) == context.high &&
    load<u64>(at, 24) == context.low
  );
}

// @ts-ignore: decorator
@inline
function deadlineOf(at: usize): u64 {
  return load<u64>(at, 8);
}

// @ts-ignore: decorator
@inline
function sizeOf(at: usize): u32 {
  return ENTRY + load<u16>(at, 42) + load<u16>(at, 44);
}

function stateOf(at: usize): Bytes {
  return bytesOf(at + ENTRY, load<u16>(at, 42));
}

function baggageOf(at: usize): Bytes {
  return bytesOf(at + ENTRY + load<u16>(at, 42), load<u16>(at, 44));
}

/** Entries of a set. With room for two and a half times as many as are asked for, of 10,000 not one finds its set full. */
const SET: u32 = 16;
/** Bytes of an entry before its texts. */
const ENTRY: u32 = 48;
/** Bytes of the texts of an entry, and of all texts of a set. */
const MOST_TEXT: u32 = 1024;
const SET_TEXT: u32 = 2048;

const SAMPLED: u8 = 1;
const FORCED: u8 = 2;
const RANDOM: u8 = 4;
const AMBIGUOUS: u8 = 8;
/** Another request with the hash had been remembered before, and was live. */
const SHARED: u8 = 16;

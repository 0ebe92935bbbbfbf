import { Bytes } from "../../assembly/bytes/bytes";
import { SECOND } from "../../assembly/limit/rate";
import { SlotSets } from "../../assembly/limit/slot-sets";
import { ATTEMPTS } from "../../assembly/shared-sets";
import { leaseSize } from "./lease-size";

/** What is to be done about a request, after a look at what this proxy knows of its descriptor. */
export enum Known {
  /** Ask the service for the request alone. */
  Nothing,
  /** The service has said that the window's budget is gone. */
  Denied,
  /** The request was paid out of the lease. */
  Spent,
  /** As {@link Spent}; and the lease runs low: ask for {@link States.size} units in the background. */
  SpentLast,
  /** Ask for {@link States.size} units; the request's own are among them. */
  Fetch,
}

/**
 * What this proxy knows, over all its workers, of the descriptors of a limit: denials, and units that were fetched and are not spent yet. A
 * descriptor has a slot (`SlotSets`) while there is something to know; where its set is full of others, the service is asked for each
 * request.
 *
 * All that is known ends at the same time, which is never after the service's window: the service counts whole seconds, so that what it says
 * of the end can be a second late; what was asked at `sent` ends at `sent` + what it said − 1 s. So a unit is spent in the window in which
 * it was counted.
 */
@final
export class States {
  private readonly slots: SlotSets;
  /** How many units to ask for. */
  size: u32 = 0;
  /** Of the descriptor at hand, as the service said last: the limit, what remained of it, and nanoseconds until all of it is back. */
  limit: u32 = 0;
  remaining: u32 = 0;
  reset: u64 = 0;
  /** Seconds of the limit's unit. */
  window: u32 = 0;
  /** No slot was free for what was {@link answered} last. */
  full: bool = false;

  /** As {@link SlotSets}. `most` is the largest lease; 0 for none. */
  constructor(
    prefix: Bytes,
    keys: u32,
    private readonly most: u32,
  ) {
    this.slots = new SlotSets(prefix, keys, 0, SLOT);
  }

  setDirection(direction: u32): void {
    this.slots.setDirection(direction);
  }

  /**
   * What is known of `hash` (`slotHash`), and what it comes to for a request that takes `hits`. One read of shared data, and with leases
   * one write. `patience`, in nanoseconds, is how long others leave a fetch to who has begun it.
   */
  look(hash: u64, hits: u32, now: u64, patience: u64): Known {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const known = this.lookOnce(hash, hits, now, patience);
      if (known == Known.Nothing || known == Known.Denied || this.slots.save()) return known;
    }
    // Others were faster each time: the service decides about this one.
    return Known.Nothing;
  }

  private lookOnce(hash: u64, hits: u32, now: u64, patience: u64): Known {
    const slots = this.slots;
    slots.load(hash);
    let slot = slots.find(hash);
    if (slot == 0) {
      if (this.most == 0) return Known.Nothing;
      slot = this.claim(hash, now);
      if (slot == 0) return Known.Nothing;
    }
    const until = load<u64>(slot, UNTIL);
    const lives = now < until;
    this.note(slot, now);
    const units = lives ? load<u32>(slot, UNITS) : 0;
    if (units < hits && lives && load<u32>(slot, DENIED) != 0) return Known.Denied;
    if (this.most == 0) return Known.Nothing;
    const fetching = now < load<u64>(slot, FETCHING);
    if (units >= hits) {
      store<u32>(slot, units - hits, UNITS);
      tally(slot, hits, now);
      const isLow = (units - hits) * LOW_WATER < load<u32>(slot, SIZE) && load<u32>(slot, DENIED) == 0;
      if (!isLow || fetching) return Known.Spent;
      this.size = this.nextSize(slot, hits, now);
      // One by one, a fetch saves no call: the request that needs it waits for it.
      if (this.size <= hits) return Known.Spent;
      store<u64>(slot, now + patience, FETCHING);
      return Known.SpentLast;
    }
    if (fetching) return Known.Nothing;
    this.size = this.nextSize(slot, hits, now);
    store<u64>(slot, now + patience, FETCHING);
    return Known.Fetch;
  }

  /**
   * Takes in an answer about `asked` units that were asked for at `sent`, of which a request has taken `hits` (0 in the background).
   * `window` is the limit's unit in seconds, 0 where the service has no limit for the descriptor; `reset` is in seconds. A denial is
   * remembered where `remembers` says so.
   */
  answered(
    hash: u64,
    asked: u32,
    hits: u32,
    sent: u64,
    now: u64,
    isOverLimit: bool,
    limit: u32,
    window: u32,
    remaining: u32,
    reset: u64,
    remembers: bool,
  ): void {
    // A second is all that the service's clock tells of the end of a window of one.
    const isKnown = window > 1 && reset > 0 && reset <= window;
    const until = isKnown ? sent + (reset - 1) * SECOND : 0;
    this.full = false;
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      this.slots.load(hash);
      let slot = this.slots.find(hash);
      if (slot == 0) {
        if (this.most == 0 && !(isOverLimit && remembers && now < until)) return;
        slot = this.claim(hash, now);
        if (slot == 0) return;
      }
      if (isKnown && load<u32>(slot, WINDOW) != 0 && load<u32>(slot, WINDOW) != window) {
        // The service has another limit now, whose window may end before the one that was.
        store<u64>(slot, 0, UNTIL);
        store<u32>(slot, 0, UNITS);
        store<u32>(slot, 0, DENIED);
      }
      this.settle(slot, asked, hits, until, isOverLimit && (remembers || this.most > 0));
      if (!isOverLimit) tally(slot, hits, now);
      if (isKnown) this.learn(slot, sent, until, limit, window, remaining);
      else store<u32>(slot, window, WINDOW);
      this.note(slot, now);
      if (this.slots.save()) return;
    }
  }

  /** A fetch has failed: others may try. */
  failed(hash: u64): void {
    if (this.most == 0) return;
    this.slots.load(hash);
    const slot = this.slots.find(hash);
    if (slot == 0) return;
    store<u64>(slot, 0, FETCHING);
    // Where another worker was faster, its fetch or the patience of the rest goes on.
    this.slots.save();
  }

  /** Gives units back that were spent for a request which another limit has refused. */
  giveBack(hash: u64, hits: u32, now: u64): void {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      this.slots.load(hash);
      const slot = this.slots.find(hash);
      if (slot == 0 || now >= load<u64>(slot, UNTIL)) return;
      store<u32>(slot, load<u32>(slot, UNITS) + hits, UNITS);
      if (this.slots.save()) return;
    }
  }

  /** A slot of the set at hand that nobody needs any more, the longest unused one, made over to `hash`; 0 when all are needed. */
  private claim(hash: u64, now: u64): usize {
    const slots = this.slots;
    let free: usize = 0;
    let oldest = u64.MAX_VALUE;
    for (let slot = slots.first, end = slots.end; slot < end; slot += SLOT) {
      const fetched = load<u64>(slot, FETCHED);
      if (load<u64>(slot, UNTIL) > now || load<u64>(slot, FETCHING) > now || fetched >= oldest) continue;
      free = slot;
      oldest = fetched;
    }
    this.full = free == 0;
    if (free == 0) return 0;
    memory.fill(free, 0, SLOT);
    store<u64>(free, hash);
    store<u64>(free, now, MEASURED);
    return free;
  }

  /** What the service has granted or refused. */
  private settle(slot: usize, asked: u32, hits: u32, until: u64, isDenied: bool): void {
    store<u64>(slot, 0, FETCHING);
    const before = load<u64>(slot, UNTIL);
    // Ends of one window differ by less than a second, those of two by the window. An answer of a window that is over brings nothing.
    if (until + SECOND <= before) return;
    if (until >= before + SECOND) {
      store<u32>(slot, 0, UNITS);
      store<u32>(slot, 0, DENIED);
    }
    // Each of the two is not after the true end: the later one is nearer to it.
    store<u64>(slot, max(until, before), UNTIL);
    if (isDenied) store<u32>(slot, 1, DENIED);
    else if (asked > hits) {
      store<u32>(slot, load<u32>(slot, UNITS) + (asked - hits), UNITS);
      store<u32>(slot, asked, SIZE);
    }
  }

  /** What the service says of the window. */
  private learn(slot: usize, sent: u64, until: u64, limit: u32, window: u32, remaining: u32): void {
    const fetched = load<u64>(slot, FETCHED);
    if (sent <= fetched) return;
    const before = load<u32>(slot, REMAINING);
    const known = load<f32>(slot, PACE);
    // Both of one window: what all proxies have taken between.
    if (fetched != 0 && fetched + <u64>window * SECOND > until && before >= remaining) {
      const pace = <f32>(<f64>(before - remaining) / secondsOf(sent - fetched));
      store<f32>(slot, known == 0 ? pace : (known + pace) / 2, PACE);
    }
    store<u32>(slot, remaining, REMAINING);
    store<u32>(slot, limit, LIMIT);
    store<u32>(slot, window, WINDOW);
    store<u64>(slot, sent, FETCHED);
  }

  private nextSize(slot: usize, hits: u32, now: u64): u32 {
    const window = load<u32>(slot, WINDOW);
    const limit = <f64>load<u32>(slot, LIMIT);
    if (window <= 1 || limit == 0) return hits;
    const fetched = load<u64>(slot, FETCHED);
    const until = load<u64>(slot, UNTIL);
    let remaining = limit;
    let left = <f64>window;
    if (now < until) {
      const gone = <f64>load<f32>(slot, PACE) * secondsOf(now - min(fetched, now));
      remaining = max(<f64>load<u32>(slot, REMAINING) - gone, 0);
      left = secondsOf(until - now);
    } else if (now < until + SECOND) {
      // The last second of the window, in which nothing can be leased.
      return hits;
    }
    const rate = <f64>load<f32>(slot, RATE);
    const pace = <f64>load<f32>(slot, PACE);
    return leaseSize(hits, this.most, limit, remaining, rate, pace, left, load<u32>(slot, SIZE));
  }

  /** What a response can tell. */
  private note(slot: usize, now: u64): void {
    const until = load<u64>(slot, UNTIL);
    this.limit = load<u32>(slot, LIMIT);
    this.remaining = load<u32>(slot, DENIED) != 0 ? 0 : load<u32>(slot, REMAINING);
    this.reset = until > now ? until - now + SECOND : 0;
    this.window = load<u32>(slot, WINDOW);
  }
}

/** A lease of which less than one part in so many is left is low. */
const LOW_WATER: u32 = 4;

/** Bytes of a slot; behind the hash stand: */
const SLOT: u32 = 80;
/** u64: when all of it is over, in nanoseconds of the monotonic clock. */
const UNTIL: usize = 8;
/** u32: units that are left of the leases. */
const UNITS: usize = 16;
/** u32: units of the last lease. */
const SIZE: usize = 20;
/** u64: when the last ask that was answered was sent. */
const FETCHED: usize = 24;
/** u32: what the service had left then, of `LIMIT` (u32). */
const REMAINING: usize = 32;
const LIMIT: usize = 36;
/** u64: until then, somebody is asking. */
const FETCHING: usize = 40;
/** u32: units spent since `MEASURED`. */
const SPENT: usize = 48;
/** u32: seconds of the window; 0 while it is not known, or where there is no limit. */
const WINDOW: usize = 52;
/** f32: units a second that this proxy spends; and that all proxies do. */
const RATE: usize = 56;
const PACE: usize = 60;
/** u32: 1 where the budget is gone. */
const DENIED: usize = 64;
/** u64: since when `SPENT` is counted. */
const MEASURED: usize = 72;

/** So long a rate is measured at least, in nanoseconds: two requests one after the other are none. */
const MEASURE: u64 = SECOND / 10;

/** Counts units that were spent, and what rate that makes. */
function tally(slot: usize, hits: u32, now: u64): void {
  const spent = load<u32>(slot, SPENT) + hits;
  const since = load<u64>(slot, MEASURED);
  if (now < since + MEASURE) {
    store<u32>(slot, spent, SPENT);
    return;
  }
  const rate = <f32>(<f64>spent / secondsOf(now - since));
  const known = load<f32>(slot, RATE);
  store<f32>(slot, known == 0 ? rate : (known + rate) / 2, RATE);
  store<u32>(slot, 0, SPENT);
  store<u64>(slot, now, MEASURED);
}

function secondsOf(span: u64): f64 {
  return <f64>span / <f64>SECOND;
}

/** Redis in the place that ratelimit gives it: INCRBY and EXPIRE, in bounded memory. */

interface Counter {
  count: bigint;
  /** In milliseconds since the epoch. */
  expires: number;
}

/** Redis' integers have 64 bits with a sign. */
const MAX_COUNT = 2n ** 63n - 1n;
const SWEEP_EVERY = 60_000;

/** Redis' answer to what it cannot add. */
export class CounterError extends Error {
  override name = "CounterError";
}

export class Counters {
  private readonly counters = new Map<string, Counter>();
  private nextSweep = -Infinity;

  /** Beyond so many keys, which clients may choose, the ones that came first are forgotten. */
  constructor(private readonly maxCounters = 1_000_000) {}

  get size(): number {
    return this.counters.size;
  }

  /** Answers the count after it. Times are in milliseconds. Throws {@link CounterError}. */
  increment(key: string, by: bigint, lifetime: number, now: number): bigint {
    if (by > MAX_COUNT) throw new CounterError("ERR value is not an integer or out of range");
    this.forget(now);
    let counter = this.counters.get(key);
    if (counter === undefined || counter.expires <= now) {
      counter = { count: 0n, expires: now };
      this.counters.set(key, counter);
      if (this.counters.size > this.maxCounters) this.counters.delete(this.counters.keys().next().value!);
    }
    // What was there lives on for the same time: EXPIRE follows in the pipeline, whatever INCRBY answered.
    counter.expires = now + lifetime;
    if (counter.count + by > MAX_COUNT) throw new CounterError("ERR increment or decrement would overflow");
    counter.count += by;
    return counter.count;
  }

  private forget(now: number): void {
    if (now < this.nextSweep) return;
    this.nextSweep = now + SWEEP_EVERY;
    for (const [key, { expires }] of this.counters) if (expires <= now) this.counters.delete(key);
  }
}

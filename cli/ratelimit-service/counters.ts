/** Redis in the place that ratelimit gives it: INCRBY and EXPIRE, in bounded memory. */

interface Counter {
  count: bigint;
  /** In milliseconds since the epoch. */
  expires: number;
}

/** Redis' integers have 64 bits with a sign. */
const MIN_COUNT = -(2n ** 63n);
const MAX_COUNT = 2n ** 63n - 1n;
const SWEEP_EVERY = 60_000;

/** What Redis cannot add, or its client cannot read. */
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

  /** Answers the count after it; `hits` has 64 bits without a sign. Times are in milliseconds. Throws {@link CounterError}. */
  increment(key: string, hits: bigint, lifetime: number, now: number): bigint {
    // Hits beyond 2^63 reach Redis as a negative number.
    const by = BigInt.asIntN(64, hits);
    this.forget(now);
    let counter = this.counters.get(key);
    if (counter === undefined || counter.expires <= now) {
      counter = { count: 0n, expires: now };
      this.counters.set(key, counter);
      if (this.counters.size > this.maxCounters) this.counters.delete(this.counters.keys().next().value!);
    }
    // EXPIRE follows in the pipeline, whatever INCRBY answers.
    counter.expires = now + lifetime;
    const count = counter.count + by;
    if (count > MAX_COUNT || count < MIN_COUNT)
      throw new CounterError("ERR increment or decrement would overflow");
    counter.count = count;
    if (count < 0n) throw new CounterError("invalid character - at position 0 in parseUint");
    return count;
  }

  private forget(now: number): void {
    if (now < this.nextSweep) return;
    this.nextSweep = now + SWEEP_EVERY;
    for (const [key, { expires }] of this.counters) if (expires <= now) this.counters.delete(key);
  }
}

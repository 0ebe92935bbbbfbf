/**
 * A clock which stands still until it is told otherwise. Wall time and monotonic time are apart, so
 * that a test can step the wall clock back. Timers hang on monotonic time, as in Envoy's dispatcher.
 */

interface Timer {
  due: bigint;
  order: number;
  run: () => void;
}

/** 2026-01-01T00:00:00Z, in nanoseconds since 1970. */
const DEFAULT_WALL = 1_767_225_600_000_000_000n;
const DEFAULT_MONOTONIC = 1_000_000_000_000n;

export class FakeClock {
  /** Nanoseconds since 1970; may be set, also back. */
  wall: bigint;
  private now: bigint;
  private readonly timers = new Set<Timer>();
  private nextOrder = 0;

  constructor(wall: bigint = DEFAULT_WALL, monotonic: bigint = DEFAULT_MONOTONIC) {
    this.wall = wall;
    this.now = monotonic;
  }

  /** Nanoseconds since some start; never goes back. */
  get monotonic(): bigint {
    return this.now;
  }

  /** Calls `run` once, `nanoseconds` from now, during an {@link advance}. Answers what cancels it. */
  schedule(nanoseconds: bigint, run: () => void): () => void {
    const timer: Timer = { due: this.now + nanoseconds, order: this.nextOrder++, run };
    this.timers.add(timer);
    return () => void this.timers.delete(timer);
  }

  /** Moves both clocks on, stopping at each due timer in turn to run it. */
  advance(nanoseconds: bigint): void {
    if (nanoseconds < 0n) throw new RangeError("time does not go back: set `wall` to step the wall clock");
    const end = this.now + nanoseconds;
    for (let next = this.nextDue(end); next !== null; next = this.nextDue(end)) {
      this.timers.delete(next);
      this.moveTo(next.due);
      next.run();
    }
    this.moveTo(end);
  }

  private moveTo(monotonic: bigint): void {
    if (monotonic <= this.now) return;
    this.wall += monotonic - this.now;
    this.now = monotonic;
  }

  private nextDue(end: bigint): Timer | null {
    let first: Timer | null = null;
    for (const timer of this.timers) {
      if (timer.due > end) continue;
      if (first === null || timer.due < first.due || (timer.due === first.due && timer.order < first.order)) {
        first = timer;
      }
    }
    return first;
  }
}

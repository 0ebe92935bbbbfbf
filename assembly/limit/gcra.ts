import { Rate } from "./rate";

/**
 * A bucket is one number: the time, in nanoseconds of the monotonic clock, at which it will be full again (the "theoretical arrival time"
 * of the generic cell rate algorithm). One in the past, or 0, is a full bucket.
 *
 * `debt` is how far, in nanoseconds, a bucket may be below empty: 0 but where a response tells the cost. What is further ahead than an
 * empty bucket can be comes from a configuration before, or from a clock that has stepped back: it counts as empty, so that neither
 * admits more than a burst, nor shuts a key out for longer than a bucket takes to fill.
 */

/** The bucket's time, between full and as empty as can be. */
// @ts-ignore: decorator
@inline
export function bucketAt(time: u64, now: u64, rate: Rate, debt: u64): u64 {
  const emptiest = now + rate.tolerance + debt;
  return time > emptiest ? emptiest : max(time, now);
}

/** Whether the bucket has what takes `span` nanoseconds to fill. `bucket` is of {@link bucketAt}. */
// @ts-ignore: decorator
@inline
export function holds(bucket: u64, now: u64, rate: Rate, span: u64): bool {
  return bucket + span <= now + rate.tolerance;
}

/** Nanoseconds until the bucket has what takes `span` to fill; 0 when it has. Never, when `span` is more than the tolerance. */
export function waitFor(bucket: u64, now: u64, rate: Rate, span: u64): u64 {
  const free = now + rate.tolerance;
  return bucket + span <= free ? 0 : bucket + span - free;
}

/** How many units the bucket has. */
export function unitsIn(bucket: u64, now: u64, rate: Rate): u32 {
  const ahead = bucket - now;
  return ahead >= rate.tolerance ? 0 : <u32>min<u64>((rate.tolerance - ahead) / rate.interval, u32.MAX_VALUE);
}

import { now } from "../../../assembly/host/clock";

/**
 * Seconds since 1970. A look at the clock is a host call; a cached token's time is compared with what the last tick has seen, which is about a
 * second old: it may be taken for that much longer than its `exp` and the clock skew say. 0 where the host did not say.
 */

const SECOND: u64 = 1000000000;

let seen: u64 = 0;

/** As of the last look. */
// @ts-ignore: decorator
@inline
export function recentSeconds(): u64 {
  return seen;
}

/** As of now. */
export function freshSeconds(): u64 {
  seen = now() / SECOND;
  return seen;
}

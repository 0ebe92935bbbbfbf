import { ConfigReader } from "../json/config-reader";
import { JsonNode } from "../json/node";

/**
 * How much is admitted: so many units a period, and how many at once. In the terms of the generic cell rate algorithm (ITU-T I.371,
 * "virtual scheduling"): a unit every {@link interval}, and {@link tolerance} for a burst.
 */
@final
export class Rate {
  /** Nanoseconds from one unit to the next, rounded up: what is admitted is never more than asked for, and at most 0.1 % less. */
  readonly interval: u64;
  /** Nanoseconds that a bucket's time may be ahead of now: the burst, in time. */
  readonly tolerance: u64;

  constructor(
    /** Units a period. */
    readonly requests: u32,
    /** Seconds of the period: 1, 60, 3600 or 86400. */
    readonly period: u32,
    /** Units that a full bucket has. */
    readonly burst: u32,
  ) {
    const nanoseconds = <u64>period * SECOND;
    this.interval = (nanoseconds + requests - 1) / requests;
    this.tolerance = spanOf(this.interval, burst);
  }
}

/** Nanoseconds a second. */
export const SECOND: u64 = 1000000000;

/** No span of time is longer, in nanoseconds (some 73 years): sums of a few of them and of the clock stay below 2^64. */
const LONGEST: u64 = (<u64>1) << 61;

/** The time of `units`, saturated. */
export function spanOf(interval: u64, units: u32): u64 {
  // An interval is a day at most, some 2^47 ns, and this many units less than 2^32.
  return interval > LONGEST / max<u64>(units, 1) ? LONGEST : interval * units;
}

/** Words of `per`, and what they are in seconds. */
const UNITS = "second minute hour day";

/** The seconds of the unit at this position of {@link UNITS}. */
function secondsOf(unit: i32): u32 {
  switch (unit) {
    case 0:
      return 1;
    case 1:
      return 60;
    case 2:
      return 3600;
    default:
      return 86400;
  }
}

const MOST_REQUESTS: i32 = 1000000000;
/** So that an interval is 1,000 ns at least, and its rounding up does not matter. */
const MOST_A_SECOND: u64 = 1000000;

/** Reads the member `name`, a rate, which must be there. Null where it is wrong. */
export function readRequiredRate(reader: ConfigReader, object: JsonNode, name: string): Rate | null {
  const node = reader.required(object, name, "a limit, like {requests: 100, per: minute}");
  return node == null ? null : readRate(reader, node);
}

/** Reads `{requests: 100, per: minute, burst: 20}`; `burst` is as `requests` when it is left out. Null where it is wrong. */
export function readRate(reader: ConfigReader, node: JsonNode): Rate | null {
  if (!reader.object(node, "requests per burst")) return null;
  const requestsNode = reader.required(node, "requests", "how many, a whole number");
  const perNode = reader.required(node, "per", "second, minute, hour or day");
  const burstNode = reader.member(node, "burst");
  const requests = requestsNode == null ? 1 : reader.integer(requestsNode, 1, MOST_REQUESTS);
  const period = secondsOf(reader.choice(node, "per", UNITS, 0));
  const burst = burstNode == null ? requests : reader.integer(burstNode, 1, MOST_REQUESTS);
  if (requestsNode == null || perNode == null) return null;
  if (<u64>requests > <u64>period * MOST_A_SECOND) {
    reader.problem(requestsNode, "more than 1000000 a second");
  }
  const rate = new Rate(requests, period, burst);
  if (rate.tolerance == LONGEST) reader.problem(node, "a burst that takes more than 73 years to come");
  return rate;
}

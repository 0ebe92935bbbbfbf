/**
 * What `local-rate-limit` should do, written from its documentation as plainly as can be: a bucket of units for each key of each limit, which
 * fills by one unit at a time. Time and units are exact numbers.
 */
import type { Rate } from "./proxy.ts";

const SECONDS = { second: 1n, minute: 60n, hour: 3600n, day: 86_400n };
const NANOSECONDS = 1_000_000_000n;

export interface ModelLimit {
  name: string;
  /** Counted by the header `x-key`; else there is one bucket. */
  keyed: boolean;
  onMissingKey: "skip" | "reject" | "share";
  rate: Rate;
  overrides: Readonly<Record<string, Rate>>;
  cost: number | { header: string; max: number } | { responseHeader: string; max: number };
}

export interface ModelRequest {
  key: string | undefined;
  /** Value of the header `x-cost`. */
  cost: string | undefined;
  /** Value of that header in the response. */
  responseCost: string | undefined;
}

export interface ModelAnswer {
  admitted: boolean;
  /** The limit that refuses, and the seconds to wait. */
  by?: string;
  retryAfter?: bigint;
  /** The least that remains of the limits that apply. */
  remaining?: bigint;
}

class Bucket {
  /** When it will be full. */
  private full = 0n;
  private readonly interval: bigint;
  private readonly burst: bigint;

  constructor(
    rate: Rate,
    private readonly debt: bigint,
  ) {
    const requests = BigInt(rate.requests);
    this.interval = (SECONDS[rate.per] * NANOSECONDS + requests - 1n) / requests;
    this.burst = BigInt(rate.burst ?? rate.requests);
  }

  /** Nanoseconds until there are so many units. */
  wait(now: bigint, units: bigint): bigint {
    const missing = this.ahead(now) + units * this.interval - this.burst * this.interval;
    return missing > 0n ? missing : 0n;
  }

  take(now: bigint, units: bigint): void {
    const most = (this.burst + this.debt) * this.interval;
    let ahead = this.ahead(now) + units * this.interval;
    if (ahead > most) ahead = most;
    if (ahead < 0n) ahead = 0n;
    this.full = now + ahead;
  }

  remaining(now: bigint): bigint {
    const left = this.burst * this.interval - this.ahead(now);
    return left > 0n ? left / this.interval : 0n;
  }

  get size(): bigint {
    return this.burst;
  }

  private ahead(now: bigint): bigint {
    return this.full > now ? this.full - now : 0n;
  }
}

export class Model {
  private readonly buckets = new Map<string, Bucket>();

  constructor(private readonly limits: readonly ModelLimit[]) {}

  ask(now: bigint, request: ModelRequest): ModelAnswer {
    const uses: { limit: ModelLimit; bucket: Bucket; units: bigint }[] = [];
    for (const limit of this.limits) {
      if (limit.keyed && request.key === undefined) {
        if (limit.onMissingKey === "skip") continue;
        if (limit.onMissingKey === "reject") return { admitted: false, by: limit.name, retryAfter: 1n };
      }
      const bucket = this.bucket(limit, limit.keyed ? request.key : undefined);
      uses.push({ limit, bucket, units: unitsOf(limit, request, bucket) });
    }
    let by: string | undefined;
    let longest = 0n;
    for (const { limit, bucket, units } of uses) {
      const wait = (bucket.wait(now, units) + NANOSECONDS - 1n) / NANOSECONDS;
      if (wait > longest) {
        longest = wait;
        by = limit.name;
      }
    }
    if (by === undefined) {
      for (const { limit, bucket, units } of uses) {
        bucket.take(now, units);
        if (
          typeof limit.cost === "object" &&
          "responseHeader" in limit.cost &&
          request.responseCost !== undefined
        )
          bucket.take(now, wholeNumber(request.responseCost, limit.cost.max, 0) - 1n);
      }
    }
    const left = uses.map(({ bucket }) => bucket.remaining(now));
    const remaining = left.length === 0 ? {} : { remaining: left.reduce((a, b) => (a < b ? a : b)) };
    if (by === undefined) return { admitted: true, ...remaining };
    return { admitted: false, by, retryAfter: longest, ...remaining };
  }

  private bucket(limit: ModelLimit, key: string | undefined): Bucket {
    const name = JSON.stringify([limit.name, key ?? null]);
    const known = this.buckets.get(name);
    if (known) return known;
    const rate =
      key !== undefined && Object.hasOwn(limit.overrides, key) ? limit.overrides[key]! : limit.rate;
    const debt =
      typeof limit.cost === "object" && "responseHeader" in limit.cost ? BigInt(limit.cost.max) : 0n;
    const bucket = new Bucket(rate, debt);
    this.buckets.set(name, bucket);
    return bucket;
  }
}

function unitsOf(limit: ModelLimit, request: ModelRequest, bucket: Bucket): bigint {
  if (typeof limit.cost === "number") return BigInt(limit.cost);
  if ("responseHeader" in limit.cost) return 1n;
  const units = wholeNumber(request.cost, limit.cost.max, 1);
  return units < bucket.size ? units : bucket.size;
}

/** A whole number from `least` to `most`; 1 for what is none. */
function wholeNumber(text: string | undefined, most: number, least: number): bigint {
  if (text === undefined || !/^[0-9]+$/.test(text)) return 1n;
  const value = BigInt(text);
  if (value > BigInt(most)) return BigInt(most);
  return value < BigInt(least) ? BigInt(least) : value;
}

import { ABSENT, Bytes } from "../../assembly/bytes/bytes";
import { ByteMap } from "../../assembly/bytes/byte-map";
import { sipHash } from "../../assembly/bytes/siphash";
import { count, Counter, defineCounter, labelled } from "../../assembly/host/metrics";
import { Key } from "../../assembly/key";
import { Buckets } from "../../assembly/limit/buckets";
import { bucketAt, holds, unitsIn, waitFor } from "../../assembly/limit/gcra";
import { Rate, SECOND, spanOf } from "../../assembly/limit/rate";
import { KEYLESS, slotHash } from "../../assembly/limit/slot-sets";
import { Mode } from "../../assembly/mode";
import { RequestView } from "../../assembly/request-view";
import { ATTEMPTS } from "../../assembly/shared-sets";
import { Cost, CostSource } from "./cost";

/** What becomes of a request that lacks a limit's key. */
export enum OnMissingKey {
  /** The limit does not apply. */
  Skip,
  Reject,
  /** All such requests share one bucket. */
  Share,
}

/** Whether a limit applies to a request. */
export enum Applies {
  No,
  Yes,
  /** The key is missing, and the request is to be refused for that. */
  Rejects,
}

/** One of the limits: what it counts, and the bucket that the request at hand takes from. */
@final
export class Limit {
  /** The rate that most keys have, and then those of the overrides. */
  readonly rates: Rate[] = [];
  /** From a key to the position of its rate. */
  readonly overrides: ByteMap = new ByteMap(0, 0);
  key: Key | null = null;
  onMissingKey: OnMissingKey = OnMissingKey.Skip;
  cost: Cost = new Cost(CostSource.Fixed, 1, ABSENT);
  /** (With `!`, each use would be checked.) */
  buckets: Buckets = changetype<Buckets>(0);
  /** How far a bucket may be below empty, and the furthest that one can be ahead of now, in nanoseconds. */
  private longest: u64 = 0;

  /** The position among the limits. */
  number: i32 = 0;

  private admitted: Counter = 0;
  private refused: Counter = 0;
  private contended: Counter = 0;
  private sharing: Counter = 0;
  private keyless: Counter = 0;

  /** Of the request at hand: whose bucket, which rate, what it takes. */
  hash: u64 = 0;
  rateAt: i32 = 0;
  private units: u32 = 0;
  /** The bucket before anything is taken, and when it was looked at. */
  private bucket: u64 = 0;
  private now: u64 = 0;
  private span: u64 = 0;
  /** The bucket has what the request takes. */
  admits: bool = false;
  /** It was taken, and can be given back. */
  charged: bool = false;

  constructor(
    readonly name: string,
    /** The name as bytes, and the reason `local-rate-limit:<name>`. */
    readonly label: Bytes,
    readonly reason: Bytes,
    readonly mode: Mode,
    /** What is logged when a refusal is shadowed. */
    readonly shadowMessage: Bytes,
  ) {}

  /** Defines the metrics: only for a configuration that is taken, as the host never forgets a definition. */
  define(mode: Mode): void {
    const decisions = labelled(DECISIONS, "mode", mode == Mode.Shadow ? "shadow" : "enforce");
    this.admitted = this.counter(labelled(decisions, "decision", "admitted"));
    this.refused = this.counter(labelled(decisions, "decision", "refused"));
    this.contended = this.counter("outrigger_local_rate_limit_contended");
    this.sharing = this.counter("outrigger_local_rate_limit_shared");
    this.keyless = this.counter("outrigger_local_rate_limit_missing_key");
    for (let at = 0; at < this.rates.length; at++) {
      const rate = this.rates[at];
      this.longest = max(this.longest, rate.tolerance + this.debtOf(rate));
    }
  }

  private counter(metric: string): Counter {
    return defineCounter(labelled(metric, "limit", this.name));
  }

  /** How far below empty the response's cost may bring a bucket. */
  private debtOf(rate: Rate): u64 {
    return this.cost.source == CostSource.Response ? spanOf(rate.interval, this.cost.most) : 0;
  }

  /** Sees whose bucket the request takes from, and how much. */
  begin(request: RequestView, key0: u64, key1: u64): Applies {
    const key = this.key;
    this.charged = false;
    // Of the request before.
    this.buckets.shared = false;
    this.rateAt = 0;
    this.hash = KEYLESS;
    if (key != null) {
      const value = key.read(request);
      if (value != ABSENT) {
        this.hash = slotHash(sipHash(value, key0, key1));
        const other = this.overrides.get(value);
        if (other >= 0) this.rateAt = other;
      } else {
        count(this.keyless);
        if (this.onMissingKey == OnMissingKey.Skip) return Applies.No;
        if (this.onMissingKey == OnMissingKey.Reject) return Applies.Rejects;
      }
    }
    const cost = this.cost;
    if (cost.source == CostSource.Fixed) this.units = cost.most;
    else if (cost.source == CostSource.Response) this.units = 1;
    // More than a full bucket would never pass.
    else this.units = min(cost.ofRequest(request.headers.get(cost.header)), this.rate.burst);
    return Applies.Yes;
  }

  /** The rate of the bucket at hand. */
  // @ts-ignore: decorator
  @inline
  get rate(): Rate {
    return unchecked(this.rates[this.rateAt]);
  }

  /** Reads the bucket: one host call. {@link admits} is then the answer. */
  look(now: u64): void {
    const rate = this.rate;
    const buckets = this.buckets;
    buckets.read(this.hash, now, now + this.longest);
    this.now = now;
    this.bucket = bucketAt(buckets.time, now, rate, this.debtOf(rate));
    this.span = spanOf(rate.interval, this.units);
    this.admits = holds(this.bucket, now, rate, this.span);
    // Further ahead than can be, and nothing is taken that would write it: without this it would be empty until its old time. Only where it
    // is far ahead: a worker that has read the clock before another one wrote would give away the time between.
    if (!this.admits && buckets.time > this.bucket + SECOND) buckets.write(this.bucket);
  }

  /** Takes what the request costs: one host call. False when another worker was faster; look again. */
  take(): bool {
    if (!this.buckets.write(this.bucket + this.span)) return false;
    this.charged = true;
    this.bucket += this.span;
    return true;
  }

  /** Gives back what was taken. Where that is contended for ever, it stays taken: less is admitted rather than more. */
  giveBack(): void {
    this.charged = false;
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      this.look(this.now);
      this.bucket = max(this.bucket - min(this.span, this.bucket), this.now);
      if (this.buckets.write(this.bucket)) return;
    }
    count(this.contended);
  }

  /**
   * Takes what a response costs beside the unit that was taken, of the bucket that `hash` and `rateAt` say. Into debt, where the bucket has
   * less.
   */
  settle(hash: u64, rateAt: i32, value: Bytes, now: u64): void {
    const units = this.cost.ofResponse(value);
    this.hash = hash;
    this.rateAt = rateAt;
    this.units = 0;
    const rate = this.rate;
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      this.look(now);
      if (units == 1) return;
      let time = this.bucket;
      if (units > 0)
        time = min(time + spanOf(rate.interval, units - 1), now + rate.tolerance + this.debtOf(rate));
      else time = max(time - min(rate.interval, time), now);
      this.bucket = time;
      if (this.buckets.write(time)) return;
    }
    count(this.contended);
  }

  /** The units that are left. */
  get remaining(): u32 {
    return unitsIn(this.bucket, this.now, this.rate);
  }

  /** Seconds until the bucket is full again, rounded up. */
  get reset(): u32 {
    return seconds(this.bucket - this.now);
  }

  /** Seconds until the bucket has what the request takes, rounded up. */
  get wait(): u32 {
    return seconds(waitFor(this.bucket, this.now, this.rate, this.span));
  }

  countAdmitted(): void {
    count(this.admitted);
    if (this.buckets.shared) count(this.sharing);
  }

  countRefused(): void {
    count(this.refused);
    if (this.buckets.shared) count(this.sharing);
  }

  countContended(): void {
    count(this.contended);
  }
}

const DECISIONS = "outrigger_local_rate_limit_decisions";

/** Nanoseconds as whole seconds, rounded up. */
function seconds(span: u64): u32 {
  return <u32>min<u64>((span + SECOND - 1) / SECOND, i32.MAX_VALUE);
}

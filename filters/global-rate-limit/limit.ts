import { Bytes } from "../../assembly/bytes/bytes";
import { Keeper } from "../../assembly/bytes/keeper";
import { Counter, defineCounter, labelled } from "../../assembly/host/metrics";
import { Buckets } from "../../assembly/limit/buckets";
import { bucketAt, holds, waitFor } from "../../assembly/limit/gcra";
import { Rate, SECOND, spanOf } from "../../assembly/limit/rate";
import { States } from "./states";
import { RequestMatcher } from "../../assembly/match/request-match";
import { Mode } from "../../assembly/mode";
import { reasonOf } from "../../assembly/reason";
import { ATTEMPTS } from "../../assembly/shared-sets";
import { Descriptor, hitsOf } from "./descriptor";

export const NAME = "global-rate-limit";

/** What becomes of a request, as one limit has it. What refuses comes last. */
export enum Decision {
  Admitted,
  FailedAllowed,
  LocalAdmitted,
  FailedRefused,
  LocalRefused,
  Refused,
}

/** As labels, in the order of {@link Decision}. */
const DECISIONS: StaticArray<string> = [
  "admitted",
  "failed_allowed",
  "local_admitted",
  "failed_refused",
  "local_refused",
  "refused",
];

/** A limit of the configuration. */
@final
export class Limit {
  /** `global-rate-limit:<name>`. */
  readonly reason: Bytes;
  readonly text: Bytes;
  readonly shadowMessage: Bytes;
  /** The field that tells of {@link hits} in a descriptor. */
  readonly hitsField: Bytes;
  private readonly counters: StaticArray<Counter> = new StaticArray<Counter>(DECISIONS.length);
  fetched: Counter = 0;
  spent: Counter = 0;
  returned: Counter = 0;
  remembered: Counter = 0;
  full: Counter = 0;

  constructor(
    keeper: Keeper,
    private readonly name: string,
    /** Which requests it is about. */
    readonly match: RequestMatcher,
    readonly mode: Mode,
    readonly descriptors: StaticArray<Descriptor>,
    /** Units that a request takes. */
    readonly hits: u32,
    readonly remembers: bool,
    readonly leases: bool,
    /** What the proxy remembers; null where it remembers nothing. */
    readonly states: States | null,
    private readonly rate: Rate | null,
    /** What decides when the service fails; null where that is decided without. */
    readonly buckets: Buckets | null,
  ) {
    this.reason = reasonOf(keeper, NAME, name);
    this.text = keeper.keepText(name);
    this.shadowMessage = keeper.keepText(`${NAME}:${name} would refuse (shadow)`);
    this.hitsField = keeper.keep(hitsOf(hits));
  }

  /** Whether its descriptors are told apart by their hashes. */
  get isKeyed(): bool {
    return this.states != null || this.buckets != null;
  }

  setDirection(direction: u32): void {
    const states = this.states;
    if (states != null) states.setDirection(direction);
    const buckets = this.buckets;
    if (buckets != null) buckets.setDirection(direction);
  }

  counterOf(decision: Decision): Counter {
    return unchecked(this.counters[decision]);
  }

  /**
   * Takes a request's units from the proxy's own bucket, since the service fails. 0 when it has them; otherwise the seconds, at least 1,
   * after which it has.
   */
  takeLocally(hash: u64, now: u64): u32 {
    const rate = this.rate!;
    const buckets = this.buckets!;
    const span = spanOf(rate.interval, this.hits);
    for (let tries = 0; tries < ATTEMPTS; tries++) {
      buckets.read(hash, now, now + rate.tolerance);
      const bucket = bucketAt(buckets.time, now, rate, 0);
      if (!holds(bucket, now, rate, span)) {
        const wait = (waitFor(bucket, now, rate, span) + SECOND - 1) / SECOND;
        return <u32>min<u64>(max<u64>(wait, 1), u32.MAX_VALUE);
      }
      if (buckets.write(bucket + span)) return 0;
    }
    // So much at once is over any limit.
    return 1;
  }

  /** Defines the metrics: only for a configuration that is taken, as the host never forgets a definition. */
  define(): void {
    const mode = this.mode == Mode.Shadow ? "shadow" : "enforce";
    for (let at = 0; at < DECISIONS.length; at++) {
      const isLocal = at == Decision.LocalAdmitted || at == Decision.LocalRefused;
      if (isLocal && this.buckets == null) continue;
      const name = labelled("outrigger_global_rate_limit_decisions", "mode", mode);
      this.counters[at] = this.counter(labelled(name, "decision", DECISIONS[at]));
    }
    if (this.states != null) {
      this.remembered = this.counter("outrigger_global_rate_limit_remembered");
      this.full = this.counter("outrigger_global_rate_limit_no_slot");
    }
    if (!this.leases) return;
    this.fetched = this.leaseCounter("fetched");
    this.spent = this.leaseCounter("spent");
    this.returned = this.leaseCounter("returned");
  }

  private leaseCounter(what: string): Counter {
    return this.counter(labelled("outrigger_global_rate_limit_lease_units", "what", what));
  }

  private counter(metric: string): Counter {
    return defineCounter(labelled(metric, "limit", this.name));
  }
}

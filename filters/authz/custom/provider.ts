import { mayTrackCall } from "../../../assembly/abi/calls";
import { byteString, Bytes } from "../../../assembly/bytes/bytes";
import { Keeper } from "../../../assembly/bytes/keeper";
import { reply } from "../../../assembly/filter";
import { monotonicNow } from "../../../assembly/host/clock";
import { logBytes, LogLevelValues } from "../../../assembly/host/log";
import { Counter, count, defineCounter, labelled } from "../../../assembly/host/metrics";
import { reasonOf } from "../../../assembly/reason";
import { RequestView } from "../../../assembly/request-view";
import { CallAnswer } from "../../../assembly/waiting";
import { NAME } from "../identity";
import { applyToRequest, fillReply } from "./apply";
import { decision, Outcome } from "./decision";
import { DecisionCache } from "./decision-cache";
import { ResponseChanges } from "./response-changes";
import { Failure, FAILURES, Transport } from "./transport";

/** What became of a check. */
export enum Checked {
  /** The request goes on, changed as the service wants it; or the service failed, and the provider fails open. */
  Allowed,
  /** The service denies it: the reply is filled but for its `details`. */
  Denied,
  /** It is denied since the service failed: the reply is filled, `details` and all. */
  Failed,
  /** A call is out, and its answer comes with the memo that was given: `Verdict.Wait`. */
  Waits,
}

/** A service that decides about requests. */
@final
export class Provider {
  private readonly errorReason: Bytes;
  private readonly failedMessage: Bytes;
  private readonly failures: StaticArray<Counter> = new StaticArray<Counter>(FAILURES.length);
  private readonly outcomes: StaticArray<Counter> = new StaticArray<Counter>(OUTCOMES.length);
  private hits: Counter = 0;
  private misses: Counter = 0;
  private dropped: Counter = 0;
  /** That it fails was said, and it has not answered since. */
  private hasFailed: bool = false;

  constructor(
    keeper: Keeper,
    readonly name: Bytes,
    private readonly transport: Transport,
    private readonly failOpen: bool,
    private readonly statusOnError: u32,
    /** Null where decisions are not remembered. */
    private readonly cache: DecisionCache | null,
    /** Of all providers together. */
    private readonly changes: ResponseChanges,
  ) {
    this.errorReason = reasonOf(keeper, NAME, "custom-error");
    const text = byteString(name);
    const cluster = byteString(transport.cluster);
    this.failedMessage = keeper.keepText(`authz: provider ${text} (cluster ${cluster}) gives no decision`);
  }

  /** Defines the metrics: only for a configuration that is taken. */
  define(): void {
    const name = byteString(this.name);
    for (let at = 0; at < OUTCOMES.length; at++) {
      this.outcomes[at] = defineCounter(
        labelled(labelled("outrigger_authz_custom", "outcome", OUTCOMES[at]), "provider", name),
      );
    }
    for (let at = 1; at < FAILURES.length; at++) {
      this.failures[at] = defineCounter(
        labelled(labelled("outrigger_authz_custom_failures", "kind", FAILURES[at]), "provider", name),
      );
    }
    this.dropped = defineCounter(labelled("outrigger_authz_custom_dropped_changes", "provider", name));
    if (this.cache == null) return;
    this.hits = defineCounter(labelled("outrigger_authz_custom_cache_hits", "provider", name));
    this.misses = defineCounter(labelled("outrigger_authz_custom_cache_misses", "provider", name));
  }

  /**
   * Decides about a request by what is remembered, or asks. `memo` comes back with the answer, which is for {@link answered}.
   */
  check(request: RequestView, memo: u32): Checked {
    const cache = this.cache;
    if (cache != null) {
      if (cache.look(request, monotonicNow())) {
        count(this.hits);
        return this.settle(request);
      }
      count(this.misses);
    }
    if (!mayTrackCall()) return this.fail(Failure.Busy);
    return this.transport.send(request, memo) ? Checked.Waits : this.fail(Failure.NotSent);
  }

  /** Decides about a request that has waited; never {@link Checked.Waits}. The answer's memo is the caller's. */
  answered(request: RequestView, answer: CallAnswer): Checked {
    const failure = this.transport.read(answer);
    if (failure != Failure.None) return this.fail(failure);
    this.hasFailed = false;
    if (decision.dropped > 0) count(this.dropped, decision.dropped);
    const cache = this.cache;
    // Before the request is changed: the next one comes as this one came.
    if (cache != null) cache.keep(request, monotonicNow());
    return this.settle(request);
  }

  /** Does what `decision` says. */
  private settle(request: RequestView): Checked {
    const isAllowed = decision.outcome == Outcome.Allowed;
    count(unchecked(this.outcomes[isAllowed ? ALLOWED : DENIED]));
    if (!isAllowed) {
      fillReply(decision.status);
      return Checked.Denied;
    }
    applyToRequest(request);
    if (decision.changesResponse) request.note = this.changes.add(request.note);
    return Checked.Allowed;
  }

  private fail(failure: Failure): Checked {
    count(unchecked(this.failures[failure]));
    count(unchecked(this.outcomes[this.failOpen ? FAILED_OPEN : ERROR]));
    if (!this.hasFailed) logBytes(LogLevelValues.warn, this.failedMessage);
    this.hasFailed = true;
    if (this.failOpen) return Checked.Allowed;
    // What a service says of its failure, it says to the client (Envoy, `CheckResponse.error_response`).
    if (failure != Failure.Service) decision.begin();
    fillReply(decision.status == 0 ? this.statusOnError : decision.status);
    reply.details = this.errorReason;
    return Checked.Failed;
  }
}

/** As labels. */
const OUTCOMES: StaticArray<string> = ["allowed", "denied", "error", "failed_open"];
const ALLOWED = 0;
const DENIED = 1;
const ERROR = 2;
const FAILED_OPEN = 3;

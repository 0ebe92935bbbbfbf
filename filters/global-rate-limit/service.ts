import { mayTrackCall } from "../../assembly/abi/calls";
import { GrpcStatusValues } from "../../assembly/abi/values";
import { ABSENT, byteString, Bytes, literal } from "../../assembly/bytes/bytes";
import { Keeper } from "../../assembly/bytes/keeper";
import { logBytes, LogLevelValues } from "../../assembly/host/log";
import { Counter, count, defineCounter, labelled } from "../../assembly/host/metrics";
import { CallAnswer, callGrpc, callGrpcInBackground } from "../../assembly/waiting";
import { Breaker } from "./breaker";
import { OK, OVER_LIMIT, RateLimitResponse } from "./response";

const SERVICE = literal("envoy.service.ratelimit.v3.RateLimitService");
const METHOD = literal("ShouldRateLimit");

/** Why the service gave no answer that can be used. */
export enum Failure {
  /** No connection, a broken one, or the time was up. */
  Unavailable,
  /** Another gRPC status. */
  Status,
  /** No message, a broken one, or not as many statuses as descriptors. */
  Malformed,
  /** A message that says neither OK nor OVER_LIMIT. */
  UnknownCode,
  /** The proxy has no such cluster. */
  NoCluster,
  /** Too many requests wait in this worker, or one has too many descriptors. */
  Busy,
}

/** As labels, in the order of {@link Failure}. */
const FAILURES: StaticArray<string> = [
  "unavailable",
  "status",
  "malformed",
  "unknown_code",
  "no_cluster",
  "busy",
];

/** The rate limit service: what is sent to it, what it answers, and whether it is asked at all. */
@final
export class Service {
  readonly response: RateLimitResponse = new RateLimitResponse();
  private readonly failures: StaticArray<Counter> = new StaticArray<Counter>(FAILURES.length);
  private calls: Counter = 0;
  private skipped: Counter = 0;
  private opened: Counter = 0;
  private droppedHeaders: Counter = 0;
  private readonly openMessage: Bytes;
  private readonly closedMessage: Bytes;
  private readonly absentMessage: Bytes;
  /** That there is no such cluster was said. */
  private warned: bool = false;

  constructor(
    keeper: Keeper,
    private readonly cluster: Bytes,
    private readonly timeout: u32,
    private readonly breaker: Breaker,
  ) {
    const name = byteString(cluster);
    this.openMessage = keeper.keepText(`global-rate-limit: ${name} fails and is not asked for a while`);
    this.closedMessage = keeper.keepText(`global-rate-limit: ${name} answers again`);
    this.absentMessage = keeper.keepText(
      `global-rate-limit: the proxy has no cluster ${name}, or no host in it`,
    );
  }

  /** Defines the metrics. */
  define(): void {
    for (let at = 0; at < FAILURES.length; at++) {
      this.failures[at] = defineCounter(
        labelled("outrigger_global_rate_limit_failures", "kind", FAILURES[at]),
      );
    }
    this.calls = defineCounter("outrigger_global_rate_limit_calls");
    this.skipped = defineCounter("outrigger_global_rate_limit_breaker_skipped");
    this.opened = defineCounter("outrigger_global_rate_limit_breaker_opened");
    this.droppedHeaders = defineCounter("outrigger_global_rate_limit_dropped_headers");
  }

  /** Sends a question. False when it was not sent, which is counted. `background`: no request waits for the answer. */
  ask(question: Bytes, background: bool, memo: u32, now: u64): bool {
    if (!this.breaker.allows(now)) {
      count(this.skipped);
      return false;
    }
    if (!mayTrackCall()) {
      this.failed(Failure.Busy, now);
      return false;
    }
    const sent = background
      ? callGrpcInBackground(this.cluster, SERVICE, METHOD, ABSENT, question, this.timeout, memo)
      : callGrpc(this.cluster, SERVICE, METHOD, ABSENT, question, this.timeout, memo);
    if (sent) {
      count(this.calls);
      return true;
    }
    if (!this.warned) logBytes(LogLevelValues.warn, this.absentMessage);
    this.warned = true;
    this.failed(Failure.NoCluster, now);
    return false;
  }

  /**
   * Reads an answer to a question about `descriptors` into {@link response}. False when it is none that can be used, which is counted. A
   * service may leave the statuses out altogether (as Limitador does): then {@link RateLimitResponse.overall} is all that it says.
   */
  read(answer: CallAnswer, descriptors: u32, now: u64): bool {
    if (answer.status != GrpcStatusValues.Ok) {
      const isUnavailable = answer.status == GrpcStatusValues.Unavailable;
      return this.failed(isUnavailable ? Failure.Unavailable : Failure.Status, now);
    }
    const response = this.response;
    if (!response.read(answer.body())) return this.failed(Failure.Malformed, now);
    if (response.overall != OK && response.overall != OVER_LIMIT) {
      return this.failed(Failure.UnknownCode, now);
    }
    if (response.count != 0 && response.count != descriptors) return this.failed(Failure.Malformed, now);
    if (response.dropped > 0) count(this.droppedHeaders, response.dropped);
    if (this.breaker.succeeded()) {
      this.warned = false;
      logBytes(LogLevelValues.warn, this.closedMessage);
    }
    return true;
  }

  /** Counts a failure; always false. */
  failed(failure: Failure, now: u64): bool {
    count(unchecked(this.failures[failure]));
    // That this proxy has too much to do says nothing of the service.
    if (failure != Failure.Busy && this.breaker.hasFailed(now)) {
      count(this.opened);
      logBytes(LogLevelValues.warn, this.openMessage);
    }
    return false;
  }
}

import { Annotate } from "../../assembly/annotate";
import { GrpcStatusValues } from "../../assembly/abi/values";
import { ABSENT, Bytes, literal } from "../../assembly/bytes/bytes";
import { Keeper } from "../../assembly/bytes/keeper";
import { reply } from "../../assembly/filter";
import { logBytes, LogLevelValues, logs } from "../../assembly/host/log";
import { count } from "../../assembly/host/metrics";
import { setProperty } from "../../assembly/host/properties";
import { LimitFields, LimitHeaders } from "../../assembly/limit/limit-headers";
import { Mode } from "../../assembly/mode";
import { joinReasons, reasonOf } from "../../assembly/reason";
import { ResponseView } from "../../assembly/response-view";
import { FailureMode, GlobalRateLimitConfig } from "./config";
import { Decision, Limit, NAME } from "./limit";
import { endOfHeader, headersOf, Item, itemAt, itemsOf, Record, State, textAt, valueAt } from "./records";

const PROPERTY = literal("outrigger.global-rate-limit");
/** How many shadowed decisions about one request the property tells. */
const MAX_TOLD = 8;

/** What a request's items come to, and all that is told of it: metrics, the property, the reply, headers of the response. */
@final
export class Sentence {
  private readonly errorReason: Bytes;
  private readonly allowedReason: Bytes;
  private readonly headers: LimitHeaders = new LimitHeaders();
  /** The item by which the request is refused, or null (0). */
  private refuser: Item = changetype<Item>(0);
  /** It is refused since the service fails. */
  private isError: bool = false;
  private shadowed: Bytes = ABSENT;
  private told: i32 = 0;

  constructor(
    private readonly config: GlobalRateLimitConfig,
    keeper: Keeper,
  ) {
    this.errorReason = reasonOf(keeper, NAME, "error");
    this.allowedReason = reasonOf(keeper, NAME, "allowed");
  }

  /** Decides, limit by limit, and tells of it. Whether the request is refused. */
  weigh(items: usize, number: u32, now: u64): bool {
    this.refuser = changetype<Item>(0);
    this.shadowed = ABSENT;
    this.told = 0;
    let at: u32 = 0;
    while (at < number) {
      const first = itemAt(items, at);
      const limit = unchecked(this.config.limits[first.limit]);
      let decided = first;
      let decision = -1;
      for (; at < number && itemAt(items, at).limit == first.limit; at++) {
        const item = itemAt(items, at);
        const own = this.decide(item, limit, now);
        if (own <= decision) continue;
        decision = own;
        decided = item;
      }
      if (decision >= 0) this.count(limit, decision, decided);
    }
    this.annotate();
    return changetype<usize>(this.refuser) != 0;
  }

  /** A {@link Decision}, or -1 for an item that needs none since the request is refused already. */
  private decide(item: Item, limit: Limit, now: u64): i32 {
    switch (item.state) {
      case State.Admitted:
      case State.Spent:
        return Decision.Admitted;
      case State.Refused:
        return Decision.Refused;
      case State.Failed:
        break;
      default:
        return -1;
    }
    if (this.config.failureMode == FailureMode.Allow) return Decision.FailedAllowed;
    if (this.config.failureMode == FailureMode.Deny) return Decision.FailedRefused;
    if (changetype<usize>(this.refuser) != 0) return -1;
    const wait = limit.takeLocally(item.hash, now);
    if (wait == 0) return Decision.LocalAdmitted;
    item.reset = wait;
    return Decision.LocalRefused;
  }

  private count(limit: Limit, decision: Decision, item: Item): void {
    count(limit.counterOf(decision));
    if (decision < Decision.FailedRefused) return;
    if (limit.mode == Mode.Shadow) {
      if (this.told++ < MAX_TOLD) this.shadowed = joinReasons(this.shadowed, limit.reason);
      if (logs(LogLevelValues.info)) logBytes(LogLevelValues.info, limit.shadowMessage);
    } else if (changetype<usize>(this.refuser) == 0) {
      this.refuser = item;
      this.isError = decision == Decision.FailedRefused;
    }
  }

  /** Writes the property where somebody will read it. */
  private annotate(): void {
    let reason = ABSENT;
    if (changetype<usize>(this.refuser) != 0) reason = this.reason;
    else if (this.config.annotate == Annotate.Always && this.config.mode == Mode.Enforce) {
      reason = this.allowedReason;
    }
    if (reason != ABSENT) setProperty(PROPERTY, joinReasons(this.shadowed, reason));
    else if (this.shadowed != ABSENT) setProperty(PROPERTY, this.shadowed);
  }

  private get reason(): Bytes {
    return this.isError ? this.errorReason : unchecked(this.config.limits[this.refuser.limit]).reason;
  }

  /** That no limit applies to a request, where each is told of. */
  tellAllowed(): void {
    if (this.config.annotate == Annotate.Always && this.config.mode == Mode.Enforce) {
      setProperty(PROPERTY, this.allowedReason);
    }
  }

  /** Fills the reply to a refused request. `body` is the service's, if it has one; `record` may be null (0). */
  reply(items: usize, number: u32, body: Bytes, record: Record): void {
    if (this.isError) {
      reply.status = this.config.statusOnError;
      reply.details = this.errorReason;
      reply.body = ABSENT;
      reply.headers = ABSENT;
      reply.grpcStatus = GrpcStatusValues.Unavailable;
      return;
    }
    const pairs = this.config.refusal.begin(this.reason, body);
    this.gather(items, number);
    this.headers.toReply(pairs);
    if (changetype<usize>(record) != 0) {
      for (let at = headersOf(record), end = at + record.headers; at < end; at = endOfHeader(at)) {
        pairs.add(textAt(at), valueAt(at));
      }
    }
    this.config.refusal.finish(this.refuser.reset);
  }

  /** Whether the response to an admitted request is to tell of limits. */
  tells(items: usize, number: u32): bool {
    if (this.config.fields == LimitFields.Off) return false;
    for (let at: u32 = 0; at < number; at++) if (this.isTold(itemAt(items, at))) return true;
    return false;
  }

  /** Adds to a response what it is to have. */
  toResponse(response: ResponseView, record: Record): void {
    this.gather(itemsOf(record), record.count);
    this.headers.toResponse(response);
    for (let at = headersOf(record), end = at + record.headers; at < end; at = endOfHeader(at)) {
      response.add(textAt(at), valueAt(at));
    }
  }

  /** Collects what responses tell of limits. */
  private gather(items: usize, number: u32): void {
    this.headers.begin(this.config.fields);
    for (let at: u32 = 0; at < number; at++) {
      const item = itemAt(items, at);
      if (!this.isTold(item)) continue;
      const name = unchecked(this.config.limits[item.limit]).text;
      this.headers.add(name, item.requests, item.window, item.remaining, item.reset);
    }
  }

  /** Whether the service has said of which limit it is; those on trial are no client's business. */
  private isTold(item: Item): bool {
    return item.window > 0 && unchecked(this.config.limits[item.limit]).mode == Mode.Enforce;
  }
}

import { Annotate } from "../../assembly/annotate";
import { ABSENT, Bytes, equals, literal } from "../../assembly/bytes/bytes";
import { Filter, keepRecords, Verdict } from "../../assembly/filter";
import { monotonicNow } from "../../assembly/host/clock";
import { logBytes, LogLevelValues, logs } from "../../assembly/host/log";
import { processKey } from "../../assembly/host/process-key";
import { getProperty, setProperty } from "../../assembly/host/properties";
import { ConfigReader } from "../../assembly/json/config-reader";
import { JsonNode } from "../../assembly/json/node";
import { LimitFields, LimitHeaders } from "../../assembly/limit/limit-headers";
import { Mode } from "../../assembly/mode";
import { joinReasons } from "../../assembly/reason";
import { RequestView } from "../../assembly/request-view";
import { ResponseView } from "../../assembly/response-view";
import { listenerDirection } from "../../assembly/stream-properties";
import { ATTEMPTS } from "../../assembly/shared-sets";
import { LocalRateLimitConfig, OnContention } from "./config";
import { CostSource } from "./cost";
import { Applies, Limit } from "./limit";
import { Records } from "./records";

const PROPERTY = literal("outrigger.local-rate-limit");
const CODE_DETAILS = literal("response\0code_details");
const VIA_UPSTREAM = literal("via_upstream");
const HASH_KEY = literal("local-rate-limit/hash-key");
/** How many shadowed decisions about one request the property tells. */
const MAX_TOLD = 8;

/** Admits as many requests as its limits say, over all workers of the proxy. */
@final
export class LocalRateLimit extends Filter {
  private config: LocalRateLimitConfig = new LocalRateLimitConfig();
  private readonly records: Records = new Records();
  private readonly headers: LimitHeaders = new LimitHeaders();
  /** What keys are hashed with, so that no client can choose whose slots it meets. */
  private key0: u64 = 0;
  private key1: u64 = 0;
  /** The positions of the limits that match the request at hand, and those that apply. */
  private found: StaticArray<i32> = new StaticArray<i32>(0);
  private applying: StaticArray<Limit> = new StaticArray<Limit>(0);
  private count: i32 = 0;
  /** Reasons of decisions that were shadowed for this request, of the first {@link MAX_TOLD} of them. */
  private shadowed: Bytes = ABSENT;
  private told: i32 = 0;

  configure(config: JsonNode, reader: ConfigReader): void {
    this.config.read(config, reader);
    if (reader.failed) return;
    const hashKey = processKey(HASH_KEY);
    if (hashKey == null) {
      reader.problem(config, "the proxy has no random bytes for the hash of keys");
      return;
    }
    this.key0 = hashKey.key0;
    this.key1 = hashKey.key1;
    this.found = new StaticArray<i32>(this.config.limits.length);
    this.applying = this.config.limits.slice<StaticArray<Limit>>();
    keepRecords();
  }

  onRequest(request: RequestView): Verdict {
    const config = this.config;
    const matching = config.index.all(request, this.found);
    if (matching == 0) return Verdict.Continue;
    const direction = <u32>listenerDirection();
    this.shadowed = ABSENT;
    this.told = 0;
    const now = monotonicNow();
    let refusing = this.look(request, matching, direction, now);
    if (refusing == null) refusing = this.take(now);
    if (refusing != null) {
      this.tell(refusing.reason);
      this.refuse(refusing);
      return Verdict.Reply;
    }
    if (this.shadowed != ABSENT || config.annotate == Annotate.Always) {
      this.tell(config.annotate == Annotate.Always ? config.admittedReason : ABSENT);
    }
    request.note = this.noted(direction);
    return Verdict.Continue;
  }

  onResponse(response: ResponseView, note: u32): void {
    const config = this.config;
    const records = this.records;
    const headers = this.headers.begin(config.fields);
    let now: u64 = 0;
    for (let at = note; at != 0; at = records.next(at)) {
      const limit = unchecked(config.limits[records.limit(at)]);
      let remaining = records.remaining(at);
      let reset = records.reset(at);
      if (limit.cost.source == CostSource.Response) {
        const value = response.headers.get(limit.cost.header);
        if (value != ABSENT && equals(getProperty(CODE_DETAILS), VIA_UPSTREAM)) {
          if (now == 0) now = monotonicNow();
          limit.buckets.setDirection(records.direction(at));
          limit.settle(records.hash(at), records.rate(at), value, now);
          remaining = limit.remaining;
          reset = limit.reset;
        }
      }
      if (this.isShadow(limit)) continue;
      const rate = limit.rates[records.rate(at)];
      headers.add(limit.label, rate.requests, rate.period, remaining, reset);
    }
    records.release(note);
    headers.toResponse(response);
  }

  onForgotten(note: u32): void {
    this.records.release(note);
  }

  /**
   * Looks at the buckets of all limits that match, and takes nothing yet: a refused request is charged nowhere. Answers the limit that
   * refuses, of several the one that makes wait longest; null when all admit.
   */
  private look(request: RequestView, matching: i32, direction: u32, now: u64): Limit | null {
    const limits = this.config.limits;
    let refusing: Limit | null = null;
    let longest: u32 = 0;
    this.count = 0;
    for (let at = 0; at < matching; at++) {
      const limit = unchecked(limits[unchecked(this.found[at])]);
      const applies = limit.begin(request, this.key0, this.key1);
      if (applies == Applies.No) continue;
      let wait: u32 = u32.MAX_VALUE;
      if (applies == Applies.Yes) {
        // Buckets of inbound and outbound are apart, though both may have one configuration (`stream-properties.ts`).
        limit.buckets.setDirection(direction);
        unchecked((this.applying[this.count++] = limit));
        limit.look(now);
        if (limit.admits) continue;
        wait = limit.wait;
      }
      limit.countRefused();
      if (this.isShadow(limit)) this.shadow(limit);
      else if (refusing == null || wait > longest) {
        refusing = limit;
        longest = wait;
      }
    }
    return refusing;
  }

  /** Takes from all buckets. Answers the limit that refuses because another worker was faster, and then gives back what was taken. */
  private take(now: u64): Limit | null {
    for (let at = 0, count = this.count; at < count; at++) {
      const limit = unchecked(this.applying[at]);
      if (!limit.admits || this.takeOne(limit, now)) continue;
      limit.countRefused();
      if (this.isShadow(limit)) {
        this.shadow(limit);
        continue;
      }
      for (let before = 0; before < at; before++) {
        const other = unchecked(this.applying[before]);
        if (other.charged) other.giveBack();
      }
      return limit;
    }
    for (let at = 0, count = this.count; at < count; at++) {
      const limit = unchecked(this.applying[at]);
      if (limit.admits) limit.countAdmitted();
    }
    return null;
  }

  /** Whether the limit admits, when other workers have changed its bucket meanwhile too. */
  private takeOne(limit: Limit, now: u64): bool {
    for (let attempt = 1; !limit.take(); attempt++) {
      if (attempt == ATTEMPTS) {
        limit.countContended();
        limit.admits = this.config.onContention == OnContention.Allow;
        return limit.admits;
      }
      limit.look(now);
      if (!limit.admits) return false;
    }
    return true;
  }

  private refuse(limit: Limit): void {
    const refusal = this.config.refusal;
    const pairs = refusal.begin(limit.reason);
    const headers = this.headers.begin(this.config.fields);
    let wait: u32 = 0;
    for (let at = 0, count = this.count; at < count; at++) {
      const other = unchecked(this.applying[at]);
      if (this.isShadow(other)) continue;
      if (other == limit) wait = other.wait;
      headers.add(other.label, other.rate.requests, other.rate.period, other.remaining, other.reset);
    }
    headers.toReply(pairs);
    refusal.finish(wait);
  }

  /** What the response will need: the number of the first of a chain of records, or 0. */
  private noted(direction: u32): u32 {
    const fields = this.config.fields;
    let first: u32 = 0;
    for (let at = this.count - 1; at >= 0; at--) {
      const limit = unchecked(this.applying[at]);
      const settles = limit.cost.source == CostSource.Response && limit.charged;
      if (!settles && (fields == LimitFields.Off || this.isShadow(limit))) continue;
      first = this.records.add(
        first,
        limit.number,
        limit.rateAt,
        limit.hash,
        limit.remaining,
        limit.reset,
        direction,
      );
    }
    return first;
  }

  // @ts-ignore: decorator
  @inline
  private isShadow(limit: Limit): bool {
    return this.config.modeOf(limit) == Mode.Shadow;
  }

  private shadow(limit: Limit): void {
    if (this.told++ < MAX_TOLD) this.shadowed = joinReasons(this.shadowed, limit.reason);
    if (logs(LogLevelValues.info)) logBytes(LogLevelValues.info, limit.shadowMessage);
  }

  /** Writes the property: the shadowed decisions, and then `reason`, if there is one. */
  private tell(reason: Bytes): void {
    setProperty(PROPERTY, reason == ABSENT ? this.shadowed : joinReasons(this.shadowed, reason));
  }
}

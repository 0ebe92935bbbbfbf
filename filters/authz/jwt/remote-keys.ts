import { ABSENT, byteString, Bytes, equals, literal } from "../../../assembly/bytes/bytes";
import { Keeper } from "../../../assembly/bytes/keeper";
import { clockAnswers, monotonicNow } from "../../../assembly/host/clock";
import { logByteString, logBytes, LogLevelValues } from "../../../assembly/host/log";
import { Counter, count, defineCounter, labelled } from "../../../assembly/host/metrics";
import { pairs } from "../../../assembly/host/pairs";
import { KeySet, keySetProblem, parseKeySet } from "../../../assembly/jwt/jwk";
import { CallAnswer, callHttpInBackground } from "../../../assembly/waiting";
import { JwksUri } from "./jwks-uri";
import { KeySource, warnOfSkipped } from "./key-source";
import { LARGEST, SharedKeys } from "./shared-keys";

/** What came of an attempt to fetch keys. */
enum Fetch {
  Ok,
  /** No connection, a broken one, or the time was up: Envoy's 503, 502 and 504 are those of a server too. */
  Unavailable,
  /** Another status than 200. */
  Status,
  TooLarge,
  /** No key set, or one without a key that can be used. */
  Malformed,
  /** The proxy has no such cluster. */
  NoCluster,
}

/** As labels, in the order of {@link Fetch}. */
const RESULTS: StaticArray<string> = ["ok", "unavailable", "status", "too_large", "malformed", "no_cluster"];

/** How a source is fetched, in milliseconds. */
@final
export class FetchTimes {
  constructor(
    /** Of a call. */
    public timeout: u32,
    /** Keys are fetched again when they are so old. */
    public refresh: u32,
    /** Keys that are so old are used no more. */
    public maxStale: u32,
  ) {}

  /**
   * Serves another rule too: keys are never older than any rule lets them be, and a call lasts as long as the most patient one waits; how long
   * requests wait is each rule's own.
   */
  join(other: FetchTimes): void {
    this.timeout = max(this.timeout, other.timeout);
    this.refresh = min(this.refresh, other.refresh);
    this.maxStale = min(this.maxStale, other.maxStale);
  }
}

const MILLISECOND: u64 = 1000000;
const SECOND: u64 = 1000 * MILLISECOND;
/** Between two fetches for keys that a source does not have. */
const PAUSE: u64 = 30 * SECOND;
/** After the first failure, and after many. */
const SHORTEST_BACKOFF: u64 = SECOND;
const LONGEST_BACKOFF: u64 = 60 * SECOND;
/** How much longer than its call a lease lasts, for what the worker does with the answer. */
const LEASE_SLACK: u64 = 5 * SECOND;
/** How often a write of the shared state may be lost to another worker. */
const ATTEMPTS = 16;

/**
 * Keys that are fetched by HTTP. One worker of the proxy fetches them for all (`shared-keys.ts`): first on the tick after the configuration
 * is loaded or when a request needs them, then each time they are {@link FetchTimes.refresh} old, and once for a key that a token names
 * and they do not have, at most once in {@link PAUSE}. A source that fails is asked again after 1 s, 2 s, .. 60 s, and what it said last is
 * used meanwhile.
 */
@final
export class RemoteKeys extends KeySource {
  /** Of the keys at hand; 0 for none. */
  private stamp: u64 = 0;
  /** When they were fetched last. */
  private fetchedAt: u64 = 0;
  /** A text that could not be used, so that it is not looked at again. */
  private uselessStamp: u64 = 0;
  /** The end of the attempt that was seen last. */
  private triedAt: u64 = 0;
  private readonly results: StaticArray<Counter> = new StaticArray<Counter>(RESULTS.length);
  private readonly failingMessages: StaticArray<Bytes> = new StaticArray<Bytes>(RESULTS.length);
  private readonly recoveredMessage: Bytes;
  private readonly staleMessage: Bytes;

  constructor(
    keeper: Keeper,
    readonly uri: JwksUri,
    readonly cluster: Bytes,
    readonly times: FetchTimes,
    private readonly shared: SharedKeys,
  ) {
    super();
    const source = "authz: keys of " + uri.shown;
    const why: StaticArray<string> = [
      "",
      "do not come: no answer",
      "do not come: the answer's status is not 200",
      "do not come: the answer is larger than 256 KiB",
      "do not come: the answer is no set of keys that can be used",
      "do not come: the proxy has no cluster for them (jwksCluster)",
    ];
    for (let at = 1; at < why.length; at++) {
      this.failingMessages[at] = keeper.keepText(source + " " + why[at]);
    }
    this.recoveredMessage = keeper.keepText(source + " come again");
    this.staleMessage = keeper.keepText(source + " are older than jwksMaxStale: not used any more");
  }

  /** Defines the metrics. */
  define(): void {
    for (let at = 0; at < RESULTS.length; at++) {
      this.results[at] = defineCounter(labelled("outrigger_authz_jwks_fetches", "result", RESULTS[at]));
    }
  }

  /** One host call, and more where a fetch begins. */
  mayCome(unknownKid: bool, timeout: u32): bool {
    const now = monotonicNow();
    this.shared.read(now);
    const state = this.shared.state;
    // There are others already, which the next tick takes: it comes soon, and may allocate.
    if (this.hasNews(now)) return true;
    if (state.leaseUntil > now) return true;
    const next = this.nextAttempt();
    if (unknownKid && state.failures == 0) {
      if (state.askedAt != 0 && since(state.askedAt, now) < PAUSE) return false;
      return this.fetch(now, true);
    }
    if (now < next) return !unknownKid && next - now <= <u64>timeout * MILLISECOND;
    return this.fetch(now, false);
  }

  /**
   * Takes what other workers have fetched, and fetches what is due. On ticks, and when a configuration is loaded (then without `mayFetch`): it
   * allocates. True when requests that wait for keys are to be asked about again.
   */
  keepUp(mayFetch: bool): bool {
    const now = monotonicNow();
    const shared = this.shared;
    const state = shared.state;
    shared.read(now);
    let isNew: bool = false;
    if (this.hasNews(now)) isNew = this.takeText();
    if (state.stamp == this.stamp && this.stamp != 0) this.fetchedAt = max(this.fetchedAt, state.fetchedAt);
    if (this.keys != null && (!clockAnswers || this.isStale(this.fetchedAt, now))) {
      this.take(null, 0);
      logBytes(LogLevelValues.warn, this.staleMessage);
    }
    if (state.triedAt != this.triedAt) {
      this.triedAt = state.triedAt;
      isNew = true;
    }
    if (mayFetch && state.leaseUntil <= now && now >= this.nextAttempt()) this.fetch(now, false);
    return isNew;
  }

  /** An attempt has ended. */
  onFetched(answer: CallAnswer): void {
    const now = monotonicNow();
    const status = answer.status;
    if (status != 200) {
      const isUnavailable = status == 0 || (status >= 502 && status <= 504);
      this.hasFailed(isUnavailable ? Fetch.Unavailable : Fetch.Status, now);
    } else if (answer.bodySize > LARGEST) this.hasFailed(Fetch.TooLarge, now);
    else {
      const text = answer.body();
      const keys = parseKeySet(text);
      if (keys == null) this.hasFailed(Fetch.Malformed, now, keySetProblem);
      else this.publish(text, keys, now);
    }
  }

  /** When keys are to be fetched next, as the shared state has it. */
  private nextAttempt(): u64 {
    const state = this.shared.state;
    if (state.failures > 0) return state.triedAt + backoff(state.failures, state.triedAt);
    // What was fetched is lost.
    if (state.stamp != 0 && state.stamp == this.uselessStamp) return state.triedAt + PAUSE;
    return state.fetchedAt == 0 ? 0 : state.fetchedAt + <u64>this.times.refresh * MILLISECOND;
  }

  private hasNews(now: u64): bool {
    const state = this.shared.state;
    const stamp = state.stamp;
    if (stamp == 0 || stamp == this.stamp || stamp == this.uselessStamp) return false;
    return !this.isStale(state.fetchedAt, now);
  }

  private isStale(fetchedAt: u64, now: u64): bool {
    return since(fetchedAt, now) > <u64>this.times.maxStale * MILLISECOND;
  }

  /** Fetches them unless another worker does. False when nobody does now. */
  private fetch(now: u64, isAsked: bool): bool {
    const state = this.shared.state;
    state.leaseUntil = now + longestLease(this.times.timeout);
    if (isAsked) state.askedAt = now;
    // Another one was faster; to do the same, mostly.
    if (!this.shared.write()) return true;
    const headers = pairs
      .begin()
      .add(METHOD, GET)
      .add(PATH, this.uri.path)
      .add(AUTHORITY, this.uri.authority)
      .add(ACCEPT, JSON_TYPE)
      .finish();
    const memo = <u32>changetype<usize>(this);
    if (callHttpInBackground(this.cluster, headers, ABSENT, this.times.timeout, memo)) return true;
    this.hasFailed(Fetch.NoCluster, now);
    return false;
  }

  /** `why` says more about it. */
  private hasFailed(result: Fetch, now: u64, why: string = ""): void {
    count(unchecked(this.results[result]));
    const shared = this.shared;
    const state = shared.state;
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      shared.read(now);
      state.leaseUntil = 0;
      state.triedAt = now;
      if (state.failures < u32.MAX_VALUE) state.failures++;
      if (!shared.write()) continue;
      if (state.failures == 1) this.warn(unchecked(this.failingMessages[result]), why);
      return;
    }
  }

  private warn(message: Bytes, why: string): void {
    if (why.length == 0) logBytes(LogLevelValues.warn, message);
    else logByteString(LogLevelValues.warn, byteString(message) + ": " + why);
  }

  /** Keys have come: they are this worker's from now on, and all others' with their next tick. */
  private publish(text: Bytes, keys: KeySet, now: u64): void {
    count(unchecked(this.results[Fetch.Ok]));
    const shared = this.shared;
    const state = shared.state;
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      shared.read(now);
      const hasFailed = state.failures > 0;
      const isSame: bool = state.stamp != 0 && equals(shared.readText(), text);
      if (!isSame) {
        state.stamp = max(now, state.stamp + 1);
        shared.writeText(text, state.stamp);
      }
      state.fetchedAt = now;
      state.triedAt = now;
      state.leaseUntil = 0;
      state.failures = 0;
      if (!shared.write()) continue;
      if (hasFailed) logBytes(LogLevelValues.warn, this.recoveredMessage);
      break;
    }
    this.fetchedAt = now;
    if (state.stamp == this.stamp) return;
    warnOfSkipped(keys);
    this.take(keys, state.stamp);
  }

  /** Takes the text that the shared state names; false where it cannot be used. */
  private takeText(): bool {
    const state = this.shared.state;
    const keys = parseKeySet(this.shared.readText());
    if (keys == null) {
      this.uselessStamp = state.stamp;
      return false;
    }
    this.fetchedAt = state.fetchedAt;
    this.take(keys, state.stamp);
    return true;
  }

  private take(keys: KeySet | null, stamp: u64): void {
    this.keys = keys;
    this.stamp = stamp;
    this.version++;
  }
}

/** The longest that a fetch of this timeout, in milliseconds, keeps the others from fetching. */
export function longestLease(timeout: u32): u64 {
  return <u64>timeout * MILLISECOND + LEASE_SLACK;
}

/** Nanoseconds from `time` to `now`; none where another worker's clock was read later. */
function since(time: u64, now: u64): u64 {
  return now > time ? now - time : 0;
}

/** How long to wait after so many failures, the last one at `triedAt`: three quarters to all of 1 s, 2 s, .. 60 s, the same for all workers. */
function backoff(failures: u32, triedAt: u64): u64 {
  const longest = failures > 6 ? LONGEST_BACKOFF : SHORTEST_BACKOFF << (failures - 1);
  // Fibonacci hashing: the upper bits are the mixed ones.
  const share = (triedAt * 0x9e3779b97f4a7c15) >>> 54;
  return longest - (longest >>> 12) * share;
}

// @ts-ignore: decorator
@lazy const METHOD = literal(":method");
// @ts-ignore: decorator
@lazy const GET = literal("GET");
// @ts-ignore: decorator
@lazy const PATH = literal(":path");
// @ts-ignore: decorator
@lazy const AUTHORITY = literal(":authority");
// @ts-ignore: decorator
@lazy const ACCEPT = literal("accept");
// @ts-ignore: decorator
@lazy const JSON_TYPE = literal("application/json");

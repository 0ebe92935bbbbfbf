import { Annotate, readAnnotate } from "../../assembly/annotate";
import { ByteMap } from "../../assembly/bytes/byte-map";
import { ABSENT, byteString, Bytes, literal } from "../../assembly/bytes/bytes";
import { ProcessKey, processKey } from "../../assembly/host/process-key";
import { ConfigReader } from "../../assembly/json/config-reader";
import { readDuration } from "../../assembly/json/duration";
import { JsonKind, JsonNode } from "../../assembly/json/node";
import { Buckets } from "../../assembly/limit/buckets";
import { LimitFields, readLimitFields } from "../../assembly/limit/limit-headers";
import { readLimitName } from "../../assembly/limit/limit-name";
import { namespaceOf } from "../../assembly/limit/namespace";
import { Rate, readRate } from "../../assembly/limit/rate";
import { Refusal } from "../../assembly/limit/refusal";
import { emptyList } from "../../assembly/list";
import { readRequestMatch } from "../../assembly/match/request-match";
import { Mode, readMode } from "../../assembly/mode";
import { Breaker } from "./breaker";
import { readDescriptors, readText } from "./descriptor-config";
import { Limit, NAME } from "./limit";
import { States } from "./states";

/** What becomes of requests when the service fails. */
export enum FailureMode {
  Allow,
  Deny,
  /** The proxy's own buckets decide. */
  Local,
}

/** The configuration of `global-rate-limit`; `schema.json` describes its JSON form. */
@final
export class GlobalRateLimitConfig {
  domain: Bytes = ABSENT;
  cluster: Bytes = ABSENT;
  /** Milliseconds. */
  timeout: u32 = 20;
  failureMode: FailureMode = FailureMode.Allow;
  statusOnError: u32 = 500;
  mode: Mode = Mode.Enforce;
  annotate: Annotate = Annotate.Decisions;
  fields: LimitFields = LimitFields.Off;
  readonly refusal: Refusal = new Refusal();
  breaker: Breaker = new Breaker(1, 0, 0, 0);
  limits: StaticArray<Limit> = new StaticArray<Limit>(0);
  /** Of the hashes of descriptors; null where no limit needs them. */
  key: ProcessKey | null = null;
  private namespace: string = "";

  /** Reads all of it; what is wrong goes to the reader, and the configuration is then not to be used. */
  read(config: JsonNode, reader: ConfigReader): void {
    if (!reader.object(config, FIELDS)) return;
    this.namespace = namespaceOf(NAME, config);
    this.domain = readText(reader, config, "domain", "the domain of the service's configuration");
    this.readService(reader, config);
    this.failureMode = reader.choice(config, "failureMode", "allow deny local", FailureMode.Allow);
    const status = reader.member(config, "statusOnError");
    if (status != null) this.statusOnError = reader.integer(status, 400, 599);
    this.mode = readMode(reader, config);
    this.annotate = readAnnotate(reader, config);
    this.fields = readLimitFields(reader, config);
    this.refusal.read(reader, config);
    this.readBreaker(reader, config);
    this.readLimits(reader, config);
    if (reader.failed) return;
    for (let at = 0; at < this.limits.length; at++) {
      if (this.limits[at].isKeyed && this.key == null) this.key = processKey(KEY_NAME);
      if (this.limits[at].isKeyed && this.key == null) {
        reader.problem(config, "the host has no random bytes");
        return;
      }
      this.limits[at].define();
    }
  }

  private readService(reader: ConfigReader, config: JsonNode): void {
    const node = reader.required(config, "service", "an object with the service's cluster");
    if (node == null || !reader.object(node, "cluster timeout")) return;
    this.cluster = readText(reader, node, "cluster", "the name of a cluster");
    const timeout = reader.member(node, "timeout");
    if (timeout == null) return;
    const milliseconds = readDuration(reader, timeout, 1, 60000, "20ms (1ms to 60s)");
    if (!isNaN(milliseconds)) this.timeout = <u32>milliseconds;
  }

  private readBreaker(reader: ConfigReader, config: JsonNode): void {
    let failures = 5;
    let shortest: f64 = 1000;
    let longest: f64 = 30000;
    const node = reader.member(config, "breaker");
    if (node != null && reader.object(node, "consecutiveFailures baseInterval maxInterval")) {
      const failuresNode = reader.member(node, "consecutiveFailures");
      if (failuresNode != null) failures = reader.integer(failuresNode, 1, 1000000);
      const base = reader.member(node, "baseInterval");
      if (base != null) shortest = readDuration(reader, base, 1, HOUR, "1s (1ms to 1h)");
      const most = reader.member(node, "maxInterval");
      if (most != null) longest = readDuration(reader, most, 1, HOUR, "30s (1ms to 1h)");
      if (longest < shortest) reader.problem(node, "maxInterval is below baseInterval");
    }
    const patience = <u64>this.timeout * MILLISECOND + LATE;
    this.breaker = new Breaker(failures, nanoseconds(shortest), nanoseconds(longest), patience);
  }

  private readLimits(reader: ConfigReader, config: JsonNode): void {
    const list = reader.required(config, "limits", "a list of limits");
    if (list == null) return;
    if (list.kind != JsonKind.Array || list.count - 1 >= MAX_LIMITS) {
      reader.unexpected(list, "a list of 1 to 1000 limits");
      return;
    }
    const limits = emptyList<Limit>();
    const names = new ByteMap(list.count);
    let item = list.first;
    while (item != null) {
      if (reader.object(item, LIMIT_FIELDS)) {
        const limit = this.readLimit(reader, item, names);
        if (limit != null) limits.push(limit);
      }
      item = item.next;
    }
    if (reader.failed) return;
    this.limits = StaticArray.fromArray(limits);
  }

  private readLimit(reader: ConfigReader, node: JsonNode, names: ByteMap): Limit | null {
    const nameNode = reader.required(node, "name", "a name");
    const name = nameNode == null ? ABSENT : readLimitName(reader, nameNode, names, OWN_NAMES);
    const match = readRequestMatch(reader, reader.member(node, "match"));
    const mode = readMode(reader, node);
    const descriptors = readDescriptors(reader, node);
    const hits = readCount(reader, node, "hits", 1, MOST_HITS, 1);
    const keys = readCount(reader, node, "maxKeys", 1, MOST_HITS, 10000);
    const remembers = reader.boolean(node, "cacheDenials", false);
    const most = readLease(reader, node, hits);
    const rate = this.readLocal(reader, node, hits);
    if (name == ABSENT || reader.failed) return null;
    const text = byteString(name);
    const prefix = this.namespace + text;
    let states: States | null = null;
    if (remembers || most > 0) {
      // What the service has counted in one domain says nothing of another.
      const own = prefix + "\0states\0" + byteString(this.domain) + "\0";
      states = new States(reader.keeper.keepText(own), keys, most);
    }
    let buckets: Buckets | null = null;
    if (rate != null && this.failureMode == FailureMode.Local) {
      buckets = new Buckets(reader.keeper.keepText(prefix + "\0local\0"), keys);
    }
    return new Limit(
      reader.keeper,
      text,
      match,
      this.mode == Mode.Shadow ? Mode.Shadow : mode,
      StaticArray.fromArray(descriptors),
      hits,
      remembers,
      most > 0,
      states,
      rate,
      buckets,
    );
  }

  private readLocal(reader: ConfigReader, limit: JsonNode, hits: u32): Rate | null {
    const node = reader.member(limit, "local");
    if (node == null) {
      if (this.failureMode == FailureMode.Local) {
        reader.missing(limit, "local", "a limit, like {requests: 100, per: minute}, for failureMode local");
      }
      return null;
    }
    const rate = readRate(reader, node);
    if (rate != null && rate.burst < hits) reader.problem(node, "a burst below `hits` admits nothing");
    return rate;
  }
}

const FIELDS =
  "domain service failureMode statusOnError mode annotate limits response responseHeaders breaker";
const LIMIT_FIELDS = "name match descriptor descriptors hits limit cacheDenials lease local maxKeys mode";
/** Reasons of the filter's own. */
const OWN_NAMES = "error allowed";
const MAX_LIMITS: u32 = 1000;
const MOST_HITS: i32 = 1000000;
/** Milliseconds. */
const HOUR: f64 = 3600000;
/** Nanoseconds. */
const MILLISECOND: u64 = 1000000;
/** Nanoseconds after a timeout, after which an answer does not come any more. */
export const LATE: u64 = 1000000000;
// @ts-ignore: decorator
@lazy const KEY_NAME = literal("global-rate-limit/key");

/** The nanoseconds of as many milliseconds; a second for what is no number, and so a problem. */
function nanoseconds(milliseconds: f64): u64 {
  return isNaN(milliseconds) ? 1000000000 : <u64>(milliseconds * 1e6);
}

function readCount(
  reader: ConfigReader,
  object: JsonNode,
  name: string,
  least: i32,
  most: i32,
  otherwise: i32,
): i32 {
  const node = reader.member(object, name);
  return node == null ? otherwise : reader.integer(node, least, most);
}

/** The most that a lease may be; 0 without one. */
function readLease(reader: ConfigReader, limit: JsonNode, hits: i32): i32 {
  const node = reader.member(limit, "lease");
  if (node == null || !reader.object(node, "max")) return 0;
  const max = reader.required(node, "max", "how many units at once");
  if (max == null) return 0;
  const most = reader.integer(max, 2, MOST_HITS);
  if (most <= hits) reader.problem(max, "not more than the `hits` of one request");
  return most;
}

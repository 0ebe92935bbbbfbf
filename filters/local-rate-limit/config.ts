import { Annotate, readAnnotate } from "../../assembly/annotate";
import { arenaAllocate } from "../../assembly/bytes/arena";
import { ByteMap } from "../../assembly/bytes/byte-map";
import {
  ABSENT,
  Bytes,
  bytesOf,
  byteString,
  copyTo,
  indexOfByte,
  lengthOf,
} from "../../assembly/bytes/bytes";
import { decimalText } from "../../assembly/bytes/decimal";
import { ConfigReader } from "../../assembly/json/config-reader";
import { JsonKind, JsonNode } from "../../assembly/json/node";
import { Key, readKey } from "../../assembly/key";
import { Buckets } from "../../assembly/limit/buckets";
import { LimitFields, readLimitFields } from "../../assembly/limit/limit-headers";
import { readLimitName } from "../../assembly/limit/limit-name";
import { namespaceOf } from "../../assembly/limit/namespace";
import { readRequiredRate } from "../../assembly/limit/rate";
import { Refusal } from "../../assembly/limit/refusal";
import { emptyList } from "../../assembly/list";
import { readRequestMatch, RequestMatcher } from "../../assembly/match/request-match";
import { RuleIndex } from "../../assembly/match/rule-index";
import { Mode, readMode } from "../../assembly/mode";
import { reasonOf } from "../../assembly/reason";
import { CostSource, readCost } from "./cost";
import { Limit, OnMissingKey } from "./limit";

export const NAME = "local-rate-limit";

/** What becomes of a request whose bucket other workers have changed again and again. */
export enum OnContention {
  Deny,
  Allow,
}

/** The configuration of `local-rate-limit`; `schema.json` describes its JSON form. */
@final
export class LocalRateLimitConfig {
  mode: Mode = Mode.Enforce;
  annotate: Annotate = Annotate.Decisions;
  onContention: OnContention = OnContention.Deny;
  fields: LimitFields = LimitFields.Draft03;
  readonly refusal: Refusal = new Refusal();
  /** The limits in their order, and the index of their matches. */
  limits: StaticArray<Limit> = new StaticArray<Limit>(0);
  index: RuleIndex = new RuleIndex(emptyList<RequestMatcher>());
  /** What a request is told whose reason nobody asks for: of `annotate: always`. */
  admittedReason: Bytes = ABSENT;

  /** Reads all of it; what is wrong goes to the reader, and the configuration is then not to be used. */
  read(config: JsonNode, reader: ConfigReader): void {
    if (!reader.object(config, FIELDS)) return;
    this.refusal.read(reader, config);
    this.mode = readMode(reader, config);
    this.annotate = readAnnotate(reader, config);
    this.onContention = reader.choice(config, "onContention", "deny allow", OnContention.Deny);
    this.fields = readLimitFields(reader, config);
    this.admittedReason = reasonOf(reader.keeper, NAME, ADMITTED);
    this.readLimits(config, reader);
    if (reader.failed) return;
    const limits = this.limits;
    for (let at = 0; at < limits.length; at++) limits[at].define(this.modeOf(limits[at]));
  }

  /** In which mode a limit is. */
  modeOf(limit: Limit): Mode {
    return this.mode == Mode.Shadow ? Mode.Shadow : limit.mode;
  }

  private readLimits(config: JsonNode, reader: ConfigReader): void {
    if (reader.required(config, "limits", "a list of limits") == null) return;
    const list = reader.list(config, "limits");
    if (list == null) return;
    if (list.count - 1 >= MOST_LIMITS) {
      reader.unexpected(list, "1 to 10000 limits");
      return;
    }
    const namespace = namespaceOf(NAME, config);
    const limits = emptyList<Limit>();
    const matches = emptyList<RequestMatcher>();
    const names = new ByteMap(list.count);
    let item = list.first;
    while (item != null) {
      if (reader.object(item, LIMIT_FIELDS)) {
        const limit = readLimit(item, namespace, names, reader);
        const match = readRequestMatch(reader, reader.member(item, "match"));
        if (limit != null) {
          limit.number = limits.length;
          limits.push(limit);
          matches.push(match);
        }
      }
      item = item.next;
    }
    if (reader.failed) return;
    this.limits = StaticArray.fromArray(limits);
    this.index = new RuleIndex(matches);
  }
}

const FIELDS = "mode annotate limits response onContention responseHeaders";
const LIMIT_FIELDS = "name mode match key onMissingKey limit overrides maxKeys cost";
const MOST_LIMITS: u32 = 10000;
const MOST_OVERRIDES: u32 = 100000;
const MAX_KEYS: i32 = 10000;
const MOST_KEYS: i32 = 1000000;
/** A reason of the filter's own: a limit of this name could not be told from it. */
const ADMITTED = "admitted";

/** Null where it is wrong. */
function readLimit(node: JsonNode, namespace: string, names: ByteMap, reader: ConfigReader): Limit | null {
  const nameNode = reader.required(node, "name", "a name");
  const label = nameNode == null ? ABSENT : readLimitName(reader, nameNode, names, ADMITTED);
  const name = label == ABSENT ? "" : byteString(label);
  const keeper = reader.keeper;
  const shadowMessage = keeper.keepText(NAME + ":" + name + " would refuse (shadow)");
  const reason = reasonOf(keeper, NAME, name);
  const limit = new Limit(name, label, reason, readMode(reader, node), shadowMessage);
  const rate = readRequiredRate(reader, node, "limit");
  if (rate != null) limit.rates.push(rate);
  const costNode = reader.member(node, "cost");
  const cost = readCost(reader, costNode);
  limit.cost = cost;
  if (rate != null && costNode != null && cost.source == CostSource.Fixed && cost.most > rate.burst) {
    reader.problem(costNode, "more than the burst: no request would pass");
  }
  const keyNode = reader.member(node, "key");
  if (keyNode != null) limit.key = readKey(reader, keyNode);
  limit.onMissingKey = reader.choice(node, "onMissingKey", "skip reject share", OnMissingKey.Skip);
  const keysNode = reader.member(node, "maxKeys");
  const keys = keysNode == null ? MAX_KEYS : reader.integer(keysNode, 1, MOST_KEYS);
  if (keyNode == null) {
    const alone = "counts by `key`, of which there is none";
    if (keysNode != null) reader.problem(keysNode, alone);
    const missing = reader.member(node, "onMissingKey");
    if (missing != null) reader.problem(missing, alone);
    const overrides = reader.member(node, "overrides");
    if (overrides != null) reader.problem(overrides, alone);
  } else readOverrides(node, limit, reader);
  const prefix = keeper.keepText(namespace + name + "\0");
  limit.buckets = new Buckets(prefix, keyNode == null ? 0 : keys);
  return limit;
}

/** Reads `[{key: ["gold"], limit: {requests: 1000, per: minute}}]`. */
function readOverrides(node: JsonNode, limit: Limit, reader: ConfigReader): void {
  const list = reader.list(node, "overrides");
  if (list == null) return;
  if (list.count > MOST_OVERRIDES) {
    reader.problem(list, "more than 100000 overrides");
    return;
  }
  let item = list.first;
  while (item != null) {
    if (reader.object(item, "key limit")) {
      const keyNode = reader.required(item, "key", "a list of values");
      const rate = readRequiredRate(reader, item, "limit");
      const key = limit.key;
      const value = keyNode == null || key == null ? ABSENT : readValues(keyNode, key, reader);
      if (keyNode != null && value != ABSENT && rate != null) {
        if (limit.overrides.has(value)) reader.problem(keyNode, "another override has this key");
        limit.overrides.set(value, limit.rates.length);
        limit.rates.push(rate);
        if (limit.cost.source == CostSource.Fixed && limit.cost.most > rate.burst) {
          reader.problem(item, "the cost is more than the burst: no request would pass");
        }
      }
    }
    item = item.next;
  }
}

/** The values of a key's parts, joined as {@link Key.read} joins them, in the arena; {@link ABSENT} where they are wrong. */
function readValues(list: JsonNode, key: Key, reader: ConfigReader): Bytes {
  if (list.kind != JsonKind.Array || <i32>list.count != key.size) {
    reader.unexpected(list, "a list of " + decimalText(key.size) + " texts, one for each part of `key`");
    return ABSENT;
  }
  let size: u32 = 0;
  let right = true;
  let item = list.first;
  while (item != null) {
    if (item.kind != JsonKind.String || indexOfByte(item.text, 0) >= 0) {
      reader.unexpected(item, "a text");
      right = false;
    }
    size += lengthOf(item.text) + 1;
    item = item.next;
  }
  if (!right) return ABSENT;
  const start = arenaAllocate(size);
  let top = start;
  item = list.first;
  while (item != null) {
    if (top > start) store<u8>(top++, 0);
    top += copyTo(top, item.text);
    item = item.next;
  }
  return bytesOf(start, <u32>(top - start));
}

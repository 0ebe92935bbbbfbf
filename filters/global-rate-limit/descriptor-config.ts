import { ABSENT, Bytes, lengthOf } from "../../assembly/bytes/bytes";
import { ConfigReader } from "../../assembly/json/config-reader";
import { JsonKind, JsonNode } from "../../assembly/json/node";
import { readKeyPart } from "../../assembly/key";
import { emptyList } from "../../assembly/list";
import { Attribute } from "../../assembly/match/attribute";
import { isSecretPart } from "../../assembly/secrets";
import { Descriptor, Entry, overrideOf } from "./descriptor";

const MAX_DESCRIPTORS: u32 = 16;
const MAX_ENTRIES: u32 = 16;
const MOST_REQUESTS: i32 = 1000000000;

/** Reads `descriptor`, or `descriptors`, of a limit. */
export function readDescriptors(reader: ConfigReader, limit: JsonNode): Descriptor[] {
  const descriptors = emptyList<Descriptor>();
  const ownLimit = readOverride(reader, limit);
  const one = reader.member(limit, "descriptor");
  const several = reader.member(limit, "descriptors");
  if (one != null && several != null) {
    reader.problem(limit, "has both descriptor and descriptors; expected one of them");
  } else if (one != null) {
    readDescriptor(reader, one, ownLimit, descriptors);
  } else if (several == null) {
    reader.missing(
      limit,
      "descriptor",
      "a list of entries, like {key: remote_address, from: {remoteAddress: {}}}",
    );
  } else if (several.kind != JsonKind.Array || several.count - 1 >= MAX_DESCRIPTORS) {
    reader.unexpected(several, "a list of 1 to 16 descriptors");
  } else {
    let item = several.first;
    while (item != null) {
      readDescriptor(reader, item, ownLimit, descriptors);
      item = item.next;
    }
  }
  return descriptors;
}

function readDescriptor(
  reader: ConfigReader,
  list: JsonNode,
  ownLimit: Bytes,
  descriptors: Descriptor[],
): void {
  if (list.kind != JsonKind.Array || list.count - 1 >= MAX_ENTRIES) {
    reader.unexpected(list, "a list of 1 to 16 entries, like {key: generic_key, value: default}");
    return;
  }
  const entries = emptyList<Entry>();
  let item = list.first;
  while (item != null) {
    const entry = reader.object(item, "key value from hash skipIfMissing") ? readEntry(reader, item) : null;
    if (entry != null) entries.push(entry);
    item = item.next;
  }
  descriptors.push(new Descriptor(StaticArray.fromArray(entries), ownLimit));
}

function readEntry(reader: ConfigReader, node: JsonNode): Entry | null {
  const key = readText(reader, node, "key", "the entry's key");
  const value = reader.member(node, "value");
  const from = reader.member(node, "from");
  const hashNode = reader.member(node, "hash");
  const skipNode = reader.member(node, "skipIfMissing");
  if (value != null && from != null) {
    reader.problem(node, "has both value and from; expected one of them");
    return null;
  }
  if (from != null) {
    const attribute: Attribute | null = readKeyPart(reader, from);
    const hash = reader.boolean(node, "hash", isSecretPart(from));
    const skip = reader.boolean(node, "skipIfMissing", false);
    return attribute == null ? null : new Entry(key, ABSENT, attribute, hash, skip);
  }
  if (hashNode != null)
    reader.problem(hashNode, "is about what comes `from` the request, which this does not");
  if (skipNode != null)
    reader.problem(skipNode, "is about what comes `from` the request, which this does not");
  if (value == null) {
    reader.missing(node, "value", "a text (or `from`, a part of a key)");
    return null;
  }
  return new Entry(key, filled(reader, value, "a text that is not empty"), null, false, false);
}

/** Reads `limit: {requests, per}`, which the service is to apply instead of its own; {@link ABSENT} without it. */
function readOverride(reader: ConfigReader, limit: JsonNode): Bytes {
  const node = reader.member(limit, "limit");
  if (node == null || !reader.object(node, "requests per")) return ABSENT;
  const requestsNode = reader.required(node, "requests", "how many, a whole number");
  const perNode = reader.required(node, "per", "second, minute, hour, day, month or year");
  if (requestsNode == null || perNode == null) return ABSENT;
  const requests = reader.integer(requestsNode, 1, MOST_REQUESTS);
  // In the order of `RateLimitUnit` (`envoy/type/v3/ratelimit_unit.proto`), which begins with UNKNOWN.
  const unit = reader.choice(node, "per", "second minute hour day month year", 0) + 1;
  return reader.keeper.keep(overrideOf(requests, unit));
}

/** A text of at least a byte that must be there. */
export function readText(reader: ConfigReader, object: JsonNode, name: string, expected: string): Bytes {
  const node = reader.required(object, name, expected);
  return node == null ? ABSENT : filled(reader, node, expected);
}

function filled(reader: ConfigReader, node: JsonNode, expected: string): Bytes {
  if (node.kind == JsonKind.String && lengthOf(node.text) > 0) return reader.keeper.keep(node.text);
  reader.unexpected(node, expected);
  return ABSENT;
}

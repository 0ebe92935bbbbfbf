import { ABSENT, byteAt, byteString, Bytes, lengthOf } from "../../../assembly/bytes/bytes";
import { ConfigReader } from "../../../assembly/json/config-reader";
import { readDuration } from "../../../assembly/json/duration";
import { JsonKind, JsonNode } from "../../../assembly/json/node";
import { Key, readKey } from "../../../assembly/key";
import { emptyList } from "../../../assembly/list";
import { isSecretPart } from "../../../assembly/secrets";
import { nodeCluster } from "../../../assembly/stream-properties";
import { Encoding } from "./encoding";
import { OtlpEncoding } from "./otlp";
import { authorityOf, Destination, Reporter } from "./reporter";
import { ZipkinEncoding } from "./zipkin";

/** The field `report`: which spans are told, and to whom. */
@final
export class Report {
  constructor(
    readonly reporter: Reporter,
    /** The values of the configured tags. */
    readonly tags: StaticArray<Key>,
    /** Whether spans tell the route's name and the other side's address, each of which is a host call. */
    readonly tellsRoute: bool,
    readonly tellsPeer: bool,
  ) {}
}

/** Reads `report`; null where it is wrong. */
export function readReport(reader: ConfigReader, node: JsonNode): Report | null {
  if (!reader.object(node, "zipkin otlp serviceName tags route peer")) return null;
  const zipkin = reader.member(node, "zipkin");
  const otlp = reader.member(node, "otlp");
  if ((zipkin == null) == (otlp == null)) {
    reader.problem(node, "expected exactly one of zipkin and otlp");
    return null;
  }
  const name = readServiceName(reader, node);
  const names = emptyList<string>();
  const keys = emptyList<Key>();
  readTags(reader, node, names, keys);
  let destination: Destination | null = null;
  let encoding: Encoding;
  if (zipkin != null) {
    destination = readDestination(reader, zipkin, "/api/v2/spans");
    encoding = new ZipkinEncoding(reader.keeper, name, names);
  } else {
    destination = readDestination(reader, otlp!, "/v1/traces");
    encoding = new OtlpEncoding(reader.keeper, name, names);
  }
  const tellsRoute = reader.boolean(node, "route", true);
  const tellsPeer = reader.boolean(node, "peer", true);
  if (destination == null || reader.failed) return null;
  const reporter = new Reporter(reader.keeper, destination, encoding);
  return new Report(reporter, StaticArray.fromArray(keys), tellsRoute, tellsPeer);
}

function readServiceName(reader: ConfigReader, node: JsonNode): string {
  const member = reader.member(node, "serviceName");
  if (member == null) {
    const cluster = nodeCluster();
    return lengthOf(cluster) == 0 ? "unknown" : byteString(cluster);
  }
  if (member.kind == JsonKind.String && lengthOf(member.text) - 1 < MOST_NAME) return byteString(member.text);
  reader.unexpected(member, "a text of 1 to 255 bytes");
  return "";
}

/** Reads `{cluster, path, timeout}`. */
function readDestination(reader: ConfigReader, node: JsonNode, otherwise: string): Destination | null {
  if (!reader.object(node, "cluster path timeout")) return null;
  const clusterNode = reader.required(node, "cluster", "the name of a cluster");
  const cluster = clusterNode == null ? ABSENT : reader.text(clusterNode, "the name of a cluster");
  if (clusterNode != null && cluster != ABSENT && lengthOf(cluster) == 0) {
    reader.unexpected(clusterNode, "the name of a cluster");
  }
  const pathNode = reader.member(node, "path");
  const path = pathNode == null ? reader.keeper.keepText(otherwise) : readPath(reader, pathNode);
  const timeoutNode = reader.member(node, "timeout");
  const timeout =
    timeoutNode == null ? TIMEOUT : readDuration(reader, timeoutNode, 1, 60000, "5s (1ms to 60s)");
  if (cluster == ABSENT || isNaN(timeout)) return null;
  return new Destination(cluster, authorityOf(reader.keeper, cluster), path, <u32>timeout);
}

function readPath(reader: ConfigReader, node: JsonNode): Bytes {
  const path = reader.text(node, "a path like /api/v2/spans");
  if (path == ABSENT) return path;
  let isPath = lengthOf(path) > 0 && byteAt(path, 0) == 0x2f;
  for (let at: u32 = 0; at < lengthOf(path); at++) {
    if (byteAt(path, at) <= 0x20 || byteAt(path, at) > 0x7e) isPath = false;
  }
  if (!isPath) reader.unexpected(node, "a path like /api/v2/spans");
  return path;
}

/** Reads `{name: <key>}`, at most {@link MOST_TAGS} of them. */
function readTags(reader: ConfigReader, node: JsonNode, names: string[], keys: Key[]): void {
  const tags = reader.member(node, "tags");
  if (tags == null) return;
  if (tags.kind != JsonKind.Object || tags.count > MOST_TAGS) {
    reader.unexpected(tags, "an object of up to 16 tags");
    return;
  }
  let tag = tags.first;
  while (tag != null) {
    if (lengthOf(tag.name) - 1 >= MOST_NAME) reader.problem(tag, "expected a name of 1 to 255 bytes");
    const key = readKey(reader, tag);
    if (key != null) {
      refuseSecrets(reader, tag);
      names.push(byteString(tag.name));
      keys.push(key);
    }
    tag = tag.next;
  }
}

/** A secret in a trace is one no more. */
function refuseSecrets(reader: ConfigReader, list: JsonNode): void {
  let item = list.first;
  while (item != null) {
    if (isSecretPart(item)) reader.problem(item.first!, "a secret, which no trace is to carry");
    item = item.next;
  }
}

const TIMEOUT: f64 = 5000;
const MOST_TAGS: u32 = 16;
const MOST_NAME: u32 = 255;

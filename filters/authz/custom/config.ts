import {
  ABSENT,
  byteAt,
  byteString,
  Bytes,
  indexOfByte,
  lengthOf,
  literal,
  slice,
} from "../../../assembly/bytes/bytes";
import { decimalText } from "../../../assembly/bytes/decimal";
import { processKey } from "../../../assembly/host/process-key";
import { ConfigReader } from "../../../assembly/json/config-reader";
import { readDuration } from "../../../assembly/json/duration";
import { JsonKind, JsonNode } from "../../../assembly/json/node";
import { readRequiredKey } from "../../../assembly/key";
import { isHeaderValue } from "../../../assembly/configured-reply";
import { emptyList } from "../../../assembly/list";
import { DecisionCache } from "./decision-cache";
import { GrpcTransport } from "./grpc-transport";
import { HeaderList } from "./header-list";
import { HttpHeaders, HttpTransport } from "./http-transport";
import { Provider } from "./provider";
import { ResponseChanges } from "./response-changes";
import { Transport } from "./transport";

/** Milliseconds. Istio's default is 600 s; for a request that is a hang, so the default here is one that a user waits for. */
const TIMEOUT: u32 = 2000;
const LONGEST_TIMEOUT: f64 = 600000;
const FORBIDDEN: u32 = 403;
/** Of the cache, in milliseconds. */
const TTL: f64 = 30000;
const LONGEST_TTL: f64 = 3600000;
const MAX_ENTRIES: i32 = 1000;
const MOST_ENTRIES: i32 = 100000;

const COMMON =
  "service port cluster timeout failOpen statusOnError includeRequestBodyInCheck clearRouteCache";
const HTTP_ONLY =
  " pathPrefix includeRequestHeadersInCheck includeHeadersInCheck includeAdditionalHeadersInCheck headersToUpstreamOnAllow headersToDownstreamOnAllow headersToDownstreamOnDeny";

/**
 * Reads one of `extensionProviders`: a `name`, `envoyExtAuthzGrpc` or `envoyExtAuthzHttp` with the fields of Istio's MeshConfig
 * (istio.io/api `mesh/v1alpha1/config.proto`) and `cluster`, and `cache`. Null where it is wrong.
 */
export function readProvider(
  reader: ConfigReader,
  node: JsonNode,
  changes: ResponseChanges,
): Provider | null {
  if (!reader.object(node, "name envoyExtAuthzGrpc envoyExtAuthzHttp cache")) return null;
  const nameNode = reader.required(node, "name", "a name");
  const name = nameNode == null ? ABSENT : reader.name(nameNode);
  const grpc = reader.member(node, "envoyExtAuthzGrpc");
  const http = reader.member(node, "envoyExtAuthzHttp");
  const cache = readCache(reader, node);
  const service = grpc == null ? http : grpc;
  if (service == null || (grpc != null && http != null)) {
    reader.problem(node, "expected one of envoyExtAuthzGrpc and envoyExtAuthzHttp");
    return null;
  }
  if (!reader.object(service, http == null ? COMMON : COMMON + HTTP_ONLY)) return null;
  const body = reader.member(service, "includeRequestBodyInCheck");
  if (body != null) {
    reader.problem(
      body,
      "the filter decides on a request's headers, before there is a body; leave it out, or leave this provider to Istio",
    );
  }
  const transport = readTransport(reader, service, http != null);
  // istiod does not read it for providers.
  reader.boolean(service, "clearRouteCache", false);
  const failOpen = reader.boolean(service, "failOpen", false);
  const statusOnError = readStatus(reader, service);
  if (name == ABSENT || transport == null) return null;
  return new Provider(reader.keeper, name, transport, failOpen, statusOnError, cache, changes);
}

function readTransport(reader: ConfigReader, service: JsonNode, isHttp: bool): Transport | null {
  let cluster = ABSENT;
  const clusterNode = reader.member(service, "cluster");
  if (clusterNode != null) {
    cluster = reader.text(clusterNode, "the name of a cluster");
    if (cluster != ABSENT && lengthOf(cluster) == 0) {
      reader.unexpected(clusterNode, "the name of a cluster");
    }
  }
  let host = ABSENT;
  const serviceNode = reader.member(service, "service");
  if (serviceNode != null) host = readHost(reader, serviceNode);
  let port: i32 = 0;
  const portNode = reader.member(service, "port");
  if (portNode != null) port = reader.integer(portNode, 1, 65535);
  if (clusterNode == null) {
    if (serviceNode == null)
      reader.missing(service, "service", "a host, like authz.default.svc.cluster.local");
    if (portNode == null) reader.missing(service, "port", "a number from 1 to 65535");
    // What istiod calls the cluster of a service (`LookupCluster`, `BuildSubsetKey`).
    cluster = reader.keeper.keepText("outbound|" + decimalText(port) + "||" + byteString(host));
  }
  let timeout = TIMEOUT;
  const timeoutNode = reader.member(service, "timeout");
  if (timeoutNode != null) {
    const milliseconds = readDuration(reader, timeoutNode, 1, LONGEST_TIMEOUT, "2s (1ms to 10m)");
    if (!isNaN(milliseconds)) timeout = <u32>milliseconds;
  }
  if (!isHttp) return new GrpcTransport(cluster, timeout, host);
  return new HttpTransport(cluster, timeout, readPathPrefix(reader, service), readHeaders(reader, service));
}

/** The host of `host` or `namespace/host`; the namespace says only in which one istiod looks for it. */
function readHost(reader: ConfigReader, node: JsonNode): Bytes {
  const text = node.kind == JsonKind.String ? node.text : ABSENT;
  const slash = indexOfByte(text, 0x2f);
  const host = slice(text, slash + 1, lengthOf(text));
  let isHost = lengthOf(host) > 0 && lengthOf(host) < 256 && slash != 0;
  for (let at: u32 = 0; isHost && at < lengthOf(host); at++) {
    const byte = byteAt(host, at);
    const isWord = <u32>(byte - 0x30) < 11 || <u32>((byte | 0x20) - 0x61) < 26;
    isHost = isWord || byte == 0x2d || byte == 0x2e || byte == 0x5f;
  }
  if (isHost) return reader.keeper.keep(host);
  reader.unexpected(node, "a host, like authz.default.svc.cluster.local, or namespace/host");
  return ABSENT;
}

/** Istio writes it as a string. */
function readStatus(reader: ConfigReader, service: JsonNode): u32 {
  const node = reader.member(service, "statusOnError");
  if (node == null) return FORBIDDEN;
  const isText = node.kind == JsonKind.String || node.kind == JsonKind.Number;
  let status: u32 = 0;
  for (let at: u32 = 0; isText && at < lengthOf(node.text); at++) {
    const digit = <u32>byteAt(node.text, at) - 0x30;
    // What is no digit, and what is more than three of them, comes to no status.
    status = digit < 10 && status < 1000 ? status * 10 + digit : 10000;
  }
  if (status >= 200 && status <= 599) return status;
  reader.unexpected(node, 'an HTTP status from 200 to 599, like "403"');
  return FORBIDDEN;
}

function readPathPrefix(reader: ConfigReader, service: JsonNode): Bytes {
  const node = reader.member(service, "pathPrefix");
  if (node == null) return reader.keeper.keepText("");
  const text = node.kind == JsonKind.String ? node.text : ABSENT;
  let isPath = lengthOf(text) == 0 || byteAt(text, 0) == 0x2f;
  for (let at: u32 = 0; isPath && at < lengthOf(text); at++) {
    const byte = byteAt(text, at);
    isPath = byte > 0x20 && byte < 0x7f && byte != 0x3f && byte != 0x23;
  }
  if (text != ABSENT && isPath) return reader.keeper.keep(text);
  reader.unexpected(node, "a path that begins with / and has no query");
  return ABSENT;
}

function readHeaders(reader: ConfigReader, service: JsonNode): HttpHeaders {
  let toService = HeaderList.read(reader, service, "includeRequestHeadersInCheck");
  // The older name counts where the newer one is missing.
  const older = HeaderList.read(reader, service, "includeHeadersInCheck");
  if (toService.size == 0) toService = older;
  const names = emptyList<Bytes>();
  const values = emptyList<Bytes>();
  readAdded(reader, service, names, values);
  return new HttpHeaders(
    toService,
    HeaderList.read(reader, service, "headersToUpstreamOnAllow"),
    HeaderList.read(reader, service, "headersToDownstreamOnAllow"),
    HeaderList.read(reader, service, "headersToDownstreamOnDeny"),
    StaticArray.fromArray(names),
    StaticArray.fromArray(values),
  );
}

/** `includeAdditionalHeadersInCheck`. */
function readAdded(reader: ConfigReader, service: JsonNode, names: Bytes[], values: Bytes[]): void {
  const added = reader.member(service, "includeAdditionalHeadersInCheck");
  if (added == null) return;
  if (added.kind != JsonKind.Object) {
    reader.unexpected(added, "headers, like {x-ext-authz: istio}");
    return;
  }
  let header = added.first;
  while (header != null) {
    const name = reader.headerNameOf(header.name);
    if (name == ABSENT) reader.problem(header, "not the name of a header");
    else if (header.kind != JsonKind.String || !isHeaderValue(header.text)) {
      // Without the value, which may be a password.
      reader.problem(header, "expected a text without control characters");
    } else if (indexOfByte(header.text, 0x25) >= 0) {
      reader.problem(header, "Envoy would take a % for a command, of which none is known here");
    } else {
      names.push(name);
      values.push(reader.keeper.keep(header.text));
    }
    header = header.next;
  }
}

/** `cache: {by, ttl, maxEntries}`; null where there is none. */
function readCache(reader: ConfigReader, provider: JsonNode): DecisionCache | null {
  const node = reader.member(provider, "cache");
  if (node == null || !reader.object(node, "by ttl maxEntries")) return null;
  const by = readRequiredKey(reader, node);
  let ttl = TTL;
  const ttlNode = reader.member(node, "ttl");
  if (ttlNode != null) ttl = readDuration(reader, ttlNode, 1, LONGEST_TTL, "30s (1ms to 1h)");
  let entries = MAX_ENTRIES;
  const entriesNode = reader.member(node, "maxEntries");
  if (entriesNode != null) entries = reader.integer(entriesNode, 1, MOST_ENTRIES);
  if (by == null || isNaN(ttl)) return null;
  const secret = processKey(KEY_NAME);
  if (secret == null) {
    reader.problem(node, "the proxy has no random bytes for the hash of keys");
    return null;
  }
  return new DecisionCache(by, <u64>(ttl * 1e6), entries, secret);
}

// @ts-ignore: decorator
@lazy const KEY_NAME = literal("authz/custom");

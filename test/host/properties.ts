/**
 * Properties (`proxy_get_property`): a path whose parts are joined by NUL, looked up as Envoy's CEL
 * attributes (`source/extensions/filters/common/expr/context.cc`), then as what plugins have set.
 * Values are serialized as `serializeValue` of Envoy's `wasm/context.cc` has it.
 */
import type { Claims } from "../driver.ts";
import { HeaderMapType, WasmResult } from "./abi.ts";
import { bytesOf, byteStringOf } from "./bytes.ts";
import type { Context } from "./context.ts";
import { StateType } from "./filter-state.ts";
import type { FilterState } from "./filter-state.ts";
import type { HeaderMap } from "./header-map.ts";
import { Direction } from "./plugin.ts";
import { readStruct } from "./struct-message.ts";
import { serializeStruct, StructValue } from "./struct-value.ts";

/** An integer is a bigint (8 bytes, little endian), a string is a byte string. Times are ns since 1970. */
export type AttributeValue = string | bigint | boolean | Uint8Array | StructValue;

/** What is known of a stream besides its headers. */
export interface StreamInfo {
  /** What plugins set, and objects of the proxy's own; values are byte strings. */
  readonly state: FilterState;
  /**
   * Attributes by path with dots (`connection.mtls`, `metadata.filter_metadata.x.y`,
   * `filter_state.io.istio.peer_principal`). They go before what the host makes up.
   */
  readonly attributes: ReadonlyMap<string, AttributeValue>;
  /** Dynamic metadata by the name of the filter that set it. */
  readonly metadata: Readonly<Record<string, Claims>>;
  readonly direction: Direction;
  /** From `x-forwarded-for`; null where that names none. */
  remoteAddress: string | null;
  /** Null for a connection. */
  readonly protocol: string | null;
  /** Wall clock, in ns. */
  readonly startTime: bigint;
  /** In ns; null while the stream lasts. */
  duration: bigint | null;
  requestBytes: number;
  responseBytes: number;
  responseCode: number | null;
  /** A connection to the upstream was there. */
  reachedUpstream: boolean;
  details: string | null;
}

/** The value as a byte string, or what the host answers instead: NotFound, or SerializationFailure for a null. */
export function getProperty(context: Context, path: string): string | WasmResult {
  // A NUL at the end adds no part.
  const parts = (path.endsWith("\0") ? path.slice(0, -1) : path).split("\0");
  const value = lookUp(context, parts);
  return value === null ? WasmResult.NotFound : serialize(value);
}

function serialize(value: AttributeValue): string | WasmResult {
  if (value instanceof StructValue) return serializeStruct(value.value) ?? WasmResult.SerializationFailure;
  switch (typeof value) {
    case "string":
      return value;
    case "boolean":
      return value ? "\x01" : "\0";
    case "bigint": {
      const bytes = new Uint8Array(8);
      new DataView(bytes.buffer).setBigInt64(0, BigInt.asIntN(64, value), true);
      return byteStringOf(bytes);
    }
    default:
      return byteStringOf(value);
  }
}

/** The attribute at a path, typed as expressions see it; null where there is none. */
export function lookUp(context: Context, parts: readonly string[]): AttributeValue | null {
  const [first = "", second = ""] = parts;
  const info = context.streamInfo;
  const given = info?.attributes.get(parts.join("."));
  if (given !== undefined) return given;
  if (parts.length === 1) {
    switch (first) {
      case "plugin_name":
        return context.plugin?.name ?? null;
      case "plugin_root_id":
        return context.plugin?.rootId ?? "";
      case "plugin_vm_id":
        return context.vm?.vmId ?? "";
      case "connection_id":
        return info === null ? null : (info.attributes.get("connection.id") ?? 1n);
    }
  }
  if (first === "xds" && second === "node" && parts.length === 3) {
    return parts[2] === "cluster" ? NODE_CLUSTER : null;
  }
  if (first === "xds" && parts.length === 2 && second === "listener_direction") {
    return info === null ? null : BigInt(Direction[info.direction]);
  }
  if (info === null) return null;
  if (info.remoteAddress !== null && first === "source" && parts.length === 2) {
    if (second === "address") return info.remoteAddress;
    if (second === "port") return 0n;
  }
  switch (first) {
    case "request":
      return request(context, info, parts);
    case "response":
      return response(context, info, parts);
    case "upstream":
      return parts.length === 2 && second === "address" && info.reachedUpstream ? UPSTREAM_ADDRESS : null;
    case "connection":
    case "source":
    case "destination":
      return parts.length === 2 ? (DEFAULTS[`${first}.${second}`] ?? null) : null;
    case "xds":
      // A connection has no route.
      if (info.protocol === null) return null;
      return parts.length === 2 ? (DEFAULTS[`${first}.${second}`] ?? null) : null;
    case "metadata":
      // Not the message as a whole, nor typed metadata.
      return second === "filter_metadata" ? new StructValue(info.metadata).at(parts.slice(2)) : null;
    case "filter_state":
      return stateValue(info.state, second, parts.slice(2));
    default:
      return stateValue(info.state, `wasm.${first}`, parts.slice(1));
  }
}

/** Bytes, unless it was declared a string; a declared `Struct` is walked like metadata, and is bytes as a whole (Envoy `cel_state.cc`). */
function stateValue(state: FilterState, key: string, rest: readonly string[]): AttributeValue | null {
  const object = state.find(key);
  if (object === undefined || object.value === null) return null;
  if (rest.length > 0) {
    if (object.type !== StateType.Protobuf || object.schema !== STRUCT) return null;
    const value = readStruct(bytesOf(object.value));
    return value === null ? null : new StructValue(value).at(rest);
  }
  return object.type === StateType.String ? object.value : bytesOf(object.value);
}

/** The one message that the host knows. */
const STRUCT = "type.googleapis.com/google.protobuf.Struct";

/** What `--service-cluster` says of a proxy under test. */
const NODE_CLUSTER = "outrigger-test";
const UPSTREAM_ADDRESS = "127.0.0.1:8081";

/** Those attributes which the host makes up when a test gives none. */
const DEFAULTS: Readonly<Record<string, AttributeValue>> = {
  "connection.id": 1n,
  "connection.mtls": false,
  "connection.requested_server_name": "",
  "source.address": "127.0.0.1:40000",
  "source.port": 40000n,
  "destination.address": "127.0.0.1:8080",
  "destination.port": 8080n,
  "xds.route_name": "default",
  "xds.cluster_name": "upstream",
  "xds.virtual_host_name": "default",
};

function request(context: Context, info: StreamInfo, parts: readonly string[]): AttributeValue | null {
  const headers = context.headerMap(HeaderMapType.RequestHeaders);
  if (parts[1] === "headers") return headerAttribute(headers, parts);
  if (parts.length !== 2) return null;
  switch (parts[1]) {
    case "time":
      return info.startTime;
    case "duration":
      return info.duration;
    case "protocol":
      return info.protocol;
    case "size": {
      const length = headers?.getFirst("content-length") ?? "";
      return /^\d+$/.test(length) ? BigInt(length) : BigInt(info.requestBytes);
    }
    case "total_size":
      return BigInt(info.requestBytes + (headers?.byteSize ?? 0));
  }
  if (headers === null) return null;
  const path = headers.getFirst(":path");
  switch (parts[1]) {
    case "path":
      return path;
    case "url_path":
      return path === null ? null : path.split("?", 1)[0]!;
    case "query": {
      const mark = path?.indexOf("?") ?? -1;
      return mark < 0 ? "" : path!.slice(mark + 1);
    }
    case "host":
      return headers.getFirst(":authority");
    case "scheme":
      return headers.getFirst(":scheme");
    case "method":
      return headers.getFirst(":method");
    case "id":
      return headers.getFirst("x-request-id");
    case "referer":
      return headers.getFirst("referer");
    case "useragent":
      return headers.getFirst("user-agent");
    default:
      return null;
  }
}

function response(context: Context, info: StreamInfo, parts: readonly string[]): AttributeValue | null {
  if (parts[1] === "headers") return headerAttribute(context.headerMap(HeaderMapType.ResponseHeaders), parts);
  if (parts[1] === "trailers")
    return headerAttribute(context.headerMap(HeaderMapType.ResponseTrailers), parts);
  if (parts.length !== 2) return null;
  switch (parts[1]) {
    case "code":
      return info.responseCode === null ? null : BigInt(info.responseCode);
    case "code_details":
      return info.details;
    case "flags":
      return 0n;
    case "grpc_status":
      return grpcStatus(context, info);
    case "size":
      return BigInt(info.responseBytes);
    default:
      return null;
  }
}

/**
 * Of the response's trailers, or else of its headers, where it has one; else what the HTTP status is in gRPC (Envoy
 * `Grpc::Common::getGrpcStatus`). -1 is one that is no number.
 */
function grpcStatus(context: Context, info: StreamInfo): bigint | null {
  for (const map of [HeaderMapType.ResponseTrailers, HeaderMapType.ResponseHeaders]) {
    const text = context.headerMap(map)?.getFirst("grpc-status") ?? null;
    if (text !== null) return /^\d+$/.test(text) ? BigInt(text) : -1n;
  }
  if (info.responseCode === null) return null;
  return GRPC_STATUS.get(info.responseCode) ?? 2n;
}

/** As Envoy `Grpc::Utility::httpToGrpcStatus`; all others are UNKNOWN. */
const GRPC_STATUS: ReadonlyMap<number, bigint> = new Map([
  [400, 13n],
  [401, 16n],
  [403, 7n],
  [404, 12n],
  [429, 14n],
  [502, 14n],
  [503, 14n],
  [504, 14n],
]);

/** All values of a header joined by a comma. A header name may not hold NUL, so three parts. */
function headerAttribute(headers: HeaderMap | null, parts: readonly string[]): AttributeValue | null {
  return parts.length === 3 ? (headers?.getAllJoined(parts[2]!) ?? null) : null;
}

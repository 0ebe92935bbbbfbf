import { WasmResultValues } from "../abi/values";
import { Bytes, literal } from "../bytes/bytes";
import { ProtobufWriter } from "../bytes/protobuf";
import { callForeignFunction, foreignResult } from "./foreign";

/**
 * What a property is, before it is set, and the proxy's own objects of filter state (`declare_property` and `set_envoy_filter_state`
 * in Envoy's `source/extensions/common/wasm/foreign.cc`, messages in `ext/declare_property.proto` and
 * `ext/set_envoy_filter_state.proto`).
 */

/** What expressions take a property for. */
export enum PropertyType {
  Bytes = 0,
  String = 1,
  /** `schema` is the binary FlatBuffers schema. */
  FlatBuffers = 2,
  /** `schema` is the type URL of a message that the proxy knows. */
  Protobuf = 3,
}

/** How long filter state lives. */
export enum LifeSpan {
  /** As long as the request in this chain of filters: an internal redirect begins anew. */
  FilterChain = 0,
  /** As long as the client's request. */
  DownstreamRequest = 1,
  /** As long as the client's connection: later requests on it find what earlier ones set. */
  DownstreamConnection = 2,
}

/**
 * Says what the property `name` is; without, it is bytes, may be set again, and lives as long as the chain of filters. With
 * `readonly`, the second `setProperty` of a stream (or of its connection) is `BadArgument`.
 *
 * Call it from a root context: Envoy keeps what a stream declares for the stream's context, where nobody looks. A name that
 * the root context declared before is `BadArgument`, and stays as it was.
 */
export function declareProperty(
  name: Bytes,
  type: PropertyType,
  span: LifeSpan,
  readonly: bool = false,
  schema: Bytes = 0,
): WasmResultValues {
  writer.begin();
  writer.bytes(1, name);
  writer.number(2, <u64>readonly);
  writer.number(3, type);
  writer.bytes(4, schema);
  writer.number(5, span);
  callForeignFunction(DECLARE_PROPERTY, writer.end());
  return foreignResult;
}

/**
 * Sets an object of filter state that the proxy itself reads, such as `envoy.network.upstream_server_name` or `envoy.tcp_proxy.cluster`
 * (Envoy docs, "Well Known Filter State Objects"): `key` names its factory, which makes it of `value`. `NotFound` for a key
 * that no factory has, or outside a stream; `BadArgument` for a value that it does not take.
 */
export function setEnvoyFilterState(key: Bytes, value: Bytes, span: LifeSpan): WasmResultValues {
  writer.begin();
  writer.bytes(1, key);
  writer.bytes(2, value);
  writer.number(3, span);
  callForeignFunction(SET_ENVOY_FILTER_STATE, writer.end());
  return foreignResult;
}

// @ts-ignore: decorator
@lazy const writer = new ProtobufWriter();
// @ts-ignore: decorator
@lazy const DECLARE_PROPERTY = literal("declare_property");
// @ts-ignore: decorator
@lazy const SET_ENVOY_FILTER_STATE = literal("set_envoy_filter_state");

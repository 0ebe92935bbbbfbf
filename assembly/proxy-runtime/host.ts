import {
  proxy_done,
  proxy_get_status,
  proxy_set_effective_context as setEffectiveContext,
} from "../abi/imports";
import { BufferTypeValues, GrpcStatusValues, WasmResultValues } from "../abi/values";
import { getBuffer, getBufferSize, setBuffer } from "../host/buffers";
import { now, setTickPeriod } from "../host/clock";
import { callForeignFunction, clearRouteCache } from "../host/foreign";
import { sendLocalResponse } from "../host/local-response";
import { getProperty, setProperty } from "../host/properties";
import { returnedLength, returnedPointer, returnedBytes } from "../host/returned";
import { utf8 } from "../stream-context";
import { bufferOf, bytesIn } from "./buffers";
import { Headers, serializeHeaders } from "./headers";

/** Host functions by the names and types of `@solo-io/proxy-runtime`. */

export function set_tick_period_milliseconds(millisecond: u32): void {
  setTickPeriod(millisecond);
}

export function get_current_time_nanoseconds(): u64 {
  return now();
}

/** The property of this path, whose parts are joined by `\0`; no bytes where there is none. */
export function get_property(path: string): ArrayBuffer {
  return bufferOf(getProperty(utf8(path)));
}

export function set_property(path: string, data: ArrayBuffer): WasmResultValues {
  return setProperty(utf8(path), bytesIn(data));
}

export function send_local_response(
  response_code: u32,
  response_code_details: string,
  body: ArrayBuffer,
  additional_headers: Headers,
  grpc_status: GrpcStatusValues,
): WasmResultValues {
  return sendLocalResponse(
    response_code,
    utf8(response_code_details),
    bytesIn(body),
    serializeHeaders(additional_headers),
    grpc_status,
  );
}

export function clear_route_cache(): WasmResultValues {
  return clearRouteCache();
}

/** No bytes where there is no such buffer now. */
export function get_buffer_bytes(typ: BufferTypeValues, start: u32, length: u32): ArrayBuffer {
  return bufferOf(getBuffer(typ, start, length));
}

/** Puts data in the place of the first `length` bytes, or behind the last; see `setBuffer`. */
export function set_buffer_bytes(
  typ: BufferTypeValues,
  start: u32,
  length: u32,
  data: ArrayBuffer,
): WasmResultValues {
  return setBuffer(typ, start, length, bytesIn(data));
}

class BufferStatusResult {
  constructor(
    readonly result: WasmResultValues,
    readonly length: usize,
    readonly flags: u32,
  ) {}
}

export function get_buffer_status(typ: BufferTypeValues): BufferStatusResult {
  return new BufferStatusResult(WasmResultValues.Ok, getBufferSize(typ), 0);
}

class StatusWithData {
  constructor(
    readonly status: u32,
    readonly data: ArrayBuffer,
  ) {}
}

/** Of the gRPC call that was closed, in its callback. */
export function get_status(): StatusWithData {
  proxy_get_status(STATUS, returnedPointer(), returnedLength());
  return new StatusWithData(load<u32>(STATUS), bufferOf(returnedBytes()));
}

const STATUS: usize = memory.data(4, 4);

/** What the function returns; no bytes where it fails, too. */
export function call_foreign_function(name: string, argument: ArrayBuffer): ArrayBuffer {
  return bufferOf(callForeignFunction(utf8(name), bytesIn(argument)));
}

export function done(): WasmResultValues {
  return proxy_done();
}

export function proxy_set_effective_context(id: u32): WasmResultValues {
  return setEffectiveContext(id);
}

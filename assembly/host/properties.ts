import { proxy_get_property, proxy_set_property } from "../abi/imports";
import { WasmResultValues } from "../abi/values";
import { ABSENT, Bytes, lengthOf, pointerOf } from "../bytes/bytes";
import { returnedBytes, returnedLength, returnedPointer } from "./returned";

/**
 * The bytes of a property, whose path segments are joined by NUL (`request\0path`); {@link ABSENT} where
 * the proxy has none. Integers are 8 bytes little endian, booleans one byte, times nanoseconds: see
 * `properties.ts` at the root of the runtime for typed access. Costs a host call.
 */
export function getProperty(path: Bytes): Bytes {
  const answer = proxy_get_property(pointerOf(path), lengthOf(path), returnedPointer(), returnedLength());
  return answer == WasmResultValues.Ok ? returnedBytes() : ABSENT;
}

/**
 * Sets a property of the stream. Envoy keeps it as filter state `wasm.<path>`, which later filters read and
 * an access log shows by `%FILTER_STATE(wasm.<path>:PLAIN)%`.
 */
export function setProperty(path: Bytes, value: Bytes): WasmResultValues {
  return proxy_set_property(pointerOf(path), lengthOf(path), pointerOf(value), lengthOf(value));
}

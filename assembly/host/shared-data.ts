import { proxy_get_shared_data, proxy_set_shared_data } from "../abi/imports";
import { WasmResultValues } from "../abi/values";
import { ABSENT, Bytes, lengthOf, pointerOf } from "../bytes/bytes";
import { returnedBytes, returnedLength, returnedPointer } from "./returned";

/**
 * Data shared by all workers of the proxy, and by all plugins in it: no expiry, no delete, one namespace
 * (Istio sets no `vm_id`). Keys start with `outrigger/<filter>/`, and configuration bounds their number.
 */

/** Where the host writes the compare-and-swap number. */
const CAS: usize = memory.data(4, 4);

/** The value of a key, or {@link ABSENT}. {@link sharedDataCas} then has its compare-and-swap number. */
export function getSharedData(key: Bytes): Bytes {
  const answer = proxy_get_shared_data(
    pointerOf(key),
    lengthOf(key),
    returnedPointer(),
    returnedLength(),
    CAS,
  );
  return answer == WasmResultValues.Ok ? returnedBytes() : ABSENT;
}

/** The number that came with the last {@link getSharedData}; never 0. */
// @ts-ignore: decorator
@inline
export function sharedDataCas(): u32 {
  return load<u32>(CAS);
}

/**
 * Sets the value when `cas` is still the key's number; `CasMismatch` when another was faster. With `cas` 0
 * it overwrites whatever is there; with any other `cas`, a key that does not exist is made, so that a
 * number which is not the current one means "insert if absent" (proxy-wasm-cpp-host `shared_data.cc`).
 */
export function setSharedData(key: Bytes, value: Bytes, cas: u32): WasmResultValues {
  return proxy_set_shared_data(pointerOf(key), lengthOf(key), pointerOf(value), lengthOf(value), cas);
}

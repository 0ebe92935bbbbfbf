import { proxy_call_foreign_function } from "../abi/imports";
import { WasmResultValues } from "../abi/values";
import { ABSENT, Bytes, lengthOf, literal, pointerOf } from "../bytes/bytes";
import { clearReturned, returnedBytes, returnedLength, returnedPointer } from "./returned";

/** What the last {@link callForeignFunction} answered. */
export let foreignResult: WasmResultValues = WasmResultValues.Ok;

/**
 * Calls a function which the proxy offers by name (Envoy `source/extensions/common/wasm/foreign.cc`). Answers
 * what it returns, empty where it returns nothing, or {@link ABSENT} with the reason in {@link foreignResult}.
 */
export function callForeignFunction(name: Bytes, argument: Bytes): Bytes {
  clearReturned();
  foreignResult = proxy_call_foreign_function(
    pointerOf(name),
    lengthOf(name),
    pointerOf(argument),
    lengthOf(argument),
    returnedPointer(),
    returnedLength(),
  );
  return foreignResult == WasmResultValues.Ok ? returnedBytes() : ABSENT;
}

// @ts-ignore: decorator
@lazy const CLEAR_ROUTE_CACHE = literal("clear_route_cache");

/**
 * Has the route chosen anew. A change of request headers does so by itself at ABI 0.2.1: this is for the case
 * where a route depends on filter state alone.
 */
export function clearRouteCache(): WasmResultValues {
  callForeignFunction(CLEAR_ROUTE_CACHE, ABSENT);
  return foreignResult;
}

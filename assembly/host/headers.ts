import {
  proxy_add_header_map_value,
  proxy_get_header_map_pairs,
  proxy_get_header_map_size,
  proxy_get_header_map_value,
  proxy_remove_header_map_value,
  proxy_replace_header_map_value,
  proxy_set_header_map_pairs,
} from "../abi/imports";
import { HeaderMapTypeValues, WasmResultValues } from "../abi/values";
import { ABSENT, Bytes, lengthOf, pointerOf } from "../bytes/bytes";
import { returnedBytes, returnedLength, returnedPointer, returnedU32 } from "./returned";

/**
 * Header and trailer maps, a host call each. Filters read through a `HeaderView`, which takes one call
 * for all headers; these are for changes and for developers' filters.
 */

/** All pairs in the host's serialization (see `HeaderView`), or {@link ABSENT} when the map cannot be read now. */
export function getHeaderPairs(map: HeaderMapTypeValues): Bytes {
  const answer = proxy_get_header_map_pairs(map, returnedPointer(), returnedLength());
  return answer == WasmResultValues.Ok ? returnedBytes() : ABSENT;
}

/** Replaces all pairs of the map by serialized ones. */
export function setHeaderPairs(map: HeaderMapTypeValues, pairs: Bytes): WasmResultValues {
  return proxy_set_header_map_pairs(map, pointerOf(pairs), lengthOf(pairs));
}

/** The first value of a header. A header that came twice has others: no base for a decision. */
export function getFirstHeader(map: HeaderMapTypeValues, name: Bytes): Bytes {
  const answer = proxy_get_header_map_value(
    map,
    pointerOf(name),
    lengthOf(name),
    returnedPointer(),
    returnedLength(),
  );
  return answer == WasmResultValues.Ok ? returnedBytes() : ABSENT;
}

export function addHeader(map: HeaderMapTypeValues, name: Bytes, value: Bytes): WasmResultValues {
  return proxy_add_header_map_value(map, pointerOf(name), lengthOf(name), pointerOf(value), lengthOf(value));
}

/** Sets the header to this one value, whatever number of values it had. */
export function replaceHeader(map: HeaderMapTypeValues, name: Bytes, value: Bytes): WasmResultValues {
  return proxy_replace_header_map_value(
    map,
    pointerOf(name),
    lengthOf(name),
    pointerOf(value),
    lengthOf(value),
  );
}

/** Removes all values of the header. */
export function removeHeader(map: HeaderMapTypeValues, name: Bytes): WasmResultValues {
  return proxy_remove_header_map_value(map, pointerOf(name), lengthOf(name));
}

/** The size of all names and values in bytes, as Envoy counts it; 0 when the map cannot be read now. */
export function getHeaderBytes(map: HeaderMapTypeValues): u32 {
  return proxy_get_header_map_size(map, returnedPointer()) == WasmResultValues.Ok ? returnedU32() : 0;
}

import { Bytes, literal } from "../bytes/bytes";
import { callForeignFunction } from "./foreign";

/** The proxy's zlib (RFC 1950), by the foreign functions `compress` and `uncompress` of Envoy's `source/extensions/common/wasm/foreign.cc`. */

/** The bytes in zlib's format, at its default level. */
export function compress(bytes: Bytes): Bytes {
  return callForeignFunction(COMPRESS, bytes);
}

/**
 * What {@link compress} was given; {@link ABSENT} for what is not in zlib's format. Only for what can be trusted: a kilobyte can become a
 * megabyte, which all must find room in the module's memory.
 */
export function uncompress(bytes: Bytes): Bytes {
  return callForeignFunction(UNCOMPRESS, bytes);
}

// @ts-ignore: decorator
@lazy const COMPRESS = literal("compress");
// @ts-ignore: decorator
@lazy const UNCOMPRESS = literal("uncompress");

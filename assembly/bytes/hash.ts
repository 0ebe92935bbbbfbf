import { Bytes } from "./bytes";
import { xxh64 } from "./xxhash";

/** A hash of bytes for tables in memory. It is not stable between versions: cohorts and buckets have hashes of their own. */
export function hashBytes(bytes: Bytes): u32 {
  const hash = xxh64(bytes, 0);
  return <u32>(hash ^ (hash >>> 32));
}

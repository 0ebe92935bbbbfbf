import { Bytes, lengthOf, pointerOf } from "./bytes";

/**
 * A hash of bytes for tables in memory: eight bytes a step, folded by multiplication. It is neither
 * keyed nor stable between versions: cohorts and buckets have hashes of their own.
 */
export function hashBytes(bytes: Bytes): u32 {
  let pointer = pointerOf(bytes);
  let left = lengthOf(bytes);
  let state: u64 = 0x9e3779b97f4a7c15 ^ left;
  while (left >= 8) {
    state = mix(state ^ load<u64>(pointer));
    pointer += 8;
    left -= 8;
  }
  let tail: u64 = 0;
  if (left >= 4) {
    // Two reads that overlap cover 4 to 7 bytes.
    tail = ((<u64>load<u32>(pointer)) << 32) | load<u32>(pointer + left - 4);
  } else {
    while (left > 0) {
      left--;
      tail = (tail << 8) | load<u8>(pointer + left);
    }
  }
  state = mix(state ^ tail);
  return <u32>(state ^ (state >>> 32));
}

/** Stafford's variant 13 of the murmur3 finalizer, shortened by one round. */
// @ts-ignore: decorator
@inline
function mix(word: u64): u64 {
  word = (word ^ (word >>> 30)) * 0xbf58476d1ce4e5b9;
  return word ^ (word >>> 27);
}

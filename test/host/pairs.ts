/**
 * Header pairs as they cross into a module (proxy-wasm-cpp-host `pairs_util.cc`): u32 count, then
 * count times (u32 length of key, u32 length of value), then each key and value with a NUL after it.
 * Numbers are little endian.
 */
import { readByteString, writeByteString } from "./bytes.ts";

/** More pairs than this, or a larger block, are read as no pairs (`limits.h`). */
const MAX_COUNT = 1024;
const MAX_BYTES = 1024 * 1024;

/** Size of the serialized form, in bytes. `flat` is `[key0, value0, key1, ..]`. */
export function pairsSize(flat: readonly string[]): number {
  let size = 4 + 4 * flat.length + flat.length;
  for (const text of flat) size += text.length;
  return size;
}

/** Writes {@link pairsSize} bytes at `at`; the caller has allocated them. */
export function writePairs(memory: Uint8Array, view: DataView, at: number, flat: readonly string[]): void {
  view.setUint32(at, flat.length >> 1, true);
  let lengths = at + 4;
  let data = lengths + 4 * flat.length;
  for (const text of flat) {
    view.setUint32(lengths, text.length, true);
    lengths += 4;
    writeByteString(memory, data, text);
    data += text.length;
    memory[data++] = 0;
  }
}

/** The pairs as `[key0, value0, ..]`; none where the block is malformed, as Envoy has it. */
export function readPairs(memory: Uint8Array, start: number, length: number): string[] {
  if (length < 4 || length > MAX_BYTES) return [];
  const view = new DataView(memory.buffer, memory.byteOffset + start, length);
  const count = view.getUint32(0, true);
  if (count > MAX_COUNT || 4 + 8 * count > length) return [];
  const flat: string[] = [];
  let at = 4 + 8 * count;
  for (let i = 0; i < 2 * count; i++) {
    const size = view.getUint32(4 + 4 * i, true);
    if (at + size + 1 > length) return [];
    flat.push(readByteString(memory, start + at, size));
    at += size + 1;
  }
  return flat;
}

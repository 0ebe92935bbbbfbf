import { arenaAllocate } from "./arena";
import { byteAt, Bytes, bytesOf, lengthOf } from "./bytes";

/** The bytes as a base64 text with padding (RFC 4648 §4), in the arena. */
export function encodeBase64(bytes: Bytes): Bytes {
  const length = lengthOf(bytes);
  const size = ((length + 2) / 3) << 2;
  const start = arenaAllocate(size);
  let top = start;
  for (let at: u32 = 0; at < length; at += 3, top += 4) {
    const left = length - at;
    let bits = (<u32>byteAt(bytes, at)) << 16;
    if (left > 1) bits |= (<u32>byteAt(bytes, at + 1)) << 8;
    if (left > 2) bits |= byteAt(bytes, at + 2);
    store<u8>(top, digit(bits >> 18));
    store<u8>(top + 1, digit(bits >> 12));
    store<u8>(top + 2, left > 1 ? digit(bits >> 6) : PADDING);
    store<u8>(top + 3, left > 2 ? digit(bits) : PADDING);
  }
  return bytesOf(start, size);
}

const PADDING: u8 = 0x3d;

/** For the lowest six bits. */
function digit(bits: u32): u8 {
  const value = <u8>(bits & 63);
  if (value < 26) return value + 0x41;
  if (value < 52) return value + 71;
  if (value < 62) return value - 4;
  return value == 62 ? 0x2b : 0x2f;
}

import { arenaAllocate } from "./arena";
import { ABSENT, Bytes, bytesOf, lengthOf, pointerOf } from "./bytes";

/**
 * Strict decoding of both alphabets of RFC 4648. Nothing is passed over, and each value has one text: a signature that covers the text covers
 * the bytes.
 */

/** Marks, in the table, of `-` and `_`, which only base64url has. */
const URL_ONLY: u32 = 0x40;
/** Likewise of `+` and `/`, which only base64 has. What is in neither alphabet has both marks. */
const STANDARD_ONLY: u32 = 0x80;

/** For each byte its six bits and which alphabet it is in (RFC 4648 §4 and §5). */
const VALUES: usize = memory.data<u8>([
  255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
  255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
  255, 190, 255, 126, 255, 191, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 255, 255, 255, 255, 255, 255, 255, 0,
  1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 255, 255, 255,
  255, 127, 255, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48,
  49, 50, 51, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
  255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
  255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
  255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
  255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
  255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
  255, 255, 255, 255, 255, 255, 255, 255, 255,
]);

/**
 * The bytes of a base64url text without padding, as JOSE has it (RFC 7515 §2), in the arena. {@link ABSENT} where there is padding, white space or
 * another character of no meaning, one character too many, or a bit set that belongs to no byte.
 */
export function decodeBase64url(text: Bytes): Bytes {
  return decode(text, STANDARD_ONLY);
}

/** The bytes of a base64 text with its padding (RFC 4648 §4, as of HTTP's `Basic`), in the arena; {@link ABSENT} as above. */
export function decodeBase64(text: Bytes): Bytes {
  let length = lengthOf(text);
  if ((length & 3) != 0) return ABSENT;
  const start = pointerOf(text);
  for (let padding = 0; padding < 2 && length > 0 && load<u8>(start + length - 1) == 0x3d; padding++)
    length--;
  return decode(bytesOf(start, length), URL_ONLY);
}

/** `refused` is the mark of characters that do not belong here. */
function decode(text: Bytes, refused: u32): Bytes {
  const length = lengthOf(text);
  const rest = length & 3;
  if (rest == 1) return ABSENT;
  let at = pointerOf(text);
  const end = at + (length - rest);
  // Three bytes are written as four: the last one is overwritten, or room behind the end.
  const start = arenaAllocate(((<usize>length) >>> 2) * 3 + 4);
  let target = start;
  let seen: u32 = 0;
  for (; at < end; at += 4, target += 3) {
    const a = valueAt(at);
    const b = valueAt(at + 1);
    const c = valueAt(at + 2);
    const d = valueAt(at + 3);
    seen |= a | b | c | d;
    const bits = ((a & 63) << 26) | ((b & 63) << 20) | ((c & 63) << 14) | ((d & 63) << 8);
    store<u32>(target, bswap<u32>(bits));
  }
  if (rest != 0) {
    const a = valueAt(at);
    const b = valueAt(at + 1);
    const c = rest == 3 ? valueAt(at + 2) : 0;
    seen |= a | b | c;
    const bits = ((a & 63) << 26) | ((b & 63) << 20) | ((c & 63) << 14);
    store<u32>(target, bswap<u32>(bits));
    target += rest - 1;
    if (bits << ((rest - 1) << 3) != 0) return ABSENT;
  }
  return (seen & refused) != 0 ? ABSENT : bytesOf(start, <u32>(target - start));
}

// @ts-ignore: decorator
@inline
function valueAt(at: usize): u32 {
  return load<u8>(VALUES + load<u8>(at));
}

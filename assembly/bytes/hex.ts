import { byteAt, Bytes, bytesOf, lengthOf, pointerOf } from "./bytes";

/** Writes the bytes as lower-case hexadecimal digits to `target`, which has room for twice as many and does not overlap them. */
export function hexTo(bytes: Bytes, target: usize): Bytes {
  const start = pointerOf(bytes);
  const length = lengthOf(bytes);
  for (let at: u32 = 0; at < length; at++) {
    const byte = load<u8>(start + at);
    const pair = target + ((<usize>at) << 1);
    store<u8>(pair, digit(byte >>> 4));
    store<u8>(pair, digit(byte & 15), 1);
  }
  return bytesOf(target, length << 1);
}

function digit(value: u8): u8 {
  return value + (value < 10 ? 0x30 : 0x57);
}

/** Writes a number as so many lower-case hexadecimal digits, 1 to 16, the lowest ones, to `target`; answers where they end. */
export function hexDigitsTo(target: usize, value: u64, digits: u32): usize {
  if (digits == 16) {
    store<u64>(target, eightDigits(<u32>(value >>> 32)));
    store<u64>(target, eightDigits(<u32>value), 8);
    return target + 16;
  }
  for (let at: u32 = 0; at < digits; at++) {
    store<u8>(target + at, digit((<u8>(value >>> ((digits - 1 - at) << 2))) & 15));
  }
  return target + digits;
}

/** The eight digits of a number as they stand in memory, all at once. */
function eightDigits(value: u32): u64 {
  // Each half byte gets a byte of its own, the highest one the lowest place.
  let spread = <u64>bswap<u32>(value);
  spread = (spread | (spread << 16)) & 0x0000ffff0000ffff;
  spread = (spread | (spread << 8)) & 0x00ff00ff00ff00ff;
  spread = ((spread >>> 4) | (spread << 8)) & 0x0f0f0f0f0f0f0f0f;
  // 1 where a digit is a letter: those lie 39 further on.
  const letters = ((spread + 0x0606060606060606) >>> 4) & 0x0101010101010101;
  return spread + 0x3030303030303030 + letters * 0x27;
}

/** What {@link parseHex} has read. */
export let parsedHex: u64 = 0;

/** Reads the bytes from `start` up to `end`, 1 to 16 of them, as a hexadecimal number into {@link parsedHex}. False where they are none. */
export function parseHex(bytes: Bytes, start: u32, end: u32, upperCase: bool = false): bool {
  if (end <= start || end - start > 16 || end > lengthOf(bytes)) return false;
  if (end - start == 16 && !upperCase) {
    const at = pointerOf(bytes) + start;
    const high = eightFrom(at);
    const low = eightFrom(at + 8);
    parsedHex = (high << 32) | low;
    return (high | low) >>> 32 == 0;
  }
  let value: u64 = 0;
  for (let at = start; at < end; at++) {
    const byte = <u32>byteAt(bytes, at);
    let digit = byte - 0x30;
    if (digit > 9) {
      digit = (upperCase ? byte | 0x20 : byte) - 0x61;
      if (digit > 5) return false;
      digit += 10;
    }
    value = (value << 4) | digit;
  }
  parsedHex = value;
  return true;
}

/** The number of eight lower-case digits, all at once; one above 32 bits where they are none. */
function eightFrom(at: usize): u64 {
  const digits = load<u64>(at);
  const letters = (digits >>> 6) & 0x0101010101010101;
  let values = (digits & 0x0f0f0f0f0f0f0f0f) + letters * 9;
  // What these values are written as is what stands there, and 10 to 15 are letters, no others.
  if (
    (values & 0xf0f0f0f0f0f0f0f0) != 0 ||
    values + 0x3030303030303030 + letters * 0x27 != digits ||
    (((values + 0x0606060606060606) >>> 4) & 0x0101010101010101) != letters
  ) {
    return u64.MAX_VALUE;
  }
  values = bswap<u64>(values);
  values = (values | (values >>> 4)) & 0x00ff00ff00ff00ff;
  values = (values | (values >>> 8)) & 0x0000ffff0000ffff;
  return (values | (values >>> 16)) & 0xffffffff;
}

export { TEXTS } from "./texts";
/**
 * A view of bytes in linear memory: pointer in the upper, length in the lower half of one `u64`.
 * It is a plain number, so that views are passed, returned and stored without an allocation.
 * {@link ABSENT} (zero) says "not there", which differs from a view of no bytes at a valid pointer.
 */
export type Bytes = u64;

/** What is not there, as opposed to an empty value. */
export const ABSENT: Bytes = 0;

// @ts-ignore: decorator
@inline
export function bytesOf(pointer: usize, length: u32): Bytes {
  return ((<u64>pointer) << 32) | (<u64>length);
}

// @ts-ignore: decorator
@inline
export function pointerOf(bytes: Bytes): usize {
  return <usize>(bytes >>> 32);
}

// @ts-ignore: decorator
@inline
export function lengthOf(bytes: Bytes): u32 {
  return <u32>bytes;
}

// @ts-ignore: decorator
@inline
export function byteAt(bytes: Bytes, index: u32): u8 {
  return load<u8>(pointerOf(bytes) + index);
}

/** The bytes from `start` up to `end` (exclusive). Both must lie within. */
// @ts-ignore: decorator
@inline
export function slice(bytes: Bytes, start: u32, end: u32): Bytes {
  return bytesOf(pointerOf(bytes) + start, end - start);
}

/** Whether two runs of `length` bytes are the same. */
export function sameRun(left: usize, right: usize, length: u32): bool {
  return sameRunInline(left, right, length);
}

/** {@link sameRun} for a loop in which the call would be dear. */
// @ts-ignore: decorator
@inline
export function sameRunInline(left: usize, right: usize, length: u32): bool {
  if (length >= 8) {
    const last = length - 8;
    for (let at: u32 = 0; at < last; at += 8) {
      if (load<u64>(left + at) != load<u64>(right + at)) return false;
    }
    return load<u64>(left + last) == load<u64>(right + last);
  }
  if (length >= 4) {
    const last = length - 4;
    return load<u32>(left) == load<u32>(right) && load<u32>(left + last) == load<u32>(right + last);
  }
  for (let at: u32 = 0; at < length; at++) {
    if (load<u8>(left + at) != load<u8>(right + at)) return false;
  }
  return true;
}

export function equals(left: Bytes, right: Bytes): bool {
  const length = lengthOf(left);
  return length == lengthOf(right) && sameRun(pointerOf(left), pointerOf(right), length);
}

export function startsWith(bytes: Bytes, prefix: Bytes): bool {
  const length = lengthOf(prefix);
  return length <= lengthOf(bytes) && sameRun(pointerOf(bytes), pointerOf(prefix), length);
}

export function endsWith(bytes: Bytes, suffix: Bytes): bool {
  const length = lengthOf(suffix);
  const whole = lengthOf(bytes);
  return length <= whole && sameRun(pointerOf(bytes) + (whole - length), pointerOf(suffix), length);
}

/** The first position of `byte` at or after `from`, or -1. */
export function indexOfByte(bytes: Bytes, byte: u8, from: u32 = 0): i32 {
  const start = pointerOf(bytes);
  const length = lengthOf(bytes);
  for (let at = from; at < length; at++) {
    if (load<u8>(start + at) == byte) return at;
  }
  return -1;
}

/** The last position of `byte`, or -1. */
export function lastIndexOfByte(bytes: Bytes, byte: u8): i32 {
  const start = pointerOf(bytes);
  for (let at: i32 = <i32>lengthOf(bytes) - 1; at >= 0; at--) {
    if (load<u8>(start + at) == byte) return at;
  }
  return -1;
}

/** The first position of `needle`, or -1. Linear in `bytes` for a needle of bounded length. */
export function indexOf(bytes: Bytes, needle: Bytes): i32 {
  const length = lengthOf(needle);
  if (length > lengthOf(bytes)) return -1;
  if (length == 0) return 0;
  const start = pointerOf(bytes);
  const wanted = pointerOf(needle);
  const first = load<u8>(wanted);
  const last = lengthOf(bytes) - length;
  for (let at: u32 = 0; at <= last; at++) {
    if (load<u8>(start + at) == first && sameRun(start + at, wanted, length)) return at;
  }
  return -1;
}

/** Without the spaces and tabs around it (optional white space of RFC 9110 §5.6.3). */
export function trim(bytes: Bytes): Bytes {
  let start: u32 = 0;
  let end = lengthOf(bytes);
  while (start < end && isSpace(byteAt(bytes, start))) start++;
  while (end > start && isSpace(byteAt(bytes, end - 1))) end--;
  return slice(bytes, start, end);
}

// @ts-ignore: decorator
@inline
function isSpace(byte: u8): bool {
  return byte == 0x20 || byte == 0x09;
}

/** ASCII lower case of one byte; others stay, as in Envoy's `absl::ascii_tolower`. */
// @ts-ignore: decorator
@inline
export function lowerByte(byte: u8): u8 {
  return <u32>(byte - 0x41) < 26 ? byte | 0x20 : byte;
}

export function hasUpperCase(bytes: Bytes): bool {
  const start = pointerOf(bytes);
  const length = lengthOf(bytes);
  for (let at: u32 = 0; at < length; at++) {
    if (<u32>(load<u8>(start + at) - 0x41) < 26) return true;
  }
  return false;
}

/** Writes the ASCII lower case of `bytes` to `target`, which has room for as many. */
export function lowerTo(bytes: Bytes, target: usize): Bytes {
  const start = pointerOf(bytes);
  const length = lengthOf(bytes);
  for (let at: u32 = 0; at < length; at++) store<u8>(target + at, lowerByte(load<u8>(start + at)));
  return bytesOf(target, length);
}

/** Copies the bytes to `target`, which has room for them; answers how many they are. */
export function copyTo(target: usize, bytes: Bytes): u32 {
  memory.copy(target, pointerOf(bytes), lengthOf(bytes));
  return lengthOf(bytes);
}

/** A copy which lives until {@link release}. */
export function retain(bytes: Bytes): Bytes {
  const length = lengthOf(bytes);
  const copy = heap.alloc(length);
  memory.copy(copy, pointerOf(bytes), length);
  return bytesOf(copy, length);
}

export function release(bytes: Bytes): void {
  if (bytes != ABSENT) heap.free(pointerOf(bytes));
}

/** Bytes of a byte string (see {@link byteString}) or an ASCII text, until {@link release}: for constants, for ever. */
export function literal(text: string): Bytes {
  return textTo(text, heap.alloc(text.length));
}

/** Writes a byte string or an ASCII text to `target`, which has room for as many bytes. */
export function textTo(text: string, target: usize): Bytes {
  const length = text.length;
  for (let at = 0; at < length; at++) store<u8>(target + at, <u8>text.charCodeAt(at));
  return bytesOf(target, length);
}

/**
 * The bytes as a string with one byte in each code unit: for messages and names made of configuration, which are
 * put together as strings and leave the module as the bytes they were. ASCII is itself.
 */
export function byteString(bytes: Bytes): string {
  const length = lengthOf(bytes);
  // @ts-ignore: a builtin of the runtime.
  const text = changetype<string>(__new((<usize>length) << 1, idof<string>()));
  for (let at: u32 = 0; at < length; at++) {
    store<u16>(changetype<usize>(text) + ((<usize>at) << 1), byteAt(bytes, at));
  }
  return text;
}

/** The text of UTF-8 bytes. Allocates on the managed heap: for configuration and developers' filters. */
export function textOf(bytes: Bytes): string {
  return String.UTF8.decodeUnsafe(pointerOf(bytes), lengthOf(bytes));
}

/** The value of a hexadecimal digit, or -1. */
export function hexDigit(byte: u8): i32 {
  const digit = <u32>byte - 0x30;
  if (digit < 10) return digit;
  const letter = ((<u32>byte) | 0x20) - 0x61;
  return letter < 6 ? letter + 10 : -1;
}

import { arenaAllocate } from "./arena";
import { Bytes, bytesOf, copyTo, lengthOf, pointerOf } from "./bytes";

/**
 * The length of the UTF-8 sequence at `at`, 1 to 4; 0 when it is not well-formed (Unicode 15, table 3-7: no
 * overlong form, no surrogate, nothing above U+10FFFF) or goes beyond `end`.
 */
export function utf8SequenceLength(at: usize, end: usize): u32 {
  const first = load<u8>(at);
  if (first < 0x80) return 1;
  const left = end - at;
  if (first < 0xc2 || left < 2) return 0;
  const second = load<u8>(at, 1);
  if (first < 0xe0) return isContinuation(second) ? 2 : 0;
  if (left < 3 || !isContinuation(second) || !isContinuation(load<u8>(at, 2))) return 0;
  if (first < 0xf0) {
    if (first == 0xe0 && second < 0xa0) return 0;
    if (first == 0xed && second >= 0xa0) return 0;
    return 3;
  }
  if (left < 4 || first > 0xf4 || !isContinuation(load<u8>(at, 3))) return 0;
  if (first == 0xf0 && second < 0x90) return 0;
  if (first == 0xf4 && second >= 0x90) return 0;
  return 4;
}

// @ts-ignore: decorator
@inline
function isContinuation(byte: u8): bool {
  return (byte & 0xc0) == 0x80;
}

/** Whether the bytes can be a protobuf `string`: a reader refuses a message with others in one. */
export function isUtf8(text: Bytes): bool {
  return validEnd(text) == pointerOf(text) + lengthOf(text);
}

/** The bytes with `!` for each that is no UTF-8, as Envoy's `sanitizeUtf8String` has it. */
export function utf8Of(text: Bytes): Bytes {
  const start = pointerOf(text);
  const length = lengthOf(text);
  const valid = validEnd(text) - start;
  if (valid == length) return text;
  const copy = arenaAllocate(length);
  copyTo(copy, text);
  const end = copy + length;
  for (let at = copy + valid; at < end;) {
    const sequence = utf8SequenceLength(at, end);
    if (sequence == 0) store<u8>(at, 0x21);
    at += max(sequence, 1);
  }
  return bytesOf(copy, length);
}

/** Where what is no UTF-8 begins, or the end. */
function validEnd(text: Bytes): usize {
  let at = pointerOf(text);
  const end = at + lengthOf(text);
  while (at < end) {
    const sequence = utf8SequenceLength(at, end);
    if (sequence == 0) break;
    at += sequence;
  }
  return at;
}

import { arenaAllocate } from "../../../assembly/bytes/arena";
import { Bytes, bytesOf, copyTo, lengthOf, pointerOf } from "../../../assembly/bytes/bytes";
import { utf8SequenceLength } from "../../../assembly/json/utf8";

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

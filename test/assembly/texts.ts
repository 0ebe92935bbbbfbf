/** Byte views out of texts and numbers, and back. They live as long as the test module. */
import {
  ABSENT,
  Bytes,
  bytesOf,
  hexDigit,
  lengthOf,
  literal,
  pointerOf,
  textOf,
} from "../../assembly/bytes/bytes";
import { hexTo } from "../../assembly/bytes/hex";

/** The UTF-8 bytes of a text. */
export function bytes(text: string): Bytes {
  const length = String.UTF8.byteLength(text);
  const pointer = heap.alloc(length);
  String.UTF8.encodeUnsafe(changetype<usize>(text), text.length, pointer);
  return bytesOf(pointer, length);
}

/** These very bytes. */
export function raw(values: u8[]): Bytes {
  const pointer = heap.alloc(values.length);
  for (let at = 0; at < values.length; at++) store<u8>(pointer + at, values[at]);
  return bytesOf(pointer, values.length);
}

/** `before`, these very bytes, `after`. */
export function around(before: string, values: u8[], after: string): Bytes {
  return joined(joined(bytes(before), raw(values)), bytes(after));
}

export function joined(first: Bytes, second: Bytes): Bytes {
  const pointer = heap.alloc(lengthOf(first) + lengthOf(second));
  memory.copy(pointer, pointerOf(first), lengthOf(first));
  memory.copy(pointer + lengthOf(first), pointerOf(second), lengthOf(second));
  return bytesOf(pointer, lengthOf(first) + lengthOf(second));
}

/** The text of bytes; `<absent>` for what is not there. */
export function text(view: Bytes): string {
  return view == ABSENT ? "<absent>" : textOf(view);
}

/** The bytes that hexadecimal digits stand for. */
export function hex(digits: string): Bytes {
  const from = literal(digits);
  const length = lengthOf(from) / 2;
  const start = heap.alloc(length);
  for (let at: u32 = 0; at < length; at++) {
    const high = hexDigit(load<u8>(pointerOf(from) + 2 * at));
    store<u8>(start + at, <u8>(high * 16 + hexDigit(load<u8>(pointerOf(from) + 2 * at, 1))));
  }
  return bytesOf(start, length);
}

/** The bytes as hexadecimal digits. */
export function digits(view: Bytes): string {
  return text(hexTo(view, heap.alloc(2 * lengthOf(view))));
}

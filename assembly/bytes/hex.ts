import { Bytes, bytesOf, lengthOf, pointerOf } from "./bytes";

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

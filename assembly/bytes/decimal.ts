import { byteString, bytesOf } from "./bytes";

/** Writes a number in decimal digits to `target`, which has room for 20 bytes; answers where it ends. */
export function decimalTo(target: usize, value: u64): usize {
  let end = target + 1;
  for (let left = value; left >= 10; left /= 10) end++;
  for (let at = end - 1; at >= target; at--) {
    store<u8>(at, <u8>(0x30 + (value % 10)));
    value /= 10;
  }
  return end;
}

/** A number's decimal digits as a text, for messages and names. */
export function decimalText(value: i32): string {
  const digits = byteString(bytesOf(DIGITS, <u32>(decimalTo(DIGITS, abs(value)) - DIGITS)));
  return value < 0 ? "-" + digits : digits;
}

const DIGITS: usize = memory.data(20);

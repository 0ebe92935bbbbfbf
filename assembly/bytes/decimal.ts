import { byteString, bytesOf } from "./bytes";

/** Writes a number in decimal digits to `target`, which has room for 20 bytes; answers where it ends. */
export function decimalTo(target: usize, value: u64): usize {
  // Eight digits at a time in 32 bits, where a division costs a fraction.
  if (value >= 100000000) {
    const end = decimalTo(target, value / 100000000) + 8;
    digitsBefore(end, <u32>(value % 100000000), 8);
    return end;
  }
  let digits: u32 = 1;
  for (let left = <u32>value; left >= 10; left /= 10) digits++;
  digitsBefore(target + digits, <u32>value, digits);
  return target + digits;
}

/** Writes so many digits, which end at `end`. */
function digitsBefore(end: usize, value: u32, digits: u32): void {
  for (; digits > 0; digits--) {
    store<u8>(--end, 0x30 + (value % 10));
    value /= 10;
  }
}

/** A number's decimal digits as a text, for messages and names. */
export function decimalText(value: i32): string {
  const digits = byteString(bytesOf(DIGITS, <u32>(decimalTo(DIGITS, abs(value)) - DIGITS)));
  return value < 0 ? "-" + digits : digits;
}

const DIGITS: usize = memory.data(20);

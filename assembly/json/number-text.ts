import { decimalTo } from "../bytes/decimal";

/** The most that {@link numberTo} writes, in bytes: a sign, ten digits, a point, up to five zeros, or an exponent of up to five. */
export const NUMBER_ROOM: u32 = 32;
/** Up to here each integer is a double: 2^53. */
const MAX_INTEGER: f64 = 9007199254740992;
/** What does not fit these powers of ten is written with an exponent. */
const LEAST_PLAIN: i32 = -5;
const MOST_PLAIN: i32 = 9;

/** The first digits of the largest double, and what it multiplies by as a power of ten. */
const MOST_DIGITS: u64 = 1797693134;
const MOST_POWER: i32 = 308;

/**
 * Writes a finite number as JSON text (RFC 8259 §6) to `target`, which has room for {@link NUMBER_ROOM} bytes; answers where it ends.
 * Integers up to 2^53 are written as such, others rounded to ten digits, which is within 1e-9 of the number: what finds the digits of
 * every double takes 3 KiB of a module. It allocates nothing.
 */
export function numberTo(target: usize, value: f64): usize {
  if (value < 0) {
    store<u8>(target++, 0x2d);
    value = -value;
  }
  if (value <= MAX_INTEGER && value == trunc(value)) return decimalTo(target, <u64>value);
  // Some 300 rounds at most, each of which rounds by 2^-53.
  let power = 0;
  for (; value >= 10; power++) value /= 10;
  for (; value < 1; power--) value *= 10;
  let digits = <u64>(value * 1e9 + 0.5);
  // Rounded up, the largest doubles are infinity to a reader.
  if (power == MOST_POWER) digits = min(digits, MOST_DIGITS);
  const isPlain = power >= LEAST_PLAIN && power <= MOST_PLAIN;
  // Ten digits, one more where it was rounded up to the next power of ten.
  let places = isPlain ? 9 - power : 9;
  for (; places > 0 && digits % 10 == 0; places--) digits /= 10;
  let scale: u64 = 1;
  for (let at = 0; at < places; at++) scale *= 10;
  let end = decimalTo(target, digits / scale);
  if (places > 0) {
    store<u8>(end++, 0x2e);
    for (let at = places - 1; at >= 0; at--, digits /= 10) store<u8>(end + at, <u8>(0x30 + (digits % 10)));
    end += places;
  }
  if (isPlain) return end;
  store<u8>(end++, 0x65);
  if (power < 0) store<u8>(end++, 0x2d);
  return decimalTo(end, abs(power));
}

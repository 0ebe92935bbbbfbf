import { decimalTo } from "../bytes/decimal";
// @ts-ignore: the compiler's library; by this path tsc does not look into it, which would find faults of other parts.
import { dtoa_buffered } from "~lib/util/number";

/** The most that {@link numberTo} writes, in bytes: a sign, 17 digits, a point, up to five zeros, or an exponent of up to five. */
export const NUMBER_ROOM: u32 = 32;
/** Up to here each integer is a double: 2^53. */
const MAX_INTEGER: f64 = 9007199254740992;
const UNITS: usize = memory.data(64, 8);

/**
 * Writes a finite number as JSON text (RFC 8259 §6) to `target`, which has room for {@link NUMBER_ROOM} bytes; answers where it ends.
 * Integers up to 2^53 are written as such, others so that a correct reader gets the very same double: with Grisu2 (Loitsch 2010), which
 * takes the fewest digits for all but one in a thousand, and for these one more. It allocates nothing.
 */
export function numberTo(target: usize, value: f64): usize {
  if (abs(value) <= MAX_INTEGER && value == trunc(value)) {
    if (value < 0) store<u8>(target++, 0x2d);
    return decimalTo(target, <u64>abs(value));
  }
  // @ts-ignore: as above.
  let length: u32 = dtoa_buffered(UNITS, value);
  // The library marks what is a float by ".0".
  if (load<u32>(UNITS + ((length - 2) << 1)) == 0x30002e) length -= 2;
  for (let at: u32 = 0; at < length; at++) store<u8>(target + at, load<u8>(UNITS + (at << 1)));
  return target + length;
}

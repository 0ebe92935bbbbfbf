import { byteAt, Bytes, lengthOf } from "../bytes/bytes";

/**
 * The value of a JSON number. Exact for up to 15 significant digits and exponents within ±22, as the fast path of
 * every correct reader is (Clinger 1990); beyond, off by at most a few units in the last place. Saturates to
 * infinity, and to 0.
 */
export function parseNumber(text: Bytes): f64 {
  const length = lengthOf(text);
  let at: u32 = 0;
  const negative = byteAt(text, 0) == 0x2d;
  if (negative) at++;
  let digits: u64 = 0;
  let exponent: i32 = 0;
  let fraction = false;
  for (; at < length; at++) {
    const byte = byteAt(text, at);
    if (byte == 0x2e) {
      fraction = true;
      continue;
    }
    const digit = <u32>byte - 0x30;
    if (digit > 9) break;
    if (digits < 100000000000000000) {
      digits = digits * 10 + digit;
      if (fraction) exponent--;
    } else if (!fraction) exponent++;
  }
  if (at < length) exponent += parseExponent(text, at + 1);
  if (digits == 0) exponent = 0;
  const value = scale(<f64>digits, exponent);
  return negative ? -value : value;
}

function parseExponent(text: Bytes, start: u32): i32 {
  let at = start;
  const sign = byteAt(text, at);
  if (sign == 0x2d || sign == 0x2b) at++;
  let exponent: i32 = 0;
  for (; at < lengthOf(text); at++) exponent = min(exponent * 10 + <i32>(byteAt(text, at) - 0x30), 100000);
  return sign == 0x2d ? -exponent : exponent;
}

function scale(value: f64, exponent: i32): f64 {
  let left = exponent;
  let scaled = value;
  while (left > 0 && scaled != Infinity) {
    const step = min(left, 22);
    scaled *= powerOfTen(step);
    left -= step;
  }
  while (left < 0 && scaled != 0) {
    const step = min(-left, 22);
    scaled /= powerOfTen(step);
    left += step;
  }
  return scaled;
}

/** 10 to the power of 0 to 22, all of which are exact. */
function powerOfTen(exponent: i32): f64 {
  let power: f64 = 1;
  for (let i = 0; i < exponent; i++) power *= 10;
  return power;
}

import { byteAt, Bytes, lengthOf } from "../bytes/bytes";

const FORM = "dddd-dd-ddTdd:dd:dd";

/** The milliseconds since 1970 of a time of RFC 3339 §5.6 (`2026-12-31T00:00:00Z`, `2026-12-31T02:00:00.5+02:00`), or NaN. */
export function parseTimestamp(text: Bytes): f64 {
  const length = lengthOf(text);
  if (length < 20) return NaN;
  for (let at: u32 = 0; at < 19; at++) {
    const wanted = <u8>FORM.charCodeAt(at);
    const byte = byteAt(text, at);
    if (wanted == 0x64 ? <u32>(byte - 0x30) > 9 : wanted == 0x54 ? (byte | 0x20) != 0x74 : byte != wanted)
      return NaN;
  }
  const year = digits(text, 0) * 100 + digits(text, 2);
  const month = digits(text, 5);
  const day = digits(text, 8);
  const hour = digits(text, 11);
  const minute = digits(text, 14);
  const second = digits(text, 17);
  // A leap second is the first one of the next minute.
  if (month < 1 || month > 12 || day < 1 || day > daysIn(year, month)) return NaN;
  if (hour > 23 || minute > 59 || second > 60) return NaN;
  let at: u32 = 19;
  let fraction: f64 = 0;
  if (byteAt(text, at) == 0x2e) {
    let scale: f64 = 100;
    const first = ++at;
    for (; at < length && <u32>(byteAt(text, at) - 0x30) < 10; at++) {
      fraction += <f64>(byteAt(text, at) - 0x30) * scale;
      scale /= 10;
    }
    if (at == first) return NaN;
  }
  const offset = parseOffset(text, at);
  if (isNaN(offset)) return NaN;
  const minutes = (<f64>daysFrom1970(year, month, day) * 24 + <f64>hour) * 60 + <f64>minute - offset;
  return (minutes * 60 + <f64>second) * 1000 + fraction;
}

/** The minutes of `Z` or `+02:00`, which must be all that is left; NaN otherwise. */
function parseOffset(text: Bytes, at: u32): f64 {
  const left = lengthOf(text) - at;
  if (left == 1 && (byteAt(text, at) | 0x20) == 0x7a) return 0;
  if (left != 6 || byteAt(text, at + 3) != 0x3a) return NaN;
  const sign = byteAt(text, at);
  if (sign != 0x2b && sign != 0x2d) return NaN;
  for (let digit: u32 = 1; digit < 6; digit++) {
    if (digit != 3 && <u32>(byteAt(text, at + digit) - 0x30) > 9) return NaN;
  }
  const hours = digits(text, at + 1);
  const minutes = digits(text, at + 4);
  if (hours > 23 || minutes > 59) return NaN;
  const total = <f64>(hours * 60 + minutes);
  return sign == 0x2d ? -total : total;
}

function digits(text: Bytes, at: u32): i32 {
  return (<i32>byteAt(text, at) - 0x30) * 10 + <i32>byteAt(text, at + 1) - 0x30;
}

function daysIn(year: i32, month: i32): i32 {
  if (month == 2) return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28;
  return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
}

/** Days from 1970-01-01 in the proleptic Gregorian calendar: years begin in March, so that the leap day ends one. */
function daysFrom1970(year: i32, month: i32, day: i32): i32 {
  const shifted = month <= 2 ? year - 1 : year;
  const marchMonth = month <= 2 ? month + 9 : month - 3;
  const era = shifted / 400;
  const yearOfEra = shifted % 400;
  const dayOfYear = (153 * marchMonth + 2) / 5 + day - 1;
  return era * 146097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719468;
}

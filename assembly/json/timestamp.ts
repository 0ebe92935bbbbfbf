import { byteAt, Bytes, lengthOf, slice } from "../bytes/bytes";
import { parseNumber } from "./number";

/** The milliseconds since 1970 of a time of RFC 3339 §5.6 (`2026-12-31T00:00:00Z`, `2026-12-31T02:00:00.5+02:00`), or NaN. */
export function parseTimestamp(text: Bytes): f64 {
  if (!fits(text, 0, "dddd-dd-ddTdd:dd:dd")) return NaN;
  const length = lengthOf(text);
  let at: u32 = 19;
  if (at < length && byteAt(text, at) == 0x2e) {
    if (!fits(text, ++at, "d")) return NaN;
    while (at < length && isDigit(byteAt(text, at))) at++;
  }
  const second = parseNumber(slice(text, 17, at));
  const month = digits(text, 5);
  const day = digits(text, 8);
  const hour = digits(text, 11);
  const minute = digits(text, 14);
  const year = digits(text, 0) * 100 + digits(text, 2);
  const first = daysFrom1970(year, month);
  // A leap second is the first one of the next minute.
  if (month < 1 || month > 12 || day < 1 || day > daysFrom1970(year, month + 1) - first) return NaN;
  if (hour > 23 || minute > 59 || second >= 61) return NaN;
  const minutes = (<f64>(first + day - 1) * 24 + <f64>hour) * 60 + <f64>minute - offsetAt(text, at);
  return (minutes * 60 + second) * 1000;
}

/** The minutes of `Z` or `+02:00`, which must be all that is left; NaN otherwise. */
function offsetAt(text: Bytes, at: u32): f64 {
  const left = lengthOf(text) - at;
  if (left == 1 && (byteAt(text, at) | 0x20) == 0x7a) return 0;
  if (left != 6 || !(fits(text, at, "+dd:dd") || fits(text, at, "-dd:dd"))) return NaN;
  const hours = digits(text, at + 1);
  const minutes = digits(text, at + 4);
  if (hours > 23 || minutes > 59) return NaN;
  const total = <f64>(hours * 60 + minutes);
  return byteAt(text, at) == 0x2d ? -total : total;
}

/** Whether the text has this form from `at` on: `d` is a digit, `T` either case of it, everything else itself. */
function fits(text: Bytes, at: u32, form: string): bool {
  if (at + form.length > lengthOf(text)) return false;
  for (let i = 0; i < form.length; i++) {
    const wanted = <u8>form.charCodeAt(i);
    const byte = byteAt(text, at + i);
    if (wanted == 0x64 ? !isDigit(byte) : byte != wanted && (wanted != 0x54 || byte != 0x74)) return false;
  }
  return true;
}

function isDigit(byte: u8): bool {
  return <u32>(byte - 0x30) < 10;
}

function digits(text: Bytes, at: u32): i32 {
  return (<i32>byteAt(text, at) - 0x30) * 10 + <i32>byteAt(text, at + 1) - 0x30;
}

/**
 * Days from 1970-01-01 to the first of a month, of which 13 is the next January, in the proleptic Gregorian calendar. Years
 * begin in March, so that the leap day ends one; 400 years (146097 days) more keep them positive.
 */
function daysFrom1970(year: i32, month: i32): i32 {
  const shifted = month <= 2 ? year + 399 : year + 400;
  const marchMonth = month <= 2 ? month + 9 : month - 3;
  const leapDays = shifted / 4 - shifted / 100 + shifted / 400;
  return shifted * 365 + leapDays + (153 * marchMonth + 2) / 5 - (719468 + 146097);
}

import { decimalText } from "../bytes/decimal";
import { shown } from "../json/parse";
import { Bytes, bytesOf, hexDigit, lengthOf, pointerOf } from "../bytes/bytes";
import { CODE_POINTS, decodeUtf8, isWordPoint } from "./code-points";

/** The pattern that is being compiled, and how far it is read. */
let start: usize = 0;
export let patternEnd: usize = 0;
export let cursor: usize = 0;

/** What is wrong with the pattern, and where, counted in bytes from 1; empty when nothing is. */
export let regexProblem: string = "";

/** No character. */
export const NONE: u32 = u32.MAX_VALUE;

export function openPattern(pattern: Bytes): void {
  start = cursor = pointerOf(pattern);
  patternEnd = start + lengthOf(pattern);
  regexProblem = "";
}

export function moveTo(place: usize): void {
  cursor = place;
}

/** Reads one byte. */
export function skip(): void {
  cursor++;
}

/** The character that an escape stands for. The backslash, at `place`, is read. */
export function escape(place: usize): u32 {
  const point = take();
  // RE2 takes `\_` for an underscore.
  if (point < 0x80 && (point == 0x5f || !isWordPoint(point))) return point;
  switch (point) {
    case 0x61: // a
      return 0x07;
    case 0x66: // f
      return 0x0c;
    case 0x6e: // n
      return 0x0a;
    case 0x72: // r
      return 0x0d;
    case 0x74: // t
      return 0x09;
    case 0x76: // v
      return 0x0b;
    case 0x78: // x
      return hexadecimal(place);
    case NONE:
      fail(place, "a backslash at the end");
      return 0;
  }
  if (point - 0x30 < 10) {
    let octal = point - 0x30;
    if (octal < 8 && (octal == 0 || isOctal(peek()))) {
      for (let digits = 1; digits < 3 && isOctal(peek()); digits++) octal = octal * 8 + take() - 0x30;
      return octal;
    }
  }
  refuse(place, 2, "back-reference or class of Unicode");
  return 0;
}

function hexadecimal(place: usize): u32 {
  const isBraced = peek() == 0x7b;
  if (isBraced) cursor++;
  let value: u32 = 0;
  let digits = 0;
  while ((isBraced || digits < 2) && hexDigit(peek()) >= 0 && value < CODE_POINTS) {
    value = value * 16 + hexDigit(peek());
    cursor++;
    digits++;
  }
  if (value < CODE_POINTS && (isBraced ? digits > 0 && take() == 0x7d : digits == 2)) return value;
  fail(place, "expected \\x7F or \\x{10FFFF}");
  return 0;
}

/** The byte at the cursor, 0 at the end. */
export function peek(): u8 {
  return cursor < patternEnd ? load<u8>(cursor) : 0;
}

/** The character at the cursor, which moves on; {@link NONE} at the end. */
export function take(): u32 {
  if (cursor >= patternEnd) return NONE;
  const decoded = decodeUtf8(cursor, patternEnd);
  const point = decoded & 0xffffff;
  if (decoded == 0 || point >= CODE_POINTS) {
    fail(cursor, "not UTF-8");
    return NONE;
  }
  cursor += decoded >>> 24;
  return point;
}

/** The program, or what it needs, is larger than it may be. */
export function failSize(): void {
  fail(cursor, "too large");
}

/** There is something at `place` that RE2 has not, or this has not; the first bytes of it are shown. */
export function refuse(place: usize, length: u32, such: string): void {
  const left = <u32>(patternEnd - place);
  fail(place, shown(bytesOf(place, min(length, left))) + " is not supported: no " + such);
}

/** Something is wrong at `place`; what was found first is told. Nothing more is read then. */
export function fail(place: usize, problem: string): void {
  cursor = patternEnd;
  if (regexProblem.length > 0) return;
  regexProblem = problem + ", at " + decimalText(<i32>(place - start) + 1);
}

function isOctal(byte: u8): bool {
  return (byte & 0xf8) == 0x30;
}

import { addNamed, addRange, begin, finish, Fold, negate } from "./char-classes";
import {
  addTyped,
  bracketed,
  DOT_ALL,
  flags,
  IGNORE_CASE,
  MULTI_LINE,
  perlClass,
  setFlags,
} from "./class-syntax";
import { isWordPoint } from "./code-points";
import { cursor, escape, fail, moveTo, patternEnd, peek, refuse, skip, take } from "./pattern";
import { alternate, Assertion, codeLength, emit, join, Op, repeat, WORD_BEFORE } from "./program";

/** Groups within one another. */
const MAX_DEPTH: u32 = 100;
/** RE2's. */
const MAX_REPEAT: i32 = 1000;

/**
 * A group that is open: the flags around it, the variables of this name, and where the group starts in the program. Words.
 */
const FRAME: usize = 16;
export const FRAMES_ROOM: usize = <usize>MAX_DEPTH * FRAME;
let frame: usize = 0;
let depth: u32 = 0;

/** Where the alternative that is being read starts in the program, and what {@link alternate} said of those before it. */
let branch: u32 = 0;
let alternatives: u32 = 0;
/** Where the last thing that can be repeated starts in the program, -1 for none. */
let atom: i32 = -1;
/** It is a repetition. */
let isRepeated: bool = false;

/** What assertions ask about what is before them, and whether about characters at all. */
export let asked: u32 = 0;
let asksCharacters: bool = false;

/** Makes a program of the pattern, in one pass and without recursion. Needs {@link FRAMES_ROOM} bytes. */
export function parse(room: usize): void {
  frame = room;
  depth = branch = alternatives = asked = 0;
  atom = -1;
  isRepeated = asksCharacters = false;
  while (cursor < patternEnd) {
    const place = cursor;
    const point = take();
    if (point == 0x2a) repetition(place, 0, -1);
    else if (point == 0x2b) repetition(place, 1, -1);
    else if (point == 0x3f) repetition(place, 0, 1);
    else if (point != 0x7b || !counted(place)) {
      isRepeated = false;
      item(place, point);
    }
  }
  if (depth > 0) fail(cursor, "missing )");
  join(alternatives);
  emit(Op.Match, 0);
}

function item(place: usize, point: u32): void {
  switch (point) {
    case 0x28: // (
      return open(place);
    case 0x29: // )
      return close(place);
    case 0x7c: // |
      alternatives = alternate(branch, alternatives);
      branch = codeLength;
      atom = -1;
      return;
    case 0x5e: // ^
      return assert(flags & MULTI_LINE ? Assertion.LineStart : Assertion.TextStart);
    case 0x24: // $
      return assert(flags & MULTI_LINE ? Assertion.LineEnd : Assertion.TextEnd);
    case 0x5b: // [
      bracketed(place);
      return finishClass();
    case 0x5c: // backslash
      return escaped(place);
    case 0x2e: // .
      begin();
      if (!(flags & DOT_ALL)) addRange(0x0a, 0x0a, Fold.None);
      negate();
      return finishClass();
  }
  literal(place, point);
}

function assert(assertion: Assertion): void {
  atom = codeLength;
  emit(Op.Assert, assertion);
  asked |= assertion < Assertion.WordBoundary ? assertion : WORD_BEFORE;
  if (assertion == Assertion.TextStart || assertion == Assertion.TextEnd || asksCharacters) return;
  // A class that no instruction takes: what they ask about is told apart then.
  asksCharacters = true;
  begin();
  addRange(0x0a, 0x0a, Fold.None);
  addNamed(0x77, 0, false, Fold.None);
  finish();
}

function finishClass(): void {
  atom = codeLength;
  emit(Op.Char, finish());
}

function literal(place: usize, point: u32): void {
  begin();
  addTyped(place, point, point);
  finishClass();
}

/** What a backslash at `place` outside of brackets begins. */
function escaped(place: usize): void {
  let assertion = 0;
  switch (peek()) {
    case 0x41: // A
      assertion = Assertion.TextStart;
      break;
    case 0x7a: // z
      assertion = Assertion.TextEnd;
      break;
    case 0x62: // b
      assertion = Assertion.WordBoundary;
      break;
    case 0x42: // B
      assertion = Assertion.NoWordBoundary;
      break;
    case 0x51: // Q
      return quotation();
  }
  if (assertion != 0) {
    skip();
    return assert(assertion);
  }
  begin();
  if (!perlClass()) {
    const point = escape(place);
    addTyped(place, point, point);
  }
  finishClass();
}

/** What is between `\Q`, of which the letter is at the cursor, and `\E` or the end. */
function quotation(): void {
  skip();
  while (cursor < patternEnd) {
    const place = cursor;
    const point = take();
    if (point == 0x5c && peek() == 0x45) return skip();
    literal(place, point);
  }
}

/** The last thing comes `least` to `most` times, -1 without end. */
function repetition(place: usize, least: i32, most: i32): void {
  if (peek() == 0x3f) skip();
  if (max(least, most) > MAX_REPEAT || (most >= 0 && most < least)) {
    fail(place, "expected counts up to 1000, the lesser first");
  } else if (isRepeated) fail(place, "possessive or doubled repetition is not supported");
  else if (atom < 0) fail(place, "missing argument to repetition");
  else repeat(atom, least, most);
  isRepeated = true;
}

/** Whether `{` at `place` begins a counted repetition, which is read then; it is a character otherwise. */
function counted(place: usize): bool {
  const start = cursor;
  const least = number();
  let most = least;
  if (peek() == 0x2c) {
    skip();
    most = number();
  }
  // `{2,}` is without end, and `{2,x}` no repetition.
  const isCounted = least >= 0 && most >= -1 && peek() == 0x7d;
  if (isCounted) {
    skip();
    repetition(place, least, most);
  } else moveTo(start);
  return isCounted;
}

/** A number, which may be less than it is when it is too large; -1 where there is none, -2 for one with a leading zero. */
function number(): i32 {
  const start = cursor;
  let number = 0;
  while (<u32>peek() - 0x30 < 10) {
    number = min(number * 10 + peek() - 0x30, MAX_REPEAT + 1);
    skip();
  }
  return cursor == start ? -1 : cursor > start + 1 && load<u8>(start) == 0x30 ? -2 : number;
}

/** What `(` at `place` begins. */
function open(place: usize): void {
  let inside = flags;
  if (peek() == 0x3f) {
    skip();
    if (!skipName()) {
      let isOff = false;
      let isWrong = false;
      let flag = take();
      while (flag != 0x3a && flag != 0x29) {
        let bit: u32 = 0;
        if (flag == 0x69) bit = IGNORE_CASE;
        else if (flag == 0x73) bit = DOT_ALL;
        else if (flag == 0x6d) bit = MULTI_LINE;
        // `-` wants a flag behind it.
        isWrong = flag == 0x2d;
        if (isWrong && !isOff) isOff = true;
        else if (bit == 0 && flag != 0x55) {
          isWrong = true;
          break;
        }
        inside = isOff ? inside & ~bit : inside | bit;
        flag = take();
      }
      if (isWrong) return refuse(place, 4, "look-around, atomic or conditional group");
      if (flag == 0x29) return setFlags(inside);
    }
  }
  if (depth++ == MAX_DEPTH) return fail(place, "nested too deep");
  store<u32>(frame, flags);
  store<u32>(frame, branch, 4);
  store<u32>(frame, alternatives, 8);
  store<u32>(frame, codeLength, 12);
  frame += FRAME;
  setFlags(inside);
  branch = codeLength;
  alternatives = 0;
  atom = -1;
}

/** Whether behind `(?` is `P<name>` or `<name>`, which is read then. */
function skipName(): bool {
  let at = cursor;
  if (peek() == 0x50) at++;
  if (at >= patternEnd || load<u8>(at) != 0x3c) return false;
  const start = ++at;
  while (at < patternEnd && isWordPoint(load<u8>(at))) at++;
  if (at == start || at == patternEnd || load<u8>(at) != 0x3e) return false;
  moveTo(at + 1);
  return true;
}

function close(place: usize): void {
  if (depth == 0) return fail(place, "unexpected )");
  depth--;
  join(alternatives);
  frame -= FRAME;
  setFlags(load<u32>(frame));
  branch = load<u32>(frame, 4);
  alternatives = load<u32>(frame, 8);
  atom = load<u32>(frame, 12);
}

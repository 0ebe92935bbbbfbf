import { addNamed, addRange, begin, Fold, negate } from "./char-classes";
import { cursor, escape, fail, moveTo, patternEnd, peek, skip, take } from "./pattern";

/** `(?i)`, `(?s)`, `(?m)`. `(?U)`, and `?` behind a repetition, make no difference where the whole value is matched. */
export const IGNORE_CASE: u32 = 1;
export const DOT_ALL: u32 = 2;
export const MULTI_LINE: u32 = 4;

/** Those that hold at the cursor. */
export let flags: u32 = 0;
/** What holds for letters without {@link IGNORE_CASE}. */
let otherwise: Fold = Fold.None;

export function startFlags(ignoreCase: bool): void {
  flags = 0;
  otherwise = ignoreCase ? Fold.Ascii : Fold.None;
}

export function setFlags(now: u32): void {
  flags = now;
}

function fold(): Fold {
  return flags & IGNORE_CASE ? Fold.Unicode : otherwise;
}

/** The pattern itself names these characters, unlike a class that stands for them. */
export function addTyped(place: usize, low: u32, high: u32): void {
  // What letters beyond ASCII are the same would take a table larger than all of this.
  if (high >= 0x80 && fold() == Fold.Unicode) fail(place, "(?i) is for ASCII only");
  else addRange(low, high, fold());
}

/** What `[` at `place` begins becomes a class. */
export function bracketed(place: usize): void {
  begin();
  const isNegated = peek() == 0x5e;
  if (isNegated) skip();
  let isFirst = true;
  while (cursor < patternEnd && (isFirst || peek() != 0x5d)) {
    isFirst = false;
    if (posixClass()) continue;
    const item = cursor;
    const low = take();
    if (low == 0x5c && perlClass()) continue;
    const from = character(item, low);
    let to = from;
    if (peek() == 0x2d && cursor + 1 < patternEnd && load<u8>(cursor, 1) != 0x5d) {
      skip();
      const last = cursor;
      to = character(last, take());
    }
    if (from > to) fail(item, "a range from high to low");
    else addTyped(item, from, to);
  }
  if (take() != 0x5d) fail(place, "missing ]");
  if (isNegated) negate();
}

/** The character that was read at `place`, or what it escapes. */
function character(place: usize, point: u32): u32 {
  return point == 0x5c ? escape(place) : point;
}

/** Whether `[:name:]` is at the cursor, which is read then. */
function posixClass(): bool {
  let name = cursor + 2;
  if (name > patternEnd || load<u16>(cursor) != 0x3a5b) return false;
  let end = name;
  while (end + 1 < patternEnd && load<u16>(end) != 0x5d3a) end++;
  if (end + 1 >= patternEnd) return false;
  const isNegated = load<u8>(name) == 0x5e;
  if (isNegated) name++;
  if (addNamed(name, <u32>(end - name), isNegated, fold())) moveTo(end + 2);
  else fail(cursor, "unknown class; expected one like [:alpha:]");
  return true;
}

/** Whether behind a backslash is `d`, `s`, `w` or one of these in capitals, which is read then and added to the class. */
export function perlClass(): bool {
  const letter = peek();
  const lower = letter | 0x20;
  if (lower != 0x64 && lower != 0x73 && lower != 0x77) return false;
  skip();
  return addNamed(lower, 0, letter != lower, fold());
}

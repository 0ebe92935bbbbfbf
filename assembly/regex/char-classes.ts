import { sameRun } from "../bytes/bytes";
import { CODE_POINTS, countUpTo, ILL_FORMED } from "./code-points";
import { failSize } from "./pattern";

/** Bytes that all classes of a regex may take. */
const MAX_CLASSES: usize = 32 * 1024;
/** Places at which some class begins or ends: a state has an entry for what is between each two of them. */
const MAX_BOUNDARIES: u32 = 1000;
const BOUNDARIES_ROOM: usize = <usize>MAX_BOUNDARIES * 4;
/**
 * Both, and what a class may take before it is noticed that there is no room: its last range, and one of {@link addNamed} apart
 * from it.
 */
export const CLASSES_ROOM: usize = BOUNDARIES_ROOM + MAX_CLASSES + 256;
/** Where the class with a name that is to be turned round is made: behind what it can add to the class around it. */
const APART: usize = 128;

/** What counts as the same letter. */
export enum Fold {
  None,
  /** Of ASCII, what `ignoreCase` says. */
  Ascii,
  /** What `(?i)` says, of ASCII letters: `ſ` (U+017F) is an s, and the Kelvin sign (U+212A) a k. */
  Unicode,
}

/**
 * Classes with names: length and letters of the name, number of ranges, first and last of each. Those of POSIX; of Perl's,
 * the first with the letter: `\s` has no vertical tab, and a name here that no text in UTF-8 has.
 */
// prettier-ignore
const NAMED: usize = memory.data<u8>([
  2, 0x73, 0xff, 3, 0x09, 0x0a, 0x0c, 0x0d, 0x20, 0x20, // s
  5, 0x61, 0x6c, 0x6e, 0x75, 0x6d, 3, 0x30, 0x39, 0x41, 0x5a, 0x61, 0x7a, // alnum
  5, 0x61, 0x6c, 0x70, 0x68, 0x61, 2, 0x41, 0x5a, 0x61, 0x7a, // alpha
  5, 0x61, 0x73, 0x63, 0x69, 0x69, 1, 0x00, 0x7f, // ascii
  5, 0x62, 0x6c, 0x61, 0x6e, 0x6b, 2, 0x09, 0x09, 0x20, 0x20, // blank
  5, 0x63, 0x6e, 0x74, 0x72, 0x6c, 2, 0x00, 0x1f, 0x7f, 0x7f, // cntrl
  5, 0x64, 0x69, 0x67, 0x69, 0x74, 1, 0x30, 0x39, // digit
  5, 0x67, 0x72, 0x61, 0x70, 0x68, 1, 0x21, 0x7e, // graph
  5, 0x6c, 0x6f, 0x77, 0x65, 0x72, 1, 0x61, 0x7a, // lower
  5, 0x70, 0x72, 0x69, 0x6e, 0x74, 1, 0x20, 0x7e, // print
  5, 0x70, 0x75, 0x6e, 0x63, 0x74, 4, 0x21, 0x2f, 0x3a, 0x40, 0x5b, 0x60, 0x7b, 0x7e, // punct
  5, 0x73, 0x70, 0x61, 0x63, 0x65, 2, 0x09, 0x0d, 0x20, 0x20, // space
  5, 0x75, 0x70, 0x70, 0x65, 0x72, 1, 0x41, 0x5a, // upper
  4, 0x77, 0x6f, 0x72, 0x64, 4, 0x30, 0x39, 0x41, 0x5a, 0x5f, 0x5f, 0x61, 0x7a, // word
  6, 0x78, 0x64, 0x69, 0x67, 0x69, 0x74, 3, 0x30, 0x39, 0x41, 0x46, 0x61, 0x66, // xdigit
  0,
]);

/**
 * The sets of code points of a regex: each a word that counts, and so many ascending words, at which the set begins and
 * ends in turn. A code point so is in it when an odd number of them is not above it.
 */
export let classes: usize = 0;
/** The first word of the class that is being made, and where all of them end. */
let first: usize = 0;
export let classesEnd: usize = 0;

/** Where classes begin or end, ascending, each once. */
export let boundaries: usize = 0;
export let boundaryCount: u32 = 0;

/** Starts with no class, in {@link CLASSES_ROOM} bytes. */
export function startClasses(room: usize): void {
  boundaries = room;
  boundaryCount = 0;
  classes = classesEnd = room + BOUNDARIES_ROOM;
}

/** Starts a class, which has nothing in it. Before it is room for its count, and for what {@link negate} may put there. */
export function begin(): void {
  classesEnd += 8;
  first = classesEnd;
}

/** The code points from `low` up to `end` (exclusive) are in the class. */
function add(low: u32, end: u32): void {
  if (classesEnd - classes > MAX_CLASSES) return failSize();
  let at = first;
  while (at < classesEnd && load<u32>(at, 4) < low) at += 8;
  let after = at;
  while (after < classesEnd && load<u32>(after) <= end) {
    low = min(low, load<u32>(after));
    end = max(end, load<u32>(after, 4));
    after += 8;
  }
  memory.copy(at + 8, after, classesEnd - after);
  classesEnd += at + 8 - after;
  store<u32>(at, low);
  store<u32>(at, end, 4);
}

/** Those from `low` to `high`, and what is the same letter as one of them, are in the class. */
export function addRange(low: u32, high: u32, fold: Fold): void {
  add(low, high + 1);
  if (fold == Fold.None) return;
  addCase(low, high, 0x41, 32);
  addCase(low, high, 0x61, -32);
  if (fold == Fold.Ascii) return;
  if (has(0x73)) add(0x17f, 0x180);
  if (has(0x6b)) add(0x212a, 0x212b);
}

/** Adds the other case of those of the 26 letters from `first` on that are between `low` and `high`. */
function addCase(low: u32, high: u32, first: u32, distance: u32): void {
  low = max(low, first);
  high = min(high, first + 25);
  if (low <= high) add(low + distance, high + 1 + distance);
}

function has(point: u32): bool {
  return (countUpTo(first, <u32>((classesEnd - first) >>> 2), point) & 1) != 0;
}

/**
 * Adds the class with this name, or for a `length` of 0 the first whose name begins with the letter `name`; or else all that is
 * not in it. False when there is none.
 */
export function addNamed(name: usize, length: u32, negated: bool, fold: Fold): bool {
  let at = NAMED;
  while (length == 0 ? load<u8>(at, 1) != name : load<u8>(at) != length || !sameRun(at + 1, name, length)) {
    at += 1 + load<u8>(at);
    at += 1 + 2 * load<u8>(at);
    if (load<u8>(at) == 0) return false;
  }
  at += 1 + load<u8>(at);
  const around = first;
  const end = classesEnd;
  const apart = end + APART;
  if (negated) first = classesEnd = apart;
  for (let left = load<u8>(at++); left > 0; left--) {
    addRange(load<u8>(at), load<u8>(at, 1), fold);
    at += 2;
  }
  if (!negated) return true;
  negate();
  at = first;
  const last = classesEnd;
  first = around;
  classesEnd = end;
  for (; at < last; at += 8) add(load<u32>(at), load<u32>(at, 4));
  return true;
}

/** What is in the class is not, and what is not is. Nothing is added to it then. */
export function negate(): void {
  if (first < classesEnd && load<u32>(first) == 0) first += 4;
  else {
    first -= 4;
    store<u32>(first, 0);
  }
  if (load<u32>(classesEnd - 4) == CODE_POINTS) classesEnd -= 4;
  else {
    store<u32>(classesEnd, CODE_POINTS);
    classesEnd += 4;
  }
}

/** The class is complete; answers at which word it is. */
export function finish(): u32 {
  const last = classesEnd - 4;
  store<u32>(first - 4, (<u32>(classesEnd - first)) >>> 2);
  if (load<u32>(last) == CODE_POINTS && load<u32>(last - 4) <= 0x80) store<u32>(last, ILL_FORMED + 1);
  for (let at = first; at < classesEnd; at += 4) addBoundary(load<u32>(at));
  return (<u32>(first - 4 - classes)) >>> 2;
}

function addBoundary(point: u32): void {
  const before = countUpTo(boundaries, boundaryCount, point);
  const place = boundaries + ((<usize>before) << 2);
  if (before > 0 && load<u32>(place - 4) == point) return;
  if (boundaryCount == MAX_BOUNDARIES) return failSize();
  memory.copy(place + 4, place, (<usize>(boundaryCount++ - before)) << 2);
  store<u32>(place, point);
}

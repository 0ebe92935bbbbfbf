import { sameRun } from "../bytes/bytes";
import { CODE_POINTS, countUpTo, ILL_FORMED } from "./code-points";

/** Words that all classes of a regex may take. */
const MAX_WORDS: usize = 8192;
/** Bytes beyond them: a class is checked before a range is added, and one of {@link addNamed} is made apart from it. */
const MARGIN: usize = 256;
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
 * Classes with names: length and letters of the name, number of ranges, first and last of each. Those of POSIX, and by
 * their letter those of Perl. As in RE2, `\s` has no vertical tab, and all are of ASCII.
 */
// prettier-ignore
const NAMED: usize = memory.data<u8>([
  1, 0x64, 1, 0x30, 0x39, // d
  1, 0x73, 3, 0x09, 0x0a, 0x0c, 0x0d, 0x20, 0x20, // s
  1, 0x77, 4, 0x30, 0x39, 0x41, 0x5a, 0x5f, 0x5f, 0x61, 0x7a, // w
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
@final
export class CharClasses {
  readonly words: usize = heap.alloc(MAX_WORDS * 4 + MARGIN);
  /** The first word of the class that is being made, and where all of them end. */
  private first: usize = this.words;
  end: usize = this.words;
  /** There was no room for all. */
  full: bool = false;

  /** Starts a class, which has nothing in it. */
  begin(): void {
    this.end += 4;
    this.first = this.end;
  }

  /** The code points from `low` up to `end` (exclusive) are in the class. */
  private add(low: u32, end: u32): void {
    if (this.end - this.words > MAX_WORDS * 4) {
      this.full = true;
      return;
    }
    let at = this.first;
    while (at < this.end && load<u32>(at, 4) < low) at += 8;
    let after = at;
    while (after < this.end && load<u32>(after) <= end) {
      low = min(low, load<u32>(after));
      end = max(end, load<u32>(after, 4));
      after += 8;
    }
    memory.copy(at + 8, after, this.end - after);
    this.end += at + 8 - after;
    store<u32>(at, low);
    store<u32>(at, end, 4);
  }

  /** Those from `low` to `high`, and what is the same letter as one of them, are in the class. */
  addRange(low: u32, high: u32, fold: Fold): void {
    this.add(low, high + 1);
    if (fold == Fold.None) return;
    this.addCase(low, high, 0x41, 32);
    this.addCase(low, high, 0x61, -32);
    if (fold == Fold.Ascii) return;
    if (this.has(0x73)) this.add(0x17f, 0x180);
    if (this.has(0x6b)) this.add(0x212a, 0x212b);
  }

  /** Adds the other case of those of the 26 letters from `first` on that are between `low` and `high`. */
  private addCase(low: u32, high: u32, first: u32, distance: u32): void {
    low = max(low, first);
    high = min(high, first + 25);
    if (low <= high) this.add(low + distance, high + 1 + distance);
  }

  private has(point: u32): bool {
    return (countUpTo(this.first, <u32>((this.end - this.first) >>> 2), point) & 1) != 0;
  }

  /** Adds the class with this name, or all that is not in it. False when there is none. */
  addNamed(name: usize, length: u32, negated: bool, fold: Fold): bool {
    let at = NAMED;
    while (load<u8>(at) != length || !sameRun(at + 1, name, length)) {
      at += 1 + load<u8>(at);
      at += 1 + 2 * load<u8>(at);
      if (load<u8>(at) == 0) return false;
    }
    at += 1 + length;
    const first = this.first;
    const end = this.end;
    const apart = end + APART;
    if (negated) this.first = this.end = apart;
    for (let left = load<u8>(at++); left > 0; left--) {
      this.addRange(load<u8>(at), load<u8>(at, 1), fold);
      at += 2;
    }
    if (!negated) return true;
    this.negate();
    const last = this.end;
    this.first = first;
    this.end = end;
    for (at = apart; at < last; at += 8) this.add(load<u32>(at), load<u32>(at, 4));
    return true;
  }

  /** What is in the class is not, and what is not is. */
  negate(): void {
    const first = this.first;
    if (this.end > first && load<u32>(first) == 0) {
      this.end -= 4;
      memory.copy(first, first + 4, this.end - first);
    } else {
      memory.copy(first + 4, first, this.end - first);
      store<u32>(first, 0);
      this.end += 4;
    }
    if (this.end > first && load<u32>(this.end - 4) == CODE_POINTS) this.end -= 4;
    else {
      store<u32>(this.end, CODE_POINTS);
      this.end += 4;
    }
  }

  /** The class is complete; answers at which word it is. */
  finish(): u32 {
    const first = this.first;
    const end = this.end;
    if (end > first && load<u32>(end - 4) == CODE_POINTS && load<u32>(end - 8) <= 0x80) {
      store<u32>(end - 4, ILL_FORMED + 1);
    }
    store<u32>(first - 4, <u32>(end - first) >>> 2);
    return <u32>(first - 4 - this.words) >>> 2;
  }

  free(): void {
    heap.free(this.words);
  }
}

import { Bytes } from "../bytes/bytes";
import { CharClasses, Fold } from "./char-classes";
import { isWordPoint } from "./code-points";
import { PatternReader } from "./pattern-reader";
import { Assertion, MAX_INSTRUCTIONS, Op, Program, WORD_BEFORE } from "./program";

/** Bytes of a pattern. */
const MAX_BYTES: usize = 4096;
/** Groups within one another. */
const MAX_DEPTH: u32 = 100;
/** RE2's: repetitions of one thing, be they counted within one another. */
const MAX_REPEAT: i32 = 1000;

/** `(?i)`, `(?s)`, `(?m)`; `(?U)` makes no difference where the whole value is matched. */
const IGNORE_CASE: u32 = 1;
const DOT_ALL: u32 = 2;
const MULTI_LINE: u32 = 4;

/** A group that is open, as it was found: what {@link Parser} has in the fields of these names. */
@unmanaged
class Frame {
  flags: u32;
  branch: u32;
  alternatives: u32;
  most: i32;
  /** Where the group starts in the program. */
  start: u32;
}

/**
 * Makes a program of a pattern of RE2's syntax, in one pass and without recursion. Where it is wrong, {@link problem} says
 * what and where, and what is made is not to be used.
 */
@final
export class Parser extends PatternReader {
  readonly program: Program = new Program();
  readonly classes: CharClasses = new CharClasses();
  /** What assertions ask about what is before them, and whether about characters at all. */
  asked: u32 = 0;
  asksCharacters: bool = false;

  private flags: u32 = 0;
  private readonly frames: usize = heap.alloc(MAX_DEPTH * offsetof<Frame>());
  private depth: u32 = 0;
  /** Where the alternative that is being read starts in the program, and what {@link Program.alternative} said of those before. */
  private branch: u32 = 0;
  private alternatives: u32 = 0;
  /** Where the last thing that can be repeated starts in the program, -1 for none; whether it is a repetition itself. */
  private atom: i32 = -1;
  private isRepeated: bool = false;
  /** How often something in that thing is repeated, and the most of the group that is being read. */
  private nested: i32 = 1;
  private most: i32 = 1;
  /** What {@link counts} read. */
  private leastCount: i32 = 0;
  private mostCount: i32 = 0;

  constructor(
    pattern: Bytes,
    private readonly ignoreCase: bool,
  ) {
    super(pattern);
  }

  parse(): void {
    if (this.end - this.start > MAX_BYTES) this.fail(this.at, `longer than ${MAX_BYTES} bytes`);
    while (this.at < this.end) {
      const place = this.at;
      const point = this.take();
      switch (point) {
        case 0x2a: // *
          this.repeat(place, 0, -1);
          continue;
        case 0x2b: // +
          this.repeat(place, 1, -1);
          continue;
        case 0x3f: // ?
          this.repeat(place, 0, 1);
          continue;
        case 0x7b: // {
          if (this.counts()) {
            this.repeat(place, this.leastCount, this.mostCount);
            continue;
          }
      }
      this.isRepeated = false;
      this.item(place, point);
      if (this.program.full || this.classes.full) this.failSize(place);
    }
    if (this.depth > 0) this.fail(this.end, "missing )");
    this.program.join(this.alternatives);
    this.program.emit(Op.Match, 0);
    if (this.program.full) this.failSize(this.end);
  }

  private item(place: usize, point: u32): void {
    switch (point) {
      case 0x28: // (
        return this.open(place);
      case 0x29: // )
        return this.close(place);
      case 0x7c: // |
        this.alternatives = this.program.alternative(this.branch, this.alternatives);
        this.branch = this.program.length;
        this.atom = -1;
        return;
      case 0x5e: // ^
        return this.assert(this.flags & MULTI_LINE ? Assertion.LineStart : Assertion.TextStart);
      case 0x24: // $
        return this.assert(this.flags & MULTI_LINE ? Assertion.LineEnd : Assertion.TextEnd);
      case 0x5b: // [
        return this.bracketed(place);
      case 0x5c: // backslash
        return this.escaped(place);
      case 0x2e: // .
        this.classes.begin();
        if (!(this.flags & DOT_ALL)) this.classes.addRange(0x0a, 0x0a, Fold.None);
        this.classes.negate();
        return this.finishClass();
    }
    this.literal(place, point);
  }

  private startAtom(): void {
    this.atom = this.program.length;
    this.nested = 1;
  }

  private assert(assertion: Assertion): void {
    this.startAtom();
    this.program.emit(Op.Assert, assertion);
    this.asked |= assertion < Assertion.WordBoundary ? assertion : WORD_BEFORE;
    if (assertion != Assertion.TextStart && assertion != Assertion.TextEnd) this.asksCharacters = true;
  }

  private finishClass(): void {
    this.startAtom();
    this.program.emit(Op.Char, this.classes.finish());
  }

  private literal(place: usize, point: u32): void {
    this.classes.begin();
    this.addTyped(place, point, point);
    this.finishClass();
  }

  /** What the pattern itself names, unlike a class that stands for it. */
  private addTyped(place: usize, low: u32, high: u32): void {
    const fold = this.fold();
    if (fold == Fold.Unicode && high >= 0x80) {
      this.fail(place, "(?i) is supported for ASCII only");
      return;
    }
    this.classes.addRange(low, high, fold);
  }

  private fold(): Fold {
    return this.flags & IGNORE_CASE ? Fold.Unicode : this.ignoreCase ? Fold.Ascii : Fold.None;
  }

  private repeat(place: usize, least: i32, most: i32): void {
    if (this.peek() == 0x3f) this.at++;
    const times = max(least, most);
    if (times > MAX_REPEAT || (most >= 0 && most < least)) return this.failRepeat(place);
    if (this.isRepeated) {
      return this.fail(place, "a repetition of a repetition (possessive or doubled) is not supported");
    }
    if (this.atom < 0) return this.fail(place, "missing argument to repetition");
    if (times > 1) {
      this.nested *= times;
      if (this.nested > MAX_REPEAT) return this.failRepeat(place);
    }
    this.most = max(this.most, this.nested);
    this.program.repeat(this.atom, least, most);
    this.isRepeated = true;
    if (this.program.full) this.failSize(place);
  }

  /** Whether behind `{` are the counts of a repetition, which are read then. */
  private counts(): bool {
    const start = this.at;
    this.leastCount = this.number();
    this.mostCount = this.leastCount;
    if (this.peek() == 0x2c) {
      this.at++;
      this.mostCount = this.number();
    }
    // `{2,}` is without end, and `{2,x}` no repetition.
    if (this.leastCount >= 0 && this.mostCount >= -1 && this.peek() == 0x7d) {
      this.at++;
      return true;
    }
    this.at = start;
    return false;
  }

  /** A number; -1 where there is none, -2 for one with a leading zero. */
  private number(): i32 {
    const start = this.at;
    let number = 0;
    while (<u32>this.peek() - 0x30 < 10) {
      number = min(number * 10 + this.peek() - 0x30, MAX_REPEAT + 1);
      this.at++;
    }
    const length = this.at - start;
    return length == 0 ? -1 : length > 1 && load<u8>(start) == 0x30 ? -2 : number;
  }

  private open(place: usize): void {
    let flags = this.flags;
    if (this.peek() == 0x3f) {
      this.at++;
      const isNamed = this.skipName();
      if (!isNamed) {
        let negated = false;
        let sawFlag = true;
        let flag: u32;
        while ((flag = this.take()) != 0x3a && flag != 0x29) {
          if (flag == 0x2d && !negated) {
            negated = true;
            sawFlag = false;
            continue;
          }
          let bit: u32 = 0;
          if (flag == 0x69) bit = IGNORE_CASE;
          else if (flag == 0x73) bit = DOT_ALL;
          else if (flag == 0x6d) bit = MULTI_LINE;
          else if (flag != 0x55) return this.failGroup(place);
          flags = negated ? flags & ~bit : flags | bit;
          sawFlag = true;
        }
        if (!sawFlag) return this.failGroup(place);
        if (flag == 0x29) {
          this.flags = flags;
          return;
        }
      }
    }
    if (this.depth == MAX_DEPTH) return this.fail(place, `nested deeper than ${MAX_DEPTH} groups`);
    const frame = this.frame();
    this.depth++;
    frame.flags = this.flags;
    frame.branch = this.branch;
    frame.alternatives = this.alternatives;
    frame.most = this.most;
    frame.start = this.program.length;
    this.flags = flags;
    this.branch = this.program.length;
    this.alternatives = 0;
    this.most = 1;
    this.atom = -1;
  }

  /** Of the group at the current depth. */
  private frame(): Frame {
    return changetype<Frame>(this.frames + <usize>this.depth * offsetof<Frame>());
  }

  /** Whether behind `(?` is `P<name>` or `<name>`, which is read then. */
  private skipName(): bool {
    let at = this.at;
    if (this.peek() == 0x50) at++;
    if (at >= this.end || load<u8>(at) != 0x3c) return false;
    const start = ++at;
    while (at < this.end && isWordPoint(load<u8>(at))) at++;
    if (at == start || at == this.end || load<u8>(at) != 0x3e) return false;
    this.at = at + 1;
    return true;
  }

  private close(place: usize): void {
    if (this.depth == 0) return this.fail(place, "unexpected )");
    this.program.join(this.alternatives);
    this.depth--;
    const frame = this.frame();
    this.nested = this.most;
    this.flags = frame.flags;
    this.branch = frame.branch;
    this.alternatives = frame.alternatives;
    this.most = max(frame.most, this.nested);
    this.atom = frame.start;
  }

  private bracketed(place: usize): void {
    this.classes.begin();
    const negated = this.peek() == 0x5e;
    if (negated) this.at++;
    let isFirst = true;
    while (this.at < this.end && (isFirst || this.peek() != 0x5d)) {
      isFirst = false;
      const item = this.at;
      if (this.peek() == 0x5b && this.posixClass()) continue;
      const escaped = this.peek() == 0x5c;
      if (escaped && this.perlClass(item)) continue;
      const low = this.classCharacter();
      let high = low;
      if (this.peek() == 0x2d && this.at + 1 < this.end && load<u8>(this.at, 1) != 0x5d) {
        this.at++;
        high = this.classCharacter();
      }
      if (low > high) this.fail(item, "a range from high to low");
      else this.addTyped(item, low, high);
      if (this.classes.full) this.failSize(item);
    }
    if (this.take() != 0x5d) this.fail(place, "missing ]");
    if (negated) this.classes.negate();
    this.finishClass();
  }

  private classCharacter(): u32 {
    const place = this.at;
    const point = this.take();
    return point == 0x5c ? this.escape(place) : point;
  }

  /** Whether `[:name:]` is here, which is read then. */
  private posixClass(): bool {
    const place = this.at;
    let name = place + 2;
    if (name > this.end || load<u8>(place, 1) != 0x3a) return false;
    let end = name;
    while (end + 1 < this.end && load<u16>(end) != 0x5d3a) end++;
    if (end + 1 >= this.end) return false;
    const negated = load<u8>(name) == 0x5e;
    if (negated) name++;
    if (!this.classes.addNamed(name, <u32>(end - name), negated, this.fold())) {
      this.fail(place, "unknown class; expected one of POSIX, like [:alpha:]");
    } else this.at = end + 2;
    return true;
  }

  /** Whether `\d`, `\s`, `\w` or the contrary of one is here, which is read then and added to the class. */
  private perlClass(place: usize): bool {
    if (this.end - place < 2) return false;
    const letter = load<u8>(place, 1);
    const lower = letter | 0x20;
    if (lower != 0x64 && lower != 0x73 && lower != 0x77) return false;
    this.at = place + 2;
    const name = memory.data(1);
    store<u8>(name, lower);
    this.classes.addNamed(name, 1, letter != lower, this.fold());
    return true;
  }

  /** What a backslash at `place` outside of brackets begins. */
  private escaped(place: usize): void {
    switch (this.peek()) {
      case 0x41: // A
        this.at++;
        return this.assert(Assertion.TextStart);
      case 0x7a: // z
        this.at++;
        return this.assert(Assertion.TextEnd);
      case 0x62: // b
        this.at++;
        return this.assert(Assertion.WordBoundary);
      case 0x42: // B
        this.at++;
        return this.assert(Assertion.NoWordBoundary);
      case 0x51: // Q
        this.at++;
        return this.quotation();
    }
    this.classes.begin();
    if (!this.perlClass(place)) {
      const point = this.escape(place);
      this.addTyped(place, point, point);
    }
    this.finishClass();
  }

  /** The characters up to `\E`, or the end. */
  private quotation(): void {
    while (this.at < this.end) {
      const place = this.at;
      const point = this.take();
      if (point == 0x5c && this.peek() == 0x45) {
        this.at++;
        return;
      }
      this.literal(place, point);
      if (this.program.full || this.classes.full) this.failSize(place);
    }
  }

  private failGroup(place: usize): void {
    const second = this.end - place > 2 ? load<u8>(place, 2) : 0;
    const third = this.end - place > 3 ? load<u8>(place, 3) : 0;
    let what = "a group of this kind";
    if (second == 0x3d || second == 0x21) what = "look-ahead";
    else if (second == 0x3c && (third == 0x3d || third == 0x21)) what = "look-behind";
    else if (second == 0x3e) what = "an atomic group";
    else if (second == 0x28) what = "a conditional group";
    else if (second == 0x50 && (third == 0x3d || third == 0x3e)) what = "a back-reference";
    this.fail(place, what + " is not supported");
  }

  private failRepeat(place: usize): void {
    this.fail(place, `invalid size of a repetition; expected at most ${MAX_REPEAT}`);
  }

  private failSize(place: usize): void {
    this.fail(place, `too large; expected at most ${MAX_INSTRUCTIONS} instructions`);
  }

  free(): void {
    this.program.free();
    this.classes.free();
    heap.free(this.frames);
  }
}

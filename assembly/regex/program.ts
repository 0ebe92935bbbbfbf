/** Instructions of a program: what a value's character costs at most is in proportion to it. */
export const MAX_INSTRUCTIONS: u32 = 2000;

/** What an instruction does; its argument is in brackets. */
export enum Op {
  /** The regex is at its end. */
  Match,
  /** Takes a character that is in a class [its word]. */
  Char,
  /** Goes on where an {@link Assertion} holds [which]. */
  Assert,
  /** Goes on elsewhere [how many instructions from here]. */
  Jump,
  /** Goes on with the next instruction, and elsewhere [how many instructions from here]. */
  Split,
}

/**
 * What is asked of a place: each but the word boundaries is a set of bits of which one must hold there. Before a place may be
 * the start of the text (1), a line feed (2), or a character of a word (4); after it the end (8), or (16) or (32) likewise.
 */
export enum Assertion {
  TextStart = 1,
  LineStart = 3,
  TextEnd = 8,
  LineEnd = 24,
  WordBoundary = 64,
  NoWordBoundary = 65,
}

/** The bit of a word's character before a place. */
export const WORD_BEFORE: u32 = 4;

/**
 * A program that is being made: an instruction is a word, with its {@link Op} in the lower three bits and a signed argument
 * above. All places are relative, so that a part of it is moved and copied as it is.
 */
@final
export class Program {
  readonly code: usize = heap.alloc(MAX_INSTRUCTIONS * 4);
  length: u32 = 0;
  /** There was no room for all. */
  full: bool = false;

  set(at: u32, op: Op, argument: i32): void {
    store<i32>(this.code + (<usize>at << 2), (argument << 3) | op);
  }

  emit(op: Op, argument: i32): void {
    if (this.makesRoom(1)) this.set(this.length++, op, argument);
  }

  private makesRoom(count: u32): bool {
    if (this.length + count > MAX_INSTRUCTIONS) this.full = true;
    return !this.full;
  }

  /** Leaves room for an instruction before the one at `at`. */
  private shift(at: u32): void {
    const from = this.code + (<usize>at << 2);
    memory.copy(from + 4, from, <usize>(this.length++ - at) << 2);
  }

  /**
   * What starts at `start` is an alternative, and another one follows. Its end is a jump behind the last alternative, which
   * holds until {@link join} the place after the jump before it, 0 for none. Answers that place.
   */
  alternative(start: u32, before: u32): u32 {
    if (!this.makesRoom(2)) return before;
    this.shift(start);
    this.set(start, Op.Split, this.length + 1 - start);
    this.emit(Op.Jump, before);
    return this.length;
  }

  /** All alternatives end here: `after` is what the last {@link alternative} answered. */
  join(after: u32): void {
    while (after != 0) {
      const jump = after - 1;
      after = load<i32>(this.code + (<usize>jump << 2)) >> 3;
      this.set(jump, Op.Jump, this.length - jump);
    }
  }

  /** What starts at `start` comes `least` to `most` times; without end for a `most` of -1. */
  repeat(start: u32, least: i32, most: i32): void {
    const size = this.length - start;
    const endless = most < 0;
    const copies = endless ? max(least, 1) : most;
    const further = endless ? (least == 0 ? 2 : 1) : most - least;
    if (copies == 0) {
      this.length = start;
      return;
    }
    if (!this.makesRoom((copies - 1) * size + further)) return;
    const body = start + <u32>(least == 0);
    if (least == 0) this.shift(start);
    for (let copy = 1; copy < copies; copy++) {
      if (copy >= least) this.length++;
      memory.copy(this.code + (<usize>this.length << 2), this.code + (<usize>body << 2), size << 2);
      this.length += size;
    }
    if (!endless) {
      const end = this.length;
      for (let at = end - further * (size + 1); at < end; at += size + 1) this.set(at, Op.Split, end - at);
    } else if (least == 0) {
      this.emit(Op.Jump, start - this.length);
      this.set(start, Op.Split, this.length - start);
    } else this.emit(Op.Split, -(<i32>size));
  }

  free(): void {
    heap.free(this.code);
  }
}

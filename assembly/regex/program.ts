import { failSize } from "./pattern";

/** Instructions of a program: what a value's character costs at most is in proportion to it. */
export const MAX_INSTRUCTIONS: u32 = 2000;
export const CODE_ROOM: usize = MAX_INSTRUCTIONS * 4;

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
 * The program that is being made: an instruction is a word, with its {@link Op} in the lower three bits and a signed argument
 * above. All places are relative, so that a part of it is moved and copied as it is.
 */
export let code: usize = 0;
export let codeLength: u32 = 0;

/** Starts with no instruction, in {@link CODE_ROOM} bytes. */
export function startProgram(room: usize): void {
  code = room;
  codeLength = 0;
}

function set(at: u32, op: Op, argument: i32): void {
  store<i32>(code + ((<usize>at) << 2), (argument << 3) | op);
}

export function emit(op: Op, argument: i32): void {
  if (makesRoom(1)) set(codeLength++, op, argument);
}

function makesRoom(count: u32): bool {
  if (codeLength + count <= MAX_INSTRUCTIONS) return true;
  failSize();
  return false;
}

/** Leaves room for an instruction before the one at `at`. */
function shift(at: u32): void {
  const from = code + ((<usize>at) << 2);
  memory.copy(from + 4, from, (<usize>(codeLength++ - at)) << 2);
}

/**
 * What starts at `start` is an alternative, and another one follows. Its end is a jump behind the last alternative, which
 * holds until {@link join} the place after the jump before it, 0 for none. Answers that place.
 */
export function alternate(start: u32, before: u32): u32 {
  if (!makesRoom(2)) return before;
  shift(start);
  set(start, Op.Split, codeLength + 1 - start);
  emit(Op.Jump, before);
  return codeLength;
}

/** All alternatives end here: `after` is what the last {@link alternate} answered. */
export function join(after: u32): void {
  while (after != 0) {
    const jump = after - 1;
    after = load<i32>(code + ((<usize>jump) << 2)) >> 3;
    set(jump, Op.Jump, codeLength - jump);
  }
}

/** What starts at `start` comes `least` to `most` times; without end for a `most` of -1. */
export function repeat(start: u32, least: i32, most: i32): void {
  const size = codeLength - start;
  const endless = most < 0;
  const copies = endless ? max(least, 1) : most;
  const further = endless ? (least == 0 ? 2 : 1) : most - least;
  if (copies == 0) {
    codeLength = start;
    return;
  }
  if (!makesRoom((copies - 1) * size + further)) return;
  const body = least == 0 ? start + 1 : start;
  if (least == 0) shift(start);
  for (let copy = 1; copy < copies; copy++) {
    if (copy >= least) codeLength++;
    memory.copy(code + ((<usize>codeLength) << 2), code + ((<usize>body) << 2), size << 2);
    codeLength += size;
  }
  if (!endless) {
    const end = codeLength;
    for (let at = end - further * (size + 1); at < end; at += size + 1) set(at, Op.Split, end - at);
  } else if (least == 0) {
    emit(Op.Jump, start - codeLength);
    set(start, Op.Split, codeLength - start);
  } else emit(Op.Split, -(<i32>size));
}

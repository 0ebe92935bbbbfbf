import { Bytes, lengthOf, pointerOf, sameRun } from "../bytes/bytes";
import { boundaries, boundaryCount, classes, classesEnd } from "./char-classes";
import { countUpTo, decodeUtf8, isWordPoint } from "./code-points";
import { Assertion, code, codeLength, MAX_INSTRUCTIONS, Op } from "./program";

/** Bytes of a cache beside what four states of the largest kind take. */
const CACHE: u32 = 8192;
/** States of a cache are found by hash in so many chains. */
const CHAINS: u32 = 32;

/**
 * A state in a cache: the places in the program at which a value that led here can be, before their assertions are looked at,
 * since those depend on the next character too. It is followed by a row, the next state for each column, and the places.
 * A state is known by its distance from the cache's start in words of four bytes.
 */
@unmanaged
class State {
  /** The next state of the chain, 0 for none. */
  next: u16;
  /** How many places there are. */
  count: u16;
  /** What is before them: `Assertion`'s bits, of those that the program asks for. */
  before: u16;
}

/** What a row holds beside states. */
const UNKNOWN: u32 = 0;
/** The value does not match, whatever follows. */
const DEAD: u32 = 1;
/** At the end of the value: it matches. */
const ACCEPTED: u32 = 2;

/** The columns of a row, as their distance from the state: for bytes beyond ASCII (always {@link UNKNOWN}), and for the end. */
const BEYOND: u32 = offsetof<State>();
const END: u32 = BEYOND + 2;
/** The first column of characters. Each is for those that no class of the regex tells apart. */
const FIRST: u32 = BEYOND + 4;

/** No character: the end of the value. */
const NONE: u32 = u32.MAX_VALUE;

/** Where the program is behind a {@link Regex}: the columns of 256 bytes come first. */
const CODE: usize = offsetof<Regex>() + 512;

/** Bits for all places of a program, in bytes. */
const BITS: usize = ((MAX_INSTRUCTIONS + 63) / 64) * 8;
/** The places that a step has been to, those that it leads to, and a list of places. One for all: a step leaves nothing in it. */
let visited: usize = 0;

/**
 * Tells whether a whole value matches, in time linear in its length: a finite automaton whose states are made as values need
 * them, in a cache of fixed size that is emptied when it is full.
 */
@final
export class Regex {
  /** Behind the object are the columns of bytes, the program, and what follows here. */
  private classes: usize;
  private boundaries: usize;
  private boundaryCount: u32;
  private cache: usize;
  private cacheSize: u32;
  /** Of a state without its places, in bytes. */
  private rowSize: u32;
  /** How many instructions the program has. */
  private length: u32;
  /** What the program's assertions ask about what is before a place. */
  private asked: u32;
  /** How much of the cache is used, in bytes. */
  private used: u32;
  /** The state in which a value starts; {@link UNKNOWN} when it is not in the cache. */
  private start: u32;

  /** Copies the program and the classes that were made last. */
  static make(asked: u32): Regex {
    const codeSize = codeLength << 2;
    const classSize = <u32>(classesEnd - classes);
    const boundarySize = boundaryCount << 2;
    const rowSize = FIRST + 2 * (boundaryCount + 1);
    const cacheSize = CACHE + 4 * (rowSize + 2 * codeLength);
    const size = CODE + codeSize + classSize + boundarySize + cacheSize;
    // One object with all of it, in which nothing is managed.
    // @ts-ignore: a builtin of the runtime.
    const regex = changetype<Regex>(__new(size, idof<Regex>()));
    memory.fill(changetype<usize>(regex), 0, size);
    const instructions = changetype<usize>(regex) + CODE;
    regex.classes = instructions + codeSize;
    regex.boundaries = instructions + codeSize + classSize;
    regex.cache = instructions + codeSize + classSize + boundarySize;
    regex.length = codeLength;
    regex.boundaryCount = boundaryCount;
    regex.asked = asked;
    regex.rowSize = rowSize;
    regex.cacheSize = cacheSize;
    regex.used = CHAINS * 2;
    memory.copy(instructions, code, codeSize);
    memory.copy(regex.classes, classes, classSize);
    memory.copy(regex.boundaries, boundaries, boundarySize);
    if (visited == 0) visited = heap.alloc(2 * BITS + MAX_INSTRUCTIONS * 2);
    for (let byte: u32 = 0; byte < 256; byte++) {
      const column = byte < 0x80 ? regex.columnOf(byte) : BEYOND;
      store<u16>(changetype<usize>(regex) + 2 * byte, <u16>column, offsetof<Regex>());
    }
    return regex;
  }

  matches(value: Bytes): bool {
    const columns = changetype<usize>(this) + offsetof<Regex>();
    const cache = this.cache;
    let at = pointerOf(value);
    const end = at + lengthOf(value);
    let state = this.start;
    if (state == UNKNOWN) state = this.start = this.firstState();
    while (at < end) {
      let point = <u32>load<u8>(at++);
      let column = <u32>load<u16>(columns + (point << 1));
      let next = <u32>load<u16>(cache + (state << 2) + column);
      if (next <= DEAD) {
        if (column == BEYOND) {
          const decoded = decodeUtf8(--at, end);
          if (decoded == 0) return false;
          at += decoded >>> 24;
          point = decoded & 0xffffff;
          column = this.columnOf(point);
          next = load<u16>(cache + (state << 2) + column);
        }
        if (next == UNKNOWN) next = this.step(state, column, point);
        if (next == DEAD) return false;
      }
      state = next;
    }
    let last = <u32>load<u16>(cache + (state << 2) + END);
    if (last == UNKNOWN) last = this.step(state, END, NONE);
    return last == ACCEPTED;
  }

  private columnOf(point: u32): u32 {
    return FIRST + 2 * countUpTo(this.boundaries, this.boundaryCount, point);
  }

  /** The state to which the character `point` of `column` leads. */
  private step(state: u32, column: u32, point: u32): u32 {
    const from = changetype<State>(this.cache + (state << 2));
    const kind: u32 = point == 0x0a ? 2 : isWordPoint(point) ? 4 : 0;
    const around = from.before | (point == NONE ? Assertion.TextEnd : kind << 3);
    const used = this.used;
    const list = visited + 2 * BITS;
    memory.fill(visited, 0, 2 * BITS);
    let top = list;
    let place = changetype<usize>(from) + this.rowSize;
    for (let left = from.count; left > 0; left--) {
      top = visit(load<u16>(place), top);
      place += 2;
    }
    let next = DEAD;
    while (top > list) {
      top -= 2;
      const at = <u32>load<u16>(top);
      const instruction = this.instruction(at);
      const argument = instruction >> 3;
      switch (instruction & 7) {
        case Op.Match:
          if (point == NONE) next = ACCEPTED;
          break;
        case Op.Char: {
          const words = this.classes + ((<usize>argument) << 2);
          if ((countUpTo(words + 4, load<u32>(words), point) & 1) != 0) this.reach(at + 1);
          break;
        }
        case Op.Assert:
          if (holds(argument, around)) top = visit(at + 1, top);
          break;
        case Op.Split:
          top = visit(at + 1, top);
        // Both ways: it is a jump, too.
        case Op.Jump:
          top = visit(at + argument, top);
      }
    }
    if (point != NONE) next = this.reached(kind & this.asked);
    // Less is used when the cache has been emptied, and with it the state that this step is from.
    if (this.used >= used) store<u16>(changetype<usize>(from) + column, <u16>next);
    return next;
  }

  private instruction(at: u32): i32 {
    return load<i32>(changetype<usize>(this) + ((<usize>at) << 2), CODE);
  }

  /** A step leads to `at`, or where a jump there goes. */
  private reach(at: u32): void {
    let instruction = this.instruction(at);
    while ((instruction & 7) == Op.Jump) {
      at += instruction >> 3;
      instruction = this.instruction(at);
    }
    const word = visited + BITS + ((at >>> 5) << 2);
    store<u32>(word, load<u32>(word) | (1 << (at & 31)));
  }

  /** The state of the places that were reached. */
  private reached(before: u32): u32 {
    const list = visited + 2 * BITS;
    let end = list;
    let hash = before;
    for (let word: u32 = 0; word <= this.length >>> 6; word++) {
      let bits = load<u64>(visited + BITS + (word << 3));
      while (bits != 0) {
        const place = (word << 6) | (<u32>ctz(bits));
        bits &= bits - 1;
        store<u16>(end, <u16>place);
        end += 2;
        hash = (hash ^ place) * 0x9e3779b1;
      }
    }
    return end == list ? DEAD : this.find(<u32>(end - list), before, hash >>> 27);
  }

  private firstState(): u32 {
    store<u16>(visited + 2 * BITS, 0);
    return this.find(2, Assertion.TextStart & this.asked, 0);
  }

  /** The state of the places in the list, which take `size` bytes, behind what is `before`; it is made when it is not there. */
  private find(size: u32, before: u32, chain: u32): u32 {
    const list = visited + 2 * BITS;
    const head = this.cache + 2 * chain;
    for (let known = <u32>load<u16>(head); known != 0;) {
      const state = changetype<State>(this.cache + (known << 2));
      if (
        2 * <u32>state.count == size &&
        state.before == before &&
        sameRun(changetype<usize>(state) + this.rowSize, list, size)
      ) {
        return known;
      }
      known = state.next;
    }
    const whole = (this.rowSize + size + 3) & ~3;
    if (this.used + whole > this.cacheSize) {
      memory.fill(this.cache, 0, CHAINS * 2);
      this.used = CHAINS * 2;
      this.start = UNKNOWN;
    }
    const number = this.used >>> 2;
    const state = changetype<State>(this.cache + this.used);
    this.used += whole;
    memory.fill(changetype<usize>(state), 0, this.rowSize);
    memory.copy(changetype<usize>(state) + this.rowSize, list, size);
    state.next = load<u16>(head);
    state.count = <u16>(size >>> 1);
    state.before = <u16>before;
    store<u16>(head, <u16>number);
    return number;
  }
}

/** Puts a place on the list that ends at `top`, unless it was there before. Answers where the list ends. */
function visit(place: u32, top: usize): usize {
  const word = visited + ((place >>> 5) << 2);
  const bit: u32 = 1 << (place & 31);
  const bits = load<u32>(word);
  if ((bits & bit) != 0) return top;
  store<u32>(word, bits | bit);
  store<u16>(top, <u16>place);
  return top + 2;
}

function holds(assertion: u32, around: u32): bool {
  if (assertion < <u32>Assertion.WordBoundary) return (assertion & around) != 0;
  return (((around >>> 2) ^ (around >>> 5) ^ assertion) & 1) != 0;
}

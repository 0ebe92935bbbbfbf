import { arenaAllocate } from "../bytes/arena";
import { ABSENT, Bytes, bytesOf, copyTo, lengthOf, pointerOf } from "../bytes/bytes";

/** Bytes that a pair takes before it is written: name and value. */
const PAIR: usize = 16;
/** Pairs there is room for at first. */
const FEW: u32 = 16;

/**
 * Writes headers in the host's serialization (see `HeaderView`), in the arena: for calls and local replies. What it is
 * given must live until {@link finish}; what that answers lives until the callback ends.
 */
@final
export class PairsWriter {
  private pairs: usize = 0;
  private count: u32 = 0;
  private capacity: u32 = 0;
  private length: u32 = 0;

  begin(): PairsWriter {
    this.pairs = arenaAllocate(FEW * PAIR);
    this.capacity = FEW;
    this.count = 0;
    this.length = 4;
    return this;
  }

  add(name: Bytes, value: Bytes): PairsWriter {
    if (this.count == this.capacity) {
      const larger = arenaAllocate(<usize>this.capacity * 2 * PAIR);
      memory.copy(larger, this.pairs, <usize>this.capacity * PAIR);
      this.pairs = larger;
      this.capacity *= 2;
    }
    const pair = this.pairs + <usize>this.count * PAIR;
    store<Bytes>(pair, name);
    store<Bytes>(pair, value, 8);
    this.count++;
    this.length += 10 + lengthOf(name) + lengthOf(value);
    return this;
  }

  finish(): Bytes {
    const start = arenaAllocate(this.length);
    store<u32>(start, this.count);
    let sizes = start + 4;
    let at = sizes + <usize>this.count * 8;
    for (let pair = this.pairs, end = pair + <usize>this.count * PAIR; pair < end; pair += 8, sizes += 4) {
      const text = load<Bytes>(pair);
      store<u32>(sizes, lengthOf(text));
      at += copyTo(at, text);
      store<u8>(at++, 0);
    }
    return bytesOf(start, this.length);
  }
}

/** The one that is at hand: a module writes one block at a time. */
// @ts-ignore: decorator
@lazy export const pairs = new PairsWriter();

/** Reads headers in the host's serialization one by one. What does not fit it ends them. */
@final
export class PairsReader {
  name: Bytes = ABSENT;
  value: Bytes = ABSENT;
  private left: u32 = 0;
  /** The next pair's lengths, and its name. */
  private sizes: usize = 0;
  private at: usize = 0;
  private end: usize = 0;

  constructor(pairs: Bytes) {
    this.begin(pairs);
  }

  /** Starts with other pairs: a reader that is used again allocates nothing. */
  begin(pairs: Bytes): void {
    const start = pointerOf(pairs);
    this.end = start + lengthOf(pairs);
    const count = lengthOf(pairs) < 4 ? 0 : load<u32>(start);
    this.sizes = start + 4;
    this.at = this.sizes + <usize>count * 8;
    this.left = <u64>count * 8 + 4 <= <u64>lengthOf(pairs) ? count : 0;
  }

  /** Goes to the next pair, whose {@link name} and {@link value} are views into the serialization. False behind the last one. */
  next(): bool {
    if (this.left == 0) return false;
    const nameLength = load<u32>(this.sizes);
    const valueLength = load<u32>(this.sizes, 4);
    if (<u64>nameLength + valueLength + 2 > <u64>(this.end - this.at)) {
      this.left = 0;
      return false;
    }
    this.name = bytesOf(this.at, nameLength);
    this.value = bytesOf(this.at + nameLength + 1, valueLength);
    this.at += nameLength + valueLength + 2;
    this.sizes += 8;
    this.left--;
    return true;
  }
}

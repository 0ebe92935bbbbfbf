import { arenaAllocate } from "../bytes/arena";
import { Bytes, bytesOf, copyTo, lengthOf } from "../bytes/bytes";

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

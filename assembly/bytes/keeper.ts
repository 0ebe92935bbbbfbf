import { Bytes, bytesOf, copyTo, lengthOf, lowerTo, textTo } from "./bytes";

/** Bytes that are asked of the heap at once. */
const CHUNK: u32 = 4096;

/**
 * Keeps copies of bytes for as long as itself: what a configuration says in texts. They go together when the
 * collector finds the keeper dead, so that none has to be released by hand.
 */
@final
export class Keeper {
  private chunk: StaticArray<u8> = new StaticArray<u8>(0);
  private readonly full: StaticArray<u8>[] = [];
  private used: u32 = 0;

  keep(bytes: Bytes): Bytes {
    const copy = this.allocate(lengthOf(bytes));
    return bytesOf(copy, copyTo(copy, bytes));
  }

  /** The same in ASCII lower case. */
  keepLowerCase(bytes: Bytes): Bytes {
    return lowerTo(bytes, this.allocate(lengthOf(bytes)));
  }

  /** A byte string or an ASCII text. */
  keepText(text: string): Bytes {
    return textTo(text, this.allocate(text.length));
  }

  private allocate(length: u32): usize {
    if (this.used + length > <u32>this.chunk.length) {
      this.full.push(this.chunk);
      this.chunk = new StaticArray<u8>(max(CHUNK, length));
      this.used = 0;
    }
    const start = changetype<usize>(this.chunk) + this.used;
    this.used += length;
    return start;
  }
}

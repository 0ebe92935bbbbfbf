import { Bytes, bytesOf, lengthOf, lowerTo, pointerOf } from "./bytes";

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
    const length = lengthOf(bytes);
    const copy = this.allocate(length);
    memory.copy(copy, pointerOf(bytes), length);
    return bytesOf(copy, length);
  }

  /** The same in ASCII lower case. */
  keepLowerCase(bytes: Bytes): Bytes {
    return lowerTo(bytes, this.allocate(lengthOf(bytes)));
  }

  /** A text of ASCII characters. */
  keepText(text: string): Bytes {
    const length = text.length;
    const copy = this.allocate(length);
    for (let at = 0; at < length; at++) store<u8>(copy + at, <u8>text.charCodeAt(at));
    return bytesOf(copy, length);
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

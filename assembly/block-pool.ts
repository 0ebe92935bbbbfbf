import { emptyList } from "./list";

/**
 * Blocks of memory that are used again, for what a filter keeps of requests: a warm proxy allocates nothing. They are managed memory, which
 * goes with the pool, whatever was still in use.
 */
@final
export class BlockPool {
  /** The first free block of each class, which begins with the address of the next. */
  private readonly free: StaticArray<usize> = new StaticArray<usize>(CLASSES);
  private readonly chunks: StaticArray<u8>[] = emptyList<StaticArray<u8>>();
  private size: u32 = 0;

  /**
   * A block of at least so many bytes, aligned to 8 and not cleared; 0 when it would be larger than 32 KiB or too many are in use. Its
   * first four bytes say which size it has, and are not to be written.
   */
  take(size: u32): usize {
    let kind: u32 = 0;
    while (kind < CLASSES && SMALLEST << kind < size) kind++;
    if (kind == CLASSES) return 0;
    let block = unchecked(this.free[kind]);
    if (block == 0) {
      if (!this.grow(kind)) return 0;
      block = unchecked(this.free[kind]);
    }
    unchecked((this.free[kind] = load<usize>(block)));
    store<u32>(block, kind);
    return block;
  }

  /** How many bytes a block has. */
  sizeOf(block: usize): u32 {
    return SMALLEST << load<u32>(block);
  }

  giveBack(block: usize): void {
    const kind = load<u32>(block);
    store<usize>(block, unchecked(this.free[kind]));
    unchecked((this.free[kind] = block));
  }

  private grow(kind: u32): bool {
    const block = SMALLEST << kind;
    const size = max(block, CHUNK);
    if (this.size + size > MOST) return false;
    this.size += size;
    const chunk = new StaticArray<u8>(size);
    this.chunks.push(chunk);
    for (let at: u32 = 0; at < size; at += block) {
      const start = changetype<usize>(chunk) + at;
      store<usize>(start, unchecked(this.free[kind]));
      unchecked((this.free[kind] = start));
    }
    return true;
  }
}

const SMALLEST: u32 = 256;
/** The largest block is 32 KiB. */
const CLASSES: u32 = 8;
const CHUNK: u32 = 8192;
/** Bytes of all blocks of a pool. */
const MOST: u32 = 64 << 20;

/**
 * What is to be known of requests when their responses come: for each limit that has taken something, whose bucket it was and what it told.
 * Records of a request are a chain, and a request's note is the number of the first; they are used again, in one block that doubles when it
 * is full, so that a warm proxy allocates nothing.
 */
@final
export class Records {
  private block: StaticArray<u8> = new StaticArray<u8>(0);
  /** The first of the chain of free records; 0 for none. */
  private free: u32 = 0;

  /** Adds a record before the chain `next`; answers its number. */
  add(next: u32, limit: i32, rate: i32, hash: u64, remaining: u32, reset: u32, direction: u32): u32 {
    if (this.free == 0) this.grow();
    const number = this.free;
    const record = this.record(number);
    this.free = load<u32>(record);
    store<u32>(record, next);
    store<i32>(record, limit, 4);
    store<u64>(record, hash, 8);
    store<u32>(record, remaining, 16);
    store<u32>(record, reset, 20);
    store<i32>(record, rate, 24);
    store<u32>(record, direction, 28);
    return number;
  }

  next(number: u32): u32 {
    return load<u32>(this.record(number));
  }

  limit(number: u32): i32 {
    return load<i32>(this.record(number), 4);
  }

  hash(number: u32): u64 {
    return load<u64>(this.record(number), 8);
  }

  /** Units that were left. */
  remaining(number: u32): u32 {
    return load<u32>(this.record(number), 16);
  }

  /** Seconds until the bucket was full. */
  reset(number: u32): u32 {
    return load<u32>(this.record(number), 20);
  }

  /** The position of the rate among the limit's. */
  rate(number: u32): i32 {
    return load<i32>(this.record(number), 24);
  }

  /** The listener's. */
  direction(number: u32): u32 {
    return load<u32>(this.record(number), 28);
  }

  /** Gives a chain back. */
  release(first: u32): void {
    let last = first;
    for (let next = this.next(last); next != 0; next = this.next(last)) last = next;
    store<u32>(this.record(last), this.free);
    this.free = first;
  }

  // @ts-ignore: decorator
  @inline
  private record(number: u32): usize {
    return changetype<usize>(this.block) + <usize>(number - 1) * RECORD;
  }

  private grow(): void {
    const old = this.block;
    const before = <u32>(<usize>old.length / RECORD);
    const after = max<u32>(before * 2, FIRST);
    const block = new StaticArray<u8>(<i32>(after * <u32>RECORD));
    memory.copy(changetype<usize>(block), changetype<usize>(old), <usize>old.length);
    this.block = block;
    for (let number = after; number > before; number--) {
      store<u32>(this.record(number), this.free);
      this.free = number;
    }
  }
}

/** Bytes a record: next, limit, hash, remaining, reset, rate, direction. */
const RECORD: usize = 32;
/** Records there is room for at first. */
const FIRST: u32 = 64;

/** Pseudo-random numbers that are the same in every run (xorshift64*, Vigna 2016). */
export class Random {
  private state: u64;

  constructor(seed: u64) {
    this.state = seed * 2 + 1;
  }

  next(): u64 {
    this.state ^= this.state >> 12;
    this.state ^= this.state << 25;
    this.state ^= this.state >> 27;
    return this.state * 0x2545f4914f6cdd1d;
  }

  /** From 0 up to `bound`, exclusive. */
  below(bound: i32): i32 {
    return <i32>((this.next() >>> 33) % <u64>bound);
  }

  /** True once in `times`. */
  once(times: i32): bool {
    return this.below(times) == 0;
  }

  pick(words: string[]): string {
    return words[this.below(words.length)];
  }
}

import { random_get } from "./abi/imports";

/**
 * Random numbers for ids and draws: xoshiro256** (Blackman and Vigna 2018, "Scrambled linear pseudorandom number generators"), begun from the
 * host's random bytes. Good in all of their bits, and not for secrets: who has seen a few can tell the next.
 */
@final
export class RandomNumbers {
  constructor(
    private state0: u64,
    private state1: u64,
    private state2: u64,
    private state3: u64,
  ) {}

  /** Begun by the host; null when it has no random bytes. */
  static seeded(): RandomNumbers | null {
    if (random_get(SEED, 32) != 0) return null;
    const state0 = load<u64>(SEED);
    const state1 = load<u64>(SEED, 8);
    const state2 = load<u64>(SEED, 16);
    const state3 = load<u64>(SEED, 24);
    // From all zeros it would never get away.
    return new RandomNumbers(state0, state1, state2, (state0 | state1 | state2 | state3) == 0 ? 1 : state3);
  }

  /** The next 64 bits. */
  next(): u64 {
    const result = rotl<u64>(this.state1 * 5, 7) * 9;
    const shifted = this.state1 << 17;
    this.state2 ^= this.state0;
    this.state3 ^= this.state1;
    this.state1 ^= this.state2;
    this.state0 ^= this.state3;
    this.state2 ^= shifted;
    this.state3 = rotl<u64>(this.state3, 45);
    return result;
  }

  /** The next number that is not 0. */
  nextId(): u64 {
    let id: u64 = 0;
    while (id == 0) id = this.next();
    return id;
  }
}

const SEED: usize = memory.data(32, 8);

import { ABSENT, Bytes, bytesOf, lengthOf, pointerOf, sameRun } from "./bytes";
import { hashBytes } from "./hash";

/**
 * A map from bytes to `i32`, filled while configuration is loaded and only read afterwards. All of it
 * lives in two blocks: the slots, and the keys behind one another, so that a set of 100,000 names
 * costs about 25 bytes a name beside the name. Open addressing, at most half full: a lookup that an
 * attacker chooses cannot take longer than the longest run of the configured set.
 */
export class ByteMap {
  /** Slots of (hash: u32, offset into keys + 1: u32); offset 0 is an empty slot. */
  private slots: StaticArray<u64>;
  /** Entries of (value: i32, length: u32, bytes). */
  private keys: StaticArray<u8>;
  private used: usize = 0;
  private mask: u32;
  /** How many keys are in. */
  size: u32 = 0;

  /** Room for `expected` keys with `bytes` in all before it has to grow. */
  constructor(expected: u32 = 8, bytes: usize = 128) {
    let capacity: u32 = 16;
    while (capacity < expected * 2) capacity <<= 1;
    this.slots = new StaticArray<u64>(capacity);
    this.mask = capacity - 1;
    this.keys = new StaticArray<u8>(<i32>(bytes + <usize>expected * ENTRY));
  }

  /** The value of `key`, or -1. */
  get(key: Bytes): i32 {
    const slot = this.find(key, hashBytes(key));
    const offset = this.offsetAt(slot);
    return offset == 0 ? -1 : load<i32>(this.entry(offset));
  }

  has(key: Bytes): bool {
    return this.offsetAt(this.find(key, hashBytes(key))) != 0;
  }

  /** Sets the value of `key`; the bytes are copied. */
  set(key: Bytes, value: i32): void {
    const hash = hashBytes(key);
    let slot = this.find(key, hash);
    const offset = this.offsetAt(slot);
    if (offset != 0) {
      store<i32>(this.entry(offset), value);
      return;
    }
    if (this.size * 2 >= this.mask) {
      this.grow();
      slot = this.find(key, hash);
    }
    this.store(slot, hash, this.append(key, value));
    this.size++;
  }

  /** The key that was set first, or {@link ABSENT}: with {@link keyAfter}, a walk over all keys in their order. */
  firstKey(): Bytes {
    return this.keyAt(changetype<usize>(this.keys));
  }

  /** The key that was set after `key`, which {@link firstKey} or this gave; {@link ABSENT} at the end. */
  keyAfter(key: Bytes): Bytes {
    return this.keyAt(pointerOf(key) + ((<usize>lengthOf(key) + 3) & ~3));
  }

  private keyAt(entry: usize): Bytes {
    if (entry >= changetype<usize>(this.keys) + this.used) return ABSENT;
    return bytesOf(entry + ENTRY, load<u32>(entry, 4));
  }

  /** The slot that holds `key`, or the empty one where it would go. */
  private find(key: Bytes, hash: u32): u32 {
    const slots = changetype<usize>(this.slots);
    const keys = changetype<usize>(this.keys);
    const length = lengthOf(key);
    const mask = this.mask;
    let slot = hash & mask;
    while (true) {
      const word = load<u64>(slots + ((<usize>slot) << 3));
      const offset = <u32>(word >>> 32);
      if (offset == 0) return slot;
      if (<u32>word == hash) {
        const entry = keys + offset - 1;
        if (load<u32>(entry, 4) == length && sameRun(entry + ENTRY, pointerOf(key), length)) return slot;
      }
      slot = (slot + 1) & mask;
    }
  }

  // @ts-ignore: decorator
  @inline
  private offsetAt(slot: u32): u32 {
    return load<u32>(changetype<usize>(this.slots) + ((<usize>slot) << 3), 4);
  }

  // @ts-ignore: decorator
  @inline
  private entry(offset: u32): usize {
    return changetype<usize>(this.keys) + offset - 1;
  }

  // @ts-ignore: decorator
  @inline
  private store(slot: u32, hash: u32, offset: u32): void {
    store<u64>(changetype<usize>(this.slots) + ((<usize>slot) << 3), ((<u64>offset) << 32) | hash);
  }

  private append(key: Bytes, value: i32): u32 {
    const length = lengthOf(key);
    // Entries start at multiples of 4, so that their numbers are aligned.
    const needed = ENTRY + ((<usize>length + 3) & ~3);
    if (this.used + needed > <usize>this.keys.length) {
      const larger = new StaticArray<u8>(<i32>max(this.used + needed, <usize>this.keys.length * 2));
      memory.copy(changetype<usize>(larger), changetype<usize>(this.keys), this.used);
      this.keys = larger;
    }
    const entry = changetype<usize>(this.keys) + this.used;
    store<i32>(entry, value);
    store<u32>(entry, length, 4);
    memory.copy(entry + ENTRY, pointerOf(key), length);
    const offset = <u32>this.used + 1;
    this.used += needed;
    return offset;
  }

  private grow(): void {
    const old = this.slots;
    const capacity = <u32>old.length * 2;
    this.slots = new StaticArray<u64>(capacity);
    this.mask = capacity - 1;
    for (let at = 0; at < old.length; at++) {
      const word = unchecked(old[at]);
      if (word >>> 32 == 0) continue;
      let slot = (<u32>word) & this.mask;
      while (this.offsetAt(slot) != 0) slot = (slot + 1) & this.mask;
      unchecked((this.slots[slot] = word));
    }
  }
}

/** Bytes before each key: value and length. */
const ENTRY: usize = 8;

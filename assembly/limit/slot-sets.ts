import { arenaAllocate } from "../bytes/arena";
import { Bytes, bytesOf, lengthOf, pointerOf } from "../bytes/bytes";
import { SharedSets } from "../shared-sets";

/** Slots of a set. */
const SLOTS: u32 = 8;

/**
 * A fixed number of slots in the proxy's shared data, over all of its workers: sets of {@link SLOTS}, each of which is one shared value, so that
 * to find a key and to write what it has costs one read and one write. A slot begins with the 64-bit keyed hash of whose it is; 0 is
 * nobody's. What else stands in a slot, and in the head of a set before its slots, is for who uses them.
 *
 * One set is at hand at a time: {@link load}, a change of its bytes, {@link save}.
 */
@final
export class SlotSets extends SharedSets {
  private readonly size: u32;
  /** The bytes of the set at hand, in the arena. */
  start: usize = 0;

  /**
   * `prefix` tells these from all others of the proxy. There is room for `keys`, twice, so that few find their set full; 0 is a
   * single value without sets. `head` and `slot` are multiples of 8.
   */
  constructor(
    prefix: Bytes,
    keys: u32,
    private readonly head: u32,
    private readonly slot: u32,
  ) {
    super(prefix, (keys * 2 + SLOTS - 1) / SLOTS);
    this.size = keys == 0 ? head : head + SLOTS * slot;
  }

  /** Reads the set where `hash` belongs: one host call. */
  load(hash: u64): void {
    const value = this.read(hash);
    // What has another size is of another version of the filter.
    if (lengthOf(value) == this.size) this.start = pointerOf(value);
    else {
      this.start = arenaAllocate(this.size);
      memory.fill(this.start, 0, this.size);
    }
  }

  /** Writes the set at hand: one host call. False when another worker has written it since, and nothing was written. */
  save(): bool {
    return this.write(bytesOf(this.start, this.size));
  }

  /** The slot of `hash` in the set at hand, or 0. */
  find(hash: u64): usize {
    const end = this.start + this.size;
    for (let slot = this.start + this.head; slot < end; slot += this.slot) {
      if (load<u64>(slot) == hash) return slot;
    }
    return 0;
  }

  /** The first slot of the set at hand. */
  get first(): usize {
    return this.start + this.head;
  }

  /** Where the set at hand ends. */
  get end(): usize {
    return this.start + this.size;
  }
}

/** Hashes below are no key's: 0 is nobody's slot, 1 belongs to all who have no key. */
const FIRST_HASH: u64 = 2;

/** The hash of a shared slot of all who have no key. */
export const KEYLESS: u64 = 1;

/** A keyed hash as it may stand in a slot. */
// @ts-ignore: decorator
@inline
export function slotHash(hash: u64): u64 {
  return hash < FIRST_HASH ? hash + FIRST_HASH : hash;
}

import { WasmResultValues } from "../abi/values";
import { arenaAllocate } from "../bytes/arena";
import { Bytes, bytesOf, copyTo, lengthOf, pointerOf } from "../bytes/bytes";
import { getSharedData, setSharedData, sharedDataCas } from "../host/shared-data";

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
export class SlotSets {
  /** The key of the set at hand: what all keys begin with, the listener's direction, and the number of the set. */
  private readonly key: Bytes;
  private readonly size: u32;
  private cas: u32 = 0;
  /** The bytes of the set at hand, in the arena. */
  start: usize = 0;

  /**
   * `prefix` tells these from all others of the proxy, and outlives this. There is room for `keys`, twice, so that few find their set
   * full; 0 is a single value without sets. `head` and `slot` are multiples of 8.
   */
  constructor(
    prefix: Bytes,
    keys: u32,
    private readonly head: u32,
    private readonly slot: u32,
  ) {
    const length = lengthOf(prefix);
    // On the heap of what is kept for ever otherwise: a configuration's worth of them goes with it.
    this.keyBytes = new StaticArray<u8>(length + TAIL);
    const key = changetype<usize>(this.keyBytes);
    copyTo(key, prefix);
    this.key = bytesOf(key, length + TAIL);
    this.sets = (keys * 2 + SLOTS - 1) / SLOTS;
    this.size = keys == 0 ? head : head + SLOTS * slot;
  }

  private readonly keyBytes: StaticArray<u8>;
  /** How many sets there are; 0 for a single value. */
  readonly sets: u32;

  /** Inbound and outbound have slots of their own. Before the first {@link load}: it can be read in a request only. */
  setDirection(direction: u32): void {
    store<u8>(pointerOf(this.key) + lengthOf(this.key) - TAIL, <u8>direction);
  }

  /** Reads the set where `hash` belongs: one host call. */
  load(hash: u64): void {
    const key = this.key;
    store<u32>(pointerOf(key) + lengthOf(key) - 4, <u32>(((hash >>> 32) * this.sets) >>> 32));
    const value = getSharedData(key);
    this.cas = value == 0 ? INSERT : sharedDataCas();
    // What has another size is of another version of the filter.
    if (lengthOf(value) == this.size) this.start = pointerOf(value);
    else {
      this.start = arenaAllocate(this.size);
      memory.fill(this.start, 0, this.size);
    }
  }

  /** Writes the set at hand: one host call. False when another worker has written it since, and nothing was written. */
  save(): bool {
    return setSharedData(this.key, bytesOf(this.start, this.size), this.cas) == WasmResultValues.Ok;
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

/** So often a write of one of these may be lost to another worker. */
export const ATTEMPTS = 16;

/** Bytes of a key behind the prefix: the direction, and the set. */
const TAIL: u32 = 5;

/** No key's compare-and-swap number, or one in 2^32 times: inserts what is not there (`setSharedData`). */
const INSERT: u32 = u32.MAX_VALUE;

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

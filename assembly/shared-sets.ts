import { WasmResultValues } from "./abi/values";
import { ABSENT, Bytes, bytesOf, copyTo, lengthOf, pointerOf } from "./bytes/bytes";
import { getSharedData, setSharedData, sharedDataCas } from "./host/shared-data";

/**
 * A fixed number of shared values, over all workers of the proxy, among which hashes are spread: to find what belongs to a hash costs one
 * read, and to change it one write more. Whoever reads and writes one of them is exact by compare-and-swap. One is at hand at a time.
 */
export class SharedSets {
  /** The key of the value at hand: what all keys begin with, the listener's direction, and the number of the value. */
  private readonly key: Bytes;
  private readonly keyBytes: StaticArray<u8>;
  private cas: u32 = 0;

  /** `prefix` tells these from all others of the proxy. */
  constructor(
    prefix: Bytes,
    /** How many there are; 0 is one, for all hashes. */
    readonly sets: u32,
  ) {
    const length = lengthOf(prefix);
    // On the heap of what is kept for ever otherwise: a configuration's worth of them goes with it.
    this.keyBytes = new StaticArray<u8>(length + TAIL);
    const key = changetype<usize>(this.keyBytes);
    copyTo(key, prefix);
    this.key = bytesOf(key, length + TAIL);
  }

  /** Inbound and outbound have values of their own. Before each {@link read} for another one. */
  setDirection(direction: u32): void {
    store<u8>(pointerOf(this.key) + lengthOf(this.key) - TAIL, <u8>direction);
  }

  /** Reads the value where `hash` belongs, {@link ABSENT} where there is none yet: one host call. */
  read(hash: u64): Bytes {
    const key = this.key;
    store<u32>(pointerOf(key) + lengthOf(key) - 4, <u32>(((hash >>> 32) * this.sets) >>> 32));
    const value = getSharedData(key);
    this.cas = value == ABSENT ? INSERT : sharedDataCas();
    return value;
  }

  /** Writes the value at hand: one host call. False when another worker has written it since, and nothing was written. */
  write(value: Bytes): bool {
    return setSharedData(this.key, value, this.cas) == WasmResultValues.Ok;
  }
}

/** So often a write of one of these may be lost to another worker. */
export const ATTEMPTS = 16;

/** Bytes of a key behind the prefix: the direction, and the number. */
const TAIL: u32 = 5;

/** No key's compare-and-swap number, or one in 2^32 times: inserts what is not there (`setSharedData`). */
const INSERT: u32 = u32.MAX_VALUE;

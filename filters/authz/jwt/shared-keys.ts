import { WasmResultValues } from "../../../assembly/abi/values";
import { arenaAllocate } from "../../../assembly/bytes/arena";
import { ABSENT, Bytes, bytesOf, copyTo, lengthOf, pointerOf, slice } from "../../../assembly/bytes/bytes";
import { Keeper } from "../../../assembly/bytes/keeper";
import { getSharedData, setSharedData, sharedDataCas } from "../../../assembly/host/shared-data";

/** Bytes of the largest key set. */
export const LARGEST: u32 = 256 * 1024;

/** What the workers know of a source of keys, and of who fetches them. Times are of the monotonic clock, in nanoseconds; 0 for never. */
@unmanaged
export class SharedState {
  /** Tells this layout from others, and from what is none of ours. */
  magic: u32;
  /** Attempts that have failed since the last one that has not. */
  failures: u32;
  /** Which text the keys are: another one for each. 0 while there is none. */
  stamp: u64;
  /** When the keys were fetched last, whether they were new or not. */
  fetchedAt: u64;
  /** When an attempt ended last. */
  triedAt: u64;
  /** Until then one worker fetches them, and the others do not. */
  leaseUntil: u64;
  /** When they were last fetched for a key that they did not have. */
  askedAt: u64;
}

const SIZE: u32 = offsetof<SharedState>();
/** `ojk1`. */
const MAGIC: u32 = 0x316b6a6f;
/** No key's compare-and-swap number, or one in 2^32 times: inserts what is not there (`setSharedData`). */
const INSERT: u32 = u32.MAX_VALUE;
/** A second, by which another worker's clock may be ahead. */
const SLACK: u64 = 1000000000;
/** Bytes of a stamp in front of the text. */
const STAMP: u32 = 8;

/**
 * The keys of a source, shared by all workers of the proxy: a state that is read often, and the text of the key set beside it. Any plugin of
 * the same `vm_id` can write both: what is no state of ours is none, and times that cannot be are not believed.
 */
@final
export class SharedKeys {
  private readonly block: StaticArray<u8> = new StaticArray<u8>(SIZE);
  private readonly textPlace: Bytes;
  private cas: u32 = INSERT;

  constructor(
    private readonly place: Bytes,
    keeper: Keeper,
    /** The longest lease that there can be. */
    private readonly longestLease: u64,
  ) {
    const text = arenaAllocate(lengthOf(place) + 5);
    copyTo(text, place);
    // `/text`
    store<u32>(text + lengthOf(place), 0x7865742f);
    store<u8>(text + lengthOf(place) + 4, 0x74);
    this.textPlace = keeper.keep(bytesOf(text, lengthOf(place) + 5));
  }

  /** As it was read last; changed, and then written. */
  // @ts-ignore: decorator
  @inline
  get state(): SharedState {
    return changetype<SharedState>(changetype<usize>(this.block));
  }

  /** Reads {@link state}: one host call. All zeros where there is none. */
  read(now: u64): void {
    const value = getSharedData(this.place);
    this.cas = value == ABSENT ? INSERT : sharedDataCas();
    const state = this.state;
    const target = changetype<usize>(state);
    if (lengthOf(value) == SIZE) {
      memory.copy(target, pointerOf(value), SIZE);
      if (this.isPossible(now)) return;
    }
    memory.fill(target, 0, SIZE);
  }

  /** Writes {@link state}: one host call. False when another worker has written since it was read. */
  write(): bool {
    this.state.magic = MAGIC;
    const value = bytesOf(changetype<usize>(this.state), SIZE);
    return setSharedData(this.place, value, this.cas) == WasmResultValues.Ok;
  }

  /** The text that belongs to {@link state}, in the arena; {@link ABSENT} where there is none (yet). */
  readText(): Bytes {
    const value = getSharedData(this.textPlace);
    const length = lengthOf(value);
    if (length <= STAMP || length > STAMP + LARGEST) return ABSENT;
    return load<u64>(pointerOf(value)) == this.state.stamp ? slice(value, STAMP, length) : ABSENT;
  }

  /** Puts a text there, before the state that names it. */
  writeText(text: Bytes, stamp: u64): void {
    const value = arenaAllocate(STAMP + lengthOf(text));
    store<u64>(value, stamp);
    copyTo(value + STAMP, text);
    setSharedData(this.textPlace, bytesOf(value, STAMP + lengthOf(text)), 0);
  }

  private isPossible(now: u64): bool {
    const state = this.state;
    // Another worker may have written since the clock was read.
    const latest = now + SLACK;
    if (state.magic != MAGIC || state.leaseUntil > latest + this.longestLease) return false;
    return state.fetchedAt <= latest && state.triedAt <= latest && state.askedAt <= latest;
  }
}

import { Bytes } from "../bytes/bytes";
import { SlotSets } from "./slot-sets";

/**
 * Buckets (`gcra.ts`) of many keys in memory that does not grow, over all workers of the proxy. A slot is the key's hash and its bucket. A key
 * that has none takes one that is nobody's or whose bucket is full again; where the set has none of these, it uses the bucket in the set's
 * head, which all such keys share. A key that gets a slot after that starts where the shared bucket is: no key ever has more than its limit,
 * however many others there are, and a key that is being limited keeps its slot.
 *
 * Read one, change {@link time}, write it.
 */
@final
export class Buckets {
  private readonly slots: SlotSets;
  /** Where the bucket at hand stands. */
  private slot: usize = 0;
  private hash: u64 = 0;
  /** The bucket at hand, as it was written; see `bucketAt`. */
  time: u64 = 0;
  /** It is the one that keys without a slot share. */
  shared: bool = false;

  /** `keys` 0: a single bucket. As {@link SlotSets}. */
  constructor(prefix: Bytes, keys: u32) {
    this.slots = new SlotSets(prefix, keys, HEAD, SLOT);
  }

  setDirection(direction: u32): void {
    this.slots.setDirection(direction);
  }

  /** Reads the bucket of `hash` (`slotHash`, or `KEYLESS`): one host call. `emptiest` is the furthest that a bucket can be ahead. */
  read(hash: u64, now: u64, emptiest: u64): void {
    const slots = this.slots;
    slots.load(hash);
    this.hash = hash;
    this.shared = false;
    const head = slots.start;
    if (slots.sets == 0) {
      this.slot = head;
      this.time = load<u64>(head);
      return;
    }
    let free: usize = 0;
    for (let slot = slots.first, end = slots.end; slot < end; slot += SLOT) {
      const time = load<u64>(slot, 8);
      if (load<u64>(slot) == hash) {
        this.slot = slot;
        this.time = time;
        return;
      }
      if (free == 0 && time <= now) free = slot;
      // Nobody's clock or configuration is to hold a slot for ever.
      else if (time > emptiest) store<u64>(slot, emptiest, 8);
    }
    this.time = load<u64>(head);
    this.shared = free == 0;
    this.slot = this.shared ? head : free;
  }

  /** Writes the bucket at hand: one host call. False when another worker was faster: read it again. */
  write(time: u64): bool {
    const slot = this.slot;
    if (slot == this.slots.start) store<u64>(slot, time);
    else {
      store<u64>(slot, this.hash);
      store<u64>(slot, time, 8);
    }
    return this.slots.save();
  }
}

/** Of a set: the bucket that keys without a slot share. */
const HEAD: u32 = 8;
/** Of a slot: hash and bucket. */
const SLOT: u32 = 16;

import { BlockPool } from "../../../assembly/block-pool";
import { arenaCopy } from "../../../assembly/bytes/arena";
import { ABSENT, Bytes, bytesOf, copyTo, equals, lengthOf } from "../../../assembly/bytes/bytes";
import { sipHash } from "../../../assembly/bytes/siphash";
import { clockAnswers } from "../../../assembly/host/clock";
import { ProcessKey } from "../../../assembly/host/process-key";
import { Key } from "../../../assembly/key";
import { RequestView } from "../../../assembly/request-view";
import { decision } from "./decision";

/** A decision that is remembered; its key and then the packed decision follow. */
@unmanaged
class Entry {
  /** The pool's own. */
  class: u32;
  keyLength: u32;
  hash: u64;
  /** On the monotonic clock, in nanoseconds. */
  expires: u64;
  length: u32;
  unused: u32;
}

const NONE = changetype<Entry>(0);
/** Where an entry can stand: few places, of which the one that ends first is given away. */
const WAYS: u32 = 8;
/** A longer key, or a larger decision with its key, is not remembered. */
const LONGEST_KEY: u32 = 4096;
const LARGEST: u32 = 16384;
/** Of all entries of a provider in a worker. */
const MOST_BYTES: u32 = 16 << 20;

/**
 * What a service has decided about requests with one key, for a while: allowed and denied ones with all that it wants changed, never an
 * error. One provider's in one worker. Places are found by a keyed hash, which a client cannot steer, and keys then compared whole.
 */
@final
export class DecisionCache {
  private readonly pool: BlockPool = new BlockPool();
  private readonly entries: StaticArray<usize>;
  /** Places that an entry can have, and how many times there are as many. */
  private ways: u32 = 1;
  private sets: u32 = 1;
  private bytes: u32 = 0;
  private hash: u64 = 0;

  constructor(
    private readonly by: Key,
    /** Nanoseconds. */
    private readonly ttl: u64,
    maxEntries: u32,
    private readonly secret: ProcessKey,
  ) {
    const ways = min(maxEntries, WAYS);
    const sets = maxEntries / ways;
    this.entries = new StaticArray<usize>(ways * sets);
    this.ways = ways;
    this.sets = sets;
  }

  /** Puts what is known into `decision`. False when nothing is, the request lacks a part of the key or has one more than once, or the clock does not answer. */
  look(request: RequestView, now: u64): bool {
    // What stands still never expires.
    if (!clockAnswers) return false;
    const key = this.key(request);
    if (key == ABSENT) return false;
    const place = this.find(key);
    if (place < 0) return false;
    const entry = changetype<Entry>(unchecked(this.entries[place]));
    if (entry.expires <= now) return false;
    const packed = arenaCopy(changetype<usize>(entry) + offsetof<Entry>() + entry.keyLength, entry.length);
    decision.unpack(packed);
    return true;
  }

  /** Remembers `decision` for requests with this one's key. */
  keep(request: RequestView, now: u64): void {
    const key = this.key(request);
    if (key == ABSENT) return;
    const length = decision.packedSize();
    const size = <u32>offsetof<Entry>() + lengthOf(key) + length;
    if (size > LARGEST) return;
    const known = this.find(key);
    const place = known < 0 ? this.oldest() : known;
    this.drop(place);
    if (this.bytes + size > MOST_BYTES) return;
    const block = this.pool.take(size);
    if (block == 0) return;
    const entry = changetype<Entry>(block);
    entry.keyLength = lengthOf(key);
    entry.hash = this.hash;
    entry.expires = now + this.ttl;
    entry.length = length;
    const start = block + offsetof<Entry>();
    decision.pack(start + copyTo(start, key));
    this.bytes += this.pool.sizeOf(block);
    unchecked((this.entries[place] = block));
  }

  private key(request: RequestView): Bytes {
    // The service is told all of the request, and may decide by another value: its decision is not to be that about the one here.
    if (this.by.isAmbiguous(request)) return ABSENT;
    const key = this.by.read(request);
    return lengthOf(key) > LONGEST_KEY ? ABSENT : key;
  }

  /** The place of the entry with this key, or -1. */
  private find(key: Bytes): i32 {
    this.hash = sipHash(key, this.secret.key0, this.secret.key1);
    const first = this.first();
    for (let way: u32 = 0; way < this.ways; way++) {
      const entry = changetype<Entry>(unchecked(this.entries[first + way]));
      if (entry == NONE || entry.hash != this.hash) continue;
      if (equals(bytesOf(changetype<usize>(entry) + offsetof<Entry>(), entry.keyLength), key)) {
        return first + way;
      }
    }
    return -1;
  }

  /** The place for a new entry with the hash at hand: a free one, or that of the entry which ends first. */
  private oldest(): i32 {
    const first = this.first();
    let oldest = first;
    let end = u64.MAX_VALUE;
    for (let way: u32 = 0; way < this.ways; way++) {
      const entry = changetype<Entry>(unchecked(this.entries[first + way]));
      if (entry == NONE) return first + way;
      if (entry.expires < end) {
        end = entry.expires;
        oldest = first + way;
      }
    }
    return oldest;
  }

  private first(): i32 {
    return <i32>(<u32>(this.hash % this.sets) * this.ways);
  }

  private drop(place: i32): void {
    const block = unchecked(this.entries[place]);
    if (block == 0) return;
    this.bytes -= this.pool.sizeOf(block);
    this.pool.giveBack(block);
    unchecked((this.entries[place] = 0));
  }
}

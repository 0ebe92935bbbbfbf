import { HeaderMapTypeValues } from "./abi/values";
import { arenaAllocate } from "./bytes/arena";
import { ABSENT, Bytes, bytesOf, equals, lengthOf, literal, pointerOf, sameRun } from "./bytes/bytes";
import { addHeader, getHeaderPairs, removeHeader, replaceHeader } from "./host/headers";

/** Bytes an entry: the name and the value, each as `Bytes` (its length first in memory, then its pointer). */
const ENTRY: usize = 16;
/** What stands in the place of a removed header's name: no name is that long. */
const REMOVED: Bytes = u32.MAX_VALUE;
/** Entries that can be added before the table moves. */
const SPARE: u32 = 8;

/**
 * The headers of a request (or response), read from the host by one call and looked up in memory. Changes go
 * through the view to the host, so that a filter behind sees what the one before did. Valid until the
 * callback ends; nothing in it is on the managed heap.
 *
 * The host's serialization: the number of pairs, for each the lengths of name and value (all `u32`, little
 * endian), then for each the name, NUL, the value, NUL (proxy-wasm-cpp-host `pairs_util.cc`). Names are in
 * lower case; the host has validated names and values as HTTP.
 */
@final
export class HeaderView {
  private map: HeaderMapTypeValues = HeaderMapTypeValues.RequestHeaders;
  private entries: usize = 0;
  private count: u32 = 0;
  private capacity: u32 = 0;
  /** The lengths that names have, as bits modulo 64: most lookups of what is not there end here. */
  private lengths: u64 = 0;
  /** The lengths that more than one name has. */
  private sharedLengths: u64 = 0;

  /** Reads all headers of `map`. False when the host has none to give, or not what the ABI promises. */
  load(map: HeaderMapTypeValues): bool {
    this.map = map;
    this.count = 0;
    this.capacity = 0;
    const pairs = getHeaderPairs(map);
    const length = <usize>lengthOf(pairs);
    if (length < 4) return false;
    const start = pointerOf(pairs);
    const count = load<u32>(start);
    // Each pair needs 8 bytes of lengths and 2 of NUL.
    if (<u64>count * 10 + 4 > length) return false;
    const capacity = count + SPARE;
    const entries = arenaAllocate(<usize>capacity * ENTRY);
    let sizes = start + 4;
    let at = sizes + <usize>count * 8;
    const end = start + length;
    let lengths: u64 = 0;
    let sharedLengths: u64 = 0;
    for (let entry = entries, last = entries + <usize>count * ENTRY; entry < last; entry += ENTRY) {
      const both = load<u64>(sizes);
      const nameLength = <u32>both;
      const valueLength = <u32>(both >>> 32);
      sizes += 8;
      if (<u64>nameLength + valueLength + 2 > <u64>(end - at)) return false;
      store<Bytes>(entry, bytesOf(at, nameLength));
      at += nameLength + 1;
      store<Bytes>(entry, bytesOf(at, valueLength), 8);
      at += valueLength + 1;
      const bit = lengthBit(nameLength);
      sharedLengths |= lengths & bit;
      lengths |= bit;
    }
    this.lengths = lengths;
    this.sharedLengths = sharedLengths;
    this.entries = entries;
    this.capacity = capacity;
    this.count = count;
    return true;
  }

  /** How many pairs there are. Removed ones count until the next {@link load}. */
  get size(): u32 {
    return this.count;
  }

  /**
   * The value of a header, whose name is in lower case. Several values are joined as Envoy's own matchers
   * join them: by `,`, those of `cookie` by `; `. {@link ABSENT} when there is none.
   */
  get(name: Bytes): Bytes {
    const bit = lengthBit(lengthOf(name));
    if ((this.lengths & bit) == 0) return ABSENT;
    const entry = this.find(name, this.entries);
    if (entry == 0) return ABSENT;
    if ((this.sharedLengths & bit) == 0) return valueAt(entry);
    const second = this.find(name, entry + ENTRY);
    return second == 0 ? valueAt(entry) : this.join(name, entry, second);
  }

  has(name: Bytes): bool {
    return this.find(name, this.entries) != 0;
  }

  /** How many pairs have this name: more than one where it was sent twice and Envoy did not join it. */
  countOf(name: Bytes): u32 {
    let found: u32 = 0;
    let entry = this.find(name, this.entries);
    while (entry != 0) {
      found++;
      entry = this.find(name, entry + ENTRY);
    }
    return found;
  }

  /** Sets the header to this value, whatever it had before. */
  set(name: Bytes, value: Bytes): void {
    this.forget(name);
    replaceHeader(this.map, name, value);
    this.append(name, value);
  }

  /** Adds a value to those that the header has; cheaper than {@link set} for one that has none. */
  add(name: Bytes, value: Bytes): void {
    addHeader(this.map, name, value);
    this.append(name, value);
  }

  /** Removes all values of the header; costs nothing where there are none. */
  remove(name: Bytes): void {
    if (this.forget(name)) removeHeader(this.map, name);
  }

  /** The first entry of this name at or behind `entry`, or 0. */
  private find(name: Bytes, entry: usize): usize {
    const length = lengthOf(name);
    const pointer = pointerOf(name);
    const end = this.entries + <usize>this.count * ENTRY;
    for (; entry < end; entry += ENTRY) {
      if (load<u32>(entry) == length && sameRun(load<usize>(entry, 4), pointer, length)) return entry;
    }
    return 0;
  }

  private join(name: Bytes, first: usize, second: usize): Bytes {
    const cookies = equals(name, COOKIE);
    const separator: u32 = cookies ? 2 : 1;
    let length = load<u32>(first, 8);
    for (let entry = second; entry != 0; entry = this.find(name, entry + ENTRY)) {
      length += separator + load<u32>(entry, 8);
    }
    const joined = arenaAllocate(length);
    let at = joined + copyValue(first, joined);
    for (let entry = second; entry != 0; entry = this.find(name, entry + ENTRY)) {
      if (cookies) {
        store<u16>(at, 0x203b); // "; "
        at += 2;
      } else {
        store<u8>(at++, 0x2c); // ","
      }
      at += copyValue(entry, at);
    }
    return bytesOf(joined, length);
  }

  private forget(name: Bytes): bool {
    if ((this.lengths & lengthBit(lengthOf(name))) == 0) return false;
    let entry = this.find(name, this.entries);
    if (entry == 0) return false;
    do {
      store<Bytes>(entry, REMOVED);
      entry = this.find(name, entry + ENTRY);
    } while (entry != 0);
    return true;
  }

  private append(name: Bytes, value: Bytes): void {
    if (this.count == this.capacity) {
      this.capacity = this.capacity * 2 + SPARE;
      const larger = arenaAllocate(<usize>this.capacity * ENTRY);
      memory.copy(larger, this.entries, <usize>this.count * ENTRY);
      this.entries = larger;
    }
    const entry = this.entries + <usize>this.count * ENTRY;
    this.count++;
    store<Bytes>(entry, name);
    store<Bytes>(entry, value, 8);
    const bit = lengthBit(lengthOf(name));
    this.sharedLengths |= this.lengths & bit;
    this.lengths |= bit;
  }
}

// @ts-ignore: decorator
@inline
function lengthBit(length: u32): u64 {
  return <u64>1 << (length & 63);
}

// @ts-ignore: decorator
@inline
function valueAt(entry: usize): Bytes {
  return load<Bytes>(entry, 8);
}

function copyValue(entry: usize, target: usize): u32 {
  const length = load<u32>(entry, 8);
  memory.copy(target, load<usize>(entry, 12), length);
  return length;
}

// @ts-ignore: decorator
@lazy const COOKIE = literal("cookie");

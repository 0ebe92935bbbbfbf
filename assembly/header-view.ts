import { HeaderMapTypeValues } from "./abi/values";
import { arenaAllocate, concatenate } from "./bytes/arena";
import {
  ABSENT,
  Bytes,
  bytesOf,
  copyTo,
  equals,
  lengthOf,
  literal,
  pointerOf,
  sameRun,
  sameRunInline,
} from "./bytes/bytes";
import { addHeader, getHeaderPairs, removeHeader, replaceHeader } from "./host/headers";

/**
 * Bytes a change takes: the header's name and its value from then on, `ABSENT` where it was removed. Several values that were
 * joined are noted like one, so that they are joined once, however many attributes ask for them; in front of it stands a change
 * without name and value. In front of a value that was added to others stands that value alone, without a name.
 */
const CHANGE: usize = 16;
/** Changes there is room for at first; more go to the arena. */
const FEW_CHANGES: u32 = 8;

/**
 * The headers of a request (or response), read from the host by one call and looked up where the host put them.
 * Changes go through the view to the host, so that a filter behind sees what the one before did. Valid until the
 * callback ends; nothing in it is on the managed heap.
 *
 * The host's serialization: the number of pairs, for each the lengths of name and value (all `u32`, little
 * endian), then for each the name, NUL, the value, NUL (proxy-wasm-cpp-host `pairs_util.cc`). Names are in
 * lower case; the host has validated names and values as HTTP.
 */
@final
export class HeaderView {
  private map: HeaderMapTypeValues = HeaderMapTypeValues.RequestHeaders;
  private count: u32 = 0;
  /** The lengths of names and values, 8 bytes a pair. */
  private sizes: usize = 0;
  /** The first name. */
  private first: usize = 0;
  /** The bits that names have ({@link nameBit}): most lookups of what is not there end here. */
  private bits: u64 = 0;
  /** The bits that more than one pair has. */
  private sharedBits: u64 = 0;
  /** What was changed since, or joined, oldest first; it hides what the host had. */
  private changes: usize = 0;
  private changed: u32 = 0;
  private capacity: u32 = 0;
  private readonly fewChanges: usize = heap.alloc(FEW_CHANGES * CHANGE);
  /** Changes whenever the headers do, over all views; never 0. What was derived from them is good for one version. */
  version: u32 = 0;
  /** Where {@link next} goes on. */
  private cursor: usize = 0;
  private cursorName: usize = 0;

  /** Reads all headers of `map`. False when the host has none to give, or not what the ABI promises. */
  load(map: HeaderMapTypeValues): bool {
    this.map = map;
    this.version = nextVersion();
    this.count = 0;
    this.bits = 0;
    this.changed = 0;
    this.changes = this.fewChanges;
    this.capacity = FEW_CHANGES;
    const pairs = getHeaderPairs(map);
    const length = <u64>lengthOf(pairs);
    if (length < 4) return false;
    const start = pointerOf(pairs);
    const count = load<u32>(start);
    const sizes = start + 4;
    // Each pair needs 8 bytes of lengths and 2 of NUL.
    if (<u64>count * 10 + 4 > length) return false;
    const first = sizes + <usize>count * 8;
    const end = start + <usize>length;
    let bits: u64 = 0;
    let sharedBits: u64 = 0;
    let name = first;
    for (let at = sizes; at < first; at += 8) {
      const both = load<u64>(at);
      const nameLength = <u32>both;
      if (<u64>nameLength + (both >>> 32) + 2 > <u64>(end - name)) return false;
      const bit = nameBit(name, nameLength);
      sharedBits |= bits & bit;
      bits |= bit;
      name += nameLength + <usize>(both >>> 32) + 2;
    }
    this.count = count;
    this.sizes = sizes;
    this.first = first;
    this.bits = bits;
    this.sharedBits = sharedBits;
    return true;
  }

  /** How many pairs the host had. */
  get size(): u32 {
    return this.count;
  }

  /**
   * The value of a header, whose name is in lower case. Several values are joined as Envoy's own matchers
   * join them: by `,`, those of `cookie` by `; `. {@link ABSENT} when there is none.
   */
  get(name: Bytes): Bytes {
    if (this.changed != 0) {
      const change = this.changeOf(name);
      if (change != 0) return load<Bytes>(change, 8);
    }
    const length = lengthOf(name);
    const wanted = pointerOf(name);
    const bit = nameBit(wanted, length);
    if ((this.bits & bit) == 0) return ABSENT;
    const single = (this.sharedBits & bit) == 0;
    let value = ABSENT;
    let at = this.first;
    for (let sizes = this.sizes, end = sizes + <usize>this.count * 8; sizes < end; sizes += 8) {
      const both = load<u64>(sizes);
      if (<u32>both == length && sameRunInline(at, wanted, length)) {
        if (value != ABSENT) return this.join(name);
        value = bytesOf(at + length + 1, <u32>(both >>> 32));
        if (single) return value;
      }
      at += <usize>(<u32>both) + <usize>(both >>> 32) + 2;
    }
    return value;
  }

  has(name: Bytes): bool {
    return this.get(name) != ABSENT;
  }

  /** Whether there may be several values of this name: false for sure, true perhaps. */
  mayRepeat(name: Bytes): bool {
    return (this.sharedBits & nameBit(pointerOf(name), lengthOf(name))) != 0;
  }

  /** Sets the header to this value, whatever it had before. */
  set(name: Bytes, value: Bytes): void {
    replaceHeader(this.map, name, value);
    this.noteChange(name, value);
  }

  /** Sets a header that {@link get} has found absent: cheaper than {@link set}. */
  insert(name: Bytes, value: Bytes): void {
    addHeader(this.map, name, value);
    this.noteChange(name, value);
  }

  /** Adds a value to those that the header has, which stay values by themselves: see {@link addedBy}. */
  add(name: Bytes, value: Bytes): void {
    const before = this.get(name);
    addHeader(this.map, name, value);
    this.noteAdded(name, before, value);
  }

  private noteAdded(name: Bytes, before: Bytes, value: Bytes): void {
    if (before == ABSENT) {
      this.noteChange(name, value);
      return;
    }
    this.sharedBits |= nameBit(pointerOf(name), lengthOf(name));
    this.note(ABSENT, value);
    this.noteChange(name, concatenate(before, separatorOf(name), value));
  }

  /** Removes all values of the header; costs nothing where there are none. */
  remove(name: Bytes): void {
    if (!this.has(name)) return;
    removeHeader(this.map, name);
    this.noteChange(name, ABSENT);
  }

  /** How far the headers were changed, for {@link restore}. */
  get state(): u32 {
    return this.changed;
  }

  /** As {@link set}, and {@link remove} with {@link ABSENT}, for who looks through the view: the host is told nothing. */
  pretend(name: Bytes, value: Bytes): void {
    if (value != ABSENT || this.has(name)) this.noteChange(name, value);
  }

  /** As {@link add}, for who looks through the view. */
  pretendAdded(name: Bytes, value: Bytes): void {
    this.noteAdded(name, this.get(name), value);
  }

  /** Forgets what was pretended since the view was in this {@link state}, when nothing was changed for the host meanwhile. */
  restore(state: u32): void {
    if (this.changed == state) return;
    this.changed = state;
    this.version = nextVersion();
  }

  /** All values of a header that has several, joined in the arena. */
  private join(name: Bytes): Bytes {
    const separator = separatorOf(name);
    let length: u32 = 0;
    this.rewind();
    for (let value = this.next(name); value != ABSENT; value = this.next(name)) {
      length += lengthOf(value) + lengthOf(separator);
    }
    const joined = arenaAllocate(length);
    this.rewind();
    let at = joined;
    for (let value = this.next(name); value != ABSENT; value = this.next(name)) {
      at += copyTo(at, value);
      at += copyTo(at, separator);
    }
    // But for the last separator.
    const text = bytesOf(joined, length - lengthOf(separator));
    this.note(ABSENT, ABSENT);
    this.note(name, text);
    return text;
  }

  /** Begins a walk over the pairs that the host had, by {@link next}. */
  rewind(): void {
    this.cursor = this.sizes;
    this.cursorName = this.first;
  }

  /** The value of the next pair of this name, or {@link ABSENT}. */
  next(name: Bytes): Bytes {
    const length = lengthOf(name);
    while (this.cursor < this.sizes + <usize>this.count * 8) {
      const nameLength = load<u32>(this.cursor);
      const valueLength = load<u32>(this.cursor, 4);
      const at = this.cursorName;
      this.cursor += 8;
      this.cursorName = at + nameLength + valueLength + 2;
      if (nameLength == length && sameRun(at, pointerOf(name), length)) {
        return bytesOf(at + nameLength + 1, valueLength);
      }
    }
    return ABSENT;
  }

  /** The newest change of this header, whose value stands 8 bytes behind it, or 0; the joined values of one that came several times, too. */
  changeOf(name: Bytes): usize {
    return this.changeBefore(name, this.changes + <usize>this.changed * CHANGE);
  }

  /** The newest of the changes of this header that are older than `change`, or 0. */
  changeBefore(name: Bytes, change: usize): usize {
    while (change > this.changes) {
      change -= CHANGE;
      if (equals(load<Bytes>(change), name)) return change;
    }
    return 0;
  }

  /** The value that this change has added to those before it, which are noted in front of it; {@link ABSENT} when it has put all at once. */
  addedBy(change: usize): Bytes {
    if (change == this.changes || load<Bytes>(change - CHANGE) != ABSENT) return ABSENT;
    return load<Bytes>(change - CHANGE, 8);
  }

  /** Whether this is no change: the values that the host had, joined. */
  isJoined(change: usize): bool {
    return (
      change != this.changes &&
      load<Bytes>(change - CHANGE) == ABSENT &&
      load<Bytes>(change - CHANGE, 8) == ABSENT
    );
  }

  private noteChange(name: Bytes, value: Bytes): void {
    this.version = nextVersion();
    this.note(name, value);
  }

  private note(name: Bytes, value: Bytes): void {
    if (this.changed == this.capacity) {
      this.capacity *= 2;
      const larger = arenaAllocate(<usize>this.capacity * CHANGE);
      memory.copy(larger, this.changes, <usize>this.changed * CHANGE);
      this.changes = larger;
    }
    const change = this.changes + <usize>this.changed * CHANGE;
    this.changed++;
    store<Bytes>(change, name);
    store<Bytes>(change, value, 8);
  }
}

/** One of 64 bits for a name, by its length and its last byte: names differ there more than where they begin. */
// @ts-ignore: decorator
@inline
function nameBit(name: usize, length: u32): u64 {
  return length == 0 ? 1 : (<u64>1) << ((length * 5 + load<u8>(name + length - 1)) & 63);
}

// @ts-ignore: decorator
@lazy const COOKIE = literal("cookie");
// @ts-ignore: decorator
@lazy const COMMA = literal(",");
// @ts-ignore: decorator
@lazy const SEMICOLON = literal("; ");

let versions: u32 = 0;

// @ts-ignore: decorator
@inline
function nextVersion(): u32 {
  if (++versions == 0) versions = 1;
  return versions;
}

/** What stands between the values of a header that came several times. */
export function separatorOf(name: Bytes): Bytes {
  return equals(name, COOKIE) ? SEMICOLON : COMMA;
}

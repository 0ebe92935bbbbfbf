import { Bytes, lengthOf, pointerOf } from "../../../assembly/bytes/bytes";
import { emptyList } from "../../../assembly/list";

/**
 * Prefixes in order, each with the longest other one that is a prefix of it. All prefixes of a text are found from the last one that is not behind
 * the text: what stands between a prefix of the text and the text begins with that prefix, so that they are a chain.
 */
@final
export class Prefixes {
  private keys: StaticArray<Bytes> = new StaticArray<Bytes>(0);
  private values: StaticArray<i32> = new StaticArray<i32>(0);
  private parents: StaticArray<i32> = new StaticArray<i32>(0);
  /** While they are added. */
  private added: Entry[] = emptyList<Entry>();
  /** How many bytes the text that was looked for last has in common with the key it stands behind. */
  private common: u32 = 0;

  get size(): i32 {
    return this.keys.length;
  }

  /** Adds a prefix, once, with a value of its own. */
  add(key: Bytes, value: i32): void {
    this.added.push(new Entry(key, value));
  }

  /** To be called when all are added. */
  finish(): void {
    this.added.sort((left, right) => compareBytes(left.key, right.key));
    const count = this.added.length;
    this.keys = new StaticArray<Bytes>(count);
    this.values = new StaticArray<i32>(count);
    this.parents = new StaticArray<i32>(count);
    for (let at = 0; at < count; at++) {
      const key = this.added[at].key;
      this.keys[at] = key;
      this.values[at] = this.added[at].value;
      let parent = at - 1;
      while (parent >= 0 && commonLength(this.keys[parent], key) < lengthOf(this.keys[parent])) {
        parent = this.parents[parent];
      }
      this.parents[at] = parent;
    }
    this.added = emptyList<Entry>();
  }

  /** The longest prefix of `text`, or -1; {@link valueOf} and {@link shorter} take it. */
  longest(text: Bytes): i32 {
    const keys = this.keys;
    let low = 0;
    let high = keys.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compareBytes(unchecked(keys[middle]), text) <= 0) low = middle + 1;
      else high = middle;
    }
    if (low == 0) return -1;
    this.common = commonLength(unchecked(keys[low - 1]), text);
    return this.fitting(low - 1);
  }

  /** The next shorter prefix of the same text, or -1. */
  shorter(prefix: i32): i32 {
    return this.fitting(unchecked(this.parents[prefix]));
  }

  valueOf(prefix: i32): i32 {
    return unchecked(this.values[prefix]);
  }

  /** The first of `prefix` and what is shorter that is a prefix of the text. */
  private fitting(prefix: i32): i32 {
    while (prefix >= 0 && lengthOf(unchecked(this.keys[prefix])) > this.common) {
      prefix = unchecked(this.parents[prefix]);
    }
    return prefix;
  }
}


@final
class Entry {
  constructor(
    readonly key: Bytes,
    readonly value: i32,
  ) {}
}

/** How many bytes both begin with. */
function commonLength(left: Bytes, right: Bytes): u32 {
  const length = min(lengthOf(left), lengthOf(right));
  const one = pointerOf(left);
  const other = pointerOf(right);
  let at: u32 = 0;
  while (at < length && load<u8>(one + at) == load<u8>(other + at)) at++;
  return at;
}

/** The order of bytes: below 0 where `left` comes first. */
function compareBytes(left: Bytes, right: Bytes): i32 {
  const common = commonLength(left, right);
  const leftLength = lengthOf(left);
  const rightLength = lengthOf(right);
  if (common < leftLength && common < rightLength) {
    return <i32>load<u8>(pointerOf(left) + common) - <i32>load<u8>(pointerOf(right) + common);
  }
  return <i32>leftLength - <i32>rightLength;
}

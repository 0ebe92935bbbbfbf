import { random_get } from "../abi/imports";
import { ABSENT, Bytes, bytesOf, lengthOf, literal, pointerOf } from "../bytes/bytes";
import { concatenate } from "../bytes/arena";
import { getSharedData, setSharedData } from "./shared-data";

/** 128 random bits, as two numbers for `sipHash`. */
@final
export class ProcessKey {
  constructor(
    readonly key0: u64,
    readonly key1: u64,
  ) {}
}

/** How long a key is, in bytes. */
const SIZE: u32 = 16;
/** What the keys of the suite in shared data start with. */
// @ts-ignore: decorator
@lazy
const OWNER = literal("outrigger");
// @ts-ignore: decorator
@lazy
const SLASH = literal("/");
/**
 * A compare-and-swap number that is not the key's own, which the host counts up from 1: it makes what is absent, and leaves alone what is
 * there.
 */
const IF_ABSENT: u32 = u32.MAX_VALUE;
const DRAWN: usize = memory.data(16, 8);

/**
 * A random key that all workers of the proxy have in common and that nobody outside of it knows: it is drawn by the first who
 * asks, lives in shared data under `outrigger/<name>`, and is another one after a restart. What must be the same in two proxies must
 * not hang on it. Shared data is one namespace for each `vm_id`: plugins with the same one have, and can read, the same key.
 *
 * To be called when a configuration is read, since it allocates. Null when the host has no random bytes, or something that is no key
 * stands under that name: the configuration is then to be refused, since a key that can be guessed protects nothing and would look as
 * if it did. A plugin that runs keeps the configuration it has.
 */
export function processKey(name: Bytes): ProcessKey | null {
  const place = concatenate(OWNER, SLASH, name);
  let kept = getSharedData(place);
  if (kept == ABSENT) {
    if (random_get(DRAWN, SIZE) != 0) return null;
    // Another worker may be faster: whoever comes second reads what is there.
    setSharedData(place, bytesOf(DRAWN, SIZE), IF_ABSENT);
    kept = getSharedData(place);
  }
  if (lengthOf(kept) != SIZE) return null;
  return new ProcessKey(load<u64>(pointerOf(kept)), load<u64>(pointerOf(kept), 8));
}

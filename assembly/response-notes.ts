import { Root } from "./abi/root";
import { findStream, stateIn, trackStream } from "./abi/streams";

/**
 * What the filters of a plugin want to know again when the response comes: a number for each. The state of a stream
 * (`abi/streams.ts`) is the number itself where there is one filter, and a block with one for each where there are more.
 * Blocks are used again.
 */

/** Blocks that are free, by the number of filters: each begins with the address of the next. */
const free = memory.data(256);
const LARGEST: i32 = 63;

/** Keeps `note` of filter `at` out of `count` until the response of stream `id`. */
export function keepNote(id: u32, root: Root, at: i32, count: i32, note: u32): void {
  if (count == 1) {
    trackStream(id, root, note);
    return;
  }
  const entry = findStream(id);
  let block = entry == 0 ? 0 : stateIn(entry);
  if (block == 0) {
    block = takeBlock(count);
    trackStream(id, root, block);
  }
  store<u32>(block + ((<usize>at) << 2), note);
}

/** The note of filter `at`, or 0. */
export function noteOf(state: usize, at: i32, count: i32): u32 {
  return count == 1 ? state : load<u32>(state + ((<usize>at) << 2));
}

/** Forgets the note of filter `at`, of several: the others keep theirs. */
export function clearNote(state: usize, at: i32, count: i32): void {
  if (count > 1) store<u32>(state + ((<usize>at) << 2), 0);
}

/** Gives back what belongs to a stream's state. */
export function dropNotes(state: usize, count: i32): void {
  if (count == 1 || state == 0) return;
  if (count > LARGEST) {
    heap.free(state);
    return;
  }
  const head = free + ((<usize>count) << 2);
  store<usize>(state, load<usize>(head));
  store<usize>(head, state);
}

function takeBlock(count: i32): usize {
  const size = (<usize>count) << 2;
  let block: usize = 0;
  if (count <= LARGEST) {
    const head = free + size;
    block = load<usize>(head);
    if (block != 0) store<usize>(head, load<usize>(block));
  }
  if (block == 0) block = heap.alloc(size);
  memory.fill(block, 0, size);
  return block;
}

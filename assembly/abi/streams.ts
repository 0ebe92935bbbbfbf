import { proxy_set_effective_context } from "./imports";
import { Root } from "./root";
import { WasmResultValues } from "./values";

/**
 * The streams that a later callback will ask for: from the stream's id to its root and to what the root
 * keeps for it. Open addressing with linear probing in one block that doubles when half full, so that a
 * warm proxy allocates nothing. A filter which needs only the request's headers tracks no stream.
 */

/** Bytes an entry: id, pointer to the root, state, the sweep that last saw it. Id 0 (never a stream) marks an empty one. */
const ENTRY: usize = 16;

let table: usize = 0;
let capacity: u32 = 0;
let used: u32 = 0;
/** Sweeps so far. */
let sweeps: u32 = 0;
/** So many sweeps (about seconds) pass before it is asked whether a stream still lives. */
const PATIENCE: u32 = 8;

/** Remembers `state` for stream `id` until {@link untrackStream}. */
export function trackStream(id: u32, root: Root, state: usize): void {
  if (used * 2 >= capacity) grow();
  const entry = slotOf(id);
  if (load<u32>(entry) == 0) used++;
  store<u32>(entry, id);
  // The list of roots keeps the root alive, and the host deletes a root only after its streams.
  store<usize>(entry, changetype<usize>(root), 4);
  store<usize>(entry, state, 8);
  store<u32>(entry, sweeps, 12);
}

/** The entry of stream `id`, or 0. Valid until the next change of the table. */
// @ts-ignore: decorator
@inline
export function findStream(id: u32): usize {
  return used == 0 ? 0 : findTracked(id);
}

function findTracked(id: u32): usize {
  const entry = slotOf(id);
  return load<u32>(entry) == id ? entry : 0;
}

// @ts-ignore: decorator
@inline
export function rootIn(entry: usize): Root {
  return changetype<Root>(load<usize>(entry, 4));
}

// @ts-ignore: decorator
@inline
export function stateIn(entry: usize): usize {
  return load<usize>(entry, 8);
}

/** Forgets the stream of `entry`. */
export function untrackStream(entry: usize): void {
  used--;
  // Knuth's algorithm R: what stands behind moves up, so that no marker for deleted entries is needed.
  const mask = capacity - 1;
  let hole = <u32>((entry - table) / ENTRY);
  let at = hole;
  while (true) {
    store<u32>(table + <usize>hole * ENTRY, 0);
    while (true) {
      at = (at + 1) & mask;
      const moved = table + <usize>at * ENTRY;
      const id = load<u32>(moved);
      if (id == 0) return;
      const home = homeOf(id);
      // It may move up only to a place at or behind its home.
      if (((at - home) & mask) >= ((at - hole) & mask)) {
        memory.copy(table + <usize>hole * ENTRY, moved, ENTRY);
        hole = at;
        break;
      }
    }
  }
}

/**
 * Forgets the streams that have ended, of roots which do without `proxy_on_delete` ({@link Root.isSwept}): the host
 * knows no context of theirs any more. Asks about each stream once in {@link PATIENCE} sweeps; between them, what is
 * kept is what lives and what ended since. `context` is the one in whose callback this happens.
 */
export function sweepStreams(context: u32): void {
  sweeps++;
  let asked = false;
  for (let at: u32 = 0; used > 0 && at < capacity;) {
    const entry = table + <usize>at * ENTRY;
    const id = load<u32>(entry);
    if (id != 0 && sweeps - load<u32>(entry, 12) > PATIENCE && rootIn(entry).isSwept) {
      asked = true;
      // `BadArgument` for a context that is gone (proxy-wasm-cpp-host `exports.cc`).
      if (proxy_set_effective_context(id) != WasmResultValues.Ok) {
        forget(entry);
        // Another one may have moved up to here.
        continue;
      }
      store<u32>(entry, sweeps, 12);
    }
    at++;
  }
  if (asked) proxy_set_effective_context(context);
}

/** Forgets all streams of a root that is gone. */
export function untrackStreamsOf(root: Root): void {
  for (let at: u32 = 0; used > 0 && at < capacity;) {
    const entry = table + <usize>at * ENTRY;
    if (load<u32>(entry) != 0 && load<usize>(entry, 4) == changetype<usize>(root)) forget(entry);
    else at++;
  }
}

function forget(entry: usize): void {
  const root = rootIn(entry);
  const id = load<u32>(entry);
  const state = stateIn(entry);
  untrackStream(entry);
  root.streamDeleted(id, state);
}

// @ts-ignore: decorator
@inline
function homeOf(id: u32): u32 {
  // Fibonacci hashing: ids are consecutive, and several plugins interleave theirs. The upper bits are the mixed
  // ones; as many of them as the capacity has.
  return (id * 0x9e3779b9) >>> (clz(capacity) + 1);
}

function slotOf(id: u32): usize {
  const mask = capacity - 1;
  let at = homeOf(id);
  while (true) {
    const entry = table + <usize>at * ENTRY;
    const there = load<u32>(entry);
    if (there == id || there == 0) return entry;
    at = (at + 1) & mask;
  }
}

function grow(): void {
  const old = table;
  const oldCapacity = capacity;
  capacity = oldCapacity == 0 ? 64 : oldCapacity * 2;
  table = heap.alloc(<usize>capacity * ENTRY);
  memory.fill(table, 0, <usize>capacity * ENTRY);
  for (let at: u32 = 0; at < oldCapacity; at++) {
    const entry = old + <usize>at * ENTRY;
    const id = load<u32>(entry);
    if (id != 0) memory.copy(slotOf(id), entry, ENTRY);
  }
  if (old != 0) heap.free(old);
}

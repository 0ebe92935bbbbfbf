/**
 * The calls that a stream waits for: from a call's token to who waits. Bounded: what is not answered yet costs memory, and
 * a proxy whose services hang must not grow. Open addressing with linear probing in one block that doubles when half full.
 */

/** Bytes an entry: token, root context, stream, which of its filters, that filter's memo, its configuration. Token 0 marks an empty one. */
const ENTRY: usize = 24;
/** Calls that may wait at once in a VM. */
const MOST: u32 = 8192;

let table: usize = 0;
let capacity: u32 = 0;
let used: u32 = 0;

/** Whether one more call may be waited for. Ask before it is sent. */
export function mayTrackCall(): bool {
  return used < MOST;
}

/** Notes that filter number `filter` of stream `stream` waits for the answer to `token`. `configuration` tells its root's filters from later ones. */
export function trackCall(
  token: u32,
  root: u32,
  stream: u32,
  filter: u32,
  memo: u32,
  configuration: usize,
): void {
  if (used * 2 >= capacity) grow();
  const entry = slotOf(token);
  if (load<u32>(entry) == 0) used++;
  store<u32>(entry, token);
  store<u32>(entry, root, 4);
  store<u32>(entry, stream, 8);
  store<u32>(entry, filter, 12);
  store<u32>(entry, memo, 16);
  store<usize>(entry, configuration, 20);
}

/** Who waits for the answer to `token`, for the getters below until the table changes; 0 for nobody. */
export function findCall(token: u32): usize {
  if (used == 0 || token == 0) return 0;
  const entry = slotOf(token);
  return load<u32>(entry) == token ? entry : 0;
}

// @ts-ignore: decorator
@inline
export function streamOfCall(entry: usize): u32 {
  return load<u32>(entry, 8);
}

// @ts-ignore: decorator
@inline
export function filterOfCall(entry: usize): u32 {
  return load<u32>(entry, 12);
}

// @ts-ignore: decorator
@inline
export function memoOfCall(entry: usize): u32 {
  return load<u32>(entry, 16);
}

// @ts-ignore: decorator
@inline
export function configurationOfCall(entry: usize): usize {
  return load<usize>(entry, 20);
}

/** Nobody waits for this one any more. */
export function untrackCall(entry: usize): void {
  used--;
  // What stands behind moves up, as in `streams.ts`.
  const mask = capacity - 1;
  let hole = <u32>((entry - table) / ENTRY);
  let at = hole;
  while (true) {
    store<u32>(table + <usize>hole * ENTRY, 0);
    while (true) {
      at = (at + 1) & mask;
      const moved = table + <usize>at * ENTRY;
      const token = load<u32>(moved);
      if (token == 0) return;
      if (((at - homeOf(token)) & mask) >= ((at - hole) & mask)) {
        memory.copy(table + <usize>hole * ENTRY, moved, ENTRY);
        hole = at;
        break;
      }
    }
  }
}

/** A root context is gone, and with it what its calls would have brought. */
export function untrackCallsOf(root: u32): void {
  for (let at: u32 = 0; used > 0 && at < capacity;) {
    const entry = table + <usize>at * ENTRY;
    if (load<u32>(entry) != 0 && load<u32>(entry, 4) == root) untrackCall(entry);
    else at++;
  }
}

// @ts-ignore: decorator
@inline
function homeOf(token: u32): u32 {
  // Tokens of a kind count up by 4, and the lowest two bits are the kind (proxy-wasm-cpp-host `wasm.h`).
  return ((token >>> 2) + (token & 3) * 21) & (capacity - 1);
}

function slotOf(token: u32): usize {
  const mask = capacity - 1;
  let at = homeOf(token);
  while (true) {
    const entry = table + <usize>at * ENTRY;
    const there = load<u32>(entry);
    if (there == token || there == 0) return entry;
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
    const token = load<u32>(entry);
    if (token != 0) memory.copy(slotOf(token), entry, ENTRY);
  }
  if (old != 0) heap.free(old);
}

import { Root } from "./root";

/**
 * Streams that were created and whose headers have not come yet, beside the one that was created last. Envoy creates a stream's context
 * immediately before its headers, but what a callback did to several streams it does when that has ended, the next one inside of what the one
 * before calls back (`doAfterVmCallActions` in proxy-wasm-cpp-host `wasm.h`): where it lets requests go on, the contexts of a plugin behind in
 * the same VM are all created, and then their headers come, the last one's first.
 */

/** As many as are let go on in a callback, and some. A stream that was passed over is overwritten. */
const MOST: u32 = 64;

let table: usize = 0;
let next: u32 = 0;

/** Keeps the root of a stream until {@link takePending}. */
export function keepPending(stream: u32, root: Root): void {
  if (table == 0) {
    table = heap.alloc(<usize>MOST * 8);
    memory.fill(table, 0, <usize>MOST * 8);
  }
  const entry = table + <usize>(next % MOST) * 8;
  next++;
  store<u32>(entry, stream);
  store<usize>(entry, changetype<usize>(root), 4);
}

/** The root of a stream that was kept; null for any other. */
export function takePending(stream: u32): Root | null {
  if (table == 0) return null;
  for (let at: u32 = 0; at < MOST; at++) {
    const entry = table + <usize>at * 8;
    if (load<u32>(entry) != stream) continue;
    store<u32>(entry, 0);
    return changetype<Root>(load<usize>(entry, 4));
  }
  return null;
}

/** A root context is gone, and its streams with it. */
export function forgetPendingOf(root: Root): void {
  if (table == 0) return;
  for (let at: u32 = 0; at < MOST; at++) {
    const entry = table + <usize>at * 8;
    if (load<usize>(entry, 4) == changetype<usize>(root)) store<u64>(entry, 0);
  }
}

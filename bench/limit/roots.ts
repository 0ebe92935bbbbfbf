/**
 * What hand-written modules do to be filters that can be run: configuration belongs to the root context, decisions are
 * counted in memory and flushed to the host once a second.
 */

import { allocate, readName } from "./host";

// @ts-ignore: decorator
@external("env", "proxy_set_tick_period_milliseconds")
declare function proxy_set_tick_period_milliseconds(period: u32): u32;

// @ts-ignore: decorator
@external("env", "proxy_define_metric")
declare function proxy_define_metric(type: u32, name: usize, nameLength: usize, id: usize): u32;

// @ts-ignore: decorator
@external("env", "proxy_increment_metric")
declare function proxy_increment_metric(id: u32, offset: i64): u32;

/**
 * A root context, 32 bytes: u32 id (0: free), u32 metric, usize name, usize length, u64 not flushed, u32 the round of
 * ticks in which it ticked last. One that misses two rounds is gone, as in `assembly/abi/roots.ts`.
 */
const ROOTS: usize = 16;
const ROOT_BYTES: usize = 32;
const roots = memory.data(512);
const rootsEnd = roots + ROOTS * ROOT_BYTES;

/** `outrigger_bench_same_calls` */
const METRIC = memory.data<u8>([
  0x6f, 0x75, 0x74, 0x72, 0x69, 0x67, 0x67, 0x65, 0x72, 0x5f, 0x62, 0x65, 0x6e, 0x63, 0x68, 0x5f, 0x73, 0x61,
  0x6d, 0x65, 0x5f, 0x63, 0x61, 0x6c, 0x6c, 0x73,
]);
const METRIC_LENGTH: usize = 26;
const metric = memory.data(4);

/** Ends when a root ticks for the second time in it. */
let round: u32 = 0;

/** The root of the stream that was created last; its request headers come next. */
export let current: usize = 0;

/** Where a root keeps the name that was configured: `(start, length)`, two words. */
// @ts-ignore: decorator
@inline
export function nameOf(root: usize): usize {
  return root + 8;
}

/** Counts a decision. */
// @ts-ignore: decorator
@inline
export function count(root: usize): void {
  store<u64>(root, load<u64>(root, 16) + 1, 16);
}

/** The slot of root context `id`, or 0. */
function find(id: u32): usize {
  for (let root = roots; root < rootsEnd; root += ROOT_BYTES) {
    if (load<u32>(root) == id) return root;
  }
  return 0;
}

/** Defines the counter and asks for ticks; false when the host refuses. */
function begin(root: usize): bool {
  // ABI metric type 0 is a counter.
  if (proxy_define_metric(0, METRIC, METRIC_LENGTH, metric)) return false;
  store<u32>(root, load<u32>(metric), 4);
  proxy_set_tick_period_milliseconds(1000);
  return true;
}

export function proxy_abi_version_0_2_1(): void {}

export function proxy_on_memory_allocate(size: usize): usize {
  return allocate(size);
}

/** The configuration is what each module makes of it: it is kept as the root's name. */
export function proxy_on_configure(context: u32, size: u32): u32 {
  const root = find(context);
  if (!root) return 0;
  readName(size, nameOf(root));
  return begin(root) ? 1 : 0;
}

export function proxy_on_context_create(context: u32, parent: u32): void {
  if (parent) {
    current = find(parent);
    return;
  }
  const root = find(0);
  if (!root) return;
  memory.fill(root, 0, ROOT_BYTES);
  store<u32>(root, context);
  store<u32>(root, round, 24);
}

export function proxy_on_tick(context: u32): void {
  const ticking = find(context);
  if (!ticking) return;
  if (load<u32>(ticking, 24) == round) round++;
  store<u32>(ticking, round, 24);
  for (let root = roots; root < rootsEnd; root += ROOT_BYTES) {
    if (!load<u32>(root)) continue;
    const pending = load<i64>(root, 16);
    if (pending) proxy_increment_metric(load<u32>(root, 4), pending);
    store<i64>(root, 0, 16);
    if (round - load<u32>(root, 24) > 2) store<u32>(root, 0);
  }
}

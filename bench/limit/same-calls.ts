/**
 * A hand-written module with the exports and the host calls of `filters/dark-launch`. What dark-launch costs above this
 * is what our runtime costs; what this costs above `barest` is the price of being a filter that can be run (several
 * configurations in one VM, no leak, metrics).
 */
import { allocate, decideAndStrip, readName, reset } from "./host";
import { begin, count, current, find, nameOf } from "./roots";

export { proxy_on_context_create, proxy_on_tick } from "./roots";

export function proxy_abi_version_0_2_1(): void {}

export function proxy_on_memory_allocate(size: usize): usize {
  return allocate(size);
}

export function proxy_on_configure(context: u32, size: u32): u32 {
  const root = find(context);
  if (!root) return 0;
  readName(size, nameOf(root));
  return begin(root) ? 1 : 0;
}

export function proxy_on_request_headers(_context: u32, _count: u32, _endOfStream: u32): u32 {
  reset();
  const root = current;
  if (!root) return 0;
  const name = nameOf(root);
  decideAndStrip(load<usize>(name), load<usize>(name, 4));
  count(root);
  return 0;
}

/** Is called for each response, and has nothing to do there: as dark-launch without a cookie to set. */
export function proxy_on_response_headers(_context: u32, _count: u32, _endOfStream: u32): u32 {
  return 0;
}

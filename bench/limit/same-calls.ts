/**
 * A hand-written module with the exports and the host calls of `filters/dark-launch`. What dark-launch costs above this
 * is what our runtime costs; what this costs above `barest` is the price of being a filter that can be run (several
 * configurations in one VM, no leak, metrics).
 */
import { decideAndStrip, reset } from "./host";
import { count, current, nameOf } from "./roots";

export {
  proxy_abi_version_0_2_1,
  proxy_on_configure,
  proxy_on_context_create,
  proxy_on_memory_allocate,
  proxy_on_tick,
} from "./roots";

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

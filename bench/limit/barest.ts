/**
 * The barest module that does the dark launch: five exports, two host calls a request. It counts nothing and checks
 * nothing, and knows no root contexts: nobody could run it, but nothing can be cheaper. Which of the plugins that
 * share its VM a request passes, it takes from their order: they are configured in the order of the chain, and each
 * request passes all of them in that order.
 */
import { allocate, decide, readName, reset } from "./host";

/** The names of the variant headers, 8 bytes each: one a plugin, in the order in which they were configured. */
const names = memory.data(8 * 16);
let end: usize = names;
/** The name which the next request's headers are for. */
let next: usize = names;

export function proxy_abi_version_0_2_1(): void {}

export function proxy_on_memory_allocate(size: usize): usize {
  return allocate(size);
}

export function proxy_on_configure(_root: u32, size: u32): u32 {
  readName(size, end);
  end += 8;
  return 1;
}

export function proxy_on_request_headers(_context: u32, _count: u32, _endOfStream: u32): u32 {
  reset();
  const name = next;
  next = name + 8 == end ? names : name + 8;
  decide(load<usize>(name), load<usize>(name, 4));
  return 0;
}

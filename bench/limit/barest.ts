/**
 * The barest module that does the dark launch: five exports, two host calls a request. It knows one
 * configuration per VM (a second plugin in the same VM would overwrite it), counts nothing and checks
 * nothing: nobody could run it, but nothing can be cheaper. The benchmark gives each copy its own `vm_id`.
 */
import { allocate, decide, readName, reset } from "./host";

const name = memory.data(8);

export function proxy_abi_version_0_2_1(): void {}

export function proxy_on_memory_allocate(size: usize): usize {
  return allocate(size);
}

export function proxy_on_configure(_root: u32, size: u32): u32 {
  readName(size, name);
  return 1;
}

export function proxy_on_request_headers(_context: u32, _count: u32, _endOfStream: u32): u32 {
  reset();
  decide(load<usize>(name), load<usize>(name, 4));
  return 0;
}

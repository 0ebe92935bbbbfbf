/**
 * A hand-written module with the exports and the host calls of `filters/local-rate-limit` with one bucket for all: the
 * headers, the listener's direction, the clock, the bucket, the bucket again. It knows one rate, no keys, no matches and no modes. What
 * local-rate-limit costs above this is what our runtime and its generality cost.
 */
import { requestHeaders, refuse, reset } from "./host";
import { count, current, nameOf } from "./roots";

export {
  proxy_abi_version_0_2_1,
  proxy_on_configure,
  proxy_on_context_create,
  proxy_on_memory_allocate,
  proxy_on_tick,
} from "./roots";

// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "clock_time_get")
declare function clock_time_get(clock: u32, precision: u64, time: usize): u32;

// @ts-ignore: decorator
@external("env", "proxy_get_property")
declare function proxy_get_property(path: usize, pathLength: usize, value: usize, size: usize): u32;

// @ts-ignore: decorator
@external("env", "proxy_get_shared_data")
declare function proxy_get_shared_data(
  key: usize,
  keyLength: usize,
  data: usize,
  size: usize,
  cas: usize,
): u32;

// @ts-ignore: decorator
@external("env", "proxy_set_shared_data")
declare function proxy_set_shared_data(key: usize, keyLength: usize, data: usize, size: usize, cas: u32): u32;

/** A million a second, and as many at once: as in the row of local-rate-limit (`../rate-limits.ts`). */
const INTERVAL: u64 = 1000;
const TOLERANCE: u64 = 1000000000;
/** So often a swap may be lost, as in local-rate-limit. */
const ATTEMPTS = 16;

/** Where the host writes the time; then where a bucket's address, its size and its compare-and-swap number stand. */
const time = memory.data(8, 8);
const returned = memory.data(8, 8);
const cas = memory.data(4, 4);
/** `xds.listener_direction`. */
const DIRECTION = memory.data<u8>([
  0x78, 0x64, 0x73, 0, 0x6c, 0x69, 0x73, 0x74, 0x65, 0x6e, 0x65, 0x72, 0x5f, 0x64, 0x69, 0x72, 0x65, 0x63,
  0x74, 0x69, 0x6f, 0x6e,
]);
/** A bucket as it is written. */
const bucket = memory.data(8, 8);

export function proxy_on_request_headers(_context: u32, _count: u32, _endOfStream: u32): u32 {
  reset();
  const root = current;
  if (!root || !requestHeaders()) return 0;
  proxy_get_property(DIRECTION, 22, returned, returned + 4);
  // The configuration is the key of the bucket in the shared data.
  const name = nameOf(root);
  if (takes(load<usize>(name), load<usize>(name, 4))) {
    count(root);
    return 0;
  }
  return refuse(429);
}

/** Is called for each response, and has nothing to do there: as local-rate-limit without headers about limits. */
export function proxy_on_response_headers(_context: u32, _count: u32, _endOfStream: u32): u32 {
  return 0;
}

/** The generic cell rate algorithm on one bucket of the shared data. */
function takes(key: usize, keyLength: usize): bool {
  clock_time_get(1, 0, time);
  const now = load<u64>(time);
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    // A number that no key has: it inserts what is not there.
    let number = u32.MAX_VALUE;
    let full = now;
    if (proxy_get_shared_data(key, keyLength, returned, returned + 4, cas) == 0) {
      number = load<u32>(cas);
      if (load<u32>(returned, 4) == 8) full = max(now, load<u64>(load<usize>(returned)));
    }
    full = min(full, now + TOLERANCE) + INTERVAL;
    if (full > now + TOLERANCE) return false;
    store<u64>(bucket, full);
    if (proxy_set_shared_data(key, keyLength, bucket, 8, number) == 0) return true;
  }
  return false;
}

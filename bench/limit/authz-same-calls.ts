/**
 * A hand-written module with the callbacks and the host calls that a request costs in `filters/authz` with policies on method, path
 * and a header: one read of the headers, and the response's headers, in which CUSTOM policies may have something to do. It knows one policy,
 * on `GET`, `/reviews/` and the value of `x-user` that is its configuration. What authz costs above this is what our runtime and its
 * generality cost; what is below is the host's.
 */
import { headerPairs, refuse, reset } from "./host";
import { count, current, nameOf } from "./roots";

export {
  proxy_abi_version_0_2_1,
  proxy_on_configure,
  proxy_on_context_create,
  proxy_on_memory_allocate,
  proxy_on_tick,
} from "./roots";

/** `x-user`, `/reviews/`, little endian. */
const X_USER_START: u32 = 0x73752d78;
const X_USER_END: u16 = 0x7265;
const REVIEWS: u64 = 0x737765697665722f;

export function proxy_on_request_headers(_context: u32, _count: u32, _endOfStream: u32): u32 {
  reset();
  const root = current;
  if (root && allows(nameOf(root))) {
    count(root);
    return 0;
  }
  return refuse(403);
}

/** Is called for each response, and has nothing to do there: as authz without CUSTOM policies. */
export function proxy_on_response_headers(_context: u32, _count: u32, _endOfStream: u32): u32 {
  return 0;
}

/** Are never called: authz hears by them of connections, and of what it has asked. */
export function proxy_on_new_connection(_context: u32): u32 {
  return 0;
}

export function proxy_on_http_call_response(
  _context: u32,
  _token: u32,
  _headers: u32,
  _bodySize: u32,
  _trailers: u32,
): void {}

export function proxy_on_grpc_receive(_context: u32, _token: u32, _size: u32): void {}

export function proxy_on_grpc_close(_context: u32, _token: u32, _status: u32): void {}

/** Whether method, path and user are those of the policy. */
function allows(user: usize): bool {
  let sizes = headerPairs();
  if (!sizes) return false;
  // u32 count, count × (u32 name length, u32 value length), then name \0 value \0 each.
  const pairs = load<u32>(sizes);
  sizes += 4;
  let at = sizes + ((<usize>pairs) << 3);
  let found = 0;
  for (const end = at; sizes < end; sizes += 8) {
    const length = load<u32>(sizes);
    const valueLength = load<u32>(sizes, 4);
    const value = at + length + 1;
    if (length == 7 && load<u8>(at) == 0x3a) {
      // `:method` is the only pseudo-header of that length but `:scheme`, whose value is none of `GET`.
      if (valueLength == 3 && (load<u32>(value) & 0xffffff) == 0x544547) found |= 1;
    } else if (length == 5 && load<u8>(at) == 0x3a) {
      if (valueLength > 8 && load<u64>(value) == REVIEWS && load<u8>(value, 8) == 0x2f) found |= 2;
    } else if (length == 6 && load<u32>(at) == X_USER_START && load<u16>(at, 4) == X_USER_END) {
      if (valueLength == load<u32>(user, 4) && !memory.compare(value, load<usize>(user), valueLength)) {
        found |= 4;
      }
    }
    at = value + valueLength + 1;
  }
  return found == 7;
}

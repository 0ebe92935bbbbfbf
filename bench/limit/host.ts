/**
 * What the hand-written modules share: the host calls they import, the arena for bytes which the host
 * returns, and the decision itself. Nothing here is a library; it is the shortest code that does the job,
 * to have a floor which the runtime in `assembly/` is compared with.
 */

/** `proxy_map_type` of the request headers (proxy-wasm ABI 0.2.1). */
const REQUEST_HEADERS: u32 = 0;
/** `proxy_buffer_type` of the plugin's configuration (proxy-wasm ABI 0.2.1). */
const PLUGIN_CONFIGURATION: u32 = 7;

// @ts-ignore: decorator
@external("env", "proxy_get_buffer_bytes")
declare function proxy_get_buffer_bytes(type: u32, start: u32, length: u32, data: usize, size: usize): u32;

// @ts-ignore: decorator
@external("env", "proxy_get_header_map_pairs")
declare function proxy_get_header_map_pairs(type: u32, data: usize, size: usize): u32;

// @ts-ignore: decorator
@external("env", "proxy_replace_header_map_value")
declare function proxy_replace_header_map_value(
  type: u32,
  name: usize,
  nameLength: usize,
  value: usize,
  valueLength: usize,
): u32;

// @ts-ignore: decorator
@external("env", "proxy_add_header_map_value")
declare function proxy_add_header_map_value(
  type: u32,
  name: usize,
  nameLength: usize,
  value: usize,
  valueLength: usize,
): u32;

// @ts-ignore: decorator
@external("env", "proxy_get_header_map_value")
declare function proxy_get_header_map_value(
  type: u32,
  name: usize,
  nameLength: usize,
  data: usize,
  size: usize,
): u32;

// @ts-ignore: decorator
@external("env", "proxy_send_local_response")
declare function proxy_send_local_response(
  status: u32,
  details: usize,
  detailsLength: usize,
  body: usize,
  bodyLength: usize,
  headers: usize,
  headersLength: usize,
  grpcStatus: i32,
): u32;

/** Where the host writes the address and the size of what it returns. */
const returned = memory.data(8);

/** "v1" and "v2", two bytes each. */
const variants = memory.data<u8>([0x76, 0x31, 0x76, 0x32]);

/** Bytes below stay (configurations), bytes above last for one callback. */
let kept: usize = __heap_base;
/** The next free byte. */
let top: usize = __heap_base;

/** Gives the host `size` bytes; memory grows when they are not there. */
export function allocate(size: usize): usize {
  const start = top;
  top = (start + size + 7) & ~7;
  const capacity = (<usize>memory.size()) << 16;
  if (top > capacity) memory.grow(<i32>((top - capacity + 0xffff) >> 16));
  return start;
}

/** Forgets what the last callback was given. */
// @ts-ignore: decorator
@inline
export function reset(): void {
  top = kept;
}

/**
 * The configuration's first line is the name of the variant header: it is kept for ever, and its
 * `(start, length)` stored at `target`, two words.
 */
export function readName(size: u32, target: usize): void {
  reset();
  store<usize>(target, 0);
  store<usize>(target, 0, 4);
  if (!size || proxy_get_buffer_bytes(PLUGIN_CONFIGURATION, 0, size, returned, returned + 4)) return;
  const start = load<usize>(returned);
  const end = start + load<usize>(returned, 4);
  let at = start;
  while (at < end && load<u8>(at) != 0x0a) at++;
  // Only the name is kept: the rest (ballast of the load-time measurement) is the next callback's room.
  kept = (at + 7) & ~7;
  store<usize>(target, start);
  store<usize>(target, at - start, 4);
}

/** Refuses the request with this status; what `proxy_on_request_headers` is to return then. */
export function refuse(status: u32): u32 {
  proxy_send_local_response(status, 0, 0, 0, 0, 0, 0, -1);
  // `StopIteration` (proxy-wasm ABI 0.2.1).
  return 1;
}

/** Reads the request's headers, and looks at none of them. False when the host has none. */
// @ts-ignore: decorator
@inline
export function requestHeaders(): bool {
  return proxy_get_header_map_pairs(REQUEST_HEADERS, returned, returned + 4) == 0;
}

/** Reads the request's headers: where they are, in the host's serialization; 0 when the host has none. */
// @ts-ignore: decorator
@inline
export function headerPairs(): usize {
  return requestHeaders() ? load<usize>(returned) : 0;
}

/**
 * The job: one call reads all headers; `x-beta-user: true` makes the variant v2, anything else v1; one call
 * writes the header. Answers 1 for v2 and 0 for v1.
 */
// @ts-ignore: decorator
@inline
export function decide(name: usize, nameLength: usize): u32 {
  let beta: u32 = 0;
  if (proxy_get_header_map_pairs(REQUEST_HEADERS, returned, returned + 4) == 0) {
    // u32 count, count × (u32 name length, u32 value length), then name \0 value \0 each.
    let sizes = load<usize>(returned);
    const count = load<u32>(sizes);
    sizes += 4;
    let at = sizes + ((<usize>count) << 3);
    for (const end = at; sizes < end; sizes += 8) {
      const length = load<u32>(sizes);
      const valueLength = load<u32>(sizes, 4);
      // "x-beta-user" as its first eight and its last eight bytes; "true" as four.
      if (
        length == 11 &&
        load<u64>(at) == 0x752d617465622d78 &&
        load<u64>(at, 3) == 0x726573752d617465 &&
        valueLength == 4 &&
        load<u32>(at, 12) == 0x65757274
      ) {
        beta = 1;
        break;
      }
      at += length + valueLength + 2;
    }
  }
  proxy_replace_header_map_value(REQUEST_HEADERS, name, nameLength, variants + ((<usize>beta) << 1), 2);
  return beta;
}

/**
 * The job as dark-launch does it: all headers are looked at, for the beta user and for a variant header that the client
 * sent. One that was not there is added, which costs the host less than a replacement; one that was is replaced.
 * Apart from {@link decide}, which must stay the shortest code there is, and so looks no further than the beta user.
 */
// @ts-ignore: decorator
@inline
export function decideAndStrip(name: usize, nameLength: usize): u32 {
  let beta: u32 = 0;
  let sent: u32 = 0;
  if (proxy_get_header_map_pairs(REQUEST_HEADERS, returned, returned + 4) == 0) {
    let sizes = load<usize>(returned);
    const count = load<u32>(sizes);
    sizes += 4;
    let at = sizes + ((<usize>count) << 3);
    for (const end = at; sizes < end; sizes += 8) {
      const length = load<u32>(sizes);
      const valueLength = load<u32>(sizes, 4);
      if (length == 11 && load<u64>(at) == 0x752d617465622d78 && load<u64>(at, 3) == 0x726573752d617465) {
        beta = valueLength == 4 && load<u32>(at, 12) == 0x65757274 ? 1 : 0;
      } else if (length == nameLength && memory.compare(at, name, length) == 0) sent = 1;
      at += length + valueLength + 2;
    }
  }
  const value = variants + ((<usize>beta) << 1);
  if (sent) proxy_replace_header_map_value(REQUEST_HEADERS, name, nameLength, value, 2);
  else proxy_add_header_map_value(REQUEST_HEADERS, name, nameLength, value, 2);
  return beta;
}

/** "x-beta-user" */
const betaUser = memory.data<u8>([0x78, 0x2d, 0x62, 0x65, 0x74, 0x61, 0x2d, 0x75, 0x73, 0x65, 0x72]);

/** Asks the host for one header. */
export function lookUp(): void {
  proxy_get_header_map_value(REQUEST_HEADERS, betaUser, 11, returned, returned + 4);
}

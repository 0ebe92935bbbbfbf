/**
 * A hand-written module with the exports and the host calls of `filters/trace-propagation` that extracts one format and
 * injects W3C and B3, without correlation and without spans. It checks nothing of what it reads, and its new traces have
 * all the same ids. What trace-propagation costs above this is what our runtime, its parsing and its generality cost.
 */
import { allocate, headerPairs, readName, reset } from "./host";
import { begin, count, current, find, nameOf } from "./roots";

export { proxy_on_context_create, proxy_on_tick } from "./roots";

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
@external("env", "proxy_replace_header_map_value")
declare function proxy_replace_header_map_value(
  type: u32,
  name: usize,
  nameLength: usize,
  value: usize,
  valueLength: usize,
): u32;

/** `proxy_map_type` of the request headers (proxy-wasm ABI 0.2.1). */
const REQUEST_HEADERS: u32 = 0;

/** Where the ids stand in `traceparent`: version, trace, span and flags, with `-` between them (W3C Trace Context, 3.2). */
const TRACE_ID: usize = 3;
const TRACE_ID_LENGTH: usize = 32;
const SPAN_ID: usize = 36;
const SPAN_ID_LENGTH: usize = 16;
/** The second digit of the flags; its lowest bit says that the trace is sampled. */
const FLAGS: usize = 54;
const TRACEPARENT_LENGTH: usize = 55;

const traceparentName = ascii("traceparent", memory.data(16));
const traceIdName = ascii("x-b3-traceid", memory.data(16));
const spanIdName = ascii("x-b3-spanid", memory.data(16));
const sampledName = ascii("x-b3-sampled", memory.data(16));

/** What every new trace is. */
const newTrace = ascii("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", memory.data(64));

/** Which of the headers the request has; `traceparent` as the address of its value. */
let traceparent: usize = 0;
let hasTraceId: bool = false;
let hasSpanId: bool = false;
let hasSampled: bool = false;

export function proxy_abi_version_0_2_1(): void {}

export function proxy_on_memory_allocate(size: usize): usize {
  return allocate(size);
}

/** The configuration is `inbound`, where the request's context is kept, or `outbound`, where a new trace begins. */
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
  look();
  // "i" of inbound.
  const keeps = load<u8>(load<usize>(nameOf(root))) == 0x69;
  if (!keeps) {
    write(traceparent != 0, traceparentName, 11, newTrace, TRACEPARENT_LENGTH);
    traceparent = newTrace;
  }
  if (traceparent) {
    write(hasTraceId, traceIdName, 12, traceparent + TRACE_ID, TRACE_ID_LENGTH);
    write(hasSpanId, spanIdName, 11, traceparent + SPAN_ID, SPAN_ID_LENGTH);
    write(hasSampled, sampledName, 12, traceparent + FLAGS, 1);
  }
  count(root);
  return 0;
}

/** Reads the request's headers, and notes which of those that matter are there. */
function look(): void {
  traceparent = 0;
  hasTraceId = false;
  hasSpanId = false;
  hasSampled = false;
  let sizes = headerPairs();
  if (!sizes) return;
  // u32 count, count × (u32 name length, u32 value length), then name \0 value \0 each.
  const pairs = load<u32>(sizes);
  sizes += 4;
  let at = sizes + ((<usize>pairs) << 3);
  for (const end = at; sizes < end; sizes += 8) {
    const length = load<u32>(sizes);
    if (length == 11) {
      if (same(at, traceparentName, 11)) traceparent = at + 12;
      else if (same(at, spanIdName, 11)) hasSpanId = true;
    } else if (length == 12) {
      if (same(at, traceIdName, 12)) hasTraceId = true;
      else if (same(at, sampledName, 12)) hasSampled = true;
    }
    at += length + load<u32>(sizes, 4) + 2;
  }
}

/** Whether two runs of 8 to 16 bytes are the same. */
// @ts-ignore: decorator
@inline
function same(one: usize, other: usize, length: usize): bool {
  return load<u64>(one) == load<u64>(other) && load<u64>(one + length - 8) == load<u64>(other + length - 8);
}

/** One that was not there is added, which costs the host less than a replacement. */
// @ts-ignore: decorator
@inline
function write(isThere: bool, name: usize, nameLength: usize, value: usize, valueLength: usize): void {
  if (isThere) proxy_replace_header_map_value(REQUEST_HEADERS, name, nameLength, value, valueLength);
  else proxy_add_header_map_value(REQUEST_HEADERS, name, nameLength, value, valueLength);
}

/** Writes a text of ASCII to `target`, which must have room, and answers with `target`. */
function ascii(text: string, target: usize): usize {
  for (let at = 0; at < text.length; at++) store<u8>(target + at, <u8>text.charCodeAt(at));
  return target;
}

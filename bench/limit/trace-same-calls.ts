/**
 * A hand-written module with the exports and the host calls of `filters/trace-propagation` that extracts one
 * format and injects W3C, or W3C and B3, without correlation and without spans. It checks nothing of what it
 * reads, and its new traces have all the same ids. What trace-propagation costs above this is what our
 * runtime, its parsing and its generality cost.
 */
import { headerPairs, reset } from "./host";
import { count, current, nameOf } from "./roots";

export {
  proxy_abi_version_0_2_1,
  proxy_on_configure,
  proxy_on_context_create,
  proxy_on_memory_allocate,
  proxy_on_tick,
} from "./roots";

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

// @ts-ignore: decorator
@external("env", "proxy_remove_header_map_value")
declare function proxy_remove_header_map_value(type: u32, name: usize, nameLength: usize): u32;

/** `proxy_map_type` of the request headers (proxy-wasm ABI 0.2.1). */
const REQUEST_HEADERS: u32 = 0;

/**
 * Where the ids stand in `traceparent`: version, trace, span and flags, with `-` between them (W3C Trace
 * Context, 3.2).
 */
const TRACE_ID: usize = 3;
const TRACE_ID_LENGTH: usize = 32;
const SPAN_ID: usize = 36;
const SPAN_ID_LENGTH: usize = 16;
const TRACEPARENT_LENGTH: usize = 55;

const traceparentName = ascii("traceparent", memory.data(16));
const tracestateName = ascii("tracestate", memory.data(16));
const traceIdName = ascii("x-b3-traceid", memory.data(16));
const spanIdName = ascii("x-b3-spanid", memory.data(16));
const sampledName = ascii("x-b3-sampled", memory.data(16));

/** What every new trace is. */
const newTrace = ascii("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-03", memory.data(64));
const sampled = ascii("1", memory.data(1));

/** Which of the headers the request has, as the addresses of their values. */
let traceparent: usize = 0;
let tracestate: usize = 0;
let traceId: usize = 0;
let spanId: usize = 0;
let isSampled: usize = 0;

export function proxy_on_request_headers(_context: u32, _count: u32, _endOfStream: u32): u32 {
  reset();
  const root = current;
  if (!root) return 0;
  look();
  // The configuration is what to do with the context.
  switch (load<u8>(load<usize>(nameOf(root)))) {
    // `keep`: passes it on in B3 too.
    case 0x6b:
      if (traceparent) writeB3(traceparent);
      break;
    // `strip`: passes it on, and no B3.
    case 0x73:
      if (traceId) remove(traceIdName, 12);
      if (spanId) remove(spanIdName, 11);
      if (isSampled) remove(sampledName, 12);
      break;
    // `begin`: a new trace.
    default:
      write(traceparent, traceparentName, 11, newTrace, TRACEPARENT_LENGTH);
      if (tracestate) remove(tracestateName, 10);
      writeB3(newTrace);
  }
  count(root);
  return 0;
}

/** Is called when a stream ends, and has nothing to do then: as trace-propagation without spans. */
export function proxy_on_log(_context: u32): void {}

/** Is never called: trace-propagation hears by it what comes of its spans. */
export function proxy_on_http_call_response(
  _context: u32,
  _token: u32,
  _headers: u32,
  _bodySize: u32,
  _trailers: u32,
): void {}

/** The headers of B3 for what a `traceparent` says. */
function writeB3(traceparent: usize): void {
  write(traceId, traceIdName, 12, traceparent + TRACE_ID, TRACE_ID_LENGTH);
  write(spanId, spanIdName, 11, traceparent + SPAN_ID, SPAN_ID_LENGTH);
  if (!isSampled) write(0, sampledName, 12, sampled, 1);
}

/** Reads the request's headers, and notes which of those that matter are there. */
function look(): void {
  traceparent = 0;
  tracestate = 0;
  traceId = 0;
  spanId = 0;
  isSampled = 0;
  let sizes = headerPairs();
  if (!sizes) return;
  // u32 count, count × (u32 name length, u32 value length), then name \0 value \0 each.
  const pairs = load<u32>(sizes);
  sizes += 4;
  let at = sizes + ((<usize>pairs) << 3);
  for (const end = at; sizes < end; sizes += 8) {
    const length = load<u32>(sizes);
    const value = at + length + 1;
    if (length == 11) {
      if (same(at, traceparentName, 11)) traceparent = value;
      else if (same(at, spanIdName, 11)) spanId = value;
    } else if (length == 12) {
      if (same(at, traceIdName, 12)) traceId = value;
      else if (same(at, sampledName, 12)) isSampled = value;
    } else if (length == 10 && same(at, tracestateName, 10)) tracestate = value;
    at = value + load<u32>(sizes, 4) + 1;
  }
}

/** Whether two runs of 8 to 16 bytes are the same. */
// @ts-ignore: decorator
@inline
function same(one: usize, other: usize, length: usize): bool {
  return load<u64>(one) == load<u64>(other) && load<u64>(one + length - 8) == load<u64>(other + length - 8);
}

/** One that was not there (`before` 0) is added, which costs the host less than a replacement. */
// @ts-ignore: decorator
@inline
function write(before: usize, name: usize, nameLength: usize, value: usize, valueLength: usize): void {
  if (before) proxy_replace_header_map_value(REQUEST_HEADERS, name, nameLength, value, valueLength);
  else proxy_add_header_map_value(REQUEST_HEADERS, name, nameLength, value, valueLength);
}

// @ts-ignore: decorator
@inline
function remove(name: usize, length: usize): void {
  proxy_remove_header_map_value(REQUEST_HEADERS, name, length);
}

/** Writes a text of ASCII to `target`, which must have room, and answers with `target`. */
function ascii(text: string, target: usize): usize {
  for (let at = 0; at < text.length; at++) store<u8>(target + at, <u8>text.charCodeAt(at));
  return target;
}

/**
 * The source of a small module for the driver's tests, on the bare ABI. Its configuration says what it does:
 * it is logged, and when it starts with `refuse` the module logs two lines in one message and refuses it.
 * Otherwise each request gets the header `x-config` with the configuration's bytes (replacing what the client
 * sent), the property `outrigger.test` likewise, and counts in `test_requests`; `x-deny` is answered with a 403.
 */
export const TEST_MODULE = `
@external("env", "proxy_log") declare function log(level: u32, text: usize, length: usize): u32;
@external("env", "proxy_get_buffer_bytes")
declare function getBuffer(type: u32, start: u32, length: u32, data: usize, size: usize): u32;
@external("env", "proxy_get_header_map_value")
declare function getHeader(map: u32, key: usize, length: usize, data: usize, size: usize): u32;
@external("env", "proxy_replace_header_map_value")
declare function replaceHeader(map: u32, key: usize, length: usize, value: usize, valueLength: usize): u32;
@external("env", "proxy_set_property")
declare function setProperty(key: usize, length: usize, value: usize, valueLength: usize): u32;
@external("env", "proxy_define_metric")
declare function defineMetric(type: u32, name: usize, length: usize, id: usize): u32;
@external("env", "proxy_increment_metric") declare function increment(id: u32, by: i64): u32;
@external("env", "proxy_send_local_response")
declare function reply(status: u32, details: usize, detailsLength: usize, body: usize, bodyLength: usize,
  headers: usize, headersLength: usize, grpc: u32): u32;

const X_CONFIG = String.UTF8.encode("x-config");
const X_DENY = String.UTF8.encode("x-deny");
const PROPERTY = String.UTF8.encode("outrigger.test");
const METRIC = String.UTF8.encode("test_requests");
const REFUSED = String.UTF8.encode("rules[0]: wrong\\nrules[1]: wrong too");
const CONFIGURED = String.UTF8.encode("configured");
const NO_HEADERS = new ArrayBuffer(4);
const DETAILS = String.UTF8.encode("test:denied");

// Configuration belongs to the root context; contexts are told apart by a table of roots.
const roots = new Map<u32, ArrayBuffer>();
const parents = new Map<u32, u32>();
let metric: u32 = 0;

@inline function p(buffer: ArrayBuffer): usize { return changetype<usize>(buffer); }

export function proxy_abi_version_0_2_1(): void {}
export function proxy_on_memory_allocate(size: usize): usize { return p(new ArrayBuffer(i32(size))); }
export function proxy_on_context_create(id: u32, parent: u32): void { parents.set(id, parent); }
export function proxy_on_delete(id: u32): void { parents.delete(id); roots.delete(id); }
export function proxy_on_configure(root: u32, size: u32): bool {
  const out = memory.data(8);
  let text = new ArrayBuffer(0);
  if (size > 0 && getBuffer(7, 0, size, out, out + 4) == 0) {
    text = new ArrayBuffer(load<u32>(out + 4));
    memory.copy(p(text), load<u32>(out), text.byteLength);
  }
  if (text.byteLength >= 6 && String.UTF8.decodeUnsafe(p(text), 6) == "refuse") {
    log(4, p(REFUSED), REFUSED.byteLength);
    return false;
  }
  if (text.byteLength >= 4 && String.UTF8.decodeUnsafe(p(text), 4) == "trap") unreachable();
  roots.set(root, text);
  log(2, p(CONFIGURED), CONFIGURED.byteLength);
  defineMetric(0, p(METRIC), METRIC.byteLength, out);
  metric = load<u32>(out);
  return true;
}
export function proxy_on_request_headers(id: u32, count: u32, end: bool): u32 {
  const out = memory.data(8);
  increment(metric, 1);
  if (getHeader(0, p(X_DENY), X_DENY.byteLength, out, out + 4) == 0) {
    reply(403, p(DETAILS), DETAILS.byteLength, p(DETAILS), DETAILS.byteLength, p(NO_HEADERS), 4, u32.MAX_VALUE);
    return 1;
  }
  const text = roots.get(parents.get(id));
  replaceHeader(0, p(X_CONFIG), X_CONFIG.byteLength, p(text), text.byteLength);
  setProperty(p(PROPERTY), PROPERTY.byteLength, p(text), text.byteLength);
  return 0;
}
`;

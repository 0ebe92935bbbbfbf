/** Small modules for the host's own tests, compiled in memory from AssemblyScript. */
import { compileText } from "../../tools/compile.ts";
import { PluginModule } from "./module.ts";

const cache = new Map<string, Promise<Uint8Array>>();

/** What every test module starts with: allocation, the ABI version, and short names for host functions. */
const PRELUDE = `
@external("env", "proxy_log") declare function proxy_log(level: u32, p: usize, n: usize): u32;
@external("env", "proxy_get_header_map_value") declare function get_header(t: u32, k: usize, kn: usize, p: usize, n: usize): u32;
@external("env", "proxy_get_header_map_pairs") declare function get_pairs(t: u32, p: usize, n: usize): u32;
@external("env", "proxy_set_header_map_pairs") declare function set_pairs(t: u32, p: usize, n: usize): u32;
@external("env", "proxy_add_header_map_value") declare function add_header(t: u32, k: usize, kn: usize, v: usize, vn: usize): u32;
@external("env", "proxy_replace_header_map_value") declare function replace_header(t: u32, k: usize, kn: usize, v: usize, vn: usize): u32;
@external("env", "proxy_remove_header_map_value") declare function remove_header(t: u32, k: usize, kn: usize): u32;
@external("env", "proxy_get_buffer_bytes") declare function get_buffer(t: u32, start: u32, length: u32, p: usize, n: usize): u32;
@external("env", "proxy_get_buffer_status") declare function buffer_status(t: u32, n: usize, f: usize): u32;
@external("env", "proxy_set_buffer_bytes") declare function set_buffer(t: u32, start: u32, length: u32, d: usize, dn: usize): u32;
@external("env", "proxy_get_property") declare function get_property(k: usize, kn: usize, p: usize, n: usize): u32;
@external("env", "proxy_set_property") declare function set_property(k: usize, kn: usize, v: usize, vn: usize): u32;
@external("env", "proxy_send_local_response") declare function send_response(s: u32, d: usize, dn: usize, b: usize, bn: usize, h: usize, hn: usize, g: u32): u32;
@external("env", "proxy_continue_stream") declare function continue_stream(t: u32): u32;
@external("env", "proxy_get_shared_data") declare function get_shared(k: usize, kn: usize, p: usize, n: usize, c: usize): u32;
@external("env", "proxy_set_shared_data") declare function set_shared(k: usize, kn: usize, v: usize, vn: usize, c: u32): u32;
@external("env", "proxy_define_metric") declare function define_metric(t: u32, k: usize, kn: usize, id: usize): u32;
@external("env", "proxy_increment_metric") declare function increment_metric(id: u32, by: i64): u32;
@external("env", "proxy_record_metric") declare function record_metric(id: u32, v: u64): u32;
@external("env", "proxy_get_metric") declare function get_metric(id: u32, p: usize): u32;
@external("env", "proxy_set_effective_context") declare function set_effective(id: u32): u32;
@external("env", "proxy_set_tick_period_milliseconds") declare function set_tick(ms: u32): u32;
@external("env", "proxy_get_current_time_nanoseconds") declare function now(p: usize): u32;
@external("env", "proxy_call_foreign_function") declare function call_foreign(k: usize, kn: usize, a: usize, an: usize, p: usize, n: usize): u32;
@external("env", "proxy_done") declare function proxy_done(): u32;
@external("env", "proxy_http_call") declare function http_call(u: usize, un: usize, h: usize, hn: usize, b: usize, bn: usize, t: usize, tn: usize, ms: u32, p: usize): u32;
@external("wasi_snapshot_preview1", "clock_time_get") declare function clock_time(id: u32, precision: u64, p: usize): u32;

export function proxy_abi_version_0_2_1(): void {}
export function proxy_on_memory_allocate(size: usize): usize { return heap.alloc(size); }

const P: usize = memory.data(16);
function utf8(s: string): ArrayBuffer { return String.UTF8.encode(s); }
function at(b: ArrayBuffer): usize { return changetype<usize>(b); }
function log(s: string): void { const b = utf8(s); proxy_log(2, at(b), b.byteLength); }
function fail(s: string): void { const b = utf8(s); proxy_log(4, at(b), b.byteLength); }
function returned(): string { return String.UTF8.decodeUnsafe(load<usize>(P), load<usize>(P, 4)); }
function clearP(): void { store<u64>(P, 0); store<u64>(P, 0, 8); }
function configuration(size: u32): string {
  if (size == 0) return "";
  get_buffer(7, 0, size, P, P + 4);
  return returned();
}
function property(path: string): string {
  clearP();
  const b = utf8(path);
  const r = get_property(at(b), b.byteLength, P, P + 4);
  return r == 0 ? returned() : "!" + r.toString();
}
function setProperty(path: string, value: string): u32 {
  const b = utf8(path); const v = utf8(value);
  return set_property(at(b), b.byteLength, at(v), v.byteLength);
}
function header(map: u32, name: string): string {
  clearP();
  const b = utf8(name);
  const r = get_header(map, at(b), b.byteLength, P, P + 4);
  return r == 0 ? returned() : "!" + r.toString();
}
function add(map: u32, name: string, value: string): u32 {
  const b = utf8(name); const v = utf8(value);
  return add_header(map, at(b), b.byteLength, at(v), v.byteLength);
}
function replace(map: u32, name: string, value: string): u32 {
  const b = utf8(name); const v = utf8(value);
  return replace_header(map, at(b), b.byteLength, at(v), v.byteLength);
}
function pairs(map: u32): string {
  clearP();
  const r = get_pairs(map, P, P + 4);
  if (r != 0) return "!" + r.toString();
  const p = load<usize>(P);
  if (p == 0) return "";
  const count = load<u32>(p);
  let data = p + 4 + 8 * count;
  let s = "";
  for (let i: u32 = 0; i < count; i++) {
    const k = load<u32>(p + 4 + 8 * i), v = load<u32>(p + 8 + 8 * i);
    if (i > 0) s += "|";
    s += String.UTF8.decodeUnsafe(data, k); data += k + 1;
    s += "=" + String.UTF8.decodeUnsafe(data, v); data += v + 1;
  }
  return s;
}
function body(type: u32): string {
  clearP();
  const r = get_buffer(type, 0, 0xffff, P, P + 4);
  return r == 0 ? (load<usize>(P, 4) == 0 ? "" : returned()) : "!" + r.toString();
}
function reply(status: u32, details: string, text: string): void {
  const d = utf8(details), b = utf8(text);
  send_response(status, at(d), d.byteLength, at(b), b.byteLength, 0, 0, <u32>-1);
}
`;

/** Bytes of a module that is the prelude and `source`. */
export function compileBytes(source: string, prelude: string = PRELUDE): Promise<Uint8Array> {
  const text = prelude + source;
  let bytes = cache.get(text);
  if (bytes === undefined) cache.set(text, (bytes = compileText(text)));
  return bytes;
}

export async function compileModule(source: string): Promise<PluginModule> {
  return PluginModule.compile(await compileBytes(source));
}

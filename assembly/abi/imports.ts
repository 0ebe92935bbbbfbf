/**
 * The host functions of proxy-wasm ABI 0.2.1, as Envoy offers them. A module imports only those that
 * are reached from its exports, since one unknown import keeps it from loading.
 *
 * What `@solo-io/proxy-runtime` declares rightly comes from there; the rest is declared here:
 * `docs/proxy-runtime.md` says what was replaced and why.
 */
export {
  proxy_get_status,
  proxy_log,
  proxy_set_tick_period_milliseconds,
  proxy_get_current_time_nanoseconds,
  proxy_get_property,
  proxy_set_property,
  proxy_continue_stream,
  proxy_close_stream,
  proxy_send_local_response,
  proxy_get_shared_data,
  proxy_set_shared_data,
  proxy_add_header_map_value,
  proxy_get_header_map_value,
  proxy_get_header_map_pairs,
  proxy_set_header_map_pairs,
  proxy_replace_header_map_value,
  proxy_remove_header_map_value,
  proxy_get_header_map_size,
  proxy_get_buffer_bytes,
  proxy_get_buffer_status,
  proxy_define_metric,
  proxy_increment_metric,
  proxy_record_metric,
  proxy_get_metric,
  proxy_set_effective_context,
  proxy_done,
  proxy_call_foreign_function,
  proxy_http_call,
  proxy_grpc_send,
  proxy_grpc_close,
  proxy_grpc_cancel,
  proxy_register_shared_queue,
  proxy_resolve_shared_queue,
  proxy_enqueue_shared_queue,
  proxy_dequeue_shared_queue,
} from "@solo-io/proxy-runtime/assembly/imports";

/** The level below which the host drops what is logged; proxy-wasm-cpp-host `exports.cc`. */
// @ts-ignore: decorator
@external("env", "proxy_get_log_level")
export declare function proxy_get_log_level(level: usize): u32;

/** Replaces `length` bytes from `start` of a buffer by others; proxy-wasm-cpp-host `exports.cc`. */
// @ts-ignore: decorator
@external("env", "proxy_set_buffer_bytes")
export declare function proxy_set_buffer_bytes(
  type: u32,
  start: u32,
  length: u32,
  data: usize,
  size: usize,
): u32;

/** Sends one gRPC message and waits for one; proxy-wasm-cpp-host `exports.cc`. */
// @ts-ignore: decorator
@external("env", "proxy_grpc_call")
export declare function proxy_grpc_call(
  target: usize,
  targetSize: usize,
  service: usize,
  serviceSize: usize,
  method: usize,
  methodSize: usize,
  metadata: usize,
  metadataSize: usize,
  message: usize,
  messageSize: usize,
  timeout: u32,
  token: usize,
): u32;

/** Opens a gRPC stream; proxy-wasm-cpp-host `exports.cc`. */
// @ts-ignore: decorator
@external("env", "proxy_grpc_stream")
export declare function proxy_grpc_stream(
  target: usize,
  targetSize: usize,
  service: usize,
  serviceSize: usize,
  method: usize,
  methodSize: usize,
  metadata: usize,
  metadataSize: usize,
  token: usize,
): u32;

/** WASI preview 1: nanoseconds of clock 0 (real time) or 1 (monotonic). */
// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "clock_time_get")
export declare function clock_time_get(clock: u32, precision: u64, time: usize): u32;

/** WASI preview 1: fills `size` bytes with random ones. */
// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "random_get")
export declare function random_get(buffer: usize, size: usize): u32;

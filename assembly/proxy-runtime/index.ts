/**
 * The API of `@solo-io/proxy-runtime`, on this runtime: a filter that was written for it is compiled with its import
 * lines changed and nothing else. The last published version and the repository's later state are both covered, where they do
 * not contradict each other. What differs is in `docs/proxy-runtime.md`.
 */
export { BaseContext, Context, FilterMetadataStatusValues, HttpCallback, RootContext } from "./contexts";
export { registerRootContext } from "./root";
export {
  continueRequest as continue_request,
  continueResponse as continue_response,
} from "../host/local-response";
export { log } from "../host/log";
export {
  get_header_map_size,
  get_header_map_value,
  add_header_map_value,
  add_header_map_value_string,
  HeaderPair,
  Headers,
  makeHeaderPair,
  remove_header_map_value,
  remove_header_map_value_string,
  replace_header_map_value,
  replace_header_map_value_string,
  stream_context,
} from "./headers";
export {
  call_foreign_function,
  clear_route_cache,
  done,
  get_buffer_bytes,
  get_buffer_status,
  get_current_time_nanoseconds,
  get_property,
  get_status,
  proxy_set_effective_context,
  send_local_response,
  set_buffer_bytes,
  set_property,
  set_tick_period_milliseconds,
} from "./host";
export {
  dequeue_shared_queue,
  enqueue_shared_queue,
  get_shared_data,
  register_shared_queue,
  resolve_shared_queue,
  set_shared_data,
} from "./shared";
export {
  Counter,
  define_metric,
  Gauge,
  get_metric,
  Histogram,
  increment_metric,
  record_metric,
} from "./metrics";
export {
  BufferTypeValues,
  FilterDataStatusValues,
  FilterHeadersStatusValues,
  FilterStatusValues,
  FilterTrailersStatusValues,
  GrpcStatusValues,
  HeaderMapTypeValues,
  LogLevelValues,
  MetricTypeValues,
  PeerTypeValues,
  StreamTypeValues,
  WasmResultValues,
} from "../abi/values";

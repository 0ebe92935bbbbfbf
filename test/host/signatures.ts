/**
 * Every function that Envoy offers a module of ABI 0.2.1, with its type: parameters, a colon,
 * result; `i` is i32, `I` is i64 (proxy-wasm-cpp-host `exports.h` and `wasm.cc`, `registerCallbacks`).
 */

const PROXY_FUNCTIONS: Readonly<Record<string, string>> = {
  proxy_log: "iii:i",
  proxy_get_log_level: "i:i",
  proxy_get_status: "iii:i",
  proxy_set_property: "iiii:i",
  proxy_get_property: "iiii:i",
  proxy_send_local_response: "iiiiiiii:i",
  proxy_continue_stream: "i:i",
  proxy_close_stream: "i:i",
  proxy_get_shared_data: "iiiii:i",
  proxy_set_shared_data: "iiiii:i",
  proxy_register_shared_queue: "iii:i",
  proxy_resolve_shared_queue: "iiiii:i",
  proxy_dequeue_shared_queue: "iii:i",
  proxy_enqueue_shared_queue: "iii:i",
  proxy_get_header_map_value: "iiiii:i",
  proxy_add_header_map_value: "iiiii:i",
  proxy_replace_header_map_value: "iiiii:i",
  proxy_remove_header_map_value: "iii:i",
  proxy_get_header_map_pairs: "iii:i",
  proxy_set_header_map_pairs: "iii:i",
  proxy_get_header_map_size: "ii:i",
  proxy_get_buffer_status: "iii:i",
  proxy_get_buffer_bytes: "iiiii:i",
  proxy_set_buffer_bytes: "iiiii:i",
  proxy_http_call: "iiiiiiiiii:i",
  proxy_grpc_call: "iiiiiiiiiiii:i",
  proxy_grpc_stream: "iiiiiiiii:i",
  proxy_grpc_close: "i:i",
  proxy_grpc_cancel: "i:i",
  proxy_grpc_send: "iiii:i",
  proxy_set_tick_period_milliseconds: "i:i",
  proxy_get_current_time_nanoseconds: "i:i",
  proxy_define_metric: "iiii:i",
  proxy_increment_metric: "iI:i",
  proxy_record_metric: "iI:i",
  proxy_get_metric: "ii:i",
  proxy_set_effective_context: "i:i",
  proxy_done: ":i",
  proxy_call_foreign_function: "iiiiii:i",
  pthread_equal: "ii:i",
  emscripten_notify_memory_growth: "i:",
};

const WASI_FUNCTIONS: Readonly<Record<string, string>> = {
  fd_write: "iiii:i",
  fd_read: "iiii:i",
  fd_seek: "iIii:i",
  fd_close: "i:i",
  fd_fdstat_get: "ii:i",
  environ_get: "ii:i",
  environ_sizes_get: "ii:i",
  args_get: "ii:i",
  args_sizes_get: "ii:i",
  clock_time_get: "iIi:i",
  random_get: "ii:i",
  sched_yield: ":i",
  poll_oneoff: "iiii:i",
  proc_exit: "i:",
  path_open: "iiiiiIIii:i",
  path_create_directory: "iii:i",
  path_remove_directory: "iii:i",
  path_rename: "iiiiii:i",
  path_unlink_file: "iii:i",
  path_link: "iiiiiii:i",
  path_filestat_get: "iiiii:i",
  fd_sync: "i:i",
  fd_fdstat_set_flags: "ii:i",
  fd_readdir: "iiiIi:i",
  fd_filestat_get: "ii:i",
  fd_prestat_get: "ii:i",
  fd_prestat_dir_name: "iii:i",
};

export const WASI_MODULES = ["wasi_snapshot_preview1", "wasi_unstable"] as const;

/** By `module.name`. */
export const HOST_FUNCTIONS: Readonly<Record<string, string | undefined>> = Object.fromEntries(
  new Map<string, string>([
    ...Object.entries(PROXY_FUNCTIONS).map(([name, type]): [string, string] => [`env.${name}`, type]),
    ...WASI_MODULES.flatMap((module) =>
      Object.entries(WASI_FUNCTIONS).map(([name, type]): [string, string] => [`${module}.${name}`, type]),
    ),
  ]),
);

/** Names of the functions in the module `env`, without it. */
export const PROXY_FUNCTION_NAMES: readonly string[] = Object.keys(PROXY_FUNCTIONS);
/** Names of the functions in the WASI modules, without it. */
export const WASI_FUNCTION_NAMES: readonly string[] = Object.keys(WASI_FUNCTIONS);

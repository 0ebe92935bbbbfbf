/**
 * The numbers of proxy-wasm ABI 0.2.1, as `proxy_wasm_enums.h` of proxy-wasm-cpp-sdk has them.
 */

/** What a host function answers. */
export const WasmResult = {
  Ok: 0,
  NotFound: 1,
  BadArgument: 2,
  SerializationFailure: 3,
  ParseFailure: 4,
  BadExpression: 5,
  InvalidMemoryAccess: 6,
  Empty: 7,
  CasMismatch: 8,
  ResultMismatch: 9,
  InternalFailure: 10,
  BrokenConnection: 11,
  Unimplemented: 12,
} as const;
export type WasmResult = (typeof WasmResult)[keyof typeof WasmResult];

export const LogLevel = { Trace: 0, Debug: 1, Info: 2, Warn: 3, Error: 4, Critical: 5 } as const;
export type LogLevel = (typeof LogLevel)[keyof typeof LogLevel];

export const HeaderMapType = {
  RequestHeaders: 0,
  RequestTrailers: 1,
  ResponseHeaders: 2,
  ResponseTrailers: 3,
  GrpcReceiveInitialMetadata: 4,
  GrpcReceiveTrailingMetadata: 5,
  HttpCallResponseHeaders: 6,
  HttpCallResponseTrailers: 7,
} as const;
/** The largest valid {@link HeaderMapType}; a larger one is BadArgument. */
export const MAX_HEADER_MAP_TYPE = 7;

export const BufferType = {
  HttpRequestBody: 0,
  HttpResponseBody: 1,
  NetworkDownstreamData: 2,
  NetworkUpstreamData: 3,
  HttpCallResponseBody: 4,
  GrpcReceiveBuffer: 5,
  VmConfiguration: 6,
  PluginConfiguration: 7,
  CallData: 8,
} as const;
/** The largest valid {@link BufferType}; a larger one is BadArgument. */
export const MAX_BUFFER_TYPE = 8;

export const StreamType = { Request: 0, Response: 1, Downstream: 2, Upstream: 3 } as const;

export const MetricType = { Counter: 0, Gauge: 1, Histogram: 2 } as const;
export type MetricType = (typeof MetricType)[keyof typeof MetricType];

/** What a token of a call stands for, by its lowest two bits (proxy-wasm-cpp-host `wasm.h`). */
export const CallKind = { Http: 0, GrpcCall: 1, GrpcStream: 2 } as const;
export type CallKind = (typeof CallKind)[keyof typeof CallKind];

/** What `proxy_on_request_headers` and `proxy_on_response_headers` answer. */
export const HeadersStatus = {
  Continue: 0,
  StopIteration: 1,
  ContinueAndEndStream: 2,
  StopAllIterationAndBuffer: 3,
  StopAllIterationAndWatermark: 4,
} as const;

/** What the body callbacks answer. */
export const DataStatus = {
  Continue: 0,
  StopIterationAndBuffer: 1,
  StopIterationAndWatermark: 2,
  StopIterationNoBuffer: 3,
} as const;

/** What the trailers callbacks answer. */
export const TrailersStatus = { Continue: 0, StopIteration: 1 } as const;

/** What the callbacks of network plugins answer. */
export const FilterStatus = { Continue: 0, StopIteration: 1 } as const;

/** Who closed a connection. */
export const CloseType = { Unknown: 0, Local: 1, Remote: 2 } as const;

/** `errno` values of WASI which the host answers. */
export const Errno = {
  Success: 0,
  BadFileDescriptor: 8,
  Fault: 21,
  NotSupportedSyscall: 52,
  NotSupported: 58,
} as const;

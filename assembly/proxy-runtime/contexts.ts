import { proxy_done, proxy_set_effective_context } from "../abi/imports";
import { rootOf } from "../abi/roots";
import { findStream } from "../abi/streams";
import {
  BufferTypeValues,
  FilterDataStatusValues,
  FilterHeadersStatusValues,
  FilterStatusValues,
  FilterTrailersStatusValues,
  PeerTypeValues,
  WasmResultValues,
} from "../abi/values";
import { ABSENT, textOf } from "../bytes/bytes";
import { getBuffer } from "../host/buffers";
import { callResult, NO_CALL, sendHttpCall } from "../host/http-call";
import { continueRequest } from "../host/local-response";
import { utf8 } from "../stream-context";
import { bytesIn } from "./buffers";
import { Headers, serializeHeaders } from "./headers";

/** What root contexts and streams have in common. */
export abstract class BaseContext {
  constructor(public context_id: u32) {}

  continueRequest(): void {
    continueRequest();
  }

  /** Makes host functions act in this context's name, until the callback ends. */
  setEffectiveContext(): WasmResultValues {
    return proxy_set_effective_context(this.context_id);
  }

  onDone(): bool {
    return true;
  }

  onDelete(): void {}
}

/** What is called with the answer to a call: the number of headers (0: it failed), the size of the body, the number of trailers. */
type HttpCallbackFunction = (
  origin_context: BaseContext,
  headers: u32,
  body_size: usize,
  trailers: u32,
) => void;

/** A call that waits for its answer. */
export class HttpCallback {
  constructor(
    public origin_context: BaseContext,
    public cb: HttpCallbackFunction,
  ) {}
}

/** Calls that may wait at once: without a timeout, what is never answered would gather for ever. */
const MOST_PENDING: i32 = 16384;

/** A plugin with one configuration. */
export class RootContext extends BaseContext {
  private configuration_: string = "";
  private readonly http_calls_: Map<u32, HttpCallback> = new Map();

  constructor(context_id: u32) {
    super(context_id);
  }

  /** The plugin's configuration as text; there before {@link onConfigure}. */
  getConfiguration(): string {
    return this.configuration_;
  }

  createContext(context_id: u32): Context {
    return new Context(context_id, this);
  }

  onStart(_vm_configuration_size: usize): bool {
    return true;
  }

  /** Envoy does not call it. */
  validateConfiguration(_configuration_size: usize): bool {
    return true;
  }

  /** False refuses the configuration. */
  onConfigure(_configuration_size: u32): bool {
    return true;
  }

  onTick(): void {}

  onQueueReady(_token: u32): void {}

  on_grpc_receive_initial_metadata(_token: u32, _headers: u32): void {}

  on_grpc_trailing_metadata(_token: u32, _trailers: u32): void {}

  on_grpc_receive(_token: u32, _response_size: u32): void {}

  on_grpc_close(_token: u32, _status_code: u32): void {}

  /** Ends what {@link onDone} put off by false. */
  done(): void {
    proxy_done();
  }

  onDone(): bool {
    this.cancelPendingRequests();
    return true;
  }

  /** Answers all calls that wait as failed. */
  cancelPendingRequests(): void {
    const waiting = this.http_calls_.values();
    this.http_calls_.clear();
    for (let at = 0; at < waiting.length; at++) answer(waiting[at], 0, 0, 0);
  }

  /**
   * Sends an HTTP request to a cluster of the proxy, and hands the answer to `cb`, in the name of `origin_context`. What a
   * stream called for that has ended meanwhile is not told. The timeout 0 is none.
   */
  httpCall(
    cluster: string,
    headers: Headers,
    body: ArrayBuffer,
    trailers: Headers,
    timeout_milliseconds: u32,
    origin_context: BaseContext,
    cb: HttpCallbackFunction,
  ): WasmResultValues {
    if (this.http_calls_.size >= MOST_PENDING) return WasmResultValues.InternalFailure;
    const token = sendHttpCall(
      utf8(cluster),
      serializeHeaders(headers),
      bytesIn(body),
      serializeHeaders(trailers),
      timeout_milliseconds,
    );
    if (token != NO_CALL) this.http_calls_.set(token, new HttpCallback(origin_context, cb));
    return callResult;
  }

  onHttpCallResponse(token: u32, headers: u32, body_size: u32, trailers: u32): void {
    if (!this.http_calls_.has(token)) return;
    const call = this.http_calls_.get(token);
    this.http_calls_.delete(token);
    answer(call, headers, body_size, trailers);
  }

  /** Reads the configuration for {@link getConfiguration}, and then asks {@link onConfigure}. */
  configured(size: u32): bool {
    const bytes = getBuffer(BufferTypeValues.PluginConfiguration, 0, size);
    this.configuration_ = bytes == ABSENT ? "" : textOf(bytes);
    return this.onConfigure(size);
  }
}

function answer(call: HttpCallback, headers: u32, bodySize: u32, trailers: u32): void {
  const id = call.origin_context.context_id;
  if (findStream(id) == 0 && rootOf(id) == null) return;
  if (proxy_set_effective_context(id) != WasmResultValues.Ok) return;
  call.cb(call.origin_context, headers, bodySize, trailers);
}

/** A stream: one request and its response. */
export class Context extends BaseContext {
  constructor(
    context_id: u32,
    public root_context: RootContext,
  ) {
    super(context_id);
  }

  onRequestHeaders(_headers: u32, _end_of_stream: bool): FilterHeadersStatusValues {
    return FilterHeadersStatusValues.Continue;
  }

  onRequestBody(_body_buffer_length: usize, _end_of_stream: bool): FilterDataStatusValues {
    return FilterDataStatusValues.Continue;
  }

  onRequestTrailers(_trailers: u32): FilterTrailersStatusValues {
    return FilterTrailersStatusValues.Continue;
  }

  onResponseHeaders(_headers: u32, _end_of_stream: bool): FilterHeadersStatusValues {
    return FilterHeadersStatusValues.Continue;
  }

  onResponseBody(_body_buffer_length: usize, _end_of_stream: bool): FilterDataStatusValues {
    return FilterDataStatusValues.Continue;
  }

  onResponseTrailers(_trailers: u32): FilterTrailersStatusValues {
    return FilterTrailersStatusValues.Continue;
  }

  /** HTTP/2 METADATA frames: this runtime is not told of them. */
  onRequestMetadata(_elements: u32): FilterMetadataStatusValues {
    return FilterMetadataStatusValues.Continue;
  }

  onResponseMetadata(_elements: u32): FilterMetadataStatusValues {
    return FilterMetadataStatusValues.Continue;
  }

  // Connections, where the module is a network plugin and re-exports their callbacks.

  onNewConnection(): FilterStatusValues {
    return FilterStatusValues.Continue;
  }

  onDownstreamData(_size: usize, _end: bool): FilterStatusValues {
    return FilterStatusValues.Continue;
  }

  onUpstreamData(_size: usize, _end: bool): FilterStatusValues {
    return FilterStatusValues.Continue;
  }

  onDownstreamConnectionClose(_peer: PeerTypeValues): void {}

  onUpstreamConnectionClose(_peer: PeerTypeValues): void {}

  onLog(): void {}
}

export enum FilterMetadataStatusValues {
  Continue = 0,
}

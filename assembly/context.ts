import { noteGarbage } from "./abi/garbage";
import { Root } from "./abi/root";
import { registerRoot } from "./abi/roots";
import { trackStream } from "./abi/streams";
import {
  BufferTypeValues,
  FilterDataStatusValues,
  FilterHeadersStatusValues,
  FilterStatusValues,
  FilterTrailersStatusValues,
  PeerTypeValues,
  WasmResultValues,
} from "./abi/values";
import { ABSENT, textOf } from "./bytes/bytes";
import { answerPending, callInTheNameOf, HttpCallback } from "./context-calls";
import { getBuffer } from "./host/buffers";
import { HeaderPair } from "./stream-context";

/**
 * Contexts for developers' own filters, in the manner of `@solo-io/proxy-runtime`: a root context for each plugin
 * with its configuration, a context for each stream. They allocate on the managed heap; the suite's own filters
 * are values instead (`Filter`), which do not.
 */

/** A plugin with one configuration. */
export class RootContext extends Root {
  private configuration: string = "";

  constructor(context_id: u32) {
    super(context_id);
  }

  get context_id(): u32 {
    return this.id;
  }

  /** The plugin's configuration as text. */
  getConfiguration(): string {
    return this.configuration;
  }

  /** Makes the context of a stream. */
  createContext(context_id: u32): Context {
    return new Context(context_id, this);
  }

  onStart(_vm_configuration_size: usize): bool {
    return true;
  }

  /** False refuses the configuration: say why with `log` first. */
  onConfigure(_configuration_size: usize): bool {
    return true;
  }

  onTick(): void {}

  /** False asks the host to wait for `proxy_done`. */
  onDone(): bool {
    return true;
  }

  onDelete(): void {}

  /**
   * Sends an HTTP request to a cluster of the proxy and hands the answer to `cb`: then `stream_context.headers.http_callback` and
   * the buffer `HttpCallResponseBody` have it, and headers can be changed and the stream continued in `origin_context`'s name.
   * `headers` has `:method`, `:path` and `:authority`. A failure is 0 headers; a stream that has ended by then is not told.
   * The timeout 0 is none. Anything but `Ok`: nothing was sent. The module exports `proxy_on_http_call_response` and `proxy_on_delete`.
   */
  httpCall(
    cluster: string,
    headers: HeaderPair[],
    body: ArrayBuffer,
    trailers: HeaderPair[],
    timeout_milliseconds: u32,
    origin_context: Context,
    cb: HttpCallback,
  ): WasmResultValues {
    return callInTheNameOf(origin_context, cluster, headers, body, trailers, timeout_milliseconds, cb);
  }

  /** The answer to a call that was not sent by {@link httpCall}, but by `sendHttpCall`. */
  onHttpCallResponse(_token: u32, _headers: u32, _body_size: u32, _trailers: u32): void {}

  onGrpcReceiveInitialMetadata(_token: u32, _count: u32): void {}

  /** A message is in the buffer `GrpcReceiveBuffer`. */
  onGrpcReceive(_token: u32, _size: u32): void {}

  onGrpcReceiveTrailingMetadata(_token: u32, _count: u32): void {}

  /** `grpcStatusMessage` has what goes with the status. */
  onGrpcClose(_token: u32, _status: u32): void {}

  onQueueReady(_token: u32): void {}

  vmStarted(size: u32): bool {
    return this.onStart(size);
  }

  configured(size: u32): bool {
    const bytes = getBuffer(BufferTypeValues.PluginConfiguration, 0, size);
    this.configuration = bytes == ABSENT ? "" : textOf(bytes);
    return this.onConfigure(size);
  }

  ticked(): void {
    this.onTick();
    noteGarbage(liveContexts());
  }

  finished(): bool {
    return this.onDone();
  }

  deleted(): void {
    this.onDelete();
  }

  httpCallResponse(token: u32, headers: u32, bodySize: u32, trailers: u32): void {
    if (!answerPending(token, headers, bodySize, trailers)) {
      this.onHttpCallResponse(token, headers, bodySize, trailers);
    }
    noteGarbage(liveContexts());
  }

  grpcInitialMetadata(token: u32, count: u32): void {
    this.onGrpcReceiveInitialMetadata(token, count);
    noteGarbage(liveContexts());
  }

  grpcReceived(token: u32, size: u32): void {
    this.onGrpcReceive(token, size);
    noteGarbage(liveContexts());
  }

  grpcTrailingMetadata(token: u32, count: u32): void {
    this.onGrpcReceiveTrailingMetadata(token, count);
    noteGarbage(liveContexts());
  }

  grpcClosed(token: u32, status: u32): void {
    this.onGrpcClose(token, status);
    noteGarbage(liveContexts());
  }

  queueReady(token: u32): void {
    this.onQueueReady(token);
    noteGarbage(liveContexts());
  }

  newConnection(_id: u32, state: usize): u32 {
    return contextAt(state).onNewConnection();
  }

  downstreamData(_id: u32, state: usize, size: u32, endOfStream: bool): u32 {
    noteGarbage(liveContexts());
    return contextAt(state).onDownstreamData(size, endOfStream);
  }

  upstreamData(_id: u32, state: usize, size: u32, endOfStream: bool): u32 {
    noteGarbage(liveContexts());
    return contextAt(state).onUpstreamData(size, endOfStream);
  }

  downstreamClosed(_id: u32, state: usize, peer: u32): void {
    contextAt(state).onDownstreamConnectionClose(<PeerTypeValues>peer);
  }

  upstreamClosed(_id: u32, state: usize, peer: u32): void {
    contextAt(state).onUpstreamConnectionClose(<PeerTypeValues>peer);
  }

  streamCreated(id: u32): void {
    trackStream(id, this, keepContext(this.createContext(id)));
  }

  requestHeaders(_id: u32, state: usize, count: u32, endOfStream: bool): u32 {
    return contextAt(state).onRequestHeaders(count, endOfStream);
  }

  requestBody(_id: u32, state: usize, size: u32, endOfStream: bool): u32 {
    noteGarbage(liveContexts());
    return contextAt(state).onRequestBody(size, endOfStream);
  }

  requestTrailers(_id: u32, state: usize, count: u32): u32 {
    return contextAt(state).onRequestTrailers(count);
  }

  responseHeaders(_id: u32, state: usize, count: u32, endOfStream: bool): u32 {
    return contextAt(state).onResponseHeaders(count, endOfStream);
  }

  responseBody(_id: u32, state: usize, size: u32, endOfStream: bool): u32 {
    noteGarbage(liveContexts());
    return contextAt(state).onResponseBody(size, endOfStream);
  }

  responseTrailers(_id: u32, state: usize, count: u32): u32 {
    return contextAt(state).onResponseTrailers(count);
  }

  streamFinished(_id: u32, state: usize): bool {
    return contextAt(state).onDone();
  }

  streamLogged(_id: u32, state: usize): void {
    contextAt(state).onLog();
  }

  streamDeleted(_id: u32, state: usize): void {
    contextAt(state).onDelete();
    dropContext(state);
  }
}

/** A stream: one request and its response; in a network plugin, a connection. */
export class Context {
  constructor(
    readonly context_id: u32,
    readonly root_context: RootContext,
  ) {}

  onRequestHeaders(_headers: u32, _end_of_stream: bool): FilterHeadersStatusValues {
    return FilterHeadersStatusValues.Continue;
  }

  onRequestBody(_size: usize, _end_of_stream: bool): FilterDataStatusValues {
    return FilterDataStatusValues.Continue;
  }

  onRequestTrailers(_trailers: u32): FilterTrailersStatusValues {
    return FilterTrailersStatusValues.Continue;
  }

  onResponseHeaders(_headers: u32, _end_of_stream: bool): FilterHeadersStatusValues {
    return FilterHeadersStatusValues.Continue;
  }

  onResponseBody(_size: usize, _end_of_stream: bool): FilterDataStatusValues {
    return FilterDataStatusValues.Continue;
  }

  onResponseTrailers(_trailers: u32): FilterTrailersStatusValues {
    return FilterTrailersStatusValues.Continue;
  }

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

  onDone(): bool {
    return true;
  }

  onLog(): void {}

  onDelete(): void {}
}

/** Makes `root_context_factory` answer to the root id `name` (Istio's `pluginName`). */
export function registerRootContext(
  root_context_factory: (context_id: u32) => RootContext,
  name: string,
): void {
  registerRoot(name, root_context_factory.index);
}

/** The live contexts of all streams; a context's state in the table of streams is its position. */
const contexts: (Context | null)[] = [];
/** Positions that are free. */
const vacant: u32[] = [];
function keepContext(context: Context): usize {
  if (vacant.length == 0) {
    contexts.push(context);
    return contexts.length - 1;
  }
  const position = vacant.pop();
  contexts[position] = context;
  return position;
}

// @ts-ignore: decorator
@inline
function contextAt(position: usize): Context {
  return contexts[<i32>position]!;
}

function liveContexts(): i32 {
  return contexts.length - vacant.length;
}

function dropContext(position: usize): void {
  contexts[<i32>position] = null;
  vacant.push(<u32>position);
  noteGarbage(liveContexts());
}

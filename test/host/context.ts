/**
 * Contexts: in whose name a module runs. A root context belongs to a plugin (one configuration), a
 * stream context to one HTTP stream in it, and the VM's own context to memory allocation and start.
 * Follows proxy-wasm-cpp-host `context.cc` and Envoy `source/extensions/common/wasm/context.cc`.
 */
import {
  BufferType,
  DataStatus,
  HeaderMapType,
  HeadersStatus,
  StreamType,
  TrailersStatus,
  WasmResult,
} from "./abi.ts";
import { concatBytes, NO_BYTES } from "./bytes.ts";
import type { StatePrototype } from "./filter-state.ts";
import { GrpcCalls } from "./grpc-calls.ts";
import type { HeaderMap } from "./header-map.ts";
import { HttpCalls } from "./http-calls.ts";
import type { Plugin } from "./plugin.ts";
import type { StreamInfo } from "./properties.ts";
import type { Vm } from "./vm.ts";

/** Bytes that filters pass on and may change, as Envoy's `Buffer::Instance`. */
export class Body {
  bytes: Uint8Array;
  constructor(bytes: Uint8Array = NO_BYTES) {
    this.bytes = bytes;
  }

  /** Takes all bytes out of `other`. */
  move(other: Body): void {
    this.bytes = concatBytes(this.bytes, other.bytes);
    other.bytes = NO_BYTES;
  }
}

/** What a callback's buffer is: changeable (a body), or only to be read. */
export type BufferView = { readonly body: Body } | { readonly bytes: Uint8Array };

export abstract class Context {
  readonly vm: Vm | null;
  readonly id: number;
  /** Null for the VM's own context. */
  readonly plugin: Plugin | null;
  /** `in_vm_context_created_`: the module has been told of this context. */
  created = false;
  /** What `proxy_get_status` answers. */
  statusCode = 0;
  statusMessage = "";
  /** The data of a foreign callback (`CallData`). */
  callData: Uint8Array = NO_BYTES;
  /** What `declare_property` said in the name of this context; looked up in the root's alone. */
  readonly declared = new Map<string, StatePrototype>();

  constructor(vm: Vm | null, id: number, plugin: Plugin | null) {
    this.vm = vm;
    this.id = id;
    this.plugin = plugin;
  }

  abstract get root(): Context;

  /** Null outside streams. */
  get streamInfo(): StreamInfo | null {
    return null;
  }

  /** How often this context called each host function; null where that is not counted. */
  get hostCalls(): Map<string, number> | null {
    return null;
  }

  /** The map for reading, or null when it is not there in this phase (`getConstMap`). */
  headerMap(_type: number): HeaderMap | null {
    return null;
  }

  /** The map for changing, or null (`getMap`). */
  mutableHeaderMap(_type: number): HeaderMap | null {
    return null;
  }

  /** True while the access log callback runs: maps may then be absent without that being an error. */
  get inAccessLog(): boolean {
    return false;
  }

  headersModified(_type: number): void {}
  clearRouteCache(): void {}

  /** Null is NotFound. */
  buffer(type: number): BufferView | null {
    if (type === BufferType.VmConfiguration) return { bytes: this.vm?.vmConfiguration ?? NO_BYTES };
    if (type === BufferType.CallData) return { bytes: this.callData };
    // Empty where there is no connection, not absent.
    if (type === BufferType.NetworkDownstreamData || type === BufferType.NetworkUpstreamData)
      return { bytes: NO_BYTES };
    return null;
  }

  setProperty(_key: string, _value: string): WasmResult {
    return WasmResult.NotFound;
  }

  sendLocalResponse(_reply: LocalReply): void {}

  continueStream(type: number): WasmResult {
    return type <= StreamType.Downstream ? WasmResult.Ok : WasmResult.Unimplemented;
  }

  closeStream(_type: number): WasmResult {
    return WasmResult.Ok;
  }

  setTickPeriod(milliseconds: number): WasmResult {
    return this.root === this ? WasmResult.Ok : this.root.setTickPeriod(milliseconds);
  }
}

export interface LocalReply {
  status: number;
  body: Uint8Array;
  /** `[name0, value0, ..]`, added after `:status`. */
  headers: readonly string[];
  /** A gRPC status code, or null: then it follows from the HTTP status. */
  grpcStatus: number | null;
  details: string;
}

export class VmContext extends Context {
  constructor(vm: Vm) {
    super(vm, 0, null);
  }

  override get root(): Context {
    return this;
  }
}

export class RootContext extends Context {
  declare readonly vm: Vm;
  declare readonly plugin: Plugin;
  readonly httpCalls: HttpCalls = new HttpCalls(this);
  readonly grpcCalls: GrpcCalls = new GrpcCalls(this);
  private configuring = false;
  private tickPeriod = 0;
  private cancelTick: () => void = () => {};

  constructor(vm: Vm, plugin: Plugin) {
    super(vm, vm.allocateContextId(), plugin);
    vm.contexts.set(this.id, this);
  }

  override get root(): Context {
    return this;
  }

  /** `proxy_on_context_create`, then `proxy_on_vm_start`: every root starts so, also a VM's second. */
  start(): boolean {
    this.configuring = true;
    this.vm.call("on_context_create", this, [this.id, 0], () => {});
    this.configuring = false;
    this.created = true;
    return (
      this.vm.call("on_vm_start", this, [this.id, this.vm.vmConfiguration.length], truthy) ?? !this.vm.failed
    );
  }

  /** False when the module refuses, or traps. */
  configure(): boolean {
    this.configuring = true;
    const accepted = this.vm.call("on_configure", this, [this.id, this.plugin.configuration.length], truthy);
    this.configuring = false;
    return (accepted ?? true) && !this.vm.failed;
  }

  /** `proxy_on_done`; then `proxy_on_delete`, or that later, when the module calls `proxy_done`. */
  shutDown(): void {
    if (this.vm.call("on_done", this, [this.id], truthy) ?? true) this.delete();
    else this.vm.pendingDone.set(this.plugin.key, this);
  }

  delete(): void {
    this.setTickPeriod(0);
    if (this.created) this.vm.call("on_delete", this, [this.id], () => {});
    this.abandon();
  }

  /** Ends it without a word to the module. */
  abandon(): void {
    this.setTickPeriod(0);
    this.httpCalls.cancelAll();
    this.grpcCalls.cancelAll();
    this.vm.contexts.delete(this.id);
  }

  /** The plugin's configuration can be read only while it is configured, an answer only in its callback. */
  override buffer(type: number): BufferView | null {
    if (type === BufferType.HttpCallResponseBody) return this.httpCalls.body;
    if (type === BufferType.GrpcReceiveBuffer) return { bytes: this.grpcCalls.message };
    if (type !== BufferType.PluginConfiguration) return super.buffer(type);
    return this.configuring ? { bytes: this.plugin.configuration } : null;
  }

  /** Those of an answer, in its callback; they cannot be changed. */
  override headerMap(type: number): HeaderMap | null {
    switch (type) {
      case HeaderMapType.HttpCallResponseHeaders:
        return this.httpCalls.headers;
      case HeaderMapType.HttpCallResponseTrailers:
        return this.httpCalls.trailers;
      case HeaderMapType.GrpcReceiveInitialMetadata:
        return this.grpcCalls.initialMetadata;
      case HeaderMapType.GrpcReceiveTrailingMetadata:
        return this.grpcCalls.trailingMetadata;
      default:
        return null;
    }
  }

  /** A tick is due one period after the one before ended (Envoy `Wasm::tickHandler`). */
  override setTickPeriod(milliseconds: number): WasmResult {
    this.cancelTick();
    this.tickPeriod = milliseconds;
    if (milliseconds > 0) this.armTick();
    return WasmResult.Ok;
  }

  private armTick(): void {
    this.cancelTick = this.vm.services.clock.schedule(BigInt(this.tickPeriod) * 1_000_000n, () => {
      const period = this.tickPeriod;
      let rearmed = false;
      this.cancelTick = () => (rearmed = true);
      this.vm.call("on_tick", this, [this.id], () => {});
      if (!rearmed && period > 0 && !this.vm.failed) this.armTick();
    });
  }
}

/** Which way a filter is passed: indexes the pairs of fields in {@link StreamContext}. */
export const Way = { Decode: 0, Encode: 1 } as const;
export type Way = (typeof Way)[keyof typeof Way];

/** What a stream context asks of its stream (`decoder_callbacks_` and `encoder_callbacks_`). */
export interface StreamCallbacks {
  readonly info: StreamInfo;
  sendLocalReply(reply: LocalReply): void;
  continueFilter(way: Way, index: number): void;
  resetStream(details: string): void;
  /** The buffer of the direction, which all its filters share; made when there is none. */
  bufferOf(way: Way): Body;
  /** `addDecodedData`: moves the bytes into that buffer. */
  addData(way: Way, body: Body): void;
  addTrailers(way: Way): HeaderMap;
  clearRouteCache(): void;
  /** Headers and trailers as the access log has them; null where they never came. */
  logged(type: number): HeaderMap | null;
}

/** One HTTP filter: a plugin in a stream. Its VM is null when that had already failed. */
export class StreamContext extends Context {
  declare readonly plugin: Plugin;
  private readonly rootContext: RootContext | null;
  private readonly stream: StreamCallbacks;
  /** Place in the chain, in the order of the request. */
  readonly index: number;
  private readonly headersOf: [HeaderMap | null, HeaderMap | null] = [null, null];
  private readonly bodyOf: [Body | null, Body | null] = [null, null];
  private readonly trailersOf: [HeaderMap | null, HeaderMap | null] = [null, null];
  private readonly buffering: [boolean, boolean] = [false, false];
  private endOfStream = false;
  private failureReplySent = false;
  private streamFailed = false;
  private destroyed = false;
  private logging = false;
  private readonly calls = new Map<string, number>();

  constructor(root: RootContext | null, plugin: Plugin, stream: StreamCallbacks, index: number) {
    super(root?.vm ?? null, root?.vm.allocateContextId() ?? 0, plugin);
    this.rootContext = root;
    this.stream = stream;
    this.index = index;
    this.vm?.contexts.set(this.id, this);
  }

  override get root(): Context {
    return this.rootContext ?? this;
  }

  override get streamInfo(): StreamInfo {
    return this.stream.info;
  }

  override get hostCalls(): Map<string, number> {
    return this.calls;
  }

  override get inAccessLog(): boolean {
    return this.logging;
  }

  // From the stream

  headers(way: Way, map: HeaderMap, end: boolean): number {
    if (way === Way.Decode) this.create();
    else if (!this.takesPart()) return HeadersStatus.Continue;
    this.headersOf[way] = map;
    this.endOfStream = end;
    const name = way === Way.Decode ? "on_request_headers" : "on_response_headers";
    const status = this.guarded(HeadersStatus.Continue, HeadersStatus.StopAllIterationAndWatermark, (vm) =>
      vm.call(name, this, [this.id, map.size, end ? 1 : 0], (result) => vm.headersStatus(result)),
    );
    if (status === HeadersStatus.Continue || status === HeadersStatus.ContinueAndEndStream) {
      this.headersOf[way] = null;
      return HeadersStatus.Continue;
    }
    return status;
  }

  data(way: Way, body: Body, end: boolean): number {
    if (!this.takesPart()) return DataStatus.Continue;
    if (this.buffering[way]) this.stream.addData(way, body);
    this.bodyOf[way] = body;
    this.endOfStream = end;
    const name = way === Way.Decode ? "on_request_body" : "on_response_body";
    const size = (this.buffering[way] ? this.stream.bufferOf(way) : body).bytes.length;
    const status = this.guarded(DataStatus.Continue, DataStatus.StopIterationNoBuffer, (vm) =>
      vm.call(name, this, [this.id, size, end ? 1 : 0], (result) => vm.dataStatus(result)),
    );
    this.buffering[way] = status === DataStatus.StopIterationAndBuffer;
    if (status === DataStatus.Continue) this.bodyOf[way] = null;
    return status;
  }

  trailers(way: Way, map: HeaderMap): number {
    if (!this.takesPart()) return TrailersStatus.Continue;
    this.trailersOf[way] = map;
    const name = way === Way.Decode ? "on_request_trailers" : "on_response_trailers";
    const status = this.guarded(TrailersStatus.Continue, TrailersStatus.StopIteration, (vm) =>
      vm.call(name, this, [this.id, map.size], (result) => vm.trailersStatus(result)),
    );
    if (status === TrailersStatus.Continue) this.trailersOf[way] = null;
    return status;
  }

  /** `proxy_on_log`. A context the request never reached is created for it. */
  log(): void {
    this.create();
    this.logging = true;
    this.vm?.call("on_log", this, [this.id], () => {});
    this.logging = false;
  }

  /** `proxy_on_done` and `proxy_on_delete` (Envoy `Context::onDestroy`). */
  destroy(): void {
    if (!this.destroyed && this.created) {
      this.destroyed = true;
      this.vm?.call("on_done", this, [this.id], truthy);
      this.vm?.call("on_delete", this, [this.id], () => {});
    }
    this.vm?.contexts.delete(this.id);
  }

  // From the module

  override headerMap(type: number): HeaderMap | null {
    if (this.logging) return this.stream.logged(type);
    switch (type) {
      case HeaderMapType.RequestHeaders:
        return this.headersOf[Way.Decode];
      case HeaderMapType.RequestTrailers:
        return this.trailersOf[Way.Decode];
      case HeaderMapType.ResponseHeaders:
        return this.headersOf[Way.Encode];
      case HeaderMapType.ResponseTrailers:
        return this.trailersOf[Way.Encode];
      default:
        return this.rootContext?.headerMap(type) ?? null;
    }
  }

  /** At the end of a body without trailers, asking for them to change makes them. */
  override mutableHeaderMap(type: number): HeaderMap | null {
    switch (type) {
      case HeaderMapType.RequestHeaders:
        return this.headersOf[Way.Decode];
      case HeaderMapType.ResponseHeaders:
        return this.headersOf[Way.Encode];
      case HeaderMapType.RequestTrailers:
        return this.trailersToChange(Way.Decode);
      case HeaderMapType.ResponseTrailers:
        return this.trailersToChange(Way.Encode);
      default:
        return null;
    }
  }

  override headersModified(type: number): void {
    if (type === HeaderMapType.RequestHeaders) this.clearRouteCache();
  }

  override clearRouteCache(): void {
    this.stream.clearRouteCache();
  }

  override buffer(type: number): BufferView | null {
    if (type === BufferType.HttpRequestBody) return this.bodyBuffer(Way.Decode);
    if (type === BufferType.HttpResponseBody) return this.bodyBuffer(Way.Encode);
    return super.buffer(type) ?? this.rootContext?.buffer(type) ?? null;
  }

  override setProperty(key: string, value: string): WasmResult {
    const taken = this.stream.info.state.setProperty(key, value, this.root.declared.get(key));
    return taken ? WasmResult.Ok : WasmResult.BadArgument;
  }

  override sendLocalResponse(reply: LocalReply): void {
    this.vm?.addAfterCall(() => {
      if (!this.destroyed) this.stream.sendLocalReply(reply);
    });
  }

  /** Whichever way is continued, the request's maps and body are gone afterwards. */
  override continueStream(type: number): WasmResult {
    if (type === StreamType.Upstream) return WasmResult.Unimplemented;
    if (type === StreamType.Downstream) return WasmResult.Ok;
    const way = type === StreamType.Request ? Way.Decode : Way.Encode;
    this.vm?.addAfterCall(() => {
      if (!this.destroyed) this.stream.continueFilter(way, this.index);
    });
    this.headersOf[Way.Decode] = null;
    this.bodyOf[Way.Decode] = null;
    this.trailersOf[Way.Decode] = null;
    return WasmResult.Ok;
  }

  override closeStream(type: number): WasmResult {
    if (type === StreamType.Request || type === StreamType.Response) {
      this.vm?.addAfterCall(() => {
        if (!this.destroyed) this.stream.resetStream("wasm_close_stream");
      });
    }
    return WasmResult.Ok;
  }

  private create(): void {
    if (this.created) return;
    this.vm?.call("on_context_create", this, [this.id, this.root.id], () => {});
    this.created = true;
  }

  private takesPart(): boolean {
    return this.created && !this.failureReplySent;
  }

  /**
   * `CHECK_FAIL_HTTP` before and after a callback: on a failed VM the stream gets a 503, once, and the
   * filter stops; with FAIL_OPEN it lets the stream pass.
   */
  private guarded(open: number, closed: number, callback: (vm: Vm) => number | null): number {
    const before = this.vm;
    if (before !== null && !before.failed) {
      const status = callback(before);
      if (!before.failed) return status ?? open;
    }
    if (this.plugin.failurePolicy === "FAIL_OPEN") return open;
    if (!this.streamFailed) {
      this.streamFailed = true;
      if (!this.destroyed) {
        // Set after the reply has gone through the filters, as Envoy does; this filter is failed anyhow.
        this.failureReplySent = true;
        this.stream.sendLocalReply({
          status: 503,
          body: NO_BYTES,
          headers: [],
          grpcStatus: 14,
          details: "wasm_fail_stream",
        });
      }
    }
    return closed;
  }

  private bodyBuffer(way: Way): BufferView {
    if (this.buffering[way]) return { body: this.stream.bufferOf(way) };
    const body = this.bodyOf[way];
    return body === null ? { bytes: NO_BYTES } : { body };
  }

  private trailersToChange(way: Way): HeaderMap | null {
    if (this.trailersOf[way] === null && this.bodyOf[way] !== null && this.endOfStream) {
      this.trailersOf[way] = this.stream.addTrailers(way);
    }
    return this.trailersOf[way];
  }
}

function truthy(result: number): boolean {
  return result !== 0;
}

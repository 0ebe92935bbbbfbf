/**
 * One HTTP stream through the plugins of a listener: the request forward, the response backward, local
 * replies in between (Envoy `filter_manager.cc`, `conn_manager_impl.cc`). All of it is synchronous; a
 * stream that a plugin holds is left unfinished until something continues it.
 */
import type { Header, HttpRequest, UpstreamReply, UpstreamRequest } from "../driver.ts";
import { HeaderMapType } from "./abi.ts";
import { bytesOf, concatBytes, NO_BYTES, byteStringOf } from "./bytes.ts";
import { callerMetadata, peerAttributes } from "./caller.ts";
import {
  admit,
  finishResponse,
  forwardedFor,
  removeHopByHop,
  upstreamHeaders,
} from "./connection-manager.ts";
import type { LocalReply, RootContext, StreamCallbacks } from "./context.ts";
import { Body, StreamContext, Way } from "./context.ts";
import { FilterState } from "./filter-state.ts";
import type { ConnectionState } from "./filter-state.ts";
import { HeaderMap } from "./header-map.ts";
import { Pipeline } from "./pipeline.ts";
import type { Sink } from "./pipeline.ts";
import type { Direction, Plugin } from "./plugin.ts";
import type { AttributeValue, StreamInfo } from "./properties.ts";
import type { ProcessServices } from "./services.ts";

/** A plugin as a stream takes it from its worker. */
export interface PluginUse {
  readonly plugin: Plugin;
  /** Null when its VM has failed. */
  readonly root: RootContext | null;
  /** Called once, when the stream needs the plugin no more. */
  release(): void;
}

export interface StreamOptions {
  readonly services: ProcessServices;
  readonly request: HttpRequest;
  readonly direction: Direction;
  readonly attributes: ReadonlyMap<string, AttributeValue>;
  readonly reply: (request: UpstreamRequest) => UpstreamReply;
  readonly uses: readonly PluginUse[];
  /** What lives as long as the stream's connection; default one of its own. */
  readonly connectionState?: ConnectionState;
  /** Called when the stream has finished, before {@link HttpStream.onFinish}. */
  readonly ended?: () => void;
}

export interface StreamResponse {
  status: number;
  headers: HeaderMap;
  body: Uint8Array;
  trailers: HeaderMap | null;
}

export class HttpStream implements StreamCallbacks, Sink {
  readonly info: StreamInfo;
  /** The plugins' contexts in the order of the request; empty when the codec refused the request. */
  readonly contexts: readonly StreamContext[];
  /** What arrived at the upstream; null if nothing did (yet). */
  upstream: UpstreamRequest | null = null;
  /** What arrived at the client; incomplete until {@link finished}. */
  response: StreamResponse | null = null;
  /** The response has ended, or the stream was reset, and all contexts are deleted. */
  finished = false;
  /** The stream ended without a complete response. */
  reset = false;
  /** How often a header change or a plugin's wish cleared the route cache. */
  routeCacheClears = 0;
  /** Called when the stream has finished. */
  onFinish: () => void = () => {};

  private readonly options: StreamOptions;
  private readonly startedAt: bigint;
  private readonly decode: Pipeline;
  private readonly encode: Pipeline;
  private requestHeaders: HeaderMap | null = null;
  private requestTrailers: HeaderMap | null = null;
  private responseHeaders: HeaderMap | null = null;
  private responseTrailers: HeaderMap | null = null;
  private upstreamHeaders: HeaderMap | null = null;
  private upstreamBody: Uint8Array = NO_BYTES;
  private preparedReply: LocalReply | null = null;
  private headRequest = false;
  private grpcRequest = false;

  constructor(options: StreamOptions) {
    this.options = options;
    const { clock } = options.services;
    this.startedAt = clock.monotonic;
    this.info = {
      state: new FilterState(options.connectionState),
      attributes: attributesOf(options),
      metadata: callerMetadata(options.request),
      direction: options.direction,
      remoteAddress: null,
      protocol: "HTTP/1.1",
      startTime: clock.wall,
      duration: null,
      requestBytes: 0,
      responseBytes: 0,
      responseCode: null,
      reachedUpstream: false,
      details: null,
    };
    this.contexts = options.uses
      .map(({ root, plugin }, i) => new StreamContext(root, plugin, this, i))
      .filter(
        // FAIL_OPEN: without its VM the filter is not in the chain at all.
        (context) => context.vm !== null || context.plugin.failurePolicy !== "FAIL_OPEN",
      );
    this.decode = new Pipeline(Way.Decode, this.contexts, this);
    this.encode = new Pipeline(Way.Encode, [...this.contexts].reverse(), this);
  }

  /** Plays the request as far as it goes. */
  start(): void {
    const { request } = this.options;
    const admitted = admit(request, this.options.services);
    if (admitted.refused !== null) {
      // Answered before any filter; Envoy makes the filters all the same, and they see its access log.
      this.requestHeaders = admitted.headers;
      const { status, details, body, headers } = admitted.refused;
      this.info.details = details;
      this.info.responseCode = status;
      this.response = { status, headers, body, trailers: null };
      this.responseHeaders = headers;
      this.finish();
      return;
    }
    const { headers } = admitted;
    this.requestHeaders = headers;
    this.info.remoteAddress = forwardedFor(headers);
    this.headRequest = headers.getFirst(":method") === "HEAD";
    this.grpcRequest = /^application\/grpc($|\+)/.test(headers.getFirst("content-type") ?? "");
    const body = request.body ?? NO_BYTES;
    const trailers = request.trailers ?? [];
    const headersOnly = body.length === 0 && trailers.length === 0;
    this.decode.headers(headers, headersOnly);
    if (headersOnly) return;
    // An HTTP/1 codec gives the body, and then its end by itself (`onMessageComplete`).
    if (body.length > 0 && !this.decode.aborted) {
      this.info.requestBytes += body.length;
      this.decode.data(new Body(body), false);
    }
    if (this.decode.aborted) return;
    if (trailers.length === 0) this.decode.data(new Body(), true);
    else {
      this.requestTrailers = HeaderMap.of("requestTrailers", trailers);
      this.decode.trailers(this.requestTrailers);
    }
  }

  /** The plugin that holds the stream, or null. */
  get heldBy(): Plugin | null {
    if (this.finished) return null;
    return (this.encode.stoppedAt ?? this.decode.stoppedAt)?.plugin ?? null;
  }

  /** Calls of each host function by the plugins of this stream, in its stream contexts, by name. */
  get hostCalls(): Record<string, number> {
    const sum: Record<string, number> = {};
    for (const { hostCalls } of this.contexts) {
      for (const [name, count] of hostCalls) sum[name] = (sum[name] ?? 0) + count;
    }
    return sum;
  }

  // From the contexts

  sendLocalReply(reply: LocalReply): void {
    if (this.finished) return;
    this.info.details = reply.details;
    this.info.responseCode = reply.status;
    this.decode.aborted = true;
    if (this.responseHeaders === null) {
      // It goes through the filters, and waits for the callback that sent it to return.
      if (this.decode.inCallback) this.preparedReply ??= reply;
      else this.replyThroughFilters(reply);
    } else if (this.response === null) {
      // Some filters have seen another response's headers: this one passes them all by.
      this.encode.aborted = true;
      const headers = this.localHeaders(reply);
      this.responseHeaders = headers;
      const end = !this.hasBody(reply);
      this.passedHeaders(Way.Encode, headers, end);
      if (!end) this.passedData(Way.Encode, new Body(reply.body), true);
    } else this.resetStream(reply.details);
  }

  continueFilter(way: Way, index: number): void {
    const filter = this.contexts.find((context) => context.index === index);
    if (filter !== undefined && !this.finished)
      (way === Way.Decode ? this.decode : this.encode).resume(filter);
  }

  resetStream(details: string): void {
    if (this.finished) return;
    this.info.details ??= details;
    this.reset = true;
    this.decode.aborted = true;
    this.encode.aborted = true;
    this.finish();
  }

  bufferOf(way: Way): Body {
    const pipeline = way === Way.Decode ? this.decode : this.encode;
    return (pipeline.buffered ??= new Body());
  }

  addData(way: Way, body: Body): void {
    (way === Way.Decode ? this.decode : this.encode).addData(body);
  }

  addTrailers(way: Way): HeaderMap {
    if (way === Way.Decode) {
      return this.decode.addTrailers(() => (this.requestTrailers = new HeaderMap("requestTrailers")));
    }
    return this.encode.addTrailers(() => (this.responseTrailers = new HeaderMap("responseTrailers")));
  }

  clearRouteCache(): void {
    this.routeCacheClears++;
  }

  logged(type: number): HeaderMap | null {
    switch (type) {
      case HeaderMapType.RequestHeaders:
        return this.requestHeaders;
      case HeaderMapType.ResponseHeaders:
        return this.responseHeaders;
      case HeaderMapType.ResponseTrailers:
        return this.responseTrailers;
      default:
        return null;
    }
  }

  // The two ends

  passedHeaders(way: Way, map: HeaderMap, end: boolean): void {
    if (way === Way.Encode) this.answerHeaders(map, end);
    else if (!map.has(":path") || !map.has("x-forwarded-proto")) {
      // Without them no route is found when a change has the route chosen anew (`config_impl.cc`).
      this.replyFromRouter(404, "", "route_not_found");
    } else if (!map.has(":method")) {
      const details = "filter_removed_required_request_headers{missing_required_header:_:method}";
      this.replyFromRouter(503, "missing required header: :method", details);
    } else {
      // An HTTP/1 codec says so where a request that may have a body has none.
      const bodyless = /^(GET|HEAD|DELETE|CONNECT|TRACE)$/.test(map.getFirst(":method") ?? "");
      if (end && !bodyless && !map.has("content-length")) map.add("content-length", "0");
      this.upstreamHeaders = map;
      if (end) this.callUpstream();
    }
  }

  passedData(way: Way, body: Body, end: boolean): void {
    if (way === Way.Decode) {
      this.upstreamBody = concatBytes(this.upstreamBody, body.bytes);
      body.bytes = NO_BYTES;
      if (end) this.callUpstream();
      return;
    }
    this.info.responseBytes += body.bytes.length;
    this.response!.body = concatBytes(this.response!.body, body.bytes);
    body.bytes = NO_BYTES;
    if (end) this.finish();
  }

  passedTrailers(way: Way, map: HeaderMap): void {
    if (way === Way.Decode) {
      this.callUpstream();
      return;
    }
    this.response!.trailers = map;
    this.finish();
  }

  afterCallback(way: Way): void {
    if (way === Way.Decode) this.sendPrepared();
  }

  private replyFromRouter(status: number, body: string, details: string): void {
    this.sendLocalReply({ status, body: bytesOf(body), headers: [], grpcStatus: null, details });
  }

  private callUpstream(): void {
    this.upstream = {
      headers: upstreamHeaders(this.upstreamHeaders!),
      body: this.upstreamBody,
      trailers: this.requestTrailers?.entries() ?? [],
    };
    this.info.reachedUpstream = true;
    const reply = this.options.reply(this.upstream);
    const headers = new HeaderMap("response");
    headers.add(":status", String(reply.status ?? 200));
    for (const [name, value] of reply.headers ?? []) headers.add(name, value);
    removeHopByHop(headers);
    const body = this.headRequest ? NO_BYTES : (reply.body ?? NO_BYTES);
    const trailers = reply.trailers ?? [];
    if (trailers.length === 0 && !headers.has("content-length") && !this.headRequest) {
      headers.add("content-length", String(body.length));
    }
    headers.add("x-envoy-upstream-service-time", "0");
    this.info.details = "via_upstream";
    this.info.responseCode = reply.status ?? 200;
    this.decode.aborted = true;
    this.responseHeaders = headers;
    const headersOnly = body.length === 0 && trailers.length === 0;
    this.encode.headers(headers, headersOnly);
    if (headersOnly || this.encode.aborted) return;
    if (body.length > 0) this.encode.data(new Body(body), false);
    if (this.encode.aborted) return;
    if (trailers.length === 0) this.encode.data(new Body(), true);
    else {
      this.responseTrailers = HeaderMap.of("responseTrailers", trailers);
      this.encode.trailers(this.responseTrailers);
    }
  }

  private answerHeaders(map: HeaderMap, end: boolean): void {
    const status = Number(map.getFirst(":status") ?? "502");
    this.info.responseCode = status;
    finishResponse(map, this.options.services);
    // The codec says so where a response without a body does not.
    if (end && !map.has("content-length") && status !== 204 && status !== 304 && !this.headRequest) {
      map.add("content-length", "0");
    }
    this.response = { status, headers: map, body: NO_BYTES, trailers: null };
    if (end) this.finish();
  }

  private sendPrepared(): void {
    const reply = this.preparedReply;
    if (reply === null || this.decode.inCallback) return;
    this.preparedReply = null;
    this.replyThroughFilters(reply);
  }

  private replyThroughFilters(reply: LocalReply): void {
    const headers = this.localHeaders(reply);
    this.responseHeaders = headers;
    const end = !this.hasBody(reply);
    this.encode.headers(headers, end);
    if (!end && !this.encode.aborted) this.encode.data(new Body(reply.body), true);
  }

  private hasBody(reply: LocalReply): boolean {
    return reply.body.length > 0 && !this.headRequest && !this.grpcRequest;
  }

  /** `Utility::prepareLocalReply` and `encodeLocalReply` in Envoy's `http/utility.cc`. */
  private localHeaders(reply: LocalReply): HeaderMap {
    const headers = new HeaderMap("response");
    headers.add(":status", String(reply.status));
    for (let i = 0; i < reply.headers.length; i += 2) headers.add(reply.headers[i]!, reply.headers[i + 1]!);
    if (this.grpcRequest) {
      headers.replace(":status", "200");
      headers.replace("content-type", "application/grpc");
      headers.replace("grpc-status", String(reply.grpcStatus ?? grpcStatusOf(reply.status)));
      if (reply.body.length > 0) headers.replace("grpc-message", percentEncode(byteStringOf(reply.body)));
      headers.remove("content-length");
      return headers;
    }
    if (reply.body.length > 0) {
      headers.replace("content-length", String(reply.body.length));
      if (!headers.has("content-type")) headers.add("content-type", "text/plain");
    } else {
      headers.remove("content-length");
      headers.remove("content-type");
    }
    return headers;
  }

  /** Access log first, then the contexts end, all in the order of the chain. */
  private finish(): void {
    if (this.finished) return;
    this.finished = true;
    this.info.duration = this.options.services.clock.monotonic - this.startedAt;
    for (const context of this.contexts) context.log();
    for (const context of this.contexts) context.destroy();
    for (const use of this.options.uses) use.release();
    this.options.ended?.();
    this.onFinish();
  }
}

function attributesOf({ request, attributes }: StreamOptions): ReadonlyMap<string, AttributeValue> {
  return request.peer === undefined ? attributes : new Map([...peerAttributes(request.peer), ...attributes]);
}

/** `Grpc::Utility::httpToGrpcStatus`. */
function grpcStatusOf(status: number): number {
  switch (status) {
    case 400:
      return 13;
    case 401:
      return 16;
    case 403:
      return 7;
    case 404:
      return 12;
    case 429:
    case 502:
    case 503:
    case 504:
      return 14;
    default:
      return 2;
  }
}

/** `grpc-message`: bytes outside U+0020 to U+007E, and `%`, as `%XX`. */
function percentEncode(text: string): string {
  return text.replace(/[^ -$&-~]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`);
}

export function headerList(map: HeaderMap | null): readonly Header[] {
  return map?.entries() ?? [];
}

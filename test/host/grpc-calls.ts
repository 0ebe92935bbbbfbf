/**
 * gRPC calls and streams of a root context (`Context::grpcCall` and below in Envoy's `wasm/context.cc`, and behind it
 * `source/common/grpc/async_client_impl.cc`).
 */
import type { GrpcExchange, GrpcHandler, Header } from "../driver.ts";
import { CallKind, WasmResult } from "./abi.ts";
import { NO_BYTES } from "./bytes.ts";
import type { RootContext } from "./context.ts";
import { clusterOfTarget } from "./grpc-target.ts";
import { HeaderMap, lowerCaseName } from "./header-map.ts";
import type { Sent } from "./http-calls.ts";
import type { FakeClock } from "./clock.ts";

const { Ok, NotFound, BadArgument, InternalFailure } = WasmResult;

const UNKNOWN = 2;
const INTERNAL = 13;
const UNAVAILABLE = 14;

interface Open {
  readonly exchange: Exchange;
  localClosed: boolean;
  remoteClosed: boolean;
}

export class GrpcCalls {
  /** Of the callback that runs. */
  initialMetadata: HeaderMap | null = null;
  trailingMetadata: HeaderMap | null = null;
  message: Uint8Array = NO_BYTES;
  private readonly root: RootContext;
  private readonly open_ = new Map<number, Open>();

  constructor(root: RootContext) {
    this.root = root;
  }

  /** One message each way. `timeout` is in milliseconds, 0 for none. */
  call(
    target: Uint8Array,
    path: string,
    metadata: readonly string[],
    message: Uint8Array,
    timeout: number,
  ): Sent {
    const cluster = clusterOfTarget(target, this.root.vm.services.clusters);
    if (cluster === null) return { result: WasmResult.ParseFailure };
    const token = this.root.vm.allocateCallToken(CallKind.GrpcCall);
    if (this.isAbsent(cluster, token)) return { result: InternalFailure };
    let answer: Uint8Array | null = null;
    const exchange = this.exchange(token, cluster, path, metadata, timeout, {
      metadata: () => {},
      message: (bytes) => (answer = bytes),
      end: (status, text) => {
        this.open_.delete(token);
        if (status !== 0) this.tellClose(token, status, text);
        else if (answer === null) this.tellClose(token, INTERNAL, "");
        else this.tellMessage(token, answer);
      },
    });
    if (timeout > 0) exchange.after(timeout, () => exchange.fail(TIMEOUT, "response_timeout"));
    exchange.begin();
    exchange.receive(message);
    exchange.receiveEnd();
    return { result: Ok, token };
  }

  open(target: Uint8Array, path: string, metadata: readonly string[]): Sent {
    const cluster = clusterOfTarget(target, this.root.vm.services.clusters);
    if (cluster === null) return { result: WasmResult.ParseFailure };
    const token = this.root.vm.allocateCallToken(CallKind.GrpcStream);
    if (this.isAbsent(cluster, token)) return { result: InternalFailure };
    this.exchange(token, cluster, path, metadata, null, {
      metadata: (map) => this.tellMetadata(token, map),
      message: (bytes) => this.tellMessage(token, bytes),
      end: (status, text, trailers) => this.endStream(token, status, text, trailers),
    }).begin();
    return { result: Ok, token };
  }

  send(token: number, message: Uint8Array, end: boolean): WasmResult {
    if (kindOf(token) !== CallKind.GrpcStream) return BadArgument;
    const open = this.open_.get(token);
    if (open === undefined) return NotFound;
    open.exchange.receive(message);
    if (end) open.exchange.receiveEnd();
    return Ok;
  }

  /** Cancels a call; of a stream, ends this side. */
  close(token: number): WasmResult {
    if (kindOf(token) !== CallKind.GrpcStream) return this.cancel(token);
    const open = this.open_.get(token);
    if (open === undefined) return NotFound;
    open.exchange.receiveEnd();
    if (open.remoteClosed) this.open_.delete(token);
    else open.localClosed = true;
    return Ok;
  }

  cancel(token: number): WasmResult {
    const kind = kindOf(token);
    if (kind !== CallKind.GrpcCall && kind !== CallKind.GrpcStream) return BadArgument;
    const open = this.open_.get(token);
    if (open === undefined) return NotFound;
    open.exchange.cancel();
    this.open_.delete(token);
    return Ok;
  }

  cancelAll(): void {
    for (const { exchange } of this.open_.values()) exchange.cancel();
    this.open_.clear();
  }

  /** Of a cluster that is not there, the root context is told as well, by a token that nobody has. */
  private isAbsent(cluster: string, token: number): boolean {
    const { vm } = this.root;
    if (vm.services.clusters.has(cluster)) return false;
    vm.addAfterCall(() => this.tellClose(token, UNAVAILABLE, "Cluster not available"));
    return true;
  }

  private exchange(
    token: number,
    cluster: string,
    path: string,
    metadata: readonly string[],
    timeout: number | null,
    client: Client,
  ): Exchange {
    const pairs: Header[] = [["te", "trailers"]];
    // A call without a timeout (0) tells the server all the same: that it has no time.
    if (timeout !== null) pairs.push(["grpc-timeout", `${timeout}m`]);
    pairs.push(["content-type", "application/grpc"]);
    for (let i = 0; i < metadata.length; i += 2) pairs.push([lowerCaseName(metadata[i]!), metadata[i + 1]!]);
    const { services } = this.root.vm;
    const serve = (exchange: Exchange): GrpcHandler => {
      const found = services.clusters.get(cluster);
      if (found === undefined || found === "refuse") exchange.fail(REFUSED, REFUSED_DETAILS);
      // An HTTP/1.1 server says nothing that gRPC understands.
      else if ("http" in found) exchange.end(UNKNOWN);
      else return found.grpc(exchange);
      return {};
    };
    const exchange = new Exchange(services.clock, path, pairs, client, serve);
    this.open_.set(token, { exchange, localClosed: false, remoteClosed: false });
    return exchange;
  }

  private endStream(token: number, status: number, text: string, trailers: HeaderMap): void {
    this.trailingMetadata = trailers;
    this.tell("on_grpc_receive_trailing_metadata", token, trailers.size);
    this.trailingMetadata = null;
    const open = this.open_.get(token);
    if (open !== undefined) open.remoteClosed = true;
    this.tellClose(token, status, text);
    if (open?.localClosed === true) this.open_.delete(token);
  }

  private tellMetadata(token: number, map: HeaderMap): void {
    this.initialMetadata = map;
    this.tell("on_grpc_receive_initial_metadata", token, map.size);
    this.initialMetadata = null;
  }

  private tellMessage(token: number, bytes: Uint8Array): void {
    this.message = bytes;
    this.tell("on_grpc_receive", token, bytes.length);
    this.message = NO_BYTES;
  }

  private tellClose(token: number, status: number, text: string): void {
    this.root.statusCode = status;
    this.root.statusMessage = text;
    this.tell("on_grpc_close", token, status);
    this.root.statusMessage = "";
  }

  private tell(
    name:
      | "on_grpc_receive_initial_metadata"
      | "on_grpc_receive"
      | "on_grpc_receive_trailing_metadata"
      | "on_grpc_close",
    token: number,
    number: number,
  ): void {
    this.root.vm.call(name, this.root, [this.root.id, token, number], () => {});
  }
}

const CONNECTION_FAILURE = "upstream connect error or disconnect/reset before headers. reset reason: ";
const REFUSED = `${CONNECTION_FAILURE}remote connection failure`;
const REFUSED_DETAILS =
  "upstream_reset_before_response_started{remote_connection_failure|delayed_connect_error:_Connection_refused}";
const RESET = `${CONNECTION_FAILURE}remote reset`;
const RESET_DETAILS = "upstream_reset_before_response_started{remote_reset}";
const RESET_LATER_DETAILS = "upstream_reset_after_response_started{remote_reset}";
const TIMEOUT = "upstream request timeout";

function kindOf(token: number): number {
  return token & 3;
}

/** What the calling side is told. */
interface Client {
  metadata(map: HeaderMap): void;
  message(bytes: Uint8Array): void;
  end(status: number, message: string, trailers: HeaderMap): void;
}

/** A call or stream between a module and a cluster's server. Each side gets what the other sent in a later turn. */
class Exchange implements GrpcExchange {
  readonly path: string;
  readonly metadata: readonly Header[];
  private readonly clock: FakeClock;
  private readonly client: Client;
  private readonly serve: (exchange: Exchange) => GrpcHandler;
  private handler: GrpcHandler = {};
  private ended = false;
  private metadataSent = false;
  private over = false;
  private readonly timers: (() => void)[] = [];

  constructor(
    clock: FakeClock,
    path: string,
    metadata: readonly Header[],
    client: Client,
    serve: (exchange: Exchange) => GrpcHandler,
  ) {
    this.clock = clock;
    this.path = path;
    this.metadata = metadata;
    this.client = client;
    this.serve = serve;
  }

  // From the client

  begin(): void {
    this.after(0, () => (this.handler = this.serve(this)));
  }

  receive(message: Uint8Array): void {
    this.after(0, () => this.handler.onMessage?.(message));
  }

  receiveEnd(): void {
    this.after(0, () => this.handler.onEnd?.());
  }

  /** Nobody is told any more. */
  cancel(): void {
    this.over = true;
    for (const cancel of this.timers) cancel();
  }

  // From the server

  sendMetadata(metadata: readonly Header[]): void {
    if (this.metadataSent || this.ended) return;
    this.metadataSent = true;
    const map = responseHeaders("response");
    for (const [name, value] of metadata) map.add(name, value);
    map.add("x-envoy-upstream-service-time", "0");
    this.tell(() => this.client.metadata(map));
  }

  send(message: Uint8Array): void {
    this.sendMetadata([]);
    if (!this.ended) this.tell(() => this.client.message(message));
  }

  end(status: number, message = "", trailers: readonly Header[] = []): void {
    // Envoy hands `grpc-message` on as it is, percent-encoded.
    const text = encodeURIComponent(message);
    this.finish(status, text, text === "" ? "via_upstream" : `${text}{via_upstream}`, trailers);
  }

  reset(): void {
    if (!this.metadataSent) this.fail(RESET, RESET_DETAILS);
    else if (!this.ended) {
      this.ended = true;
      this.tell(() => {
        this.cancel();
        this.client.end(INTERNAL, RESET_LATER_DETAILS, new HeaderMap("responseTrailers"));
      });
    }
  }

  /** What Envoy's router says in the server's place. */
  fail(message: string, details: string): void {
    this.finish(UNAVAILABLE, message, `${message}{${details}}`, []);
  }

  private finish(status: number, message: string, text: string, trailers: readonly Header[]): void {
    if (this.ended) return;
    this.ended = true;
    // Without anything before, all stands in the headers: Envoy gives no initial metadata then, but all as the trailing.
    const trailersOnly = !this.metadataSent;
    const map = trailersOnly ? responseHeaders("responseTrailers") : new HeaderMap("responseTrailers");
    map.add("grpc-status", String(status));
    if (message !== "") map.add("grpc-message", message);
    for (const [name, value] of trailers) map.add(name, value);
    this.tell(() => {
      if (trailersOnly) this.client.metadata(new HeaderMap("response"));
      this.cancel();
      this.client.end(status, text, map);
    });
  }

  after(milliseconds: number, action: () => void): void {
    this.timers.push(this.clock.schedule(BigInt(Math.round(milliseconds * 1e6)), action));
  }

  private tell(action: () => void): void {
    this.after(0, () => {
      if (!this.over) action();
    });
  }
}

function responseHeaders(kind: "response" | "responseTrailers"): HeaderMap {
  return HeaderMap.of(kind, [
    [":status", "200"],
    ["content-type", "application/grpc"],
  ]);
}

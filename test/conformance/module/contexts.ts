/**
 * The module's contexts. A configuration is lines `label x` (the name by which lines address one plugin of
 * several), `trace` (logs each callback), `refuse reason`, `defer-done` (its end waits for `proxy_done` on a tick),
 * `tick-period n`, and operations `configure <operation> ..`, `root-tick <operation> ..` and, for what comes of calls that the root
 * context made, `root-call`, `root-grpc-receive` and so on, and `queue-ready`. What comes of a stream's n-th call is done by its lines
 * `call` and `call-n`, in the stream's name. A connection has no headers: what a network plugin does is in its configuration, as lines
 * `new-connection`, `downstream-data`, `downstream-data-n` for the n-th data, and so on.
 */
import { proxy_done, proxy_set_effective_context } from "../../../assembly/abi/imports";
import {
  Context,
  FilterDataStatusValues,
  FilterHeadersStatusValues,
  FilterStatusValues,
  FilterTrailersStatusValues,
  log,
  LogLevelValues,
  PeerTypeValues,
  RootContext,
  setTickPeriod,
  stream_context,
  WasmResultValues,
} from "../../../assembly/index";
import { utf8 } from "../../../assembly/stream-context";
import { bodyOperation } from "./bodies";
import { callOperation, callStatus, grpcStatus, takeSentToken } from "./calls";
import { foreignOperation } from "./foreign";
import { headerOperation } from "./headers";
import { queueName, queueOperation } from "./queues";
import { Arguments, Line, nameOf, parseLine } from "./script";
import { serviceOperation } from "./services";
import { streamOperation } from "./stream";

export class ConformanceRoot extends RootContext {
  label: string = "";
  private tracing: bool = false;
  private deferring: bool = false;
  private ending: bool = false;
  script: Line[] = [];
  /** By token: the stream that called, null for the root context itself. */
  private readonly callers: Map<u32, Caller> = new Map<u32, Caller>();
  /** Streams which ask for a tick. */
  private waiting: ConformanceContext[] = [];

  createContext(context_id: u32): Context {
    return new ConformanceContext(context_id, this);
  }

  onStart(vm_configuration_size: usize): bool {
    // Before it has its configuration: whether to trace is said by the VM's.
    if (vm_configuration_size > 0) log(LogLevelValues.info, "~ start " + vm_configuration_size.toString());
    return true;
  }

  onConfigure(_configuration_size: usize): bool {
    const lines = this.getConfiguration().split("\n");
    let refused = false;
    for (let at = 0; at < lines.length; at++) {
      const line = parseLine(utf8(lines[at]));
      if (line.callback == "label") this.label = line.operation;
      if (line.callback == "trace") this.tracing = true;
      if (line.callback == "defer-done") this.deferring = true;
      if (line.callback == "tick-period") setTickPeriod(U32.parseInt(line.operation));
      if (line.callback == "refuse") {
        log(LogLevelValues.error, line.operation);
        refused = true;
      }
      this.script.push(line);
    }
    this.trace("configure");
    this.run("configure");
    return !refused;
  }

  onTick(): void {
    this.trace("tick");
    this.run("root-tick");
    if (this.ending) report(nameOf(proxy_done()));
    const waiting = this.waiting;
    this.waiting = [];
    for (let at = 0; at < waiting.length; at++) {
      proxy_set_effective_context(waiting[at].context_id);
      waiting[at].run("tick", false);
    }
  }

  onHttpCallResponse(token: u32, headers: u32, body_size: u32, trailers: u32): void {
    const sizes = headers == 0 ? "failed " + callStatus() : body_size.toString() + " " + trailers.toString();
    report("answer " + sizes);
    this.answered("call", token);
    this.callers.delete(token);
  }

  onGrpcReceiveInitialMetadata(token: u32, count: u32): void {
    report("grpc-metadata" + (count == 0 ? " none" : ""));
    this.answered("grpc-metadata", token);
  }

  onGrpcReceive(token: u32, size: u32): void {
    report("grpc-receive " + size.toString());
    this.answered("grpc-receive", token);
  }

  onGrpcReceiveTrailingMetadata(token: u32, _count: u32): void {
    report("grpc-trailers");
    this.answered("grpc-trailers", token);
  }

  onGrpcClose(token: u32, status: u32): void {
    report("grpc-close " + status.toString() + " " + grpcStatus());
    this.answered("grpc-close", token);
  }

  onQueueReady(token: u32): void {
    report("queue-ready " + queueName(token));
    this.run("queue-ready");
  }

  noteCall(context: ConformanceContext | null): void {
    const token = takeSentToken();
    if (token != 0) this.callers.set(token, new Caller(context, context == null ? 0 : ++context.calls));
  }

  /** Something came of a call: does what the script of who made it says. */
  private answered(callback: string, token: u32): void {
    if (!this.callers.has(token)) {
      report("unknown token");
      return;
    }
    const caller = this.callers.get(token);
    const context = caller.context;
    if (context == null) {
      this.run("root-" + callback);
      return;
    }
    const effective = proxy_set_effective_context(context.context_id);
    if (effective == WasmResultValues.Ok) {
      context.run(callback, false);
      context.run(callback + "-" + caller.number.toString(), false);
    } else report("gone " + nameOf(effective));
  }

  onDone(): bool {
    this.trace("done");
    this.ending = this.deferring;
    return !this.deferring;
  }

  onDelete(): void {
    this.trace("delete");
  }

  trace(text: string): void {
    if (this.tracing) log(LogLevelValues.info, "~ " + this.label + " " + text);
  }

  awaitTick(context: ConformanceContext): void {
    this.forget(context);
    this.waiting.push(context);
  }

  forget(context: ConformanceContext): void {
    const at = this.waiting.indexOf(context);
    if (at >= 0) this.waiting.splice(at, 1);
  }

  private run(callback: string): void {
    for (let at = 0; at < this.script.length; at++) {
      const line = this.script[at];
      if (line.callback != callback) continue;
      report(perform(line.operation, line.given));
      this.noteCall(null);
    }
  }
}

/** Who made a call. */
class Caller {
  constructor(
    readonly context: ConformanceContext | null,
    /** Which of the stream's calls it is, from 1. */
    readonly number: i32,
  ) {}
}

export class ConformanceContext extends Context {
  /** Calls so far. */
  calls: i32 = 0;
  /** Pieces of data so far, in both directions; and the one that is in hand. */
  private received: i32 = 0;
  private sent: i32 = 0;
  private part: i32 = 0;
  private ofConnection: bool = false;
  private script: Line[] = [];

  get root(): ConformanceRoot {
    return changetype<ConformanceRoot>(this.root_context);
  }

  onRequestHeaders(count: u32, end: bool): FilterHeadersStatusValues {
    this.readScript();
    return <FilterHeadersStatusValues>this.entered("request-headers", count, end);
  }

  onRequestBody(size: usize, end: bool): FilterDataStatusValues {
    return <FilterDataStatusValues>this.entered("request-body", <u32>size, end);
  }

  onRequestTrailers(count: u32): FilterTrailersStatusValues {
    return <FilterTrailersStatusValues>this.entered("request-trailers", count, true);
  }

  onResponseHeaders(count: u32, end: bool): FilterHeadersStatusValues {
    return <FilterHeadersStatusValues>this.entered("response-headers", count, end);
  }

  onResponseBody(size: usize, end: bool): FilterDataStatusValues {
    return <FilterDataStatusValues>this.entered("response-body", <u32>size, end);
  }

  onResponseTrailers(count: u32): FilterTrailersStatusValues {
    return <FilterTrailersStatusValues>this.entered("response-trailers", count, true);
  }

  onNewConnection(): FilterStatusValues {
    this.script = this.root.script;
    this.ofConnection = true;
    return <FilterStatusValues>this.entered("new-connection", 0, false);
  }

  onDownstreamData(size: usize, end: bool): FilterStatusValues {
    this.part = ++this.received;
    return <FilterStatusValues>this.entered("downstream-data", <u32>size, end);
  }

  onUpstreamData(size: usize, end: bool): FilterStatusValues {
    this.part = ++this.sent;
    return <FilterStatusValues>this.entered("upstream-data", <u32>size, end);
  }

  onDownstreamConnectionClose(peer: PeerTypeValues): void {
    this.entered("downstream-close", peer, false);
  }

  onUpstreamConnectionClose(peer: PeerTypeValues): void {
    this.entered("upstream-close", peer, false);
  }

  onDone(): bool {
    this.root.trace("stream-done");
    this.run("stream-done", true);
    return true;
  }

  onLog(): void {
    this.root.trace("stream-log");
    this.run("stream-log", true);
  }

  onDelete(): void {
    this.root.trace("stream-delete");
    this.run("stream-delete", true);
    this.root.forget(this);
    // Those of a connection are the root context's.
    if (!this.ofConnection) for (let at = 0; at < this.script.length; at++) this.script[at].given.release();
  }

  /** Performs the lines of a callback; answers what the callback is to answer. */
  run(callback: string, end: bool): i32 {
    const partial = callback + (end ? "-end" : "-part");
    let answer = 0;
    for (let at = 0; at < this.script.length; at++) {
      const line = this.script[at];
      if (line.callback != callback && line.callback != partial) continue;
      if (line.operation == "return") answer = <i32>line.given.number(0);
      else report(perform(line.operation, line.given));
      this.root.noteCall(this);
    }
    return answer;
  }

  private entered(callback: string, count: u32, end: bool): i32 {
    this.root.trace(callback + " " + count.toString() + (end ? " end" : ""));
    let answer = this.run(callback, end);
    if (this.part > 0) {
      const more = this.run(callback + "-" + this.part.toString(), end);
      if (more != 0) answer = more;
      this.part = 0;
    }
    // Stopped, the stream goes on with what its script has for a tick.
    if (answer != 0) this.root.awaitTick(this);
    return answer;
  }

  /** The lines in `x-case` that are for every plugin or, as `label/callback`, for this one. */
  private readScript(): void {
    const pairs = stream_context.headers.request.get_headers();
    for (let at = 0; at < pairs.length; at++) {
      if (pairs[at].key != "x-case") continue;
      const line = parseLine(utf8(pairs[at].value));
      const slash = line.callback.indexOf("/");
      if (slash >= 0 && line.callback.substring(0, slash) != this.root.label) continue;
      this.script.push(new Line(line.callback.substring(slash + 1), line.operation, line.given));
    }
  }
}

/** Results stand in the log, in the order in which they came. */
function report(result: string): void {
  log(LogLevelValues.warn, "=" + result);
}

function perform(operation: string, given: Arguments): string {
  const stream = streamOperation(operation, given);
  if (stream != null) return stream;
  const header = headerOperation(operation, given);
  if (header != null) return header;
  const body = bodyOperation(operation, given);
  if (body != null) return body;
  const foreign = foreignOperation(operation, given);
  if (foreign != null) return foreign;
  const call = callOperation(operation, given);
  if (call != null) return call;
  const queue = queueOperation(operation, given);
  if (queue != null) return queue;
  const service = serviceOperation(operation, given);
  return service == null ? "no such operation: " + operation : service;
}

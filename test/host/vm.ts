/**
 * One instance of a module: its memory, its contexts, and calls into it. Follows `wasm.cc` and
 * `context.cc` of proxy-wasm-cpp-host.
 */
import { HeadersStatus, LogLevel, DataStatus, TrailersStatus } from "./abi.ts";
import type { CallKind } from "./abi.ts";
import { readByteString, writeByteString } from "./bytes.ts";
import type { Context, RootContext } from "./context.ts";
import { VmContext } from "./context.ts";
import { makeImports } from "./imports.ts";
import { VmMetrics } from "./metrics.ts";
import type { PluginModule } from "./module.ts";
import { ModuleLoadError } from "./module.ts";
import type { Plugin } from "./plugin.ts";
import type { ProcessServices } from "./services.ts";

type Callback = (...args: number[]) => number | undefined;

/** Callbacks by their names without `proxy_`; null where the module lacks one: then it is skipped. */
interface Callbacks {
  on_vm_start: Callback | null;
  on_configure: Callback | null;
  on_context_create: Callback | null;
  on_request_headers: Callback | null;
  on_request_body: Callback | null;
  on_request_trailers: Callback | null;
  on_response_headers: Callback | null;
  on_response_body: Callback | null;
  on_response_trailers: Callback | null;
  on_tick: Callback | null;
  on_queue_ready: Callback | null;
  on_http_call_response: Callback | null;
  on_grpc_receive_initial_metadata: Callback | null;
  on_grpc_receive: Callback | null;
  on_grpc_receive_trailing_metadata: Callback | null;
  on_grpc_close: Callback | null;
  on_foreign_function: Callback | null;
  on_new_connection: Callback | null;
  on_downstream_data: Callback | null;
  on_upstream_data: Callback | null;
  on_downstream_connection_close: Callback | null;
  on_upstream_connection_close: Callback | null;
  on_done: Callback | null;
  on_log: Callback | null;
  on_delete: Callback | null;
}

export type CallbackName = keyof Callbacks;

const CALLBACK_NAMES: readonly CallbackName[] = [
  "on_vm_start",
  "on_configure",
  "on_context_create",
  "on_request_headers",
  "on_request_body",
  "on_request_trailers",
  "on_response_headers",
  "on_response_body",
  "on_response_trailers",
  "on_tick",
  "on_queue_ready",
  "on_http_call_response",
  "on_grpc_receive_initial_metadata",
  "on_grpc_receive",
  "on_grpc_receive_trailing_metadata",
  "on_grpc_close",
  "on_foreign_function",
  "on_new_connection",
  "on_downstream_data",
  "on_upstream_data",
  "on_downstream_connection_close",
  "on_upstream_connection_close",
  "on_done",
  "on_log",
  "on_delete",
];

export class Vm {
  readonly services: ProcessServices;
  readonly vmId: string;
  readonly vmConfiguration: Uint8Array;
  readonly environment: Readonly<Record<string, string>>;
  readonly metrics: VmMetrics;
  /** All living contexts by id; id 0 is the VM's own. */
  readonly contexts = new Map<number, Context>();
  /** Roots that answered false in `proxy_on_done` and wait for `proxy_done`, by plugin key. */
  readonly pendingDone = new Map<string, RootContext>();
  /** Why the VM can no longer be used: the message of the trap; null while it works. */
  failure: string | null = null;
  /** Called when the VM fails. */
  onFail: () => void = () => {};
  /** The context in whose name a host call acts. */
  effectiveId = 0;
  /** Set by a local response: what the callback answers is then "stop". */
  stopNextIteration = false;
  /** The memory as bytes and as numbers: valid until the module runs again (it may grow). */
  memory: Uint8Array = new Uint8Array(0);
  view: DataView = new DataView(this.memory.buffer);

  /** What the module exports, for tests that look into it. */
  readonly exports: WebAssembly.Exports;

  private readonly exportedMemory: WebAssembly.Memory;
  private readonly malloc: Callback;
  private readonly callbacks: Callbacks;
  private readonly vmContext: Context;
  private current: Context;
  private depth = 0;
  private nextContextId = 1;
  private readonly lastTokens: [number, number, number] = [0, 0, 0];
  private afterCall: (() => void)[] = [];

  /** Throws {@link ModuleLoadError} when the module traps while it is instantiated or initialized. */
  constructor(plugin: Plugin, services: ProcessServices) {
    this.services = services;
    this.vmId = plugin.vmId;
    this.vmConfiguration = plugin.vmConfiguration;
    this.environment = plugin.environment;
    this.metrics = new VmMetrics(services.metrics);
    this.vmContext = new VmContext(this);
    this.current = this.vmContext;
    this.contexts.set(0, this.vmContext);

    const instance = instantiate(plugin.module, makeImports(this));
    const exported = instance.exports;
    this.exports = exported;
    const find = (name: string): Callback | null =>
      typeof exported[name] === "function" ? (exported[name] as Callback) : null;
    this.exportedMemory = exported.memory as WebAssembly.Memory;
    this.malloc = (find("malloc") ?? find("proxy_on_memory_allocate"))!;
    this.callbacks = Object.fromEntries(
      CALLBACK_NAMES.map((name) => [name, find(`proxy_${name}`)]),
    ) as Record<CallbackName, Callback | null>;
    this.refreshMemory();

    // A WASI reactor (and its main, to set itself up), else a WASI command.
    const initialize = find("_initialize");
    if (initialize !== null) {
      this.invoke("_initialize", initialize, this.vmContext, []);
      const main = find("main");
      if (main !== null) this.invoke("main", main, this.vmContext, [0, 0]);
    } else {
      const start = find("_start");
      if (start !== null) this.invoke("_start", start, this.vmContext, []);
    }
    if (this.failure !== null) throw new ModuleLoadError(`Failed to initialize Wasm code: ${this.failure}`);
  }

  /** Size of the linear memory, in bytes. */
  get memoryBytes(): number {
    return this.exportedMemory.buffer.byteLength;
  }

  get failed(): boolean {
    return this.failure !== null;
  }

  /** The context which a host call acts for: the effective one, unless it is gone. */
  get context(): Context {
    if (this.effectiveId === 0) return this.current;
    return this.contexts.get(this.effectiveId) ?? this.current;
  }

  /** The context that was called back, whatever the effective one is (`current_context_`). */
  get callContext(): Context {
    return this.current;
  }

  /** True while the module runs: what would call into it must wait (`addAfterCall`). */
  get running(): boolean {
    return this.depth > 0;
  }

  has(name: CallbackName): boolean {
    return this.callbacks[name] !== null;
  }

  allocateContextId(): number {
    for (;;) {
      const id = this.nextContextId;
      this.nextContextId = this.nextContextId === 0xffffffff ? 1 : this.nextContextId + 1;
      if (!this.contexts.has(id)) return id;
    }
  }

  /** A token for a call; the lowest two bits tell its {@link CallKind}. */
  allocateCallToken(kind: CallKind): number {
    this.lastTokens[kind] = (this.lastTokens[kind] + 4) >>> 0;
    return this.lastTokens[kind] | kind;
  }

  /**
   * Calls back, if the module exports that and the VM works; answers null if not. What the module
   * deferred (local responses, continue) runs before this returns, and after `interpret` has seen the
   * answer (`DeferAfterCallActions`).
   */
  call<T>(
    name: CallbackName,
    context: Context,
    args: readonly number[],
    interpret: (result: number) => T,
  ): T | null {
    const callback = this.callbacks[name];
    if (callback === null || this.failure !== null) return null;
    const result = this.invoke(`proxy_${name}`, callback, context, args);
    const answer = interpret(result);
    this.stopNextIteration = false;
    if (this.depth === 0) this.runAfterCall();
    return answer;
  }

  /** Runs `action` when the module has returned: it may call into the module again. */
  addAfterCall(action: () => void): void {
    this.afterCall.push(action);
  }

  headersStatus(result: number): number {
    // StopIteration is read as "stop all": allow_on_headers_stop_iteration is off.
    if (this.stopNextIteration || result > HeadersStatus.StopAllIterationAndWatermark) {
      return HeadersStatus.StopAllIterationAndWatermark;
    }
    return result === HeadersStatus.StopIteration ? HeadersStatus.StopAllIterationAndWatermark : result;
  }

  dataStatus(result: number): number {
    const stop = this.stopNextIteration || result > DataStatus.StopIterationNoBuffer;
    return stop ? DataStatus.StopIterationNoBuffer : result;
  }

  trailersStatus(result: number): number {
    const stop = this.stopNextIteration || result > TrailersStatus.StopIteration;
    return stop ? TrailersStatus.StopIteration : result;
  }

  // Memory

  /** True when `[pointer, pointer + size)` lies in the memory. */
  inBounds(pointer: number, size: number): boolean {
    return pointer + size <= this.memory.length;
  }

  /** Reads a byte string; null when out of bounds. */
  readString(pointer: number, size: number): string | null {
    return this.inBounds(pointer, size) ? readByteString(this.memory, pointer, size) : null;
  }

  /** A copy of the bytes; null when out of bounds. */
  readBytes(pointer: number, size: number): Uint8Array | null {
    return this.inBounds(pointer, size) ? this.memory.slice(pointer, pointer + size) : null;
  }

  writeU32(pointer: number, value: number): boolean {
    if (!this.inBounds(pointer, 4)) return false;
    this.view.setUint32(pointer, value, true);
    return true;
  }

  writeU64(pointer: number, value: bigint): boolean {
    if (!this.inBounds(pointer, 8)) return false;
    this.view.setBigUint64(pointer, BigInt.asUintN(64, value), true);
    return true;
  }

  /** Asks the module for memory; 0 when it has none or answers a pointer out of bounds. */
  allocate(size: number): number {
    const pointer = this.invoke("malloc", this.malloc, this.vmContext, [size]) >>> 0;
    return this.inBounds(pointer, size) ? pointer : 0;
  }

  /** Copies bytes into memory of the module; pointer 0 and size 0 when there are none (`copyToPointerSize`). */
  returnBytes(bytes: Uint8Array, pointerPointer: number, sizePointer: number): boolean {
    let pointer = 0;
    if (bytes.length > 0) {
      pointer = this.allocate(bytes.length);
      if (pointer === 0) return false;
      this.memory.set(bytes, pointer);
    }
    return this.writeU32(pointerPointer, pointer) && this.writeU32(sizePointer, bytes.length);
  }

  /** As {@link returnBytes}, of a byte string. */
  returnString(text: string, pointerPointer: number, sizePointer: number): boolean {
    let pointer = 0;
    if (text.length > 0) {
      pointer = this.allocate(text.length);
      if (pointer === 0) return false;
      writeByteString(this.memory, pointer, text);
    }
    return this.writeU32(pointerPointer, pointer) && this.writeU32(sizePointer, text.length);
  }

  /** Call when the module may have grown its memory. */
  refreshMemory(): void {
    // Undefined while the module's start function runs: then no pointer is valid.
    const buffer = (this.exportedMemory as WebAssembly.Memory | undefined)?.buffer;
    if (buffer === undefined || this.memory.buffer === buffer) return;
    this.memory = new Uint8Array(buffer);
    this.view = new DataView(buffer);
  }

  private invoke(name: string, callback: Callback, context: Context, args: readonly number[]): number {
    const { current, effectiveId } = this;
    this.current = context;
    this.effectiveId = 0;
    this.depth++;
    try {
      return (callback(...args) ?? 0) >>> 0;
    } catch (error) {
      if (!isTrap(error) || this.depth > 1) throw error;
      this.fail(name, error);
      return 0;
    } finally {
      this.depth--;
      this.current = current;
      this.effectiveId = effectiveId;
      this.refreshMemory();
    }
  }

  private runAfterCall(): void {
    while (this.afterCall.length > 0) this.afterCall.shift()!();
  }

  private fail(name: string, error: Error): void {
    this.failure = `Function: ${name} failed: Uncaught ${error.name}: ${error.message}`;
    this.services.log(LogLevel.Error, this.failure, this.current.plugin?.name ?? "");
    this.onFail();
  }
}

/** A stack overflow in the module is a RangeError. Anything else is a mistake in the host. */
function isTrap(error: unknown): error is Error {
  return (
    error instanceof WebAssembly.RuntimeError ||
    (error instanceof RangeError && error.message.includes("call stack"))
  );
}

function instantiate(module: PluginModule, imports: WebAssembly.Imports): WebAssembly.Instance {
  try {
    return new WebAssembly.Instance(module.compiled, imports);
  } catch (error) {
    throw new ModuleLoadError(`Failed to instantiate Wasm module: ${String(error)}`);
  }
}

/**
 * A network plugin on a connection. Follows the network part of Envoy's `source/extensions/common/wasm/context.cc` and of
 * proxy-wasm-cpp-host `context.cc`.
 */
import { BufferType, CloseType, FilterStatus, StreamType, WasmResult } from "./abi.ts";
import { NO_BYTES } from "./bytes.ts";
import { Context, Way } from "./context.ts";
import type { Body, BufferView, RootContext } from "./context.ts";
import type { Plugin } from "./plugin.ts";
import type { StreamInfo } from "./properties.ts";
import type { Vm } from "./vm.ts";

/** What a network plugin's context asks of its connection. */
export interface ConnectionCallbacks {
  readonly info: StreamInfo;
  /** The filters behind this one get what has been read. */
  continueReading(index: number): void;
  close(type: number): void;
}

/** Its VM is null when that had already failed. */
export class NetworkContext extends Context {
  declare readonly plugin: Plugin;
  private readonly rootContext: RootContext | null;
  private readonly connection: ConnectionCallbacks;
  /** Place in the chain. */
  private readonly index: number;
  /** What the callback is about, and what it held back. */
  private readonly dataOf: [Body | null, Body | null] = [null, null];
  private downstreamClosed = false;
  private failed = false;

  constructor(root: RootContext | null, plugin: Plugin, connection: ConnectionCallbacks, index: number) {
    super(root?.vm ?? null, root?.vm.allocateContextId() ?? 0, plugin);
    this.rootContext = root;
    this.connection = connection;
    this.index = index;
    this.vm?.contexts.set(this.id, this);
  }

  override get root(): Context {
    return this.rootContext ?? this;
  }

  override get streamInfo(): StreamInfo {
    return this.connection.info;
  }

  // From the connection. True passes on.

  newConnection(): boolean {
    this.vm?.call("on_context_create", this, [this.id, this.root.id], () => {});
    this.created = true;
    return this.guarded((vm) => vm.call("on_new_connection", this, [this.id], passes));
  }

  /** What the client sent (`Way.Decode`), or what is sent to it. */
  data(way: Way, body: Body, end: boolean): boolean {
    if (!this.created) return true;
    this.dataOf[way] = body;
    const name = way === Way.Decode ? "on_downstream_data" : "on_upstream_data";
    const passed = this.guarded((vm) =>
      vm.call(name, this, [this.id, body.bytes.length, end ? 1 : 0], passes),
    );
    if (passed) this.dataOf[way] = null;
    // Envoy says so at the end of what is sent, not when the connection to the server closes.
    if (way === Way.Encode && end) {
      this.vm?.call("on_upstream_connection_close", this, [this.id, CloseType.Unknown], () => {});
    }
    return passed;
  }

  /** The connection is closed: with that the context ends. */
  closed(type: number): void {
    if (!this.created || this.downstreamClosed) return;
    this.downstreamClosed = true;
    this.vm?.call("on_downstream_connection_close", this, [this.id, type], () => {});
    this.vm?.call("on_done", this, [this.id], () => {});
    this.vm?.call("on_log", this, [this.id], () => {});
    this.vm?.call("on_delete", this, [this.id], () => {});
  }

  /** The host knows it no more. */
  forget(): void {
    this.vm?.contexts.delete(this.id);
  }

  // From the module

  override buffer(type: number): BufferView | null {
    if (type === BufferType.NetworkDownstreamData) return this.view(Way.Decode);
    if (type === BufferType.NetworkUpstreamData) return this.view(Way.Encode);
    return super.buffer(type) ?? this.rootContext?.buffer(type) ?? null;
  }

  override setProperty(key: string, value: string): WasmResult {
    const taken = this.connection.info.state.setProperty(key, value, this.root.declared.get(key));
    return taken ? WasmResult.Ok : WasmResult.BadArgument;
  }

  override continueStream(type: number): WasmResult {
    if (type === StreamType.Downstream)
      this.vm?.addAfterCall(() => this.connection.continueReading(this.index));
    return super.continueStream(type);
  }

  /** Either way it is the client's connection that is closed. */
  override closeStream(type: number): WasmResult {
    if (type === StreamType.Downstream || type === StreamType.Upstream) {
      this.vm?.addAfterCall(() => this.connection.close(CloseType.Local));
    }
    return WasmResult.Ok;
  }

  private view(way: Way): BufferView {
    const body = this.dataOf[way];
    return body === null ? { bytes: NO_BYTES } : { body };
  }

  /** `CHECK_FAIL_NET`: on a failed VM the connection is closed; with FAIL_OPEN the filter lets all pass. */
  private guarded(callback: (vm: Vm) => boolean | null): boolean {
    const { vm } = this;
    if (vm !== null && !vm.failed) {
      const passed = callback(vm);
      if (!vm.failed) return passed ?? true;
    }
    if (this.plugin.failurePolicy === "FAIL_OPEN") return true;
    if (!this.failed) {
      this.failed = true;
      this.connection.close(CloseType.Local);
    }
    return false;
  }
}

function passes(result: number): boolean {
  return result === FilterStatus.Continue;
}

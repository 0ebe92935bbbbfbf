/**
 * A worker thread: one VM for each (vm_id, VM configuration, code), and in it one root context for each
 * plugin (`getOrCreateThreadLocalPlugin` in proxy-wasm-cpp-host `wasm.cc`).
 */
import { RootContext } from "./context.ts";
import type { Plugin } from "./plugin.ts";
import type { ProcessServices } from "./services.ts";
import { Vm } from "./vm.ts";

/** FAIL_RELOAD: a failed VM is replaced when its plugin was loaded at least this long ago, in ns. */
const RELOAD_BACKOFF = 1_000_000_000n;

/** A root context with the number of its users; it is shut down when the last one leaves. */
interface Handle {
  readonly root: RootContext;
  users: number;
}

export class Worker {
  private readonly services: ProcessServices;
  private readonly vms = new Map<string, Vm>();
  private readonly handles = new Map<string, Handle>();

  constructor(services: ProcessServices) {
    this.services = services;
  }

  /** Living VMs; failed ones are not among them. */
  get allVms(): readonly Vm[] {
    return [...this.vms.values()];
  }

  /** Joins the plugin's root context, or starts and configures one. Null when that fails. */
  acquire(plugin: Plugin): Handle | null {
    const key = `${plugin.vmKey}||${plugin.key}`;
    const existing = this.handles.get(key);
    if (existing !== undefined && !existing.root.vm.failed) {
      existing.users++;
      return existing;
    }
    const root = new RootContext(this.vm(plugin), plugin);
    if (!root.start() || !root.configure()) return null;
    const handle = { root, users: 1 };
    this.handles.set(key, handle);
    return handle;
  }

  release(handle: Handle): void {
    if (--handle.users > 0) return;
    const { vm, plugin } = handle.root;
    const key = `${plugin.vmKey}||${plugin.key}`;
    if (this.handles.get(key) === handle) this.handles.delete(key);
    handle.root.shutDown();
    const used = [...this.handles.values()].some(({ root }) => root.vm === vm);
    if (!used && vm.pendingDone.size === 0 && this.vms.get(plugin.vmKey) === vm)
      this.vms.delete(plugin.vmKey);
  }

  private vm(plugin: Plugin): Vm {
    const existing = this.vms.get(plugin.vmKey);
    if (existing !== undefined) return existing;
    const vm = new Vm(plugin, this.services);
    this.vms.set(plugin.vmKey, vm);
    vm.onFail = () => {
      // So that neither a reload nor a new plugin gets the broken one.
      if (this.vms.get(plugin.vmKey) === vm) this.vms.delete(plugin.vmKey);
      for (const [key, { root }] of this.handles) if (root.vm === vm) this.handles.delete(key);
    };
    return vm;
  }
}

/** A plugin's place in a listener's chain, on one worker. */
export class PluginSlot {
  readonly plugin: Plugin;
  private readonly worker: Worker;
  private readonly services: ProcessServices;
  private handle: Handle | null;
  private loadedAt: bigint;

  constructor(plugin: Plugin, worker: Worker, services: ProcessServices) {
    this.plugin = plugin;
    this.worker = worker;
    this.services = services;
    this.handle = worker.acquire(plugin);
    this.loadedAt = services.clock.monotonic;
  }

  get root(): RootContext | null {
    return this.handle?.root ?? null;
  }

  /** For one stream: the root context, or null when its VM has failed and is not reloaded yet. */
  use(): { plugin: Plugin; root: RootContext | null; release: () => void } {
    this.reloadIfDue();
    const { handle, plugin } = this;
    if (handle === null || handle.root.vm.failed) return { plugin, root: null, release: () => {} };
    handle.users++;
    return { plugin, root: handle.root, release: () => this.worker.release(handle) };
  }

  release(): void {
    if (this.handle !== null) this.worker.release(this.handle);
    this.handle = null;
  }

  /** Envoy `PluginConfig::maybeReloadHandleIfNeeded`. */
  private reloadIfDue(): void {
    if (this.handle === null || !this.handle.root.vm.failed || this.plugin.failurePolicy !== "FAIL_RELOAD")
      return;
    const now = this.services.clock.monotonic;
    if (now - this.loadedAt < RELOAD_BACKOFF) return;
    this.loadedAt = now;
    const fresh = this.worker.acquire(this.plugin);
    if (fresh !== null) this.handle = fresh;
  }
}

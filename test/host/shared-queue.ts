/**
 * Queues between VMs (proxy-wasm-cpp-host `shared_queue.cc`): known by vm_id and name, shared by all workers of the
 * process. The root context that registered one last is told of each entry, when its thread comes to it.
 */
import { WasmResult } from "./abi.ts";
import type { FakeClock } from "./clock.ts";
import type { RootContext } from "./context.ts";

interface Queue {
  readonly entries: Uint8Array[];
  /** Is told what comes in. */
  owner: RootContext;
}

export class SharedQueues {
  private readonly clock: FakeClock;
  private readonly tokens = new Map<string, number>();
  private readonly queues = new Map<number, Queue>();
  private lastToken = 0;

  constructor(clock: FakeClock) {
    this.clock = clock;
  }

  /** The queue's token. What waits in it stays when it changes hands. */
  register(owner: RootContext, name: string): number {
    const key = keyOf(owner.vm.vmId, name);
    let token = this.tokens.get(key);
    if (token === undefined) this.tokens.set(key, (token = ++this.lastToken));
    const queue = this.queues.get(token);
    if (queue === undefined) this.queues.set(token, { entries: [], owner });
    else queue.owner = owner;
    return token;
  }

  /** 0 when there is none. */
  resolve(vmId: string, name: string): number {
    return this.tokens.get(keyOf(vmId, name)) ?? 0;
  }

  enqueue(token: number, entry: Uint8Array): WasmResult {
    const queue = this.queues.get(token);
    if (queue === undefined) return WasmResult.NotFound;
    queue.entries.push(entry);
    const { owner } = queue;
    // The owner's thread gets to it in its own time; a root context that has gone meanwhile is not looked for.
    this.clock.schedule(0n, () => {
      if (owner.vm.contexts.get(owner.id) === owner) {
        owner.vm.call("on_queue_ready", owner, [owner.id, token], () => {});
      }
    });
    return WasmResult.Ok;
  }

  dequeue(token: number): Uint8Array | WasmResult {
    const queue = this.queues.get(token);
    if (queue === undefined) return WasmResult.NotFound;
    return queue.entries.shift() ?? WasmResult.Empty;
  }
}

function keyOf(vmId: string, name: string): string {
  return `${vmId.length}:${vmId}${name}`;
}

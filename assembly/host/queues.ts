import {
  proxy_dequeue_shared_queue,
  proxy_enqueue_shared_queue,
  proxy_register_shared_queue,
  proxy_resolve_shared_queue,
} from "../abi/imports";
import { WasmResultValues } from "../abi/values";
import { ABSENT, Bytes, lengthOf, pointerOf } from "../bytes/bytes";
import { clearReturned, returnedBytes, returnedLength, returnedPointer, returnedU32 } from "./returned";

/**
 * Queues between the VMs of the proxy (proxy-wasm-cpp-host `shared_queue.cc`): process-wide, in memory, without a limit, so
 * that who enqueues must bound what waits. The root context that registered a queue last is told (`Root.queueReady`)
 * once for each entry, on its own thread; an entry goes to whoever takes it first.
 */

/** The token of no queue. */
export const NO_QUEUE: u32 = 0;

/** What the last call answered. */
export let queueResult: WasmResultValues = WasmResultValues.Ok;

/** Makes the queue, or takes it over with all that waits in it; its token. */
export function registerQueue(name: Bytes): u32 {
  queueResult = proxy_register_shared_queue(pointerOf(name), lengthOf(name), returnedPointer());
  return queueResult == WasmResultValues.Ok ? returnedU32() : NO_QUEUE;
}

/** The token of a queue that another VM registered; no bytes for `vmId` mean this VM's own, {@link NO_QUEUE} none such. */
export function resolveQueue(vmId: Bytes, name: Bytes): u32 {
  queueResult = proxy_resolve_shared_queue(
    pointerOf(vmId),
    lengthOf(vmId),
    pointerOf(name),
    lengthOf(name),
    returnedPointer(),
  );
  return queueResult == WasmResultValues.Ok ? returnedU32() : NO_QUEUE;
}

/** `NotFound` for a token that nobody has registered. */
export function enqueue(queue: u32, data: Bytes): WasmResultValues {
  return proxy_enqueue_shared_queue(queue, pointerOf(data), lengthOf(data));
}

/** Takes the oldest entry; {@link ABSENT} with `Empty` or `NotFound` in {@link queueResult}. */
export function dequeue(queue: u32): Bytes {
  clearReturned();
  queueResult = proxy_dequeue_shared_queue(queue, returnedPointer(), returnedLength());
  return queueResult == WasmResultValues.Ok ? returnedBytes() : ABSENT;
}

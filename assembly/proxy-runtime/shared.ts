import { WasmResultValues } from "../abi/values";
import { ABSENT } from "../bytes/bytes";
import { dequeue, enqueue, queueResult, registerQueue, resolveQueue } from "../host/queues";
import { getSharedData, setSharedData, sharedDataCas } from "../host/shared-data";
import { utf8 } from "../stream-context";
import { bufferOf, bytesIn } from "./buffers";

/** Data and queues which VMs share. */

class SharedData {
  constructor(
    readonly result: WasmResultValues,
    readonly value: ArrayBuffer | null,
    /** For the next {@link set_shared_data}, to be refused where another was faster. */
    readonly cas: u32,
  ) {}
}

export function get_shared_data(key: string): SharedData {
  const value = getSharedData(utf8(key));
  return value == ABSENT
    ? new SharedData(WasmResultValues.NotFound, null, 0)
    : new SharedData(WasmResultValues.Ok, bufferOf(value), sharedDataCas());
}

/** With `cas` 0, whatever is there. */
export function set_shared_data(key: string, value: ArrayBuffer, cas: u32 = 0): WasmResultValues {
  return setSharedData(utf8(key), bytesIn(value), cas);
}

/** A queue's token, or why there is none. */
class QueueToken {
  constructor(
    readonly result: WasmResultValues,
    readonly token: u32,
  ) {}
}

export function register_shared_queue(queue_name: string): QueueToken {
  const token = registerQueue(utf8(queue_name));
  return new QueueToken(queueResult, token);
}

export function resolve_shared_queue(vm_id: string, queue_name: string): QueueToken {
  const token = resolveQueue(utf8(vm_id), utf8(queue_name));
  return new QueueToken(queueResult, token);
}

class QueueEntry {
  constructor(
    readonly result: WasmResultValues,
    readonly data: ArrayBuffer,
  ) {}
}

export function dequeue_shared_queue(token: u32): QueueEntry {
  const data = dequeue(token);
  return new QueueEntry(queueResult, bufferOf(data));
}

export function enqueue_shared_queue(token: u32, data: ArrayBuffer): WasmResultValues {
  return enqueue(token, bytesIn(data));
}

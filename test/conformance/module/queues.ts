/** Operations on shared queues. */
import { ABSENT } from "../../../assembly/bytes/bytes";
import {
  dequeue,
  enqueue,
  NO_QUEUE,
  queueResult,
  registerQueue,
  resolveQueue,
} from "../../../assembly/host/queues";
import { Arguments, nameOf, show } from "./script";

/** By name: the token that was registered or resolved last. */
const queues = new Map<string, u32>();

/** What the operation came to; null for one that is not of queues. */
export function queueOperation(operation: string, given: Arguments): string | null {
  const name = given.text(0);
  if (operation == "queue-register") return known(name, registerQueue(given.bytes(0)));
  if (operation == "queue-resolve") return known(name, resolveQueue(given.bytes(1), given.bytes(0)));
  if (operation == "queue-same") return (registerQueue(given.bytes(0)) == tokenOf(name)).toString();
  if (operation == "enqueue") return nameOf(enqueue(tokenOf(name), given.bytes(1)));
  if (operation == "dequeue") {
    const entry = dequeue(tokenOf(name));
    return entry == ABSENT ? nameOf(queueResult) : show(entry);
  }
  return null;
}

export function queueName(token: u32): string {
  const names = queues.keys();
  for (let at = 0; at < names.length; at++) if (queues.get(names[at]) == token) return names[at];
  return "unknown";
}

function known(name: string, token: u32): string {
  if (token != NO_QUEUE) queues.set(name, token);
  return nameOf(queueResult);
}

/** `#6` is the token 6 itself. */
function tokenOf(name: string): u32 {
  if (name.startsWith("#")) return U32.parseInt(name.substring(1));
  return queues.has(name) ? queues.get(name) : NO_QUEUE;
}

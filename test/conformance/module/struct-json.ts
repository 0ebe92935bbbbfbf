/** `structToJson` as a module of its own, without a host. */
import { arenaAllocate, resetArena } from "../../../assembly/bytes/arena";
import { ABSENT, bytesOf, lengthOf, pointerOf } from "../../../assembly/bytes/bytes";
import { structToJson } from "../../../assembly/json/struct-json";

let json = ABSENT;

/** Where `size` bytes of a message go. What was there before is gone. */
export function room(size: u32): usize {
  resetArena();
  return arenaAllocate(size);
}

/** Where the JSON text begins; 0 when there is none. */
export function write(message: usize, length: u32, maxBytes: u32, maxDepth: u32): usize {
  json = structToJson(bytesOf(message, length), maxBytes, maxDepth);
  return pointerOf(json);
}

export function written(): u32 {
  return lengthOf(json);
}

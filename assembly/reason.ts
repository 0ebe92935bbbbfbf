import { arenaAllocate } from "./bytes/arena";
import { ABSENT, Bytes, bytesOf, lengthOf, pointerOf } from "./bytes/bytes";
import { Keeper } from "./bytes/keeper";

/**
 * The reason of a decision: `<filter>:<rule>`. It is the `response_code_details` of a local reply, and the value of
 * the property `outrigger.<filter>`. It is made when the configuration is loaded, out of names that the operator
 * chose; no value that a client chose stands in it.
 */
export function reasonOf(keeper: Keeper, filter: string, rule: string): Bytes {
  return keeper.keepText(filter + ":" + rule);
}

/** `first,second` in the arena, where both a shadowed and an enforced decision are to be told; `second` alone without `first`. */
export function joinReasons(first: Bytes, second: Bytes): Bytes {
  if (first == ABSENT) return second;
  const length = lengthOf(first) + 1 + lengthOf(second);
  const joined = arenaAllocate(length);
  memory.copy(joined, pointerOf(first), lengthOf(first));
  store<u8>(joined + lengthOf(first), 0x2c);
  memory.copy(joined + lengthOf(first) + 1, pointerOf(second), lengthOf(second));
  return bytesOf(joined, length);
}

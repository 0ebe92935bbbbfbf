import { concatenate } from "./bytes/arena";
import { ABSENT, Bytes, literal } from "./bytes/bytes";
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
  return first == ABSENT ? second : concatenate(first, COMMA, second);
}

// @ts-ignore: decorator
@lazy const COMMA = literal(",");

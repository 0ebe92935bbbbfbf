/** Verification as a module of its own, for more tokens than a host would bring, and for such as it would not. */
import { arenaAllocate, resetArena } from "../../../assembly/bytes/arena";
import { bytesOf, lengthOf, pointerOf } from "../../../assembly/bytes/bytes";
import { KeySet, keySetProblem, parseKeySet } from "../../../assembly/jwt/jwk";
import { verified } from "./answer";

export { proxy_on_memory_allocate } from "../../../assembly/abi/exports";
export { TEXTS } from "../../../assembly/bytes/texts";

let keys: KeySet | null = null;
let length: u32 = 0;

/** Where `size` bytes of a token or a set go. What was there before is gone. */
export function room(size: u32): usize {
  resetArena();
  return arenaAllocate(size);
}

/** Takes the set of so many bytes. */
export function take(set: usize, size: u32): bool {
  keys = null;
  // @ts-ignore: a builtin of the runtime.
  __collect();
  keys = parseKeySet(bytesOf(set, size));
  return keys != null;
}

/** Writes why there is no set; answers where, as many bytes as {@link answered} says. */
export function problem(): usize {
  const text = arenaAllocate(keySetProblem.length * 3);
  length = <u32>String.UTF8.encodeUnsafe(changetype<usize>(keySetProblem), keySetProblem.length, text);
  return text;
}

/** Verifies the token of so many bytes; answers where what comes of it stands. */
export function verify(token: usize, size: u32): usize {
  const answer = verified(keys!, bytesOf(token, size));
  length = lengthOf(answer);
  return pointerOf(answer);
}

export function answered(): u32 {
  return length;
}

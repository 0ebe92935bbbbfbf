import { Bytes, lengthOf, pointerOf } from "./bytes";

/**
 * Whether the bytes are the same, in a time that hangs on their lengths alone: for secrets, and for what is made of them. Bytes of different
 * lengths are told apart at once.
 */
export function equalsInConstantTime(left: Bytes, right: Bytes): bool {
  const length = lengthOf(left);
  if (length != lengthOf(right)) return false;
  const first = pointerOf(left);
  const second = pointerOf(right);
  let different: u32 = 0;
  for (let at: u32 = 0; at < length; at++) different |= load<u8>(first + at) ^ load<u8>(second + at);
  return different == 0;
}

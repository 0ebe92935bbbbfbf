import { Bytes, bytesOf } from "../bytes/bytes";

/**
 * Where host functions write the pointer and the length of what they return, or a number. One place for
 * the whole module: it is read before the next host call.
 */
const RETURNED: usize = memory.data(16, 8);

/** The address for a pointer, a 32-bit or a 64-bit number. */
// @ts-ignore: decorator
@inline
export function returnedPointer(): usize {
  return RETURNED;
}

/** The address for a length. */
// @ts-ignore: decorator
@inline
export function returnedLength(): usize {
  return RETURNED + 8;
}

/** The bytes that the last host function returned; they live in the arena. */
// @ts-ignore: decorator
@inline
export function returnedBytes(): Bytes {
  const pointer = load<usize>(RETURNED);
  // An empty value comes back as a null pointer; a present but empty value is not an absent one.
  return bytesOf(pointer == 0 ? RETURNED : pointer, load<u32>(RETURNED, 8));
}

// @ts-ignore: decorator
@inline
export function returnedU32(): u32 {
  return load<u32>(RETURNED);
}

// @ts-ignore: decorator
@inline
export function returnedU64(): u64 {
  return load<u64>(RETURNED);
}

/** Before a call which leaves the places untouched when there is nothing: an absent buffer, say. */
// @ts-ignore: decorator
@inline
export function clearReturned(): void {
  store<u64>(RETURNED, 0);
  store<u64>(RETURNED, 0, 8);
}

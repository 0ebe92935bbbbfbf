import { ABSENT, Bytes, bytesOf, lengthOf, pointerOf } from "../bytes/bytes";

/** The bytes of a managed buffer, which must be held until they are used. */
// @ts-ignore: decorator
@inline
export function bytesIn(buffer: ArrayBuffer): Bytes {
  return bytesOf(changetype<usize>(buffer), buffer.byteLength);
}

/** A managed copy; of no bytes where there are none. */
export function bufferOf(bytes: Bytes): ArrayBuffer {
  const length = bytes == ABSENT ? 0 : lengthOf(bytes);
  const buffer = new ArrayBuffer(length);
  memory.copy(changetype<usize>(buffer), pointerOf(bytes), length);
  return buffer;
}

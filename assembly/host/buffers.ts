import { proxy_get_buffer_bytes, proxy_get_buffer_status, proxy_set_buffer_bytes } from "../abi/imports";
import { BufferTypeValues, WasmResultValues } from "../abi/values";
import { ABSENT, Bytes, lengthOf, pointerOf } from "../bytes/bytes";
import { clearReturned, returnedBytes, returnedLength, returnedPointer, returnedU32 } from "./returned";

/** Bodies and other buffers of the host. */

/** Up to `length` bytes from `start`, none from behind the end; {@link ABSENT} when there is no such buffer now. */
export function getBuffer(buffer: BufferTypeValues, start: u32, length: u32): Bytes {
  clearReturned();
  const answer = proxy_get_buffer_bytes(buffer, start, length, returnedPointer(), returnedLength());
  return answer == WasmResultValues.Ok ? returnedBytes() : ABSENT;
}

/** How many bytes the buffer holds now. */
export function getBufferSize(buffer: BufferTypeValues): u32 {
  clearReturned();
  return proxy_get_buffer_status(buffer, returnedPointer(), returnedLength()) == WasmResultValues.Ok
    ? returnedU32()
    : 0;
}

/** Puts `data` in the place of the first `length` bytes (`start` 0), or behind the last one; `BadArgument` in between. */
export function setBuffer(buffer: BufferTypeValues, start: u32, length: u32, data: Bytes): WasmResultValues {
  return proxy_set_buffer_bytes(buffer, start, length, pointerOf(data), lengthOf(data));
}

export function prependToBuffer(buffer: BufferTypeValues, data: Bytes): WasmResultValues {
  return setBuffer(buffer, 0, 0, data);
}

/** Envoy appends where `start` is at or behind the end (`Buffer::copyFrom`). */
export function appendToBuffer(buffer: BufferTypeValues, data: Bytes): WasmResultValues {
  return setBuffer(buffer, u32.MAX_VALUE, 0, data);
}

export function replaceBuffer(buffer: BufferTypeValues, data: Bytes): WasmResultValues {
  return setBuffer(buffer, 0, u32.MAX_VALUE, data);
}

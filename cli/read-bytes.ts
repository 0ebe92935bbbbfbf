/** Bytes of a file or of standard input, of which there may be more than anybody wants: a device, a pipe. */
import { closeSync, openSync, readSync } from "node:fs";

/** Reads a file, `-` for standard input, as far as this many bytes and a little more. Throws what the operating system says. */
export function readBytes(file: string, most: number): Uint8Array {
  const descriptor = file === "-" ? 0 : openSync(file, "r");
  try {
    return readDescriptor(descriptor, most);
  } finally {
    if (descriptor !== 0) closeSync(descriptor);
  }
}

/** Some pipes are not ready yet: what they have comes later. */
function readDescriptor(descriptor: number, most: number): Uint8Array {
  const chunks: Uint8Array[] = [];
  for (let size = 0; size <= most;) {
    const chunk = new Uint8Array(65536);
    let length: number;
    try {
      length = readSync(descriptor, chunk);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "EOF") break;
      if (code !== "EAGAIN") throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
      continue;
    }
    if (length === 0) break;
    size += length;
    chunks.push(chunk.subarray(0, length));
  }
  return Buffer.concat(chunks);
}

/**
 * Byte strings: strings whose every character is one byte (U+0000 to U+00FF), as Node's `http` has
 * them. Headers and property values are kept so, since they need not be UTF-8.
 */

const utf8Encoder = new TextEncoder();
const utf8Decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** The bytes of `memory[start, start + length)` as a byte string. */
export function readByteString(memory: Uint8Array, start: number, length: number): string {
  const end = start + length;
  if (length > 256) {
    let text = "";
    for (let at = start; at < end; at += 4096) {
      text += String.fromCharCode.apply(
        null,
        memory.subarray(at, Math.min(at + 4096, end)) as unknown as number[],
      );
    }
    return text;
  }
  let text = "";
  for (let at = start; at < end; at++) text += String.fromCharCode(memory[at]!);
  return text;
}

/** Writes a byte string; the caller has checked that it fits. */
export function writeByteString(memory: Uint8Array, start: number, text: string): void {
  for (let i = 0; i < text.length; i++) memory[start + i] = text.charCodeAt(i);
}

export function bytesOf(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  writeByteString(bytes, 0, text);
  return bytes;
}

export function byteStringOf(bytes: Uint8Array): string {
  return readByteString(bytes, 0, bytes.length);
}

export function encodeUtf8(text: string): Uint8Array {
  return utf8Encoder.encode(text);
}

/** Malformed sequences become U+FFFD. */
export function decodeUtf8(bytes: Uint8Array): string {
  return utf8Decoder.decode(bytes);
}

export const NO_BYTES = new Uint8Array(0);

export function concatBytes(a: Uint8Array, b: Uint8Array): Uint8Array {
  if (a.length === 0) return b;
  if (b.length === 0) return a;
  const joined = new Uint8Array(a.length + b.length);
  joined.set(a);
  joined.set(b, a.length);
  return joined;
}

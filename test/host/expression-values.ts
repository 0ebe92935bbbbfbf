/** Values of CEL as bytes: `serializeValue` in Envoy's `source/extensions/common/wasm/context.cc`. */
import { Duration, UnsignedInt } from "@marcbachmann/cel-js/evaluator";
import { byteStringOf, bytesOf, encodeUtf8 } from "./bytes.ts";
import { pairsSize, writePairs } from "./pairs.ts";

/** Null for what has no such form: null itself, types. */
export function serializeValue(value: unknown): Uint8Array | null {
  switch (typeof value) {
    case "string":
      return bytesOfText(value);
    case "boolean":
      return new Uint8Array([value ? 1 : 0]);
    case "bigint":
      return eightBytes((view) => view.setBigInt64(0, BigInt.asIntN(64, value), true));
    case "number":
      return eightBytes((view) => view.setFloat64(0, value, true));
  }
  if (value instanceof UnsignedInt) return serializeValue(value.value);
  if (value instanceof Uint8Array) return value;
  if (value instanceof Date) return serializeValue(BigInt(value.getTime()) * 1_000_000n);
  if (value instanceof Duration) return serializeValue(value.seconds * 1_000_000_000n + BigInt(value.nanos));
  if (Array.isArray(value)) return serializePairs(value.flatMap((element) => [element as unknown, ""]));
  if (value instanceof Map) return serializePairs([...value].flat(1) as unknown[]);
  return isPlain(value) ? serializePairs(Object.entries(value).flat(1)) : null;
}

/** Keys and values by turns; a list's elements are keys of empty values. */
function serializePairs(values: readonly unknown[]): Uint8Array | null {
  const flat: string[] = [];
  for (const value of values) {
    const bytes = serializeValue(value);
    if (bytes === null) return null;
    flat.push(byteStringOf(bytes));
  }
  const block = new Uint8Array(pairsSize(flat));
  writePairs(block, new DataView(block.buffer), 0, flat);
  return block;
}

function eightBytes(write: (view: DataView) => void): Uint8Array {
  const bytes = new Uint8Array(8);
  write(new DataView(bytes.buffer));
  return bytes;
}

function isPlain(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && value.constructor === Object;
}

/** Where the bytes of a string that is not UTF-8 stand among its code units: lone surrogates, which no UTF-8 makes. */
const ESCAPE = 0xdc00;

/** A byte string as CEL's text. What is not UTF-8 keeps its bytes: it is equal to nothing else, and comes back as it was. */
export function textOfBytes(text: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytesOf(text));
  } catch {
    return text.replace(/[\x80-\xff]/g, (c) => String.fromCharCode(ESCAPE | c.charCodeAt(0)));
  }
}

function bytesOfText(text: string): Uint8Array {
  if (!/[\udc80-\udcff]/.test(text)) return encodeUtf8(text);
  // By code points: the second half of a pair is none by itself.
  let bytes = "";
  for (const character of text) {
    const code = character.codePointAt(0)!;
    bytes +=
      code >= (ESCAPE | 0x80) && code <= (ESCAPE | 0xff)
        ? String.fromCharCode(code & 0xff)
        : byteStringOf(encodeUtf8(character));
  }
  return bytesOf(bytes);
}

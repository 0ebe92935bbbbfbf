/** `google.protobuf.Struct` read from bytes (protobuf's `struct.proto`). */
import type { Json } from "../driver.ts";
import { bytesField, readMessage, readRepeated, textField } from "./protobuf.ts";

/** Null for what is no such message. */
export function readStruct(bytes: Uint8Array): Record<string, Json> | null {
  const entries = readRepeated(bytes, 1);
  if (entries === null) return null;
  const struct: Record<string, Json> = {};
  for (const entry of entries) {
    const fields = readMessage(entry);
    const name = fields && textField(fields, 1);
    const value = fields && readValue(bytesField(fields, 2));
    if (name === null || value === undefined || value === null) return null;
    struct[name] = value.json;
  }
  return struct;
}

/** A value, in an object since it may be null. */
function readValue(bytes: Uint8Array): { json: Json } | null {
  const fields = readMessage(bytes);
  if (fields === null) return null;
  // Of a `oneof` the last field counts; writers write one.
  const kind = [...fields.keys()].at(-1);
  const value = kind === undefined ? undefined : fields.get(kind);
  switch (kind) {
    case 2:
      return { json: new Float64Array(BigUint64Array.of(value as bigint).buffer)[0]! };
    case 3: {
      const text = textField(fields, 3);
      return text === null ? null : { json: text };
    }
    case 4:
      return { json: value !== 0n };
    case 5: {
      const struct = readStruct(bytesField(fields, 5));
      return struct && { json: struct };
    }
    case 6: {
      const items = readRepeated(bytesField(fields, 6), 1)?.map(readValue);
      return items?.every((item) => item !== null) ? { json: items.map(({ json }) => json) } : null;
    }
    default:
      return { json: null };
  }
}

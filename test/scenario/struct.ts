/** `google.protobuf.Struct` as bytes (protobuf's `struct.proto`). */
import { Writer } from "../../cli/ratelimit-service/wire.ts";
import type { Json } from "../driver.ts";

/** A map's entries are messages of key (1) and value (2). */
export function encodeStruct(members: Readonly<Record<string, Json>>): Uint8Array {
  const struct = new Writer();
  for (const [name, value] of Object.entries(members)) {
    struct.message(1, new Writer().text(1, name).message(2, encodeValue(value)).finish());
  }
  return struct.finish();
}

function encodeValue(value: Json): Uint8Array {
  const writer = new Writer();
  // What stands in a `oneof` is written even where it is zero.
  if (value === null) return Uint8Array.of(0x08, 0);
  if (typeof value === "boolean") return Uint8Array.of(0x20, value ? 1 : 0);
  if (typeof value === "string") return writer.message(3, new TextEncoder().encode(value)).finish();
  if (typeof value === "number") {
    const bytes = new Uint8Array(9);
    bytes[0] = 0x11;
    new DataView(bytes.buffer).setFloat64(1, value, true);
    return bytes;
  }
  if (!Array.isArray(value)) return writer.message(5, encodeStruct(value as Record<string, Json>)).finish();
  const list = new Writer();
  for (const item of value as readonly Json[]) list.message(1, encodeValue(item));
  return writer.message(6, list.finish()).finish();
}

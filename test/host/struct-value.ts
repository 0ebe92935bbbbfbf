/** Values of dynamic metadata (`google.protobuf.Struct`), as Envoy's CEL runtime walks and `serializeValue` writes them. */
import type { Json } from "../driver.ts";
import { byteStringOf, encodeUtf8 } from "./bytes.ts";
import { pairsSize, writePairs } from "./pairs.ts";

export class StructValue {
  readonly value: Json;

  constructor(value: Json) {
    this.value = value;
  }

  /** The value under the names of members and the positions in lists; null where there is none. The parts are byte strings. */
  at(parts: readonly string[]): StructValue | null {
    let value = this.value;
    for (const part of parts) {
      if (Array.isArray(value)) {
        const list: readonly Json[] = value;
        // `absl::SimpleAtoi`, which takes white space and a sign.
        const item = /^\s*[+-]?\d+\s*$/.test(part) ? list[Number(part)] : undefined;
        if (item === undefined) return null;
        value = item;
      } else if (typeof value === "object" && value !== null) {
        const member: [string, Json] | undefined = Object.entries(value).find(
          ([name]) => byteStringOf(encodeUtf8(name)) === part,
        );
        if (member === undefined) return null;
        value = member[1];
      } else return null;
    }
    return new StructValue(value);
  }
}

/**
 * The value as a byte string: numbers are doubles, objects are pairs, lists are pairs whose values are empty. Null for a
 * null, and for what has one in it: Envoy fails then.
 */
export function serializeStruct(value: Json): string | null {
  switch (typeof value) {
    case "string":
      return byteStringOf(encodeUtf8(value));
    case "boolean":
      return value ? "\x01" : "\0";
    case "number":
      return byteStringOf(new Uint8Array(Float64Array.of(value).buffer));
  }
  if (value === null) return null;
  const flat: (string | null)[] = Array.isArray(value)
    ? (value as readonly Json[]).flatMap((item) => [serializeStruct(item), ""])
    : Object.entries(value).flatMap(([name, member]) => [serializeStruct(name), serializeStruct(member)]);
  return flat.every((text) => text !== null) ? pairs(flat) : null;
}

function pairs(flat: readonly string[]): string {
  const bytes = new Uint8Array(pairsSize(flat));
  writePairs(bytes, new DataView(bytes.buffer), 0, flat);
  return byteStringOf(bytes);
}

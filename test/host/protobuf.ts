/** Protocol Buffers on the wire, as arguments and results of foreign functions have them. */
import { concatBytes, NO_BYTES } from "./bytes.ts";

/** A field's last value by its number: a number for varints and fixed ones, bytes for what has a length. */
export type Fields = ReadonlyMap<number, bigint | Uint8Array>;

/** As `ParseFromString` reads: null for what is not a message; groups are passed over. */
export function readMessage(bytes: Uint8Array): Fields | null {
  const fields = new Map<number, bigint | Uint8Array>();
  return readFields(bytes, (field, value) => fields.set(field, value)) ? fields : null;
}

/** All values of a field of bytes, in their order; null for what is not a message. */
export function readRepeated(bytes: Uint8Array, wanted: number): Uint8Array[] | null {
  const values: Uint8Array[] = [];
  const add = (field: number, value: bigint | Uint8Array): void => {
    if (field === wanted && value instanceof Uint8Array) values.push(value);
  };
  return readFields(bytes, add) ? values : null;
}

/** Whether it is a message; each field goes to `take`. */
function readFields(bytes: Uint8Array, take: (field: number, value: bigint | Uint8Array) => void): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  /** Numbers of the groups that are open. */
  const groups: number[] = [];
  let at = 0;
  const varint = (): bigint | null => {
    let value = 0n;
    for (let shift = 0n; shift < 70n && at < bytes.length; shift += 7n) {
      const byte = bytes[at++]!;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
    return null;
  };
  while (at < bytes.length) {
    const tag = varint();
    if (tag === null || tag > 0xffff_ffffn || tag < 8n) return false;
    const field = Number(tag >> 3n);
    let value: bigint | Uint8Array;
    switch (Number(tag & 7n)) {
      case 0: {
        const number = varint();
        if (number === null) return false;
        value = number;
        break;
      }
      case 1:
        if (bytes.length - at < 8) return false;
        value = view.getBigUint64(at, true);
        at += 8;
        break;
      case 2: {
        const length = varint();
        if (length === null || length > BigInt(bytes.length - at)) return false;
        value = bytes.subarray(at, at + Number(length));
        at += Number(length);
        break;
      }
      case 3:
        groups.push(field);
        continue;
      case 4:
        if (groups.pop() !== field) return false;
        continue;
      case 5:
        if (bytes.length - at < 4) return false;
        value = BigInt(view.getUint32(at, true));
        at += 4;
        break;
      default:
        return false;
    }
    if (groups.length === 0) take(field, value);
  }
  return groups.length === 0;
}

/** The field's bytes; none where it is absent or a number. */
export function bytesField(fields: Fields, field: number): Uint8Array {
  const value = fields.get(field);
  return value instanceof Uint8Array ? value : NO_BYTES;
}

/** The field's text; null where it is not UTF-8, which makes a whole proto3 message unreadable. */
export function textField(fields: Fields, field: number): string | null {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytesField(fields, field));
  } catch {
    return null;
  }
}

/** The field's number; 0 where it is absent or bytes. */
export function numberField(fields: Fields, field: number): bigint {
  const value = fields.get(field);
  return typeof value === "bigint" ? value : 0n;
}

/** A message of these fields in their order; empty ones, 0 and false are left out, as in proto3. */
export function writeMessage(fields: readonly (readonly [number, Uint8Array | boolean])[]): Uint8Array {
  let message: Uint8Array = NO_BYTES;
  for (const [field, value] of fields) {
    if (typeof value === "boolean") {
      if (value) message = concatBytes(message, new Uint8Array([field << 3, 1]));
    } else if (value.length > 0) {
      const head = [(field << 3) | 2];
      let length = value.length;
      for (; length >= 0x80; length >>>= 7) head.push((length & 0x7f) | 0x80);
      head.push(length);
      message = concatBytes(message, concatBytes(new Uint8Array(head), value));
    }
  }
  return message;
}

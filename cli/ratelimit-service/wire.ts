/**
 * Protocol Buffers on the wire, for messages with repeated fields (those of `test/host/protobuf.ts` have none, and keep the last
 * value of a field alone).
 */

/** A field as it stands in the bytes: varints and fixed numbers as a bigint, what has a length as bytes. */
export type WireField = readonly [number: number, value: bigint | Uint8Array];

/** The bytes are no message of this kind. */
export class WireError extends Error {
  override name = "WireError";
}

/** The fields in their order. Groups are none of proto3, and refused. Throws {@link WireError}. */
export function* fieldsOf(bytes: Uint8Array): Generator<WireField> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = bytes[at++];
      if (byte === undefined) break;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
    throw new WireError("a number is cut off or too long");
  };
  const take = (length: bigint): number => {
    if (length > BigInt(bytes.length - at)) throw new WireError("a field is cut off");
    const start = at;
    at += Number(length);
    return start;
  };
  while (at < bytes.length) {
    const tag = varint();
    const field = Number(tag >> 3n);
    if (field === 0 || tag >= 1n << 32n) throw new WireError("a field has an impossible number");
    switch (Number(tag & 7n)) {
      case 0:
        yield [field, varint()];
        break;
      case 1:
        yield [field, view.getBigUint64(take(8n), true)];
        break;
      case 2: {
        const length = varint();
        yield [field, bytes.subarray(take(length), at)];
        break;
      }
      case 5:
        yield [field, BigInt(view.getUint32(take(4n), true))];
        break;
      default:
        throw new WireError("a field has an unknown wire type");
    }
  }
}

/** Throws {@link WireError} where it is a number. */
export function message(value: bigint | Uint8Array): Uint8Array {
  if (typeof value === "bigint") throw new WireError("a number stands where a message is expected");
  return value;
}

/** proto3's strings are UTF-8, and a message with another one is refused. Throws {@link WireError}. */
export function text(value: bigint | Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(message(value));
  } catch (error) {
    if (error instanceof WireError) throw error;
    throw new WireError("a text is not UTF-8");
  }
}

/** Throws {@link WireError} where it is no number. */
export function uint64(value: bigint | Uint8Array): bigint {
  if (typeof value !== "bigint") throw new WireError("bytes stand where a number is expected");
  return value;
}

/** The lower 32 bits, as every implementation takes a number that is too large. */
export function uint32(value: bigint | Uint8Array): number {
  return Number(BigInt.asUintN(32, uint64(value)));
}

/** The bytes of a message. Zero and empty text are left out, as proto3 does; an empty message is not. */
export class Writer {
  private readonly bytes: number[] = [];

  number(field: number, value: number | bigint): this {
    if (BigInt(value) === 0n) return this;
    this.varint(BigInt(field) << 3n);
    this.varint(BigInt.asUintN(64, BigInt(value)));
    return this;
  }

  text(field: number, value: string): this {
    return value === "" ? this : this.message(field, new TextEncoder().encode(value));
  }

  /** Also bytes; null is left out. */
  message(field: number, value: Uint8Array | null): this {
    if (value === null) return this;
    this.varint((BigInt(field) << 3n) | 2n);
    this.varint(BigInt(value.length));
    for (const byte of value) this.bytes.push(byte);
    return this;
  }

  finish(): Uint8Array {
    return Uint8Array.from(this.bytes);
  }

  private varint(value: bigint): void {
    for (; value >= 0x80n; value >>= 7n) this.bytes.push(Number(value & 0x7fn) | 0x80);
    this.bytes.push(Number(value));
  }
}

import { arenaAllocate } from "./arena";
import { ABSENT, Bytes, bytesOf, copyTo, lengthOf, pointerOf } from "./bytes";

/**
 * Protocol Buffers on the wire (protobuf.dev/programming-guides/encoding): what foreign functions and gRPC services
 * speak. Messages are written and read field by field, by number; there are no descriptors. Objects of both classes are made
 * once and used again for each message, so that a request allocates nothing on the managed heap.
 */

/** How a field's value stands on the wire. */
export const enum Wire {
  Varint = 0,
  Fixed64 = 1,
  Bytes = 2,
  Fixed32 = 5,
}

/** The most that a varint takes: 64 bits, 7 in a byte. */
const LONGEST_VARINT: u32 = 10;
/** The largest field number is 29 bits long. */
const MAX_FIELD: u64 = (1 << 29) - 1;
/** Room for the messages of most calls; what needs more moves to twice as much. */
const FIRST_ROOM: u32 = 256;

/**
 * Writes a message into the arena. A message inside another one is written first, by another writer, and put into it as
 * bytes.
 *
 * ```ts
 * writer.begin();
 * writer.bytes(1, name);
 * writer.number(2, 42);
 * const message = writer.end();
 * ```
 */
@final
export class ProtobufWriter {
  private start: usize = 0;
  private length: u32 = 0;
  private room: u32 = 0;

  /** Starts a message. What was begun before and not ended is forgotten. */
  begin(): void {
    this.room = FIRST_ROOM;
    this.start = arenaAllocate(FIRST_ROOM);
    this.length = 0;
  }

  /** `string`, `bytes`, or a message. Proto3 leaves out what is empty: so does this, unless it is asked to keep it. */
  bytes(field: u32, value: Bytes, keepEmpty: bool = false): void {
    const size = lengthOf(value);
    if (size == 0 && !keepEmpty) return;
    this.reserve(2 * LONGEST_VARINT + size);
    this.tag(field, Wire.Bytes);
    this.varint(size);
    this.length += copyTo(this.start + this.length, value);
  }

  /** `uint32`, `uint64`, `int32`, `int64`, `bool` or an enum; 0 is left out. A negative number is written as 64 bits. */
  number(field: u32, value: u64): void {
    if (value == 0) return;
    this.reserve(2 * LONGEST_VARINT);
    this.tag(field, Wire.Varint);
    this.varint(value);
  }

  /** The message, which lives as long as the arena's content. */
  end(): Bytes {
    return bytesOf(this.start, this.length);
  }

  private tag(field: u32, wire: Wire): void {
    this.varint(((<u64>field) << 3) | wire);
  }

  private varint(value: u64): void {
    let at = this.start + this.length;
    while (value >= 0x80) {
      store<u8>(at++, (<u8>value) | 0x80);
      value >>= 7;
    }
    store<u8>(at++, <u8>value);
    this.length = <u32>(at - this.start);
  }

  /** Makes room for `more` bytes behind what is written. */
  private reserve(more: u32): void {
    const needed = this.length + more;
    // So much cannot be addressed, let alone allocated.
    if (needed < more) unreachable();
    if (needed <= this.room) return;
    const room = max(this.room * 2, needed);
    const start = arenaAllocate(room);
    memory.copy(start, this.start, this.length);
    this.start = start;
    this.room = room;
  }
}

/**
 * Reads a message from anywhere: it never traps, reads nothing outside the message, and allocates nothing. Fields that are not
 * asked for are passed over; groups, which proto3 has not, count as broken.
 *
 * ```ts
 * reader.begin(message);
 * while (reader.next()) {
 *   if (reader.field == 1) allowed = reader.number != 0;
 *   else if (reader.field == 2) reason = reader.bytes;
 * }
 * if (reader.broken) ..
 * ```
 *
 * As in every reader of protobuf, the last of several values of a field counts, and messages inside others are read by a reader of their
 * own, as deep as the code that asks for them.
 */
@final
export class ProtobufReader {
  private at: usize = 0;
  private stop: usize = 0;

  /** The number of the field at hand. */
  field: u32 = 0;
  /** How its value stands there. A value of another kind than expected is an unknown field: check it where that matters. */
  wire: Wire = Wire.Varint;
  /** Its value, of a varint or a fixed number; 0 otherwise. */
  number: u64 = 0;
  /** Its value, of `string`, `bytes` or a message, within the message that is read; {@link ABSENT} otherwise. */
  bytes: Bytes = ABSENT;
  /** Reading ended before the message did. */
  broken: bool = false;

  begin(message: Bytes): void {
    this.at = pointerOf(message);
    this.stop = this.at + lengthOf(message);
    this.broken = false;
  }

  /** Goes to the next field. False at the end, and where the message is broken. */
  next(): bool {
    this.number = 0;
    this.bytes = ABSENT;
    if (this.at == this.stop) return false;
    const tag = this.varint();
    const field = tag >> 3;
    if (this.broken || field == 0 || field > MAX_FIELD) return this.fail();
    this.field = <u32>field;
    this.wire = <Wire>(tag & 7);
    switch (this.wire) {
      case Wire.Varint:
        this.number = this.varint();
        return !this.broken;
      case Wire.Fixed64:
        if (this.left < 8) return this.fail();
        this.number = load<u64>(this.at);
        this.at += 8;
        return true;
      case Wire.Fixed32:
        if (this.left < 4) return this.fail();
        this.number = load<u32>(this.at);
        this.at += 4;
        return true;
      case Wire.Bytes: {
        const length = this.varint();
        if (this.broken || length > this.left) return this.fail();
        this.bytes = bytesOf(this.at, <u32>length);
        this.at += <usize>length;
        return true;
      }
      default:
        return this.fail();
    }
  }

  private get left(): usize {
    return this.stop - this.at;
  }

  /** At most ten bytes; bits beyond the 64th are dropped, as everywhere. */
  private varint(): u64 {
    let value: u64 = 0;
    for (let shift: u64 = 0; shift < 70 && this.at < this.stop; shift += 7) {
      const byte = <u64>load<u8>(this.at++);
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    this.broken = true;
    return 0;
  }

  private fail(): bool {
    this.broken = true;
    this.at = this.stop;
    return false;
  }
}

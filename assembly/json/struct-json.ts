import { arenaAllocate, giveBack } from "../bytes/arena";
import { ABSENT, Bytes, bytesOf, equals, lengthOf, pointerOf } from "../bytes/bytes";
import { ProtobufReader, Wire } from "../bytes/protobuf";
import { numberTo, NUMBER_ROOM } from "./number-text";
import { utf8SequenceLength } from "../bytes/utf8";

/**
 * `google.protobuf.Struct` (google/protobuf/struct.proto), which Envoy keeps dynamic metadata in, as JSON text. The message may come from
 * anywhere.
 */

/** Of each byte of JSON, a message that some writer made has no more than six: `1,` is eleven bytes there. */
const MOST_BYTES_OF_ONE: u64 = 8;

/** The fields of `Value`, of which one is set. */
const enum Kind {
  None = 0,
  Null = 1,
  Number = 2,
  Text = 3,
  Bool = 4,
  Struct = 5,
  List = 6,
}

/**
 * The JSON text (RFC 8259) of a message, in the arena; {@link ABSENT} where the message is absent or broken, has a name twice in one
 * object (readers would not agree which counts), nests objects and lists deeper than `maxDepth`, comes to more than `maxBytes` of text,
 * or is itself longer than eight times that. It never traps, is never cut off, and allocates nothing on the managed heap.
 *
 * Members stand in the order of the message. A number that JSON has not (NaN, infinity) and a value of no kind are `null`. Each byte
 * that is no UTF-8 becomes U+FFFD. As in every reader of protobuf, fields that are not known are passed over, and the last of several
 * values counts.
 */
export function structToJson(message: Bytes, maxBytes: u32 = 4096, maxDepth: u32 = 16): Bytes {
  if (message == ABSENT || lengthOf(message) > <u64>maxBytes * MOST_BYTES_OF_ONE) return ABSENT;
  const start = arenaAllocate(maxBytes);
  top = start;
  end = start + maxBytes;
  failed = false;
  writeStruct(message, maxDepth);
  giveBack(start);
  if (failed) return ABSENT;
  const length = <u32>(top - start);
  return bytesOf(arenaAllocate(length), length);
}

/** Where the text goes on, and where its room ends. One is written at a time. */
let top: usize = 0;
let end: usize = 0;
/** Nothing more is written, and nothing will come of it. */
let failed: bool = false;
/** One for all levels: what is left of a message is kept by whoever reads it. */
// @ts-ignore: decorator
@lazy const reader = new ProtobufReader();
const NUMBER: usize = memory.data(NUMBER_ROOM);

/** `Struct`: field 1 is a map, whose entries have the name in field 1 and the value in field 2. */
function writeStruct(fields: Bytes, depth: u32): void {
  if (depth == 0) return fail();
  put(0x7b);
  const opened = top;
  for (let entry = nextItem(fields); entry != ABSENT && !failed; entry = nextItem(behind(entry, fields))) {
    const name = lastBytes(entry, 1);
    const value = lastBytes(entry, 2);
    if (isNamedBefore(name, entry, fields)) return fail();
    if (top != opened) put(0x2c);
    writeText(name);
    put(0x3a);
    writeValue(value, depth);
  }
  put(0x7d);
}

/** `ListValue`: field 1 are its values. */
function writeList(items: Bytes, depth: u32): void {
  if (depth == 0) return fail();
  put(0x5b);
  const opened = top;
  for (let item = nextItem(items); item != ABSENT && !failed; item = nextItem(behind(item, items))) {
    if (top != opened) put(0x2c);
    writeValue(item, depth);
  }
  put(0x5d);
}

function writeValue(value: Bytes, depth: u32): void {
  let kind: u32 = Kind.None;
  let number: u64 = 0;
  let bytes = ABSENT;
  reader.begin(value);
  while (reader.next()) {
    if (reader.field > <u32>Kind.List || reader.wire != wireOf(reader.field)) continue;
    kind = reader.field;
    number = reader.number;
    bytes = reader.bytes;
  }
  if (reader.broken) return fail();
  switch (kind) {
    case Kind.Number:
      return writeNumber(reinterpret<f64>(number));
    case Kind.Text:
      return writeText(bytes);
    case Kind.Bool:
      return number != 0 ? putFour(TRUE) : putFalse();
    case Kind.Struct:
      return writeStruct(bytes, depth - 1);
    case Kind.List:
      return writeList(bytes, depth - 1);
    default:
      putFour(NULL);
  }
}

function wireOf(kind: u32): Wire {
  if (kind == Kind.Number) return Wire.Fixed64;
  return kind == Kind.Null || kind == Kind.Bool ? Wire.Varint : Wire.Bytes;
}

/** The first message of field 1 in what is left of one; {@link ABSENT} at its end. */
function nextItem(rest: Bytes): Bytes {
  reader.begin(rest);
  while (reader.next()) {
    if (reader.field == 1 && reader.wire == Wire.Bytes) return reader.bytes;
  }
  if (reader.broken) fail();
  return ABSENT;
}

/** What is left of `whole` behind one of its parts. */
function behind(part: Bytes, whole: Bytes): Bytes {
  const start = pointerOf(part) + lengthOf(part);
  return bytesOf(start, <u32>(pointerOf(whole) + lengthOf(whole) - start));
}

/** A field of bytes, of which the last counts; {@link ABSENT}, which is read as no bytes, when there is none. */
function lastBytes(message: Bytes, field: u32): Bytes {
  let last = ABSENT;
  reader.begin(message);
  while (reader.next()) {
    if (reader.field == field && reader.wire == Wire.Bytes) last = reader.bytes;
  }
  if (reader.broken) fail();
  return last;
}

/** The number of members that are looked through so is bounded by the text that they have become. */
function isNamedBefore(name: Bytes, entry: Bytes, fields: Bytes): bool {
  for (let other = nextItem(fields); other != entry; other = nextItem(behind(other, fields))) {
    if (equals(lastBytes(other, 1), name)) return true;
  }
  return false;
}

function writeNumber(value: f64): void {
  if (!isFinite(value)) return putFour(NULL);
  const last = numberTo(NUMBER, value);
  for (let at = NUMBER; at < last; at++) put(load<u8>(at));
}

function writeText(text: Bytes): void {
  put(0x22);
  let at = pointerOf(text);
  const last = at + lengthOf(text);
  while (at < last && !failed) {
    const length = utf8SequenceLength(at, last);
    if (length == 0) {
      put(0xef);
      put(0xbf);
      put(0xbd);
      at++;
    } else if (length == 1) putAscii(load<u8>(at++));
    else for (const next = at + length; at < next; at++) put(load<u8>(at));
  }
  put(0x22);
}

function putAscii(byte: u8): void {
  if (byte >= 0x20) {
    if (byte == 0x22 || byte == 0x5c) put(0x5c);
    return put(byte);
  }
  put(0x5c);
  put(0x75);
  put(0x30);
  put(0x30);
  put(0x30 + (byte >>> 4));
  const digit: u8 = byte & 15;
  put(digit + (digit < 10 ? 0x30 : 0x57));
}

/** `null` and `true`, as the bytes of a number. */
const NULL: u32 = 0x6c6c756e;
const TRUE: u32 = 0x65757274;

function putFour(bytes: u32): void {
  for (let shift: u32 = 0; shift < 32; shift += 8) put(<u8>(bytes >>> shift));
}

function putFalse(): void {
  put(0x66);
  // "alse"
  putFour(0x65736c61);
}

function put(byte: u8): void {
  if (top == end) return fail();
  store<u8>(top++, byte);
}

function fail(): void {
  failed = true;
}

import { arenaAllocate } from "../bytes/arena";
import { ABSENT, Bytes, bytesOf, copyTo, lengthOf } from "../bytes/bytes";
import { JsonKind, JsonNode } from "./node";
import { parseNumber } from "./number";

/**
 * A parsed JSON object as `google.protobuf.Struct` (google/protobuf/struct.proto), which is how Envoy keeps claims and other dynamic
 * metadata: what `struct-json.ts` reads.
 */

/** The tag of field 1 with bytes: a map's entry, an entry's key, a list's value. */
const FIRST: u8 = 0x0a;
/** An entry's value, field 2. */
const SECOND: u8 = 0x12;
/** The fields of `Value`: null and bool are varints, number is 8 bytes, the others are bytes. */
const NULL: u8 = 0x08;
const NUMBER: u8 = 0x11;
const TEXT: u8 = 0x1a;
const BOOL: u8 = 0x20;
const STRUCT: u8 = 0x2a;
const LIST: u8 = 0x32;

/**
 * The message, in the arena. `object` is what the parser made, which bounds its depth. The nodes of arrays and objects are used up: their
 * `text`, which is theirs for nothing else, then holds the size of their message.
 */
export function jsonToStruct(object: JsonNode): Bytes {
  const size = measure(object);
  const start = arenaAllocate(size);
  top = start;
  writeItems(object);
  return bytesOf(start, size);
}

/** Where the message goes on. One is written at a time. */
let top: usize = 0;

/** The size of the message of an array or object, noted in its node. */
function measure(node: JsonNode): u32 {
  const isObject: bool = node.kind == JsonKind.Object;
  let size: u32 = 0;
  let child = node.first;
  while (child != null) {
    size += framed(isObject ? entrySize(child, true) : valueSize(child, true));
    child = child.next;
  }
  node.text = size;
  return size;
}

function entrySize(member: JsonNode, anew: bool): u32 {
  return framed(lengthOf(member.name)) + framed(valueSize(member, anew));
}

/** The size of a `Value`; with `anew`, what is inside is measured first. */
function valueSize(node: JsonNode, anew: bool): u32 {
  switch (node.kind) {
    case JsonKind.Null:
    case JsonKind.Boolean:
      return 2;
    case JsonKind.Number:
      return 9;
    case JsonKind.String:
      return framed(lengthOf(node.text));
    default:
      return framed(anew ? measure(node) : <u32>node.text);
  }
}

/** With a tag of one byte and the length in front. */
function framed(size: u32): u32 {
  let length: u32 = 2;
  for (let left = size >> 7; left != 0; left >>= 7) length++;
  return size + length;
}

function writeItems(node: JsonNode): void {
  const isObject: bool = node.kind == JsonKind.Object;
  let child = node.first;
  while (child != null) {
    if (isObject) {
      frame(FIRST, entrySize(child, false));
      writeText(FIRST, child.name);
      frame(SECOND, valueSize(child, false));
    } else frame(FIRST, valueSize(child, false));
    writeValue(child);
    child = child.next;
  }
}

function writeValue(node: JsonNode): void {
  switch (node.kind) {
    case JsonKind.Null:
      return put(NULL, 0);
    case JsonKind.Boolean:
      return put(BOOL, <u8>node.isTrue);
    case JsonKind.Number:
      store<u8>(top, NUMBER);
      store<f64>(top + 1, parseNumber(node.text));
      top += 9;
      return;
    case JsonKind.String:
      return writeText(TEXT, node.text);
    default:
      frame(node.kind == JsonKind.Object ? STRUCT : LIST, <u32>node.text);
      writeItems(node);
  }
}

function writeText(tag: u8, text: Bytes): void {
  frame(tag, lengthOf(text));
  if (text != ABSENT) top += copyTo(top, text);
}

function frame(tag: u8, size: u32): void {
  store<u8>(top++, tag);
  let left = size;
  for (; left >= 0x80; left >>= 7) store<u8>(top++, <u8>(left | 0x80));
  store<u8>(top++, <u8>left);
}

function put(tag: u8, value: u8): void {
  store<u8>(top++, tag);
  store<u8>(top++, value);
}

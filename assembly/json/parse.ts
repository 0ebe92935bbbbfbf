import { arenaAllocate } from "../bytes/arena";
import { ByteMap } from "../bytes/byte-map";
import {
  ABSENT,
  byteAt,
  byteString,
  Bytes,
  bytesOf,
  equals,
  hexDigit,
  lengthOf,
  literal,
  pointerOf,
} from "../bytes/bytes";
import { decimalText } from "../bytes/decimal";
import { utf8SequenceLength } from "../bytes/utf8";
import { JsonKind, JsonNode } from "./node";

/** Arrays and objects within one another. */
export const MAX_DEPTH: u32 = 64;
/** Values of a document: each takes some 60 bytes, and what is made of it up to a few hundred; a VM has 1 GiB. */
export const MAX_VALUES: u32 = 1000000;
/** Bytes of a document: room for a set of some 400,000 names. */
export const MAX_BYTES: u32 = 16 * 1024 * 1024;

/** What is wrong with the document that {@link parseJson} refused, and where: `line 3, column 9: ...`. */
export let jsonProblem: string = "";

/**
 * Parses a JSON document (RFC 8259) strictly: one value, UTF-8 without byte order mark, no duplicate member
 * names, no lone surrogates, no NUL in strings, bounded depth and size. Null when it is refused, with the reason
 * in {@link jsonProblem}. No input traps. Strings are decoded in place: `document` is changed.
 */
export function parseJson(document: Bytes): JsonNode | null {
  jsonProblem = "";
  quiet = false;
  if (lengthOf(document) > MAX_BYTES) {
    jsonProblem = `larger than ${decimalText(MAX_BYTES)} bytes`;
    return null;
  }
  return parseBytes(document);
}

/**
 * As {@link parseJson}, for what clients send: it does not say what is wrong, and allocates in the arena alone. The document must not be
 * larger than {@link MAX_BYTES}.
 */
export function parseJsonQuietly(document: Bytes): JsonNode | null {
  quiet = true;
  return parseBytes(document);
}

function parseBytes(document: Bytes): JsonNode | null {
  cursor = documentStart = lineStart = pointerOf(document);
  documentEnd = documentStart + lengthOf(document);
  depth = 0;
  values = 0;
  line = 1;
  return parseDocument();
}

/** The next byte to read, and the bytes of the document. One is parsed at a time. */
let cursor: usize = 0;
let documentStart: usize = 0;
let documentEnd: usize = 0;
let depth: u32 = 0;
let values: u32 = 0;
let line: i32 = 1;
let lineStart: usize = 0;
/** Nobody wants to know what is wrong: texts are made on the heap. */
let quiet: bool = false;

/** Walks the document without recursion: `open` is the array or object that the next value goes into. */
function parseDocument(): JsonNode | null {
  skipSpace();
  if (cursor == documentEnd) {
    if (!quiet) fail("empty; expected a JSON object");
    return null;
  }
  let open: JsonNode | null = null;
  while (true) {
    let name = ABSENT;
    if (open != null && open.kind == JsonKind.Object) {
      name = parseMemberName();
      if (name == ABSENT) return null;
    }
    const node = parseValue(open, name);
    if (node == null) return null;
    if (node.kind >= JsonKind.Array) {
      if (depth == MAX_DEPTH) {
        if (!quiet) fail(`nested deeper than ${decimalText(MAX_DEPTH)} levels`);
        return null;
      }
      if (!closes(node)) {
        open = node;
        depth++;
        continue;
      }
    }
    // A value is complete: close what ends with it.
    let complete: JsonNode = node;
    while (true) {
      skipSpace();
      if (open == null) {
        if (cursor == documentEnd) return complete;
        if (!quiet) fail("expected the end after the value");
        return null;
      }
      const place = cursor;
      const separator = take();
      if (separator == 0x2c) {
        skipSpace();
        break;
      }
      if (separator != closing(open)) {
        cursor = place;
        if (!quiet) fail(open.kind == JsonKind.Object ? "expected `,` or `}`" : "expected `,` or `]`");
        return null;
      }
      if (open.kind == JsonKind.Object && !namesDiffer(open)) return null;
      complete = open;
      open = open.parent;
      depth--;
    }
  }
}

/** Whether the array or object, whose opening bracket was just read, is empty; then it is closed. */
function closes(node: JsonNode): bool {
  skipSpace();
  if (cursor == documentEnd || load<u8>(cursor) != closing(node)) return false;
  cursor++;
  return true;
}

function parseMemberName(): Bytes {
  if (cursor == documentEnd || load<u8>(cursor) != 0x22) {
    if (!quiet) fail("expected a member's name in double quotes");
    return ABSENT;
  }
  const name = parseString();
  if (name == ABSENT) return ABSENT;
  skipSpace();
  if (cursor == documentEnd || load<u8>(cursor) != 0x3a) {
    if (!quiet) fail("expected `:` after the member's name");
    return ABSENT;
  }
  cursor++;
  skipSpace();
  return name;
}

/** A scalar, or an array or object whose opening bracket is read. */
function parseValue(parent: JsonNode | null, name: Bytes): JsonNode | null {
  const start = cursor;
  const byte = take();
  let kind = JsonKind.Null;
  let text = ABSENT;
  if (byte == 0x7b) kind = JsonKind.Object;
  else if (byte == 0x5b) kind = JsonKind.Array;
  else if (byte == 0x22) {
    cursor = start;
    kind = JsonKind.String;
    text = parseString();
    if (text == ABSENT) return null;
  } else if (byte == 0x2d || <u32>(byte - 0x30) < 10) {
    cursor = start;
    if (!parseNumber()) return null;
    kind = JsonKind.Number;
    text = bytesOf(start, <u32>(cursor - start));
  } else {
    while (cursor < documentEnd && <u32>((load<u8>(cursor) | 0x20) - 0x61) < 26) cursor++;
    text = bytesOf(start, <u32>(cursor - start));
    if (equals(text, TRUE) || equals(text, FALSE)) kind = JsonKind.Boolean;
    else if (!equals(text, NULL)) {
      cursor = start;
      if (!quiet) fail("expected a value");
      return null;
    }
  }
  if (++values > MAX_VALUES) {
    if (!quiet) fail("more than a million values");
    return null;
  }
  const node = changetype<JsonNode>(arenaAllocate(offsetof<JsonNode>()));
  memory.fill(changetype<usize>(node), 0, offsetof<JsonNode>());
  node.kind = kind;
  node.parent = parent;
  node.name = name;
  node.text = text;
  if (parent != null) {
    const last = parent.last;
    if (last == null) parent.first = node;
    else last.next = node;
    parent.last = node;
    parent.count++;
  }
  return node;
}

/** RFC 8259 §6. */
function parseNumber(): bool {
  if (load<u8>(cursor) == 0x2d) cursor++;
  const leadingZero = cursor < documentEnd && load<u8>(cursor) == 0x30;
  const integer = takeDigits();
  if (integer == 0 || (leadingZero && integer > 1)) return failNumber();
  if (cursor < documentEnd && load<u8>(cursor) == 0x2e) {
    cursor++;
    if (takeDigits() == 0) return failNumber();
  }
  if (cursor < documentEnd && (load<u8>(cursor) | 0x20) == 0x65) {
    cursor++;
    if (cursor < documentEnd && (load<u8>(cursor) == 0x2b || load<u8>(cursor) == 0x2d)) cursor++;
    if (takeDigits() == 0) return failNumber();
  }
  return true;
}

function failNumber(): bool {
  if (!quiet) fail("not a number in JSON's form");
  return false;
}

function takeDigits(): u32 {
  const start = cursor;
  while (cursor < documentEnd && <u32>(load<u8>(cursor) - 0x30) < 10) cursor++;
  return <u32>(cursor - start);
}

/** A string, decoded in place: no escape is shorter than what it stands for. */
function parseString(): Bytes {
  cursor++;
  const start = cursor;
  let target = start;
  while (cursor < documentEnd) {
    const byte = load<u8>(cursor);
    if (byte == 0x22) {
      cursor++;
      return bytesOf(start, <u32>(target - start));
    }
    if (byte == 0x5c) {
      const written = decodeEscape(target);
      if (written == 0) return ABSENT;
      target += written;
    } else if (byte < 0x20) {
      if (!quiet) fail("a control character in a string: write it as an escape");
      return ABSENT;
    } else {
      const length = utf8SequenceLength(cursor, documentEnd);
      if (length == 0) {
        if (!quiet) fail("not UTF-8");
        return ABSENT;
      }
      if (target != cursor) memory.copy(target, cursor, length);
      target += length;
      cursor += length;
    }
  }
  if (!quiet) fail("the string does not end");
  return ABSENT;
}

/** Decodes the escape at the cursor to `target`; answers how many bytes it wrote, 0 when it is wrong. */
function decodeEscape(target: usize): u32 {
  cursor++;
  const byte = take();
  let character: u32 = 0;
  if (byte == 0x22 || byte == 0x5c || byte == 0x2f) character = byte;
  else if (byte == 0x62) character = 0x08;
  else if (byte == 0x66) character = 0x0c;
  else if (byte == 0x6e) character = 0x0a;
  else if (byte == 0x72) character = 0x0d;
  else if (byte == 0x74) character = 0x09;
  else if (byte == 0x75) {
    const unit = hexUnit();
    if (unit < 0) {
      if (!quiet) fail("expected four hexadecimal digits after `\\u`");
      return 0;
    }
    if (unit == 0) {
      if (!quiet) fail("NUL (`\\u0000`) in a string");
      return 0;
    }
    character = unit;
    if (unit >= 0xd800 && unit < 0xe000) {
      let low = -1;
      if (unit < 0xdc00 && cursor + 1 < documentEnd && load<u16>(cursor) == 0x755c) {
        cursor += 2;
        low = hexUnit();
      }
      if (low < 0xdc00 || low >= 0xe000) {
        if (!quiet) fail("half of a surrogate pair");
        return 0;
      }
      character = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
    }
  } else {
    if (!quiet) fail("not an escape of JSON");
    return 0;
  }
  return encodeUtf8(character, target);
}

/** Four hexadecimal digits, or -1. */
function hexUnit(): i32 {
  if (documentEnd - cursor < 4) return -1;
  let unit = 0;
  for (let i = 0; i < 4; i++) {
    const digit = hexDigit(load<u8>(cursor++));
    if (digit < 0) return -1;
    unit = (unit << 4) | digit;
  }
  return unit;
}

/** Whether no two members have the same name; else a failure that names one. */
function namesDiffer(object: JsonNode): bool {
  const many = object.count > 16;
  if (many && quiet) return sortedNamesDiffer(object);
  const seen: ByteMap | null = many ? new ByteMap(object.count) : null;
  let child = object.first;
  while (child != null) {
    let twice: bool = false;
    if (seen != null) {
      twice = seen.has(child.name);
      seen.set(child.name, 0);
    } else {
      let other = object.first;
      while (other != null && other != child && !twice) {
        twice = equals(other.name, child.name);
        other = other.next;
      }
    }
    if (twice) {
      if (!quiet) fail("duplicate member " + quoted(child.name));
      return false;
    }
    child = child.next;
  }
  return true;
}

/** The same for many members, in the arena, and in n log n steps for whatever names a client has chosen: by heap sort. */
function sortedNamesDiffer(object: JsonNode): bool {
  const count = object.count;
  const names = arenaAllocate((<usize>count) << 3);
  let top = names;
  let child = object.first;
  while (child != null) {
    store<Bytes>(top, child.name);
    top += 8;
    child = child.next;
  }
  for (let root = count / 2; root > 0; root--) siftDown(names, root - 1, count);
  for (let end = count - 1; end > 0; end--) {
    const largest = load<Bytes>(names);
    store<Bytes>(names, load<Bytes>(names + ((<usize>end) << 3)));
    store<Bytes>(names + ((<usize>end) << 3), largest);
    siftDown(names, 0, end);
  }
  for (let at: usize = names + 8; at < top; at += 8) {
    if (equals(load<Bytes>(at - 8), load<Bytes>(at))) return false;
  }
  return true;
}

/** Moves the name at `root` down, until none below it, before `end`, is larger. */
function siftDown(names: usize, root: u32, end: u32): void {
  const moved = load<Bytes>(names + ((<usize>root) << 3));
  while (true) {
    let child: u32 = 2 * root + 1;
    if (child >= end) break;
    const left = names + ((<usize>child) << 3);
    if (child + 1 < end && isBefore(load<Bytes>(left), load<Bytes>(left, 8))) child++;
    const larger = load<Bytes>(names + ((<usize>child) << 3));
    if (!isBefore(moved, larger)) break;
    store<Bytes>(names + ((<usize>root) << 3), larger);
    root = child;
  }
  store<Bytes>(names + ((<usize>root) << 3), moved);
}

/** An order of names: by length first. */
function isBefore(left: Bytes, right: Bytes): bool {
  const length = lengthOf(left);
  if (length != lengthOf(right)) return length < lengthOf(right);
  return memory.compare(pointerOf(left), pointerOf(right), length) < 0;
}

/** The byte at the cursor, which moves on; 0 at the end. */
function take(): u8 {
  return cursor < documentEnd ? load<u8>(cursor++) : 0;
}

function skipSpace(): void {
  while (cursor < documentEnd) {
    const byte = load<u8>(cursor);
    if (byte != 0x20 && byte != 0x0a && byte != 0x0d && byte != 0x09) return;
    cursor++;
    // Strings hold no raw line feed, so all of them are seen here.
    if (byte == 0x0a) {
      line++;
      lineStart = cursor;
    }
  }
}

/** Says what is wrong, and where. */
function fail(problem: string): void {
  const column = decimalText(<i32>(cursor - lineStart) + 1);
  const place = `line ${decimalText(line)}, column ${column}: `;
  jsonProblem = documentStart == documentEnd ? problem : place + problem;
}

function closing(node: JsonNode): u8 {
  return node.kind == JsonKind.Object ? 0x7d : 0x5d;
}

/** Writes the UTF-8 form of a character that is no surrogate; answers its length, 1 to 4. */
function encodeUtf8(character: u32, target: usize): u32 {
  const length: u32 = character < 0x80 ? 1 : character < 0x800 ? 2 : character < 0x10000 ? 3 : 4;
  for (let at = length - 1; at > 0; at--) {
    store<u8>(target + at, <u8>(0x80 | (character & 0x3f)));
    character >>= 6;
  }
  // As many upper bits as there are bytes, for more than one.
  store<u8>(target, <u8>(length == 1 ? character : (0xff00 >> length) | character));
  return length;
}

/** The bytes in double quotes, as {@link shown}. */
export function quoted(bytes: Bytes): string {
  return '"' + shown(bytes) + '"';
}

/** The bytes, shortened to about 64, fit for a message: control characters as `?`. See `byteString`. */
export function shown(bytes: Bytes): string {
  const length = lengthOf(bytes);
  const start = arenaAllocate(length);
  let at: u32 = 0;
  // Not in the middle of a character: continuation bytes of UTF-8 are 10xxxxxx.
  for (; at < length && (at < 64 || (byteAt(bytes, at) & 0xc0) == 0x80); at++) {
    const byte = byteAt(bytes, at);
    store<u8>(start + at, byte < 0x20 ? 0x3f : byte);
  }
  const text = byteString(bytesOf(start, at));
  return at < length ? text + "..." : text;
}

// @ts-ignore: decorator
@lazy const TRUE = literal("true");
// @ts-ignore: decorator
@lazy const FALSE = literal("false");
// @ts-ignore: decorator
@lazy const NULL = literal("null");

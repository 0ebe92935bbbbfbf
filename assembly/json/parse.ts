import { arenaAllocate } from "../bytes/arena";
import { ByteMap } from "../bytes/byte-map";
import { ABSENT, byteAt, Bytes, bytesOf, equals, hexDigit, lengthOf, pointerOf } from "../bytes/bytes";
import { JsonKind, JsonNode } from "./node";
import { utf8SequenceLength } from "./utf8";

/** Arrays and objects within one another. */
export const MAX_DEPTH: u32 = 64;
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
  if (lengthOf(document) > MAX_BYTES) {
    jsonProblem = `larger than ${MAX_BYTES} bytes`;
    return null;
  }
  return new Parser(document).parse();
}


@final
class Parser {
  private at: usize;
  private readonly start: usize;
  private readonly end: usize;
  private depth: u32 = 0;
  private line: i32 = 1;
  private lineStart: usize;

  constructor(document: Bytes) {
    this.start = pointerOf(document);
    this.at = this.start;
    this.end = this.start + lengthOf(document);
    this.lineStart = this.start;
  }

  /** Walks the document without recursion: `open` is the array or object that the next value goes into. */
  parse(): JsonNode | null {
    this.skipSpace();
    if (this.at == this.end) return this.fail("empty; expected a JSON object");
    let open: JsonNode | null = null;
    while (true) {
      let name = ABSENT;
      if (open != null && open.kind == JsonKind.Object) {
        name = this.memberName();
        if (name == ABSENT) return null;
      }
      const node = this.value(open, name);
      if (node == null) return null;
      if (node.kind >= JsonKind.Array) {
        if (this.depth == MAX_DEPTH) return this.fail(`nested deeper than ${MAX_DEPTH} levels`);
        if (!this.closes(node)) {
          open = node;
          this.depth++;
          continue;
        }
      }
      // A value is complete: close what ends with it.
      let complete: JsonNode = node;
      while (true) {
        this.skipSpace();
        if (open == null) {
          return this.at == this.end ? complete : this.fail("expected the end after the value");
        }
        const place = this.at;
        const separator = this.take();
        if (separator == 0x2c) {
          this.skipSpace();
          break;
        }
        if (separator != closing(open)) {
          this.at = place;
          return this.fail(open.kind == JsonKind.Object ? "expected `,` or `}`" : "expected `,` or `]`");
        }
        if (open.kind == JsonKind.Object && !this.namesDiffer(open)) return null;
        complete = open;
        open = open.parent;
        this.depth--;
      }
    }
  }

  /** Whether the array or object, whose opening bracket was just read, is empty; then it is closed. */
  private closes(node: JsonNode): bool {
    this.skipSpace();
    if (this.at == this.end || load<u8>(this.at) != closing(node)) return false;
    this.at++;
    return true;
  }

  private memberName(): Bytes {
    if (this.at == this.end || load<u8>(this.at) != 0x22) {
      this.fail("expected a member's name in double quotes");
      return ABSENT;
    }
    const name = this.string();
    if (name == ABSENT) return ABSENT;
    this.skipSpace();
    if (this.at == this.end || load<u8>(this.at) != 0x3a) {
      this.fail("expected `:` after the member's name");
      return ABSENT;
    }
    this.at++;
    this.skipSpace();
    return name;
  }

  /** A scalar, or an array or object whose opening bracket is read. */
  private value(parent: JsonNode | null, name: Bytes): JsonNode | null {
    const start = this.at;
    const byte = this.take();
    let kind = JsonKind.Null;
    let text = ABSENT;
    if (byte == 0x7b) kind = JsonKind.Object;
    else if (byte == 0x5b) kind = JsonKind.Array;
    else if (byte == 0x22) {
      this.at = start;
      kind = JsonKind.String;
      text = this.string();
      if (text == ABSENT) return null;
    } else if (byte == 0x2d || <u32>(byte - 0x30) < 10) {
      this.at = start;
      if (!this.number()) return null;
      kind = JsonKind.Number;
      text = bytesOf(start, <u32>(this.at - start));
    } else {
      while (this.at < this.end && <u32>((load<u8>(this.at) | 0x20) - 0x61) < 26) this.at++;
      text = bytesOf(start, <u32>(this.at - start));
      if (isWord(text, "true") || isWord(text, "false")) kind = JsonKind.Boolean;
      else if (!isWord(text, "null")) {
        this.at = start;
        return this.fail("expected a value");
      }
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
  private number(): bool {
    if (load<u8>(this.at) == 0x2d) this.at++;
    const leadingZero = this.at < this.end && load<u8>(this.at) == 0x30;
    const integer = this.digits();
    if (integer == 0 || (leadingZero && integer > 1)) return this.failNumber();
    if (this.at < this.end && load<u8>(this.at) == 0x2e) {
      this.at++;
      if (this.digits() == 0) return this.failNumber();
    }
    if (this.at < this.end && (load<u8>(this.at) | 0x20) == 0x65) {
      this.at++;
      if (this.at < this.end && (load<u8>(this.at) == 0x2b || load<u8>(this.at) == 0x2d)) this.at++;
      if (this.digits() == 0) return this.failNumber();
    }
    return true;
  }

  private failNumber(): bool {
    this.fail("not a number in JSON's form");
    return false;
  }

  private digits(): u32 {
    const start = this.at;
    while (this.at < this.end && <u32>(load<u8>(this.at) - 0x30) < 10) this.at++;
    return <u32>(this.at - start);
  }

  /** A string, decoded in place: no escape is shorter than what it stands for. */
  private string(): Bytes {
    this.at++;
    const start = this.at;
    let target = start;
    while (this.at < this.end) {
      const byte = load<u8>(this.at);
      if (byte == 0x22) {
        this.at++;
        return bytesOf(start, <u32>(target - start));
      }
      if (byte == 0x5c) {
        const written = this.escape(target);
        if (written == 0) return ABSENT;
        target += written;
      } else if (byte < 0x20) {
        return this.failString("a control character in a string: write it as an escape");
      } else {
        const length = utf8SequenceLength(this.at, this.end);
        if (length == 0) return this.failString("not UTF-8");
        if (target != this.at) memory.copy(target, this.at, length);
        target += length;
        this.at += length;
      }
    }
    return this.failString("the string does not end");
  }

  private failString(problem: string): Bytes {
    this.fail(problem);
    return ABSENT;
  }

  /** Decodes the escape at the cursor to `target`; answers how many bytes it wrote, 0 when it is wrong. */
  private escape(target: usize): u32 {
    this.at++;
    const byte = this.take();
    let character: u32 = 0;
    if (byte == 0x22 || byte == 0x5c || byte == 0x2f) character = byte;
    else if (byte == 0x62) character = 0x08;
    else if (byte == 0x66) character = 0x0c;
    else if (byte == 0x6e) character = 0x0a;
    else if (byte == 0x72) character = 0x0d;
    else if (byte == 0x74) character = 0x09;
    else if (byte == 0x75) {
      const unit = this.hexUnit();
      if (unit < 0) return this.failEscape("expected four hexadecimal digits after `\\u`");
      if (unit == 0) return this.failEscape("NUL (`\\u0000`) in a string");
      character = unit;
      if (unit >= 0xd800 && unit < 0xe000) {
        let low = -1;
        if (unit < 0xdc00 && this.at + 1 < this.end && load<u16>(this.at) == 0x755c) {
          this.at += 2;
          low = this.hexUnit();
        }
        if (low < 0xdc00 || low >= 0xe000) return this.failEscape("half of a surrogate pair");
        character = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
      }
    } else return this.failEscape("not an escape of JSON");
    return encodeUtf8(character, target);
  }

  private failEscape(problem: string): u32 {
    this.fail(problem);
    return 0;
  }

  /** Four hexadecimal digits, or -1. */
  private hexUnit(): i32 {
    if (this.end - this.at < 4) return -1;
    let unit = 0;
    for (let i = 0; i < 4; i++) {
      const digit = hexDigit(load<u8>(this.at++));
      if (digit < 0) return -1;
      unit = (unit << 4) | digit;
    }
    return unit;
  }

  /** Whether no two members have the same name; else a failure that names one. */
  private namesDiffer(object: JsonNode): bool {
    const many = object.count > 16;
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
        this.fail("duplicate member " + quoted(child.name));
        return false;
      }
      child = child.next;
    }
    return true;
  }

  /** The byte at the cursor, which moves on; 0 at the end. */
  private take(): u8 {
    return this.at < this.end ? load<u8>(this.at++) : 0;
  }

  private skipSpace(): void {
    while (this.at < this.end) {
      const byte = load<u8>(this.at);
      if (byte != 0x20 && byte != 0x0a && byte != 0x0d && byte != 0x09) return;
      this.at++;
      // Strings hold no raw line feed, so all of them are seen here.
      if (byte == 0x0a) {
        this.line++;
        this.lineStart = this.at;
      }
    }
  }

  private fail(problem: string): JsonNode | null {
    const column = this.at - this.lineStart + 1;
    jsonProblem = this.start == this.end ? problem : `line ${this.line}, column ${column}: ${problem}`;
    return null;
  }
}

function closing(node: JsonNode): u8 {
  return node.kind == JsonKind.Object ? 0x7d : 0x5d;
}

function isWord(text: Bytes, word: string): bool {
  if (<i32>lengthOf(text) != word.length) return false;
  for (let at = 0; at < word.length; at++) {
    if (byteAt(text, at) != <u8>word.charCodeAt(at)) return false;
  }
  return true;
}

/** Writes the UTF-8 form of a character that is no surrogate; answers its length, 1 to 4. */
function encodeUtf8(character: u32, target: usize): u32 {
  if (character < 0x80) {
    store<u8>(target, <u8>character);
    return 1;
  }
  if (character < 0x800) {
    store<u8>(target, <u8>(0xc0 | (character >> 6)));
    store<u8>(target, <u8>(0x80 | (character & 0x3f)), 1);
    return 2;
  }
  if (character < 0x10000) {
    store<u8>(target, <u8>(0xe0 | (character >> 12)));
    store<u8>(target, <u8>(0x80 | ((character >> 6) & 0x3f)), 1);
    store<u8>(target, <u8>(0x80 | (character & 0x3f)), 2);
    return 3;
  }
  store<u8>(target, <u8>(0xf0 | (character >> 18)));
  store<u8>(target, <u8>(0x80 | ((character >> 12) & 0x3f)), 1);
  store<u8>(target, <u8>(0x80 | ((character >> 6) & 0x3f)), 2);
  store<u8>(target, <u8>(0x80 | (character & 0x3f)), 3);
  return 4;
}

/** The bytes in double quotes, as {@link shown}. */
export function quoted(bytes: Bytes): string {
  return '"' + shown(bytes) + '"';
}

/** The bytes, shortened to about 64, fit for a message: control characters as `?`. See `byteString`. */
export function shown(bytes: Bytes): string {
  const length = lengthOf(bytes);
  let text = "";
  let at: u32 = 0;
  // Not in the middle of a character: continuation bytes of UTF-8 are 10xxxxxx.
  for (; at < length && (at < 64 || (byteAt(bytes, at) & 0xc0) == 0x80); at++) {
    const byte = byteAt(bytes, at);
    text += byte < 0x20 ? "?" : String.fromCharCode(byte);
  }
  return at < length ? text + "..." : text;
}

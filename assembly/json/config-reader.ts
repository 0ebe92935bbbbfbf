import { Keeper } from "../bytes/keeper";
import { ABSENT, byteAt, byteString, Bytes, lengthOf } from "../bytes/bytes";
import { decimalText } from "../bytes/decimal";
import { isTokenByte } from "../bytes/token";
import { JsonKind, JsonNode } from "./node";
import { parseNumber } from "./number";
import { quoted, shown } from "./parse";
import { alternatives, isWord, positionAmong } from "./words";

/** How many problems are spelled out; of more, only the number is told. */
const MAX_PROBLEMS = 50;

/**
 * Reads typed values out of a configuration and collects what is wrong with it, each with its path:
 * `limits[2].limit.per: expected second, minute, hour or day, got "fortnight"`. Reading goes on after a problem, so
 * that the user sees all at once; what a method answers for a wrong value is as good as absent.
 */
export class ConfigReader {
  /** The problems that are spelled out, one a line. */
  private lines: string = "";
  private total: i32 = 0;

  constructor(
    /** Where what outlives the reading is copied. */
    readonly keeper: Keeper,
  ) {}

  get failed(): bool {
    return this.total > 0;
  }

  /** All problems, one a line. */
  report(): string {
    const more = this.total - MAX_PROBLEMS;
    return more > 0 ? this.lines + `\nand ${decimalText(more)} more` : this.lines;
  }

  private tell(problem: string): void {
    if (this.total++ > 0) this.lines += "\n";
    this.lines += problem;
  }

  /** Whether one more problem would not be told; it is counted then, without a text. */
  private isFull(): bool {
    const full = this.total >= MAX_PROBLEMS;
    if (full) this.total++;
    return full;
  }

  /** Something is wrong with `node`: `problem` says what, and what would be right. */
  problem(node: JsonNode, problem: string): void {
    if (!this.isFull()) this.tell(pathOf(node) + ": " + problem);
  }

  /** `node` is not what it should be. */
  unexpected(node: JsonNode, expected: string): void {
    if (this.isFull()) return;
    this.problem(node, "expected " + expected + ", got " + describe(node));
  }

  /** The member `name` is missing from `object`. */
  missing(object: JsonNode, name: string, expected: string): void {
    if (this.isFull()) return;
    const path = object.parent == null ? name : pathOf(object) + "." + name;
    this.tell(path + ": required; expected " + expected);
  }

  /** Whether `node` is an object. Members that are not among `fields`, words with a space between, are problems. */
  object(node: JsonNode, fields: string): bool {
    if (node.kind != JsonKind.Object) {
      this.unexpected(node, "an object");
      return false;
    }
    this.knows(node, fields);
    return true;
  }

  /** Whether all members of an object are among `fields`; those that are not are problems. */
  knows(object: JsonNode, fields: string): bool {
    let all = true;
    let child = object.first;
    while (child != null) {
      if (positionAmong(child.name, fields) < 0) {
        this.problem(child, "unknown field; expected " + alternatives(fields));
        all = false;
      }
      child = child.next;
    }
    return all;
  }

  /** The member of an object, or null. JSON's `null` is a value like others, and nowhere the right one. */
  member(object: JsonNode, name: string): JsonNode | null {
    let child = object.first;
    while (child != null) {
      if (isWord(child.name, name)) return child;
      child = child.next;
    }
    return null;
  }

  /** A member that must be there; null, and told, when it is not. */
  required(object: JsonNode, name: string, expected: string): JsonNode | null {
    const node = this.member(object, name);
    if (node == null) this.missing(object, name, expected);
    return node;
  }

  /** A member that must be a list; null when it is missing or none. */
  list(object: JsonNode, name: string): JsonNode | null {
    const node = this.member(object, name);
    if (node == null || node.kind == JsonKind.Array) return node;
    this.unexpected(node, "a list");
    return null;
  }

  /** A string's bytes, kept; {@link ABSENT} when `node` is none. */
  text(node: JsonNode, expected: string = "a string"): Bytes {
    if (node.kind == JsonKind.String) return this.keeper.keep(node.text);
    this.unexpected(node, expected);
    return ABSENT;
  }

  boolean(object: JsonNode, name: string, otherwise: bool): bool {
    const node = this.member(object, name);
    if (node == null) return otherwise;
    if (node.kind == JsonKind.Boolean) return node.isTrue;
    this.unexpected(node, "true or false");
    return otherwise;
  }

  /** The position of a member's value among `choices`, words with a space between. */
  choice(object: JsonNode, name: string, choices: string, otherwise: i32): i32 {
    const node = this.member(object, name);
    if (node == null) return otherwise;
    const position = node.kind == JsonKind.String ? positionAmong(node.text, choices) : -1;
    if (position >= 0) return position;
    this.unexpected(node, alternatives(choices));
    return otherwise;
  }

  /** A number from `least` to `most`; NaN when `node` is none. */
  number(node: JsonNode, least: i32, most: i32): f64 {
    if (node.kind == JsonKind.Number) {
      const value = parseNumber(node.text);
      if (value >= least && value <= most) return value;
    }
    this.unexpected(node, "a number" + range(least, most));
    return NaN;
  }

  /** A whole number from `least` to `most`; `least` when `node` is none. */
  integer(node: JsonNode, least: i32, most: i32): i32 {
    const value = node.kind == JsonKind.Number ? parseNumber(node.text) : NaN;
    if (value >= least && value <= most && value == trunc(value)) return <i32>value;
    this.unexpected(node, "a whole number" + range(least, most));
    return least;
  }

  /** A name as rules, limits and policies have it: `[A-Za-z0-9_.-]{1,63}`. {@link ABSENT} when it is none. */
  name(node: JsonNode): Bytes {
    if (node.kind == JsonKind.String && isName(node.text)) return this.keeper.keep(node.text);
    this.unexpected(node, "a name of 1 to 63 characters out of A-Z a-z 0-9 _ . -");
    return ABSENT;
  }

  /** A header's name in lower case (RFC 9110 §5.1). {@link ABSENT} when it is none. */
  headerName(node: JsonNode): Bytes {
    if (node.kind == JsonKind.String) {
      const name = this.headerNameOf(node.text);
      if (name != ABSENT) return name;
    }
    this.unexpected(node, "the name of a header");
    return ABSENT;
  }

  /** `text` in lower case when it can be the name of a header, {@link ABSENT} otherwise. */
  headerNameOf(text: Bytes): Bytes {
    return isToken(text) ? this.keeper.keepLowerCase(text) : ABSENT;
  }

  /** `text` when it is a token of RFC 9110 §5.6.2 (the name of a cookie or of a baggage member), {@link ABSENT} otherwise. */
  tokenOf(text: Bytes): Bytes {
    return isToken(text) ? this.keeper.keep(text) : ABSENT;
  }
}

/** Where `node` stands: `rules[2].match.headers.x-user`; `configuration` for the document itself. */
export function pathOf(node: JsonNode): string {
  let path = "";
  let at: JsonNode = node;
  while (true) {
    const parent = at.parent;
    if (parent == null) break;
    if (parent.kind == JsonKind.Array) path = "[" + decimalText(positionOf(at, parent)) + "]" + path;
    else if (!isPlain(at.name)) path = "[" + quoted(at.name) + "]" + path;
    else path = (parent.parent == null ? "" : ".") + byteString(at.name) + path;
    at = parent;
  }
  return path.length > 0 ? path : "configuration";
}

function positionOf(node: JsonNode, list: JsonNode): i32 {
  let position = 0;
  let child = list.first;
  while (child != null && child != node) {
    position++;
    child = child.next;
  }
  return position;
}

function describe(node: JsonNode): string {
  if (node.kind == JsonKind.String) return quoted(node.text);
  if (node.kind == JsonKind.Object) return "an object";
  if (node.kind == JsonKind.Array) return node.count == 0 ? "an empty list" : "a list";
  return shown(node.text);
}

function range(least: i32, most: i32): string {
  return " from " + decimalText(least) + " to " + decimalText(most);
}

/** Whether {@link ConfigReader.name} takes it. */
export function isName(text: Bytes): bool {
  const length = lengthOf(text);
  if (length == 0 || length > 63) return false;
  for (let at: u32 = 0; at < length; at++) {
    const byte = byteAt(text, at);
    if (!isAlphanumeric(byte) && byte != 0x5f && byte != 0x2e && byte != 0x2d) return false;
  }
  return true;
}

/** Whether a member's name can stand in a path without quotes. */
function isPlain(name: Bytes): bool {
  const length = lengthOf(name);
  if (length == 0 || length > 63) return false;
  for (let at: u32 = 0; at < length; at++) {
    const byte = byteAt(name, at);
    if (!isAlphanumeric(byte) && byte != 0x5f && byte != 0x2d && byte != 0x3a) return false;
  }
  return true;
}

/** A token of 1 to 255 bytes. */
function isToken(text: Bytes): bool {
  const length = lengthOf(text);
  if (length == 0 || length > 255) return false;
  for (let at: u32 = 0; at < length; at++) if (!isTokenByte(byteAt(text, at))) return false;
  return true;
}

function isAlphanumeric(byte: u8): bool {
  return <u32>(byte - 0x30) < 10 || <u32>((byte | 0x20) - 0x61) < 26;
}

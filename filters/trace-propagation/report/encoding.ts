import {
  ABSENT,
  byteAt,
  Bytes,
  indexOfByte,
  lastIndexOfByte,
  lengthOf,
  literal,
  slice,
} from "../../../assembly/bytes/bytes";
import { textAt, afterText } from "../records";
import { JsonWriter } from "./json-writer";
import { Span } from "./span";

/** How spans are told: the text around them, and each of them. */
export abstract class Encoding {
  constructor(
    /** What stands before the first span, between two, and behind the last. */
    readonly begin: Bytes,
    readonly end: Bytes,
    /** For each configured tag the text before its value, with the name in it. */
    protected readonly tags: StaticArray<Bytes>,
  ) {}

  /** Writes one span; there is room for {@link FIXED} bytes, and for all its texts and tags with the room that JSON takes for them. */
  abstract write(json: JsonWriter, span: Span): void;

  /** What the span is called: method and route. */
  protected writeName(json: JsonWriter, span: Span): void {
    json.text(span.method);
    if (lengthOf(span.route) == 0) return;
    json.raw(SPACE);
    json.text(span.route);
  }

  /** What went wrong: the status that says so. */
  protected writeError(json: JsonWriter, span: Span): void {
    if (span.grpcStatus > 0) json.decimal(span.grpcStatus);
    else if (span.status != 0) json.decimal(span.status);
    else json.raw(NO_RESPONSE);
  }

  /** Writes the configured tags that have a value, each with `behind` it. */
  protected writeTags(json: JsonWriter, span: Span, behind: Bytes): void {
    const tags = this.tags;
    let at = span.tags;
    for (let tag = 0; tag < tags.length; tag++) {
      const value = textAt(at);
      at = afterText(at);
      if (lengthOf(value) == 0) continue;
      json.raw(unchecked(tags[tag]));
      json.text(value);
      json.raw(behind);
    }
  }
}

/** Bytes that a span takes beside its texts and its configured tags, in any encoding. */
export const FIXED: u32 = 1536;

/** The address of `10.0.0.1:80` or `[::1]:80`, without brackets; {@link ABSENT} of what has no port, as a socket of the file system. */
export function addressIn(peer: Bytes): Bytes {
  const colon = lastIndexOfByte(peer, 0x3a);
  if (colon < 1) return ABSENT;
  return byteAt(peer, 0) == 0x5b ? slice(peer, 1, max(colon - 1, 1)) : slice(peer, 0, colon);
}

/** The digits behind the address; none where something else stands there. */
export function portIn(peer: Bytes): Bytes {
  const port = slice(peer, lastIndexOfByte(peer, 0x3a) + 1, lengthOf(peer));
  for (let at: u32 = 0; at < lengthOf(port); at++)
    if (<u32>(byteAt(port, at) - 0x30) > 9) return slice(port, 0, 0);
  return port;
}

export function isIpv6(address: Bytes): bool {
  return indexOfByte(address, 0x3a) >= 0;
}

// @ts-ignore: decorator
@lazy const SPACE = literal(" ");
// @ts-ignore: decorator
@lazy const NO_RESPONSE = literal("no response");

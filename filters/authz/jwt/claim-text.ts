import { arenaAllocate } from "../../../assembly/bytes/arena";
import { encodeBase64 } from "../../../assembly/bytes/base64-text";
import { ABSENT, byteAt, Bytes, bytesOf, copyTo, lengthOf, literal } from "../../../assembly/bytes/bytes";
import { decimalTo } from "../../../assembly/bytes/decimal";
import { isHeaderValue } from "../../../assembly/configured-reply";
import { JsonKind, JsonNode } from "../../../assembly/json/node";
import { parseNumber } from "../../../assembly/json/number";

/** Of a list or an object as JSON text, before it is encoded, in bytes. Envoy knows no bound. */
const MOST_JSON: u32 = 16 * 1024;
/** From here on a double has no fraction, and no `u64` holds it: 2^64. */
const NUMBERS_END: f64 = 18446744073709551616.0;

/**
 * What a header has of a claim (Envoy `addJWTClaimToHeader`), in the arena: a text as it is; a whole number from 0 to 2^64 in digits, another
 * number with six places behind the point; `true` or `false`; a list or object as JSON text in base64. {@link ABSENT}, and no header, for null
 * and for an empty text. Beyond Envoy also for a text that no header can have: it would end the header; and for numbers from 2^64 up.
 */
export function claimHeader(claims: JsonNode, path: StaticArray<Bytes>): Bytes {
  const claim = claimAt(claims, path);
  if (claim == null) return ABSENT;
  switch (claim.kind) {
    case JsonKind.String:
      return lengthOf(claim.text) > 0 && isHeaderValue(claim.text) ? claim.text : ABSENT;
    case JsonKind.Number:
      return numberText(parseNumber(claim.text));
    case JsonKind.Boolean:
      return claim.isTrue ? TRUE : FALSE;
    case JsonKind.Null:
      return ABSENT;
    default:
      return jsonInBase64(claim);
  }
}

/** The claim that is found by these names of members, or null. */
export function claimAt(claims: JsonNode, path: StaticArray<Bytes>): JsonNode | null {
  let node: JsonNode | null = claims;
  for (let at = 0; at < path.length && node != null; at++) {
    node = node.kind == JsonKind.Object ? node.member(unchecked(path[at])) : null;
  }
  return node;
}

function numberText(value: f64): Bytes {
  const size = abs(value);
  if (!(size < NUMBERS_END)) return ABSENT;
  const start = arenaAllocate(32);
  let top = start;
  // Also of -0, which Envoy does not take for a negative number.
  if (value < 0) store<u8>(top++, 0x2d);
  let whole = <u64>size;
  const fraction = size - <f64>whole;
  if (fraction == 0 && value >= 0) return bytesOf(start, <u32>(decimalTo(top, whole) - start));
  // A fraction of a double that has one is exact; so `nearest` rounds as `printf` does, but where the product is rounded itself.
  let places = <u64>nearest(fraction * 1e6);
  if (places == 1000000) {
    whole++;
    places = 0;
  }
  top = decimalTo(top, whole);
  // A one in front keeps the zeros; the point takes its place.
  const point = top;
  top = decimalTo(top, places + 1000000);
  store<u8>(point, 0x2e);
  return bytesOf(start, <u32>(top - start));
}

function jsonInBase64(node: JsonNode): Bytes {
  const start = arenaAllocate(MOST_JSON);
  top = start;
  end = start + MOST_JSON;
  isFull = false;
  writeJson(node);
  return isFull ? ABSENT : encodeBase64(bytesOf(start, <u32>(top - start)));
}

/** Where the text goes on, and where its room ends. One is written at a time. */
let top: usize = 0;
let end: usize = 0;
let isFull: bool = false;

/** As deep as the parser has let it be. */
function writeJson(node: JsonNode): void {
  if (node.kind == JsonKind.String) return writeText(node.text);
  if (node.kind != JsonKind.Array && node.kind != JsonKind.Object) return putAll(node.text);
  const isObject: bool = node.kind == JsonKind.Object;
  put(isObject ? 0x7b : 0x5b);
  let child = node.first;
  while (child != null && !isFull) {
    if (child != node.first) put(0x2c);
    if (isObject) {
      writeText(child.name);
      put(0x3a);
    }
    writeJson(child);
    child = child.next;
  }
  put(isObject ? 0x7d : 0x5d);
}

function writeText(text: Bytes): void {
  put(0x22);
  for (let at: u32 = 0; at < lengthOf(text) && !isFull; at++) {
    const byte = byteAt(text, at);
    if (byte >= 0x20) {
      if (byte == 0x22 || byte == 0x5c) put(0x5c);
      put(byte);
    } else {
      putAll(UNICODE);
      put(0x30 + (byte >>> 4));
      const digit: u8 = byte & 15;
      put(digit + (digit < 10 ? 0x30 : 0x57));
    }
  }
  put(0x22);
}

function putAll(text: Bytes): void {
  if (lengthOf(text) > <u32>(end - top)) isFull = true;
  else top += copyTo(top, text);
}

function put(byte: u8): void {
  if (top == end) isFull = true;
  else store<u8>(top++, byte);
}

// @ts-ignore: decorator
@lazy const TRUE = literal("true");
// @ts-ignore: decorator
@lazy const FALSE = literal("false");
// @ts-ignore: decorator
@lazy const UNICODE = literal("\\u00");

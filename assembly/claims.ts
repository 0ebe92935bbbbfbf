import { arenaAllocate, concatenate } from "./bytes/arena";
import {
  ABSENT,
  byteAt,
  Bytes,
  bytesOf,
  copyTo,
  equals,
  lengthOf,
  literal,
  lowerTo,
  pointerOf,
  slice,
} from "./bytes/bytes";
import { decimalTo } from "./bytes/decimal";
import { getProperty } from "./host/properties";

/**
 * Claims of a token that was verified earlier in this proxy. A claim is named by the property's path of its first
 * element, were it a list: `claimPath` makes it. Answers live in the arena.
 */

/**
 * What Envoy's jwt_authn verified: its dynamic metadata, under the key `payload`, which istiod configures
 * (`payload_in_metadata`; istio `pilot/pkg/security/authn`).
 */
// @ts-ignore: decorator
@lazy const VERIFIED = literal("metadata\0filter_metadata\0envoy.filters.http.jwt_authn\0payload");
/** Where `authz` leaves what it has verified: a property that is declared a `google.protobuf.Struct`, which the host walks and tells alike. */
// @ts-ignore: decorator
@lazy const HANDED_ON = literal("outrigger.claims");

/** `\0` and `0`: the first element of a list. */
const FIRST: u32 = 2;

/**
 * The path of the claim that `name` means: names of members, joined by dots; one in brackets is taken as it stands, and needs no dot in
 * front (`realm.roles`, `[https://example.com/role]`, `[realm][roles]` as in Istio). {@link ABSENT} when it means none.
 */
export function claimPath(name: Bytes): Bytes {
  const start = arenaAllocate(lengthOf(VERIFIED) + 2 * lengthOf(name) + FIRST);
  let top = start + copyTo(start, VERIFIED);
  store<u8>(top++, 0);
  let from = top;
  let quoted = false;
  let closed = false;
  for (let at: u32 = 0; at < lengthOf(name); at++) {
    const byte = byteAt(name, at);
    if (!quoted && (byte == 0x2e || byte == 0x5b)) {
      // A bracket needs no dot in front, and a name no bracket.
      if (top != from) {
        store<u8>(top++, 0);
        from = top;
        closed = false;
      } else if (byte == 0x2e) return ABSENT;
      quoted = byte == 0x5b;
    } else if (quoted && byte == 0x5d) {
      quoted = false;
      closed = true;
    } else if (closed || byte == 0) return ABSENT;
    else store<u8>(top++, byte);
  }
  if (quoted || top == from) return ABSENT;
  store<u16>(top, 0x3000);
  return bytesOf(start, <u32>(top - start) + FIRST);
}

/** The claim as the host has it, {@link ABSENT} where there is none. */
export function claimValue(path: Bytes): Bytes {
  // As many bytes less of its end: the lower half is the length.
  return find(path - FIRST);
}

function find(path: Bytes): Bytes {
  const value = getProperty(path);
  if (value != ABSENT) return value;
  return getProperty(concatenate(HANDED_ON, slice(path, lengthOf(VERIFIED), lengthOf(path)), ABSENT));
}

/** The path of the property that is the claim itself, and not the first element of a list. */
export function valuePath(path: Bytes): Bytes {
  return slice(path, 0, lengthOf(path) - FIRST);
}

/** A list without elements: four NUL. It stands for an object, of which can only be asked whether it is there. */
const NO_ELEMENTS: usize = memory.data(4, 4);

/**
 * The elements of the claim's value as the host gives a list, none for an object; {@link ABSENT} when the value is neither. Envoy
 * gives both as pairs, a list's without values (`serializeValue` in `wasm/context.cc`). A text could hold such bytes too, so a
 * list's first element is asked for: a text has none.
 */
export function claimElements(path: Bytes, value: Bytes): Bytes {
  if (!isStructure(value)) return ABSENT;
  const count = countElements(value);
  if (count == 0) return value;
  for (let at: u32 = 0; at < count; at++) {
    if (load<u32>(pointerOf(value) + <usize>at * 8, 8) != 0) return bytesOf(NO_ELEMENTS, 4);
  }
  const first = find(path);
  const element = bytesOf(firstElement(value), elementLength(value, 0));
  return first != ABSENT && equals(first, element) ? value : bytesOf(NO_ELEMENTS, 4);
}

/** Whether the bytes have the form of pairs: a count, two lengths for each, and the texts with a NUL behind each. */
export function isStructure(value: Bytes): bool {
  const length = lengthOf(value);
  if (length < 4) return false;
  const count = countElements(value);
  if (<u64>count * 10 + 4 > length) return false;
  let left = length - 4 - count * 10;
  for (let at: u32 = 0; at < 2 * count; at++) {
    const size = load<u32>(pointerOf(value) + <usize>at * 4, 4);
    if (size > left) return false;
    left -= size;
  }
  return left == 0;
}

export function countElements(list: Bytes): u32 {
  return load<u32>(pointerOf(list));
}

/** Where a list's first element starts; the next one starts 2 bytes behind its end. */
export function firstElement(list: Bytes): usize {
  return pointerOf(list) + 4 + <usize>countElements(list) * 8;
}

/** How long a list's element is. */
// @ts-ignore: decorator
@inline
export function elementLength(list: Bytes, at: u32): u32 {
  return load<u32>(pointerOf(list) + <usize>at * 8, 4);
}

/** The list with its elements in ASCII lower case. */
export function lowerCaseList(list: Bytes): Bytes {
  const copy = arenaAllocate(lengthOf(list));
  copyTo(copy, list);
  const from = <u32>(firstElement(list) - pointerOf(list));
  lowerTo(slice(list, from, lengthOf(list)), copy + from);
  return bytesOf(copy, lengthOf(list));
}

/**
 * A value as text: `true` and `false`, whole numbers in digits; everything else as it is. The host gives a boolean as a byte and a
 * number as 8 bytes, of which the first is NUL for whole numbers up to 2^45, and for no text that is anybody's claim.
 */
export function claimText(value: Bytes): Bytes {
  const length = lengthOf(value);
  if (length == 1 && byteAt(value, 0) < 2) return byteAt(value, 0) == 1 ? TRUE : FALSE;
  if (length != 8 || byteAt(value, 0) != 0) return value;
  const number = load<f64>(pointerOf(value));
  // NaN fails, too.
  if (!(abs(number) < 9007199254740992 && trunc(number) == number)) return value;
  const start = arenaAllocate(24);
  let digits = start;
  if (number < 0) store<u8>(digits++, 0x2d);
  return bytesOf(start, <u32>(decimalTo(digits, <u64>abs(number)) - start));
}

// @ts-ignore: decorator
@lazy const TRUE = literal("true");
// @ts-ignore: decorator
@lazy const FALSE = literal("false");

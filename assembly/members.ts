import { arenaAllocate, concatenate } from "./bytes/arena";
import {
  ABSENT,
  Bytes,
  bytesOf,
  copyTo,
  equals,
  indexOfByte,
  lengthOf,
  literal,
  slice,
  trim,
} from "./bytes/bytes";
import { decodesTo, RequestView } from "./request-view";

/**
 * Queries and cookies without one of their members, compared as `RequestView` finds them. For credentials which are not to reach the
 * upstream: all members of a name go, since a reader behind might take another one than the first.
 */

/** How many members the last of these functions has left out. */
export let leftOut: u32 = 0;

/** A query (RFC 3986 §3.4, without its `?`) without the parameters of this name, in the arena; {@link ABSENT} when none is left. */
export function withoutQueryParam(query: Bytes, name: Bytes): Bytes {
  return without(query, name, AMPERSAND);
}

/** The value of `cookie` (RFC 6265 §4.2.1) without the cookies of this name, in the arena; {@link ABSENT} when none is left. */
export function withoutCookie(cookies: Bytes, name: Bytes): Bytes {
  return without(cookies, name, SEMICOLON);
}

const AMPERSAND: u8 = 0x26;
const SEMICOLON: u8 = 0x3b;
const EQUAL: u8 = 0x3d;

function without(list: Bytes, name: Bytes, separator: u8): Bytes {
  leftOut = 0;
  const length = lengthOf(list);
  const room = arenaAllocate(length + 1);
  let top = room;
  for (let start: u32 = 0; start <= length;) {
    const next = indexOfByte(list, separator, start);
    const end: u32 = next < 0 ? length : next;
    const member = slice(list, start, end);
    if (isNamed(member, name, separator)) leftOut++;
    else {
      if (top != room) store<u8>(top++, separator);
      top += copyTo(top, member);
    }
    start = end + 1;
  }
  // White space stands around cookies alone: a query has none.
  const rest = trim(bytesOf(room, <u32>(top - room)));
  return lengthOf(rest) == 0 ? ABSENT : rest;
}

/** Parameters may do without a value, and their names are escaped; cookies may not, and theirs are not. */
function isNamed(member: Bytes, name: Bytes, separator: u8): bool {
  const equal = indexOfByte(member, EQUAL);
  if (separator == SEMICOLON) return equal > 0 && equals(trim(slice(member, 0, equal)), name);
  return decodesTo(equal < 0 ? member : slice(member, 0, equal), name);
}

/** How many query parameters of this name a request has. */
export function countQueryParams(request: RequestView, name: Bytes): u32 {
  withoutQueryParam(request.query(), name);
  return leftOut;
}

/** How many cookies of this name a request has. */
export function countCookies(request: RequestView, name: Bytes): u32 {
  withoutCookie(request.headers.get(COOKIE), name);
  return leftOut;
}

/** Takes all query parameters of this name out of a request; the others stay as they were written. Without one it changes nothing. */
export function removeQueryParam(request: RequestView, name: Bytes): void {
  const target = targetWithout(request, name);
  if (target != ABSENT) request.headers.set(PATH, target);
}

/** `:path` without the query parameters of this name; {@link ABSENT} when there are none. */
export function targetWithout(request: RequestView, name: Bytes): Bytes {
  const query = request.query();
  if (query == ABSENT) return ABSENT;
  const rest = withoutQueryParam(query, name);
  if (leftOut == 0) return ABSENT;
  const path = request.path();
  return rest == ABSENT ? path : concatenate(path, QUESTION_MARK, rest);
}

// @ts-ignore: decorator
@lazy export const PATH = literal(":path");
// @ts-ignore: decorator
@lazy const COOKIE = literal("cookie");
// @ts-ignore: decorator
@lazy const QUESTION_MARK = literal("?");

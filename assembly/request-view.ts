import { HeaderMapTypeValues } from "./abi/values";
import { arenaAllocate, lowerCase } from "./bytes/arena";
import {
  ABSENT,
  byteAt,
  Bytes,
  bytesOf,
  equals,
  hexDigit,
  indexOfByte,
  lastIndexOfByte,
  lengthOf,
  literal,
  pointerOf,
  slice,
  trim,
} from "./bytes/bytes";
import { HeaderView } from "./header-view";

/** A request as a filter sees it: its headers, read once, and what is derived from them. */
@final
export class RequestView {
  readonly headers: HeaderView = new HeaderView();
  /**
   * What the filter that is asked wants to know again when the response comes; 0 for nothing. It is kept by stream, and
   * gone when the stream ends. A filter that is asked again with an answer finds here what it left before.
   */
  note: u32 = 0;

  /**
   * Reads the request. False when there is none: outside a request's own callbacks the host answers with empty
   * maps, and a request without `:method` must never look like one that matches nothing.
   */
  load(): bool {
    return this.headers.load(HeaderMapTypeValues.RequestHeaders) && this.headers.has(METHOD);
  }

  method(): Bytes {
    return this.headers.get(METHOD);
  }

  /** The path without query, as Envoy normalised it by the listener's settings. */
  path(): Bytes {
    const target = this.headers.get(PATH);
    if (target == ABSENT) return ABSENT;
    const query = indexOfByte(target, 0x3f);
    return query < 0 ? target : slice(target, 0, query);
  }

  /** What follows the first `?`, raw; {@link ABSENT} without one. */
  query(): Bytes {
    const target = this.headers.get(PATH);
    if (target == ABSENT) return ABSENT;
    const mark = indexOfByte(target, 0x3f);
    return mark < 0 ? ABSENT : slice(target, mark + 1, lengthOf(target));
  }

  /** The host in lower case and without port; an IPv6 address keeps its brackets. */
  host(): Bytes {
    const authority = this.headers.get(AUTHORITY);
    return authority == ABSENT ? ABSENT : lowerCase(withoutPort(authority));
  }

  /**
   * The first value of a query parameter, percent-decoded once; so are the names compared. `+` stays `+`, as in
   * Envoy's `QueryParamsMulti`. {@link ABSENT} when it is not there. Linear in the length of the query.
   */
  queryParam(name: Bytes): Bytes {
    const query = this.query();
    if (query == ABSENT) return ABSENT;
    const length = lengthOf(query);
    let start: u32 = 0;
    while (start <= length) {
      const separator = indexOfByte(query, 0x26, start);
      const end: u32 = separator < 0 ? length : separator;
      const equal = indexOfByte(slice(query, 0, end), 0x3d, start);
      const nameEnd: u32 = equal < 0 ? end : equal;
      // A decoded name is at most as long as it was, and each escape makes it two shorter.
      if (nameEnd - start >= lengthOf(name) && decodesTo(slice(query, start, nameEnd), name)) {
        return percentDecode(slice(query, equal < 0 ? end : nameEnd + 1, end));
      }
      start = end + 1;
    }
    return ABSENT;
  }

  /** The first value of a cookie, raw; {@link ABSENT} when it is not there. Linear in the cookies' length. */
  cookie(name: Bytes): Bytes {
    const cookies = this.headers.get(COOKIE);
    if (cookies == ABSENT) return ABSENT;
    const length = lengthOf(cookies);
    let start: u32 = 0;
    while (start < length) {
      const separator = indexOfByte(cookies, 0x3b, start);
      const end: u32 = separator < 0 ? length : separator;
      const pair = trim(slice(cookies, start, end));
      const equal = indexOfByte(pair, 0x3d);
      if (equal > 0 && equals(trim(slice(pair, 0, equal)), name)) {
        return trim(slice(pair, equal + 1, lengthOf(pair)));
      }
      start = end + 1;
    }
    return ABSENT;
  }
}

// @ts-ignore: decorator
@lazy const METHOD = literal(":method");
// @ts-ignore: decorator
@lazy const PATH = literal(":path");
// @ts-ignore: decorator
@lazy const AUTHORITY = literal(":authority");
// @ts-ignore: decorator
@lazy const COOKIE = literal("cookie");

function withoutPort(authority: Bytes): Bytes {
  const colon = lastIndexOfByte(authority, 0x3a);
  if (colon < 0 || lastIndexOfByte(authority, 0x5d) > colon) return authority;
  // More than one colon without brackets is an IPv6 address, which has no port then.
  if (byteAt(authority, 0) != 0x5b && indexOfByte(authority, 0x3a) != colon) return authority;
  return slice(authority, 0, colon);
}

/** Whether `escaped`, percent-decoded once, is `plain`. */
export function decodesTo(escaped: Bytes, plain: Bytes): bool {
  const length = lengthOf(escaped);
  const wanted = lengthOf(plain);
  let at: u32 = 0;
  let matched: u32 = 0;
  while (at < length && matched < wanted) {
    const escape = escapeAt(escaped, at);
    if ((escape < 0 ? byteAt(escaped, at) : <u8>escape) != byteAt(plain, matched)) return false;
    at += escape < 0 ? 1 : ESCAPE;
    matched++;
  }
  return at == length && matched == wanted;
}

/** Percent-decodes once, in the arena; what is no escape stays as it is. */
export function percentDecode(escaped: Bytes): Bytes {
  const first = indexOfByte(escaped, 0x25);
  if (first < 0) return escaped;
  const length = lengthOf(escaped);
  const target = arenaAllocate(length);
  memory.copy(target, pointerOf(escaped), first);
  let end = target + first;
  for (let at: u32 = first; at < length;) {
    const escape = escapeAt(escaped, at);
    store<u8>(end++, escape < 0 ? byteAt(escaped, at) : <u8>escape);
    at += escape < 0 ? 1 : ESCAPE;
  }
  return bytesOf(target, <u32>(end - target));
}

/** Bytes of an escape: `%41`. */
export const ESCAPE: u32 = 3;

/** The byte that the escape at `at` stands for, or -1 where there is none. */
export function escapeAt(bytes: Bytes, at: u32): i32 {
  if (byteAt(bytes, at) != 0x25 || at + 2 >= lengthOf(bytes)) return -1;
  const high = hexDigit(byteAt(bytes, at + 1));
  const low = hexDigit(byteAt(bytes, at + 2));
  return high < 0 || low < 0 ? -1 : (high << 4) | low;
}

import {
  ABSENT,
  byteAt,
  Bytes,
  equals,
  indexOf,
  indexOfByte,
  lengthOf,
  literal,
  slice,
} from "../../../assembly/bytes/bytes";
import {
  countCookies,
  countQueryParams,
  PATH,
  removeQueryParam,
  targetWithout,
} from "../../../assembly/members";
import { RequestView } from "../../../assembly/request-view";
import { JwtProblem } from "./problem";

/** What kind of place a token comes from. */
export enum PlaceKind {
  Header,
  QueryParam,
  Cookie,
}

/** A header, query parameter or cookie that may hold tokens; one for all rules that look there. */
@final
export class TokenPlace {
  /**
   * Its token was verified by a rule that does not forward it: nobody sees it any more, neither the rules behind nor, if the request goes on,
   * the upstream.
   */
  used: bool = false;

  constructor(
    readonly kind: PlaceKind,
    /** Of a header in lower case. */
    readonly name: Bytes,
  ) {}

  /**
   * Takes all that stands there out of the request. Cookies stay, as with Envoy, which leaves them: an application that reads its session from
   * the cookie would otherwise lose it. Of the query the other parameters stay as they were written; Envoy decodes and sorts them
   * (`QueryParamsMulti::replaceQueryString`), so that an `&` that was escaped in a value would begin another parameter.
   */
  remove(request: RequestView): void {
    if (this.kind == PlaceKind.Header) request.headers.remove(this.name);
    else if (this.kind == PlaceKind.QueryParam) removeQueryParam(request, this.name);
  }

  /** The same for who looks through the view alone. */
  pretendRemoved(request: RequestView): void {
    const headers = request.headers;
    if (this.kind == PlaceKind.Header) headers.pretend(this.name, ABSENT);
    else if (this.kind == PlaceKind.QueryParam) {
      const target = targetWithout(request, this.name);
      if (target != ABSENT) headers.pretend(PATH, target);
    }
  }
}

/** A place where rules look, and what stands before the token there; one for all rules that look there for the same. */
@final
export class TokenLocation {
  /** There is more than one; of headers as far as can be seen: values arrive joined with a comma, which no token has. */
  isRepeated: bool = false;
  /** The token of the request at hand, and whether it was looked for. */
  private found: Bytes = ABSENT;
  private isSought: bool = false;
  /** That token was taken apart, and what was found: for rules that it cannot concern, that is all. */
  isParsed: bool = false;
  problem: JwtProblem = JwtProblem.None;
  issuer: Bytes = ABSENT;

  constructor(
    readonly place: TokenPlace,
    /** Of headers only; no bytes for none. */
    readonly prefix: Bytes,
  ) {}

  /** Before the first rule looks at a request. */
  begin(): void {
    this.place.used = false;
    this.isSought = false;
    this.isParsed = false;
  }

  /**
   * The token; {@link ABSENT} where there is none. It may be anything, and empty. It is looked for once for all rules: that takes time, and memory
   * where it has to be decoded.
   */
  find(request: RequestView): Bytes {
    if (this.place.used) return ABSENT;
    if (this.isSought) return this.found;
    this.isSought = true;
    this.isRepeated = false;
    this.found = this.place.kind == PlaceKind.Header ? this.inHeader(request) : this.inList(request);
    return this.found;
  }

  private inHeader(request: RequestView): Bytes {
    const value = request.headers.get(this.place.name);
    if (value == ABSENT) return ABSENT;
    const length = lengthOf(this.prefix);
    const at = length == 0 ? 0 : indexOf(value, this.prefix);
    if (at < 0) return ABSENT;
    this.isRepeated = indexOfByte(value, 0x2c) >= 0;
    return length == 0 ? value : behindPrefix(value, <u32>at + length);
  }

  /** Among query parameters or cookies. */
  private inList(request: RequestView): Bytes {
    const name = this.place.name;
    const isCookie = this.place.kind == PlaceKind.Cookie;
    const value = isCookie ? cookieValue(request.headers.get(COOKIE), name) : request.queryParam(name);
    if (value == ABSENT) return ABSENT;
    this.isRepeated = (isCookie ? countCookies(request, name) : countQueryParams(request, name)) > 1;
    return value;
  }
}

/**
 * What a header has of a token: the prefix may stand anywhere in it, and whatever cannot be in a token is passed over behind it. Where nothing
 * is left, the whole value counts, which is then no token (Envoy `ExtractorImpl::extractJWT`).
 */
function behindPrefix(value: Bytes, from: u32): Bytes {
  const length = lengthOf(value);
  for (let at = from; at < length; at++)
    if (isTokenCharacter(byteAt(value, at))) return slice(value, at, length);
  return value;
}

/** Of base64url (RFC 4648 §5), and the dot. */
function isTokenCharacter(byte: u8): bool {
  return (
    <u32>((byte | 0x20) - 0x61) < 26 ||
    <u32>(byte - 0x30) < 10 ||
    byte == 0x2d ||
    byte == 0x2e ||
    byte == 0x5f
  );
}

/**
 * The first cookie of this name, without double quotes around it (Envoy `forEachCookie` in `source/common/http/utility.cc`): spaces in front of
 * the name do not count, those behind it and around the value do. {@link ABSENT} when it is not there.
 */
function cookieValue(cookies: Bytes, name: Bytes): Bytes {
  if (cookies == ABSENT) return ABSENT;
  const length = lengthOf(cookies);
  let start: u32 = 0;
  while (start < length) {
    const separator = indexOfByte(cookies, 0x3b, start);
    const end: u32 = separator < 0 ? length : separator;
    while (start < end && byteAt(cookies, start) == 0x20) start++;
    const pair = slice(cookies, start, end);
    const equal = indexOfByte(pair, 0x3d);
    if (equal >= 0 && equals(slice(pair, 0, equal), name))
      return unquoted(slice(pair, equal + 1, lengthOf(pair)));
    start = end + 1;
  }
  return ABSENT;
}

function unquoted(value: Bytes): Bytes {
  const length = lengthOf(value);
  const isQuoted: bool = length >= 2 && byteAt(value, 0) == 0x22 && byteAt(value, length - 1) == 0x22;
  return isQuoted ? slice(value, 1, length - 1) : value;
}

// @ts-ignore: decorator
@lazy const COOKIE = literal("cookie");

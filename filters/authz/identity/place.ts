import { ABSENT, Bytes, indexOfByte, lengthOf, literal } from "../../../assembly/bytes/bytes";
import { ConfigReader } from "../../../assembly/json/config-reader";
import { JsonKind, JsonNode } from "../../../assembly/json/node";
import { positionAmong } from "../../../assembly/json/words";
import {
  countCookies,
  countQueryParams,
  leftOut,
  removeQueryParam,
  withoutCookie,
} from "../../../assembly/members";
import { RequestView } from "../../../assembly/request-view";

/** Where in a request a key may stand: `{header: x-api-key}`, `{queryParam: key}` or `{cookie: key}`. */
export abstract class Place {
  constructor(readonly name: Bytes) {}

  /** What stands there: the first of several, in the arena; {@link ABSENT} for nothing. */
  abstract find(request: RequestView): Bytes;

  /** Whether it stands there more than once, where {@link find} has found something: a reader behind may take another one. */
  abstract isRepeated(request: RequestView): bool;

  /** Takes all that stands there out of the request. */
  abstract remove(request: RequestView): void;
}


@final
class HeaderPlace extends Place {
  find(request: RequestView): Bytes {
    return request.headers.get(this.name);
  }

  /** Values that came apart arrive joined with a comma, which therefore stands in no key. */
  isRepeated(request: RequestView): bool {
    return indexOfByte(request.headers.get(this.name), 0x2c) >= 0;
  }

  remove(request: RequestView): void {
    request.headers.remove(this.name);
  }
}


@final
class QueryParamPlace extends Place {
  find(request: RequestView): Bytes {
    return request.queryParam(this.name);
  }

  isRepeated(request: RequestView): bool {
    return countQueryParams(request, this.name) > 1;
  }

  remove(request: RequestView): void {
    removeQueryParam(request, this.name);
  }
}


@final
class CookiePlace extends Place {
  find(request: RequestView): Bytes {
    return request.cookie(this.name);
  }

  isRepeated(request: RequestView): bool {
    return countCookies(request, this.name) > 1;
  }

  remove(request: RequestView): void {
    const cookies = request.headers.get(COOKIE);
    if (cookies == ABSENT) return;
    const rest = withoutCookie(cookies, this.name);
    if (leftOut == 0) return;
    if (rest == ABSENT) request.headers.remove(COOKIE);
    else request.headers.set(COOKIE, rest);
  }
}

// @ts-ignore: decorator
@lazy const COOKIE = literal("cookie");

const EXPECTED = "one of {header: x-api-key}, {queryParam: key} or {cookie: key}";
/** Headers which have another meaning: a key found there could not be told from it, nor be removed without it. */
const RESERVED =
  "authorization cookie host connection content-length transfer-encoding te trailer upgrade keep-alive content-type";

/** Reads one place; null where it is wrong. */
export function readPlace(reader: ConfigReader, node: JsonNode): Place | null {
  const member = node.kind == JsonKind.Object && node.count == 1 ? node.first : null;
  const kind = member == null ? -1 : positionAmong(member.name, "header queryParam cookie");
  if (member == null || kind < 0) {
    reader.unexpected(node, EXPECTED);
    return null;
  }
  if (kind == 0) {
    const name = reader.headerName(member);
    if (name == ABSENT) return null;
    if (positionAmong(name, RESERVED) < 0) return new HeaderPlace(name);
    reader.problem(member, "a header with another meaning; expected one for the key alone, like x-api-key");
    return null;
  }
  const name = member.kind == JsonKind.String ? member.text : ABSENT;
  if (kind == 1) {
    if (lengthOf(name) > 0) return new QueryParamPlace(reader.keeper.keep(name));
    reader.unexpected(member, "the name of a query parameter");
    return null;
  }
  const cookie = reader.tokenOf(name);
  if (cookie != ABSENT) return new CookiePlace(cookie);
  reader.unexpected(member, "the name of a cookie");
  return null;
}

import { arenaAllocate } from "../../../assembly/bytes/arena";
import {
  ABSENT,
  Bytes,
  bytesOf,
  byteAt,
  copyTo,
  lengthOf,
  literal,
  slice,
} from "../../../assembly/bytes/bytes";
import { Keeper } from "../../../assembly/bytes/keeper";
import { reply } from "../../../assembly/filter";
import { pairs } from "../../../assembly/host/pairs";
import { RequestView } from "../../../assembly/request-view";
import { Rejection } from "../identity";

/** Of the path in the challenge, query included, in bytes (`MaximumUriLength` of Envoy's `jwt_authn/filter.cc`). */
const MOST_PATH: u32 = 256;

/** A token is refused as Envoy's jwt_authn refuses it: status, text, and the challenge of RFC 6750 §3 with the request's URI as realm. */
@final
export class JwtRejection extends Rejection {
  private readonly body: Bytes;

  constructor(
    keeper: Keeper,
    kind: string,
    body: string,
    private readonly status: u32 = 401,
  ) {
    super(keeper, kind);
    this.body = keeper.keepText(body);
  }

  toReply(request: RequestView): void {
    reply.status = this.status;
    reply.body = this.body;
    reply.headers = pairs.begin().add(WWW_AUTHENTICATE, challenge(request)).finish();
  }
}

/** `Bearer realm="http://host/path?query", error="invalid_token"`. */
function challenge(request: RequestView): Bytes {
  const headers = request.headers;
  const scheme = headers.get(SCHEME);
  const authority = headers.get(AUTHORITY);
  const original = headers.get(ORIGINAL_PATH);
  const whole = original == ABSENT ? headers.get(PATH) : original;
  const path = slice(whole, 0, min(lengthOf(whole), MOST_PATH));
  // Each byte may become an escape.
  const room = 3 * (lengthOf(scheme) + lengthOf(authority) + lengthOf(path));
  const start = arenaAllocate(lengthOf(REALM) + room + lengthOf(COLON) + lengthOf(INVALID));
  let top = start + copyTo(start, REALM);
  top = quotedTo(top, scheme);
  top += copyTo(top, COLON);
  top = quotedTo(top, authority);
  top = quotedTo(top, path);
  top += copyTo(top, INVALID);
  return bytesOf(start, <u32>(top - start));
}

/** Writes what a client sent into a quoted string, which it must not be able to end: Envoy writes it as it came. */
function quotedTo(target: usize, text: Bytes): usize {
  for (let at: u32 = 0; at < lengthOf(text); at++) {
    const byte = byteAt(text, at);
    if (byte == 0x22 || byte == 0x5c) {
      // `%22` and `%5C`.
      store<u8>(target++, 0x25);
      store<u16>(target, byte == 0x22 ? 0x3232 : 0x4335);
      target += 2;
    } else store<u8>(target++, byte);
  }
  return target;
}

// @ts-ignore: decorator
@lazy const WWW_AUTHENTICATE = literal("www-authenticate");
// @ts-ignore: decorator
@lazy const REALM = literal('Bearer realm="');
// @ts-ignore: decorator
@lazy const COLON = literal("://");
// @ts-ignore: decorator
@lazy const INVALID = literal('", error="invalid_token"');
// @ts-ignore: decorator
@lazy const SCHEME = literal(":scheme");
// @ts-ignore: decorator
@lazy const AUTHORITY = literal(":authority");
// @ts-ignore: decorator
@lazy const PATH = literal(":path");
// @ts-ignore: decorator
@lazy const ORIGINAL_PATH = literal("x-envoy-original-path");

import { ByteMap } from "../../../assembly/bytes/byte-map";
import { byteAt, Bytes, equals, lengthOf, literal, slice } from "../../../assembly/bytes/bytes";
import { isTokenByte } from "../../../assembly/bytes/token";
import { isHeaderValue } from "../../../assembly/configured-reply";
import { Change } from "./change";

/**
 * Which changes that a service asks for are taken. Envoy takes all (`validate_mutations` is off, and istiod leaves it so), and what is no
 * header then breaks the message or the proxy. Here what cannot be a header, or says how a message is framed, is left out; what is left
 * means the same as there.
 */
export function isTaken(kind: Change, name: Bytes, value: Bytes): bool {
  switch (kind) {
    case Change.Set:
      return isHeaderValue(value) && (isPlain(name) || isPseudo(name, value));
    case Change.Remove:
      // As Envoy's `isRemovableHeader`: what a request cannot be without stays.
      return isToken(name) && !equals(name, HOST);
    case Change.SetQuery:
      return lengthOf(name) > 0 && isQueryText(name, true) && isQueryText(value, false);
    case Change.RemoveQuery:
      return lengthOf(name) > 0;
    default:
      return isPlain(name) && isHeaderValue(value);
  }
}

/** A header that has nothing to do with how messages are framed. Names are in lower case. */
function isPlain(name: Bytes): bool {
  return isToken(name) && !reserved.has(name);
}

/** The parts of a request's target that a service may change, with a value that a request can have. `host` is `:authority` for Envoy. */
function isPseudo(name: Bytes, value: Bytes): bool {
  if (lengthOf(value) == 0 || !isVisible(value)) return false;
  if (equals(name, PATH)) return byteAt(value, 0) == 0x2f;
  if (equals(name, METHOD)) return isToken(value) && !equals(value, CONNECT);
  return equals(name, AUTHORITY) || equals(name, HOST);
}

function isToken(name: Bytes): bool {
  const length = lengthOf(name);
  if (length == 0 || length > 255) return false;
  for (let at: u32 = 0; at < length; at++) if (!isTokenByte(byteAt(name, at))) return false;
  return true;
}

function isVisible(value: Bytes): bool {
  for (let at: u32 = 0; at < lengthOf(value); at++) if (byteAt(value, at) - 0x21 > 0x5d) return false;
  return true;
}

/** What can stand in a query as the name (`isName`) or the value of one parameter, as it is: nobody encodes it. */
function isQueryText(text: Bytes, isName: bool): bool {
  if (!isVisible(text)) return false;
  for (let at: u32 = 0; at < lengthOf(text); at++) {
    const byte = byteAt(text, at);
    if (byte == 0x23 || byte == 0x26 || (isName && byte == 0x3d)) return false;
  }
  return true;
}

// @ts-ignore: decorator
@lazy const HOST = literal("host");
// @ts-ignore: decorator
@lazy const PATH = literal(":path");
// @ts-ignore: decorator
@lazy const METHOD = literal(":method");
// @ts-ignore: decorator
@lazy const AUTHORITY = literal(":authority");
// @ts-ignore: decorator
@lazy const CONNECT = literal("CONNECT");

/** Names that say how a message is to be read. */
// @ts-ignore: decorator
@lazy
const RESERVED = literal(
  "host content-length transfer-encoding connection te trailer upgrade keep-alive proxy-connection grpc-status grpc-message",
);
// @ts-ignore: decorator
@lazy const reserved = setOf(RESERVED);

/** The words as keys: to look for one in a text would make the text anew each time. */
function setOf(words: Bytes): ByteMap {
  const set = new ByteMap();
  let start: u32 = 0;
  for (let at: u32 = 0; at <= lengthOf(words); at++) {
    if (at < lengthOf(words) && byteAt(words, at) != 0x20) continue;
    set.set(slice(words, start, at), 0);
    start = at + 1;
  }
  return set;
}

import {
  ABSENT,
  byteAt,
  byteString,
  Bytes,
  indexOfByte,
  lengthOf,
  slice,
} from "../../../assembly/bytes/bytes";
import { Keeper } from "../../../assembly/bytes/keeper";
import { isWord } from "../../../assembly/json/words";

/** The longest URL, in bytes. */
const LONGEST: u32 = 2048;

/** Where a key set is: an absolute URL of HTTP (RFC 9110 §4.2), without user and fragment. */
@final
export class JwksUri {
  /** In lower case, an IPv6 address with its brackets. */
  host: Bytes = ABSENT;
  /** That of the scheme where none is given. */
  port: u32 = 0;
  /** Host and port as a request names them: the port only where the URL has one. */
  authority: Bytes = ABSENT;
  /** With the query. */
  path: Bytes = ABSENT;

  /** The cluster that Istio makes for this host and port. */
  get cluster(): string {
    return "outbound|" + this.port.toString() + "||" + byteString(this.host);
  }

  /** Host and path, for messages: a query may be secret. */
  get shown(): string {
    const query = indexOfByte(this.path, 0x3f);
    const path = query < 0 ? this.path : slice(this.path, 0, query);
    return byteString(this.authority) + byteString(path);
  }
}

const EXPECTED = "expected a URL like https://issuer.example/jwks.json, without user and fragment";

/** Why {@link parseJwksUri} has refused a text. It does not show it: users and queries of URLs may be secret. */
export let jwksUriProblem: string = "";

/** Reads a URL; null, and {@link jwksUriProblem}, where it is none that a key set can be fetched from. What it says is copied to the keeper. */
export function parseJwksUri(text: Bytes, keeper: Keeper): JwksUri | null {
  jwksUriProblem = EXPECTED;
  const length = lengthOf(text);
  if (length > LONGEST) return null;
  for (let at: u32 = 0; at < length; at++) {
    const byte = byteAt(text, at);
    // Neither is there a fragment, which no request carries.
    if (byte <= 0x20 || byte >= 0x7f || byte == 0x23 || byte == 0x5c) return null;
  }
  const colon = indexOfByte(text, 0x3a);
  if (
    colon < 0 ||
    length < <u32>colon + 3 ||
    byteAt(text, colon + 1) != 0x2f ||
    byteAt(text, colon + 2) != 0x2f
  )
    return null;
  const scheme = keeper.keepLowerCase(slice(text, 0, colon));
  const isSecure = isWord(scheme, "https");
  if (!isSecure && !isWord(scheme, "http")) return null;
  const start = <u32>colon + 3;
  let end = start;
  while (end < length && byteAt(text, end) != 0x2f && byteAt(text, end) != 0x3f) end++;
  const authority = keeper.keepLowerCase(slice(text, start, end));
  // A user, perhaps with a password, which looks like a port.
  if (indexOfByte(authority, 0x40) >= 0) return null;

  const uri = new JwksUri();
  const hostEnd = endOfHost(authority);
  if (hostEnd == 0) return null;
  uri.host = slice(authority, 0, hostEnd);
  uri.authority = authority;
  uri.port = isSecure ? 443 : 80;
  if (hostEnd < lengthOf(authority)) {
    uri.port = portIn(slice(authority, hostEnd + 1, lengthOf(authority)));
    if (uri.port == 0) {
      jwksUriProblem = "expected a port from 1 to 65535 behind the host";
      return null;
    }
  }
  const path = slice(text, end, length);
  const isRooted: bool = lengthOf(path) > 0 && byteAt(path, 0) == 0x2f;
  uri.path = isRooted ? keeper.keep(path) : keeper.keepText("/" + byteString(path));
  return uri;
}

/** Where the host ends, at the end or at a colon; 0 where it is none: a name, an IPv4 address, an IPv6 address in brackets. */
function endOfHost(authority: Bytes): u32 {
  const length = lengthOf(authority);
  let at: u32 = 0;
  if (length > 0 && byteAt(authority, 0) == 0x5b) {
    const closing = indexOfByte(authority, 0x5d);
    if (closing < 3) return 0;
    for (at = 1; at < <u32>closing; at++) if (!isAddressByte(byteAt(authority, at))) return 0;
    at = <u32>closing + 1;
  } else {
    while (at < length && isNameByte(byteAt(authority, at))) at++;
  }
  return at > 255 || (at < length && byteAt(authority, at) != 0x3a) ? 0 : at;
}

/** Of a host's name, in lower case: RFC 952 as RFC 1123 has it, and the underscore that clusters use. */
function isNameByte(byte: u8): bool {
  return <u32>(byte - 0x61) < 26 || <u32>(byte - 0x30) < 10 || byte == 0x2d || byte == 0x2e || byte == 0x5f;
}

function isAddressByte(byte: u8): bool {
  return <u32>(byte - 0x61) < 6 || <u32>(byte - 0x30) < 10 || byte == 0x3a || byte == 0x2e;
}

/** 0 where it is no port. */
function portIn(digits: Bytes): u32 {
  const length = lengthOf(digits);
  if (length == 0 || length > 5) return 0;
  let port: u32 = 0;
  for (let at: u32 = 0; at < length; at++) {
    const digit = <u32>byteAt(digits, at) - 0x30;
    if (digit > 9) return 0;
    port = port * 10 + digit;
  }
  return port <= 65535 ? port : 0;
}

import { byteString, Bytes, literal, startsWith } from "../../assembly/bytes/bytes";
import { decimalText } from "../../assembly/bytes/decimal";
import { ConfigReader } from "../../assembly/json/config-reader";
import { readDuration } from "../../assembly/json/duration";
import { JsonKind, JsonNode } from "../../assembly/json/node";
import { isPathValue } from "./text";

/** The longest life of a cookie: what browsers keep it for at most (RFC 6265bis §5.5: 400 days), in milliseconds. */
const MAX_TTL: f64 = 400 * 24 * 3600000;

/** The cookie by which a client keeps the variant that was chosen for it. */
@final
export class Sticky {
  constructor(
    readonly name: Bytes,
    /** What follows the value: `; Max-Age=3600; Path=/`. */
    private readonly attributes: string,
  ) {}

  /** The value of `set-cookie` (RFC 6265 §4.1). */
  setCookie(variant: string): string {
    return byteString(this.name) + "=" + variant + this.attributes;
  }

  /** Reads `{cookie: {name, ttl, path, secure, httpOnly, sameSite}}`. Null where it is wrong. */
  static read(reader: ConfigReader, object: JsonNode): Sticky | null {
    if (!reader.object(object, "cookie")) return null;
    const cookie = reader.required(object, "cookie", "an object with the cookie's name");
    if (cookie == null || !reader.object(cookie, "name ttl path secure httpOnly sameSite")) return null;
    const nameNode = reader.required(cookie, "name", "the name of a cookie");
    if (nameNode == null) return null;
    const name = nameNode.kind == JsonKind.String ? reader.tokenOf(nameNode.text) : 0;
    if (name == 0) reader.unexpected(nameNode, "the name of a cookie");
    let attributes = "";
    const ttl = reader.member(cookie, "ttl");
    if (ttl != null) {
      const milliseconds = readDuration(reader, ttl, 1000, MAX_TTL, "1h (1s to 9600h)");
      if (!isNaN(milliseconds)) attributes += "; Max-Age=" + decimalText(<i32>(milliseconds / 1000));
    }
    const path = readPath(reader, cookie);
    attributes += "; Path=" + path;
    const secure = reader.boolean(cookie, "secure", false);
    if (secure) attributes += "; Secure";
    if (reader.boolean(cookie, "httpOnly", false)) attributes += "; HttpOnly";
    const sameSite = reader.member(cookie, "sameSite");
    if (sameSite != null) {
      const choice = reader.choice(cookie, "sameSite", "Strict Lax None", -1);
      if (choice >= 0) attributes += "; SameSite=" + byteString(sameSite.text);
      if (choice == 2 && !secure) reader.problem(sameSite, "browsers drop it without `secure: true`");
    }
    // RFC 6265bis §5.7, whatever their case: here in lower case.
    const folded = reader.headerNameOf(name);
    const isHost = startsWith(folded, HOST);
    if (!secure && (isHost || startsWith(folded, SECURE))) {
      reader.problem(nameNode, "browsers drop it without `secure: true`");
    } else if (isHost && path.length > 1) reader.problem(nameNode, "browsers drop it with a path");
    return new Sticky(name, attributes);
  }
}

// @ts-ignore: decorator
@lazy const HOST = literal("__host-");
// @ts-ignore: decorator
@lazy const SECURE = literal("__secure-");

function readPath(reader: ConfigReader, cookie: JsonNode): string {
  const node = reader.member(cookie, "path");
  if (node == null) return "/";
  if (node.kind == JsonKind.String && isPathValue(node.text)) return byteString(node.text);
  reader.unexpected(node, "a path that begins with / and has no semicolon");
  return "/";
}

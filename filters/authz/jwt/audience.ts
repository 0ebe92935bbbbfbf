import {
  Bytes,
  bytesOf,
  endsWith,
  equals,
  lengthOf,
  literal,
  pointerOf,
  slice,
  startsWith,
} from "../../../assembly/bytes/bytes";
import { JsonKind, JsonNode } from "../../../assembly/json/node";

/**
 * The audience as it is compared, in the configuration and in tokens: without `http://` or `https://` in front and without one `/` at the end
 * (Envoy `source/common/jwt/check_audience.cc`).
 */
export function comparedAudience(audience: Bytes): Bytes {
  let rest = audience;
  if (startsWith(rest, HTTP)) rest = slice(rest, lengthOf(HTTP), lengthOf(rest));
  else if (startsWith(rest, HTTPS)) rest = slice(rest, lengthOf(HTTPS), lengthOf(rest));
  return endsWith(rest, SLASH) ? bytesOf(pointerOf(rest), lengthOf(rest) - 1) : rest;
}

/** Whether the claim `aud`, a string or a list of strings, has one of `allowed`, which are as {@link comparedAudience} makes them. */
export function hasAudience(claim: JsonNode | null, allowed: StaticArray<Bytes>): bool {
  if (claim == null) return false;
  if (claim.kind == JsonKind.String) return isAmong(claim.text, allowed);
  let item = claim.first;
  while (item != null) {
    if (isAmong(item.text, allowed)) return true;
    item = item.next;
  }
  return false;
}

function isAmong(audience: Bytes, allowed: StaticArray<Bytes>): bool {
  const compared = comparedAudience(audience);
  for (let at = 0; at < allowed.length; at++) if (equals(unchecked(allowed[at]), compared)) return true;
  return false;
}

// @ts-ignore: decorator
@lazy const HTTP = literal("http://");
// @ts-ignore: decorator
@lazy const HTTPS = literal("https://");
// @ts-ignore: decorator
@lazy const SLASH = literal("/");

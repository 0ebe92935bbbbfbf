import { ABSENT, byteAt, Bytes, lengthOf, slice } from "../bytes/bytes";
import { ConfigReader } from "../json/config-reader";
import { isWord } from "../json/words";
import { Attribute } from "./attribute";
import { BaggageAttribute, CookieAttribute, HeaderAttribute, QueryParamAttribute } from "./attributes";

/** The attributes that have names, as matches and keys make them; null for a name that none can have. */

export function headerAttribute(reader: ConfigReader, name: Bytes): Attribute | null {
  const pseudo = lengthOf(name) > 1 && byteAt(name, 0) == 0x3a;
  const kept = reader.headerNameOf(pseudo ? slice(name, 1, lengthOf(name)) : name);
  if (kept == ABSENT) return null;
  if (pseudo) return new HeaderAttribute(reader.keeper.keepLowerCase(name));
  // Envoy turns `Host` into the pseudo-header that it is in HTTP/2.
  return new HeaderAttribute(isWord(kept, "host") ? reader.keeper.keepText(":authority") : kept);
}

export function queryParamAttribute(reader: ConfigReader, name: Bytes): Attribute | null {
  return lengthOf(name) == 0 ? null : new QueryParamAttribute(reader.keeper.keep(name));
}

export function cookieAttribute(reader: ConfigReader, name: Bytes): Attribute | null {
  return lengthOf(name) == 0 ? null : new CookieAttribute(reader.keeper.keep(name));
}

export function baggageAttribute(reader: ConfigReader, name: Bytes): Attribute | null {
  const kept = reader.tokenOf(name);
  return kept == ABSENT ? null : new BaggageAttribute(kept);
}

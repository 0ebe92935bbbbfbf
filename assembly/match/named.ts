import { ABSENT, byteAt, Bytes, lengthOf, slice } from "../bytes/bytes";
import { claimPath } from "../claims";
import { ConfigReader } from "../json/config-reader";
import { isWord } from "../json/words";
import { Attribute } from "./attribute";
import { BaggageAttribute, CookieAttribute, HeaderAttribute, QueryParamAttribute } from "./attributes";
import { ClaimAttribute } from "./claims";

/** The kinds of attribute that have a name of their own, in matches and keys. */
export enum Named {
  Header,
  QueryParam,
  Cookie,
  Baggage,
  Claim,
}

/** The attribute for a name; null for one that none can have: see {@link nameOf}. */
export function namedAttribute(reader: ConfigReader, kind: Named, name: Bytes): Attribute | null {
  const keeper = reader.keeper;
  switch (kind) {
    case Named.Header:
      return headerAttribute(reader, name);
    case Named.QueryParam:
      return lengthOf(name) == 0 ? null : new QueryParamAttribute(keeper.keep(name));
    case Named.Cookie:
      return lengthOf(name) == 0 ? null : new CookieAttribute(keeper.keep(name));
    case Named.Baggage: {
      const kept = reader.tokenOf(name);
      return kept == ABSENT ? null : new BaggageAttribute(kept);
    }
    default: {
      const path = claimPath(name);
      return path == ABSENT ? null : new ClaimAttribute(keeper.keep(path));
    }
  }
}

/** What a name of this kind is, for messages. */
export function nameOf(kind: Named): string {
  switch (kind) {
    case Named.Header:
      return "the name of a header";
    case Named.QueryParam:
      return "the name of a query parameter";
    case Named.Cookie:
      return "the name of a cookie";
    case Named.Baggage:
      return "the name of a baggage member";
    default:
      return "a claim, like groups, realm.roles or [https://example.com/role]";
  }
}

function headerAttribute(reader: ConfigReader, name: Bytes): Attribute | null {
  const pseudo = lengthOf(name) > 1 && byteAt(name, 0) == 0x3a;
  const kept = reader.headerNameOf(pseudo ? slice(name, 1, lengthOf(name)) : name);
  if (kept == ABSENT) return null;
  if (pseudo) return new HeaderAttribute(reader.keeper.keepLowerCase(name));
  // Envoy turns `Host` into the pseudo-header that it is in HTTP/2.
  return new HeaderAttribute(isWord(kept, "host") ? reader.keeper.keepText(":authority") : kept);
}

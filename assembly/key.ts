import { arenaAllocate } from "./bytes/arena";
import { ABSENT, Bytes, bytesOf, copyTo, indexOfByte, lengthOf } from "./bytes/bytes";
import { ConfigReader } from "./json/config-reader";
import { alternatives, positionAmong } from "./json/words";
import { JsonKind, JsonNode } from "./json/node";
import { readAddressKey } from "./match/address";
import { Attribute, internAttribute } from "./match/attribute";
import {
  ConstantAttribute,
  HostAttribute,
  MethodAttribute,
  PathSegmentsAttribute,
  RouteNameAttribute,
} from "./match/attributes";
import { CLAIM_NAMES, claimAttribute } from "./match/claims";
import { baggageAttribute, cookieAttribute, headerAttribute, queryParamAttribute } from "./match/named";
import { PrincipalAttribute } from "./match/principal";
import { RequestView } from "./request-view";

/** What requests are counted or hashed by: one or several attributes, all of which must be there. */
@final
export class Key {
  constructor(private readonly parts: StaticArray<Attribute>) {}

  /**
   * The values, joined by NUL where they are several; {@link ABSENT} when one is missing. A value in which a NUL stands (which
   * only an escape can bring) counts as missing, so that different values never make the same key.
   */
  read(request: RequestView): Bytes {
    const parts = this.parts;
    const first = part(unchecked(parts[0]), request);
    const count = parts.length;
    if (count == 1 || first == ABSENT) return first;
    let size = lengthOf(first);
    for (let at = 1; at < count; at++) {
      const value = part(unchecked(parts[at]), request);
      if (value == ABSENT) return ABSENT;
      size += lengthOf(value) + 1;
    }
    const joined = arenaAllocate(size);
    let top = joined + copyTo(joined, first);
    for (let at = 1; at < count; at++) {
      store<u8>(top++, 0);
      top += copyTo(top, part(unchecked(parts[at]), request));
    }
    return bytesOf(joined, size);
  }
}

function part(attribute: Attribute, request: RequestView): Bytes {
  const value = attribute.read(request);
  return value == ABSENT || indexOfByte(value, 0) >= 0 ? ABSENT : value;
}

/** All kinds of part: another one is a word here and its case in {@link partOf}, and its part of the schema. */
const KINDS =
  "header cookie queryParam claim baggage remoteAddress principal method path host routeName constant";

/** Reads a key: a list of one-field objects. Null where it is wrong. */
export function readKey(reader: ConfigReader, list: JsonNode): Key | null {
  if (list.kind != JsonKind.Array || list.count == 0) {
    reader.unexpected(list, "a list of at least one part, like {header: x-user-id}");
    return null;
  }
  const parts: Attribute[] = [];
  let item = list.first;
  while (item != null) {
    const attribute = readPart(reader, item);
    if (attribute != null) parts.push(internAttribute(reader, attribute));
    item = item.next;
  }
  return parts.length == <i32>list.count ? new Key(StaticArray.fromArray(parts)) : null;
}

function readPart(reader: ConfigReader, item: JsonNode): Attribute | null {
  const value = item.first;
  if (item.kind != JsonKind.Object || value == null || item.count != 1) {
    reader.problem(item, "expected exactly one of " + alternatives(KINDS));
    return null;
  }
  const kind = positionAmong(value.name, KINDS);
  if (kind < 0) {
    reader.problem(value, "unknown field; expected " + alternatives(KINDS));
    return null;
  }
  // These tell themselves what is wrong with them.
  if (kind == 5) return readAddressKey(reader, value);
  if (kind == 8) return readPath(reader, value);
  const isNamed = value.kind == JsonKind.String;
  const isPlain = value.kind == JsonKind.Object && value.count == 0;
  const attribute = isNamed ? namedPart(reader, kind, value.text) : isPlain ? plainPart(kind) : null;
  if (attribute == null) reader.unexpected(value, expectedOf(kind));
  return attribute;
}

function namedPart(reader: ConfigReader, kind: i32, name: Bytes): Attribute | null {
  switch (kind) {
    case 0:
      return headerAttribute(reader, name);
    case 1:
      return cookieAttribute(reader, name);
    case 2:
      return queryParamAttribute(reader, name);
    case 3:
      return claimAttribute(reader, name);
    case 4:
      return baggageAttribute(reader, name);
    case 11:
      return new ConstantAttribute(reader.keeper.keep(name));
    default:
      return null;
  }
}

/** A part that needs no name: `{principal: {}}`. */
function plainPart(kind: i32): Attribute | null {
  switch (kind) {
    case 6:
      return new PrincipalAttribute(ABSENT);
    case 7:
      return new MethodAttribute(ABSENT);
    case 9:
      return new HostAttribute(ABSENT);
    case 10:
      return new RouteNameAttribute(ABSENT);
    default:
      return null;
  }
}

/** What stands behind the field. */
function expectedOf(kind: i32): string {
  switch (kind) {
    case 0:
      return "the name of a header";
    case 1:
      return "the name of a cookie";
    case 2:
      return "the name of a query parameter";
    case 3:
      return CLAIM_NAMES;
    case 4:
      return "the name of a baggage member";
    case 11:
      return "a text";
    default:
      return "{}";
  }
}

function readPath(reader: ConfigReader, value: JsonNode): Attribute | null {
  if (!reader.object(value, "segments")) return null;
  const node = reader.member(value, "segments");
  const segments = node == null ? 0 : reader.integer(node, 1, 64);
  return new PathSegmentsAttribute(reader.keeper.keepText(segments.toString()), segments);
}

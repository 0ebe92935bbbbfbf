import { arenaAllocate, giveBack } from "./bytes/arena";
import { ABSENT, Bytes, bytesOf, copyTo, indexOfByte, lengthOf } from "./bytes/bytes";
import { ConfigReader } from "./json/config-reader";
import { decimalText } from "./bytes/decimal";
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
import { nameOf, namedAttribute } from "./match/named";
import { PrincipalAttribute } from "./match/principal";
import { RequestView } from "./request-view";
import { emptyList } from "./list";

/** What requests are counted or hashed by: one or several attributes, all of which must be there. */
@final
export class Key {
  constructor(private readonly parts: StaticArray<Attribute>) {}

  /** How many parts there are. */
  get size(): i32 {
    return this.parts.length;
  }

  /**
   * The values, joined by NUL where they are several; {@link ABSENT} when one is missing. A value in which a NUL stands (which
   * only an escape can bring) counts as missing, so that different values never make the same key. Valid until something
   * is allocated in the arena.
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
    // Joined anew for each rule that asks: a thousand of them must not take a thousand times the request's size.
    giveBack(joined);
    return bytesOf(joined, size);
  }

  /** Whether another reader of the request may find other values of the parts than {@link read} has: see {@link Attribute.isAmbiguous}. */
  isAmbiguous(request: RequestView): bool {
    const parts = this.parts;
    for (let at = 0; at < parts.length; at++) if (unchecked(parts[at]).isAmbiguous(request)) return true;
    return false;
  }
}

function part(attribute: Attribute, request: RequestView): Bytes {
  const value = attribute.read(request);
  return value == ABSENT || indexOfByte(value, 0) >= 0 ? ABSENT : value;
}

/**
 * All kinds of part: another one is a word here and its case in {@link readPart}, and its part of the schema. The first ones stand in the
 * order of {@link Named}.
 */
const KINDS =
  "header queryParam cookie baggage claim remoteAddress path constant principal method host routeName";

/** Reads the member `by`, a key, which must be there. Null where it is wrong. */
export function readRequiredKey(reader: ConfigReader, object: JsonNode): Key | null {
  const node = reader.required(object, "by", "a key, like [{header: x-user-id}]");
  return node == null ? null : readKey(reader, node);
}

/** Parts of a key: each can be as long as a request's headers. */
const MAX_PARTS: u32 = 16;

/** Reads a key: a list of one-field objects. Null where it is wrong. */
export function readKey(reader: ConfigReader, list: JsonNode): Key | null {
  if (list.kind != JsonKind.Array || list.count - 1 >= MAX_PARTS) {
    reader.unexpected(list, "a list of 1 to 16 parts, like {header: x-user-id}");
    return null;
  }
  const parts = emptyList<Attribute>();
  let item = list.first;
  while (item != null) {
    const attribute = readPart(reader, item);
    if (attribute != null) parts.push(internAttribute(reader, attribute));
    item = item.next;
  }
  return parts.length == <i32>list.count ? new Key(StaticArray.fromArray(parts)) : null;
}

/** Reads one part of a key, like `{header: x-user-id}`. Null where it is wrong. */
export function readKeyPart(reader: ConfigReader, item: JsonNode): Attribute | null {
  const attribute = readPart(reader, item);
  return attribute == null ? null : internAttribute(reader, attribute);
}

function readPart(reader: ConfigReader, item: JsonNode): Attribute | null {
  const value = item.first;
  if (item.kind != JsonKind.Object || value == null || item.count != 1) {
    reader.problem(item, "expected exactly one of " + alternatives(KINDS));
    return null;
  }
  const kind = positionAmong(value.name, KINDS);
  let attribute: Attribute | null = null;
  let expected = "{}";
  const text = value.kind == JsonKind.String ? value.text : ABSENT;
  switch (kind) {
    case -1:
      reader.problem(value, "unknown field; expected " + alternatives(KINDS));
      return null;
    case 5:
      return readAddressKey(reader, value);
    case 6:
      return readPath(reader, value);
    case 7:
      expected = "a text";
      if (text != ABSENT) attribute = new ConstantAttribute(reader.keeper.keep(text));
      break;
    case 8:
      attribute = new PrincipalAttribute(ABSENT);
      break;
    case 9:
      attribute = new MethodAttribute(ABSENT);
      break;
    case 10:
      attribute = new HostAttribute(ABSENT);
      break;
    case 11:
      attribute = new RouteNameAttribute(ABSENT);
      break;
    default:
      expected = nameOf(kind);
      if (text != ABSENT) attribute = namedAttribute(reader, kind, text);
  }
  const isPlain = kind < 8 || (value.kind == JsonKind.Object && value.count == 0);
  if (attribute != null && isPlain) return attribute;
  reader.unexpected(value, expected);
  return null;
}

function readPath(reader: ConfigReader, value: JsonNode): Attribute | null {
  if (!reader.object(value, "segments")) return null;
  const node = reader.member(value, "segments");
  const segments = node == null ? 0 : reader.integer(node, 1, 64);
  return new PathSegmentsAttribute(reader.keeper.keepText(decimalText(segments)), segments);
}

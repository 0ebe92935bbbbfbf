import { arenaAllocate } from "./bytes/arena";
import { ABSENT, Bytes, bytesOf, copyTo, indexOfByte, lengthOf } from "./bytes/bytes";
import { alternatives, ConfigReader, isWord } from "./json/config-reader";
import { JsonKind, JsonNode } from "./json/node";
import { Attribute, internAttribute } from "./match/attribute";
import { ConstantAttribute, HostAttribute, MethodAttribute, PathSegmentsAttribute } from "./match/attributes";
import { baggageAttribute, cookieAttribute, headerAttribute, queryParamAttribute } from "./match/named";
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

/** A kind of part of a key: `{header: name}`. */
class KeyKind {
  constructor(
    readonly field: string,
    /** What stands behind the field, for the message when it is something else. */
    readonly expected: string,
    /** The attribute that `value` means, or null when it means none. */
    readonly read: (reader: ConfigReader, value: JsonNode) => Attribute | null,
  ) {}
}

/** All kinds: another one is a line here, and its part of the schema. */
const KINDS: KeyKind[] = [
  new KeyKind("header", "the name of a header", (reader, value) =>
    value.kind == JsonKind.String ? headerAttribute(reader, value.text) : null,
  ),
  new KeyKind("cookie", "the name of a cookie", (reader, value) =>
    value.kind == JsonKind.String ? cookieAttribute(reader, value.text) : null,
  ),
  new KeyKind("queryParam", "the name of a query parameter", (reader, value) =>
    value.kind == JsonKind.String ? queryParamAttribute(reader, value.text) : null,
  ),
  new KeyKind("baggage", "the name of a baggage member", (reader, value) =>
    value.kind == JsonKind.String ? baggageAttribute(reader, value.text) : null,
  ),
  new KeyKind("method", "{}", (_reader, value) => (isEmpty(value) ? new MethodAttribute(ABSENT) : null)),
  new KeyKind("host", "{}", (_reader, value) => (isEmpty(value) ? new HostAttribute(ABSENT) : null)),
  new KeyKind("path", "{} or {segments: 2}", readPath),
  new KeyKind("constant", "a text", (reader, value) =>
    value.kind == JsonKind.String ? new ConstantAttribute(reader.keeper.keep(value.text)) : null,
  ),
];

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
  const fields = KINDS.map<string>((kind) => kind.field);
  const value = item.first;
  if (item.kind != JsonKind.Object || value == null || item.count != 1) {
    reader.problem(item, "expected exactly one of " + alternatives(fields));
    return null;
  }
  for (let at = 0; at < KINDS.length; at++) {
    const kind = KINDS[at];
    if (!isWord(value.name, kind.field)) continue;
    const attribute = kind.read(reader, value);
    if (attribute == null) reader.unexpected(value, kind.expected);
    return attribute;
  }
  reader.problem(value, "unknown field; expected " + alternatives(fields));
  return null;
}

function isEmpty(value: JsonNode): bool {
  return value.kind == JsonKind.Object && value.count == 0;
}

function readPath(reader: ConfigReader, value: JsonNode): Attribute | null {
  if (!reader.object(value, ["segments"])) return new PathSegmentsAttribute(ABSENT, 0);
  const node = reader.member(value, "segments");
  const segments = node == null ? 0 : reader.integer(node, 1, 64);
  return new PathSegmentsAttribute(reader.keeper.keepText(segments.toString()), segments);
}

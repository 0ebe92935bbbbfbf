import { ABSENT, byteAt, Bytes, equals, lengthOf, slice } from "../bytes/bytes";
import { ConfigReader, isWord } from "../json/config-reader";
import { RequestView } from "../request-view";

/** Something of a request that has one value, or none. What conditions compare and keys are made of. */
export abstract class Attribute {
  constructor(
    /** The attribute's name among those of its kind: a header's, in lower case, say; {@link ABSENT} where there is one only. */
    readonly name: Bytes = ABSENT,
  ) {}

  /** The value, or {@link ABSENT}; valid until the callback ends. */
  abstract read(request: RequestView): Bytes;

  /** Whether the other always has the same value. */
  isSameAs(other: Attribute): bool {
    return rtIdOf(this) == rtIdOf(other) && equals(this.name, other.name);
  }
}

/** The class of a managed object, as AssemblyScript's runtime notes it in front of it. */
function rtIdOf(attribute: Attribute): u32 {
  return load<u32>(changetype<usize>(attribute) - 8);
}

/** The request's method, in the case it came in. */
@final
export class MethodAttribute extends Attribute {
  read(request: RequestView): Bytes {
    return request.method();
  }
}

/** The path without query. */
@final
export class PathAttribute extends Attribute {
  read(request: RequestView): Bytes {
    return request.path();
  }
}

/** The host without port, in lower case. */
@final
export class HostAttribute extends Attribute {
  read(request: RequestView): Bytes {
    return request.host();
  }
}

/** All values of a header, joined. */
@final
export class HeaderAttribute extends Attribute {
  read(request: RequestView): Bytes {
    return request.headers.get(this.name);
  }
}

/** The first value of a query parameter, decoded. */
@final
export class QueryParamAttribute extends Attribute {
  read(request: RequestView): Bytes {
    return request.queryParam(this.name);
  }
}

/** The first value of a cookie, raw. */
@final
export class CookieAttribute extends Attribute {
  read(request: RequestView): Bytes {
    return request.cookie(this.name);
  }
}

/** How a field of `RequestMatch` says what attributes must be. */
export enum FieldShape {
  /** One attribute and its `StringMatch`: `path`. */
  Match,
  /** One attribute and a list of the values it may have: `methods`. */
  List,
  /** A `StringMatch` for each name: `headers`. */
  Map,
}

/** A field of `RequestMatch` that compares attributes. */
export class AttributeField {
  constructor(
    readonly field: string,
    readonly shape: FieldShape,
    /** The values are in lower case whatever the client sent, and so is what they are compared with. */
    readonly folded: bool,
    /** The attribute for a name of a {@link FieldShape.Map} (null when it is no such name), or for no name. */
    readonly attribute: (reader: ConfigReader, name: Bytes) => Attribute | null,
    /** What a name must be, for the message when it is not. */
    readonly names: string = "",
  ) {}
}

/** All of them: another kind of attribute is a class above and a line here (and in the schema). */
export const ATTRIBUTE_FIELDS: AttributeField[] = [
  new AttributeField("methods", FieldShape.List, false, (_reader, _name) => new MethodAttribute()),
  new AttributeField("path", FieldShape.Match, false, (_reader, _name) => new PathAttribute()),
  new AttributeField("host", FieldShape.Match, true, (_reader, _name) => new HostAttribute()),
  new AttributeField("headers", FieldShape.Map, false, headerAttribute, "the name of a header"),
  new AttributeField(
    "queryParams",
    FieldShape.Map,
    false,
    (reader, name) => (lengthOf(name) == 0 ? null : new QueryParamAttribute(reader.keeper.keep(name))),
    "the name of a query parameter",
  ),
  new AttributeField(
    "cookies",
    FieldShape.Map,
    false,
    (reader, name) => (lengthOf(name) == 0 ? null : new CookieAttribute(reader.keeper.keep(name))),
    "the name of a cookie",
  ),
];

function headerAttribute(reader: ConfigReader, name: Bytes): Attribute | null {
  const pseudo = lengthOf(name) > 1 && byteAt(name, 0) == 0x3a;
  const kept = reader.headerNameOf(pseudo ? slice(name, 1, lengthOf(name)) : name);
  if (kept == ABSENT) return null;
  if (pseudo) return new HeaderAttribute(reader.keeper.keepLowerCase(name));
  // Envoy turns `Host` into the pseudo-header that it is in HTTP/2.
  return new HeaderAttribute(isWord(kept, "host") ? reader.keeper.keepText(":authority") : kept);
}

import { arenaAllocate, lowerCase } from "../bytes/arena";
import { ByteMap } from "../bytes/byte-map";
import { ABSENT, byteAt, Bytes, bytesOf, lengthOf, pointerOf, slice } from "../bytes/bytes";
import { ConfigReader, isWord } from "../json/config-reader";
import { RequestView } from "../request-view";

/**
 * Something of a request that has one value, or none. What conditions compare and keys are made of. One configuration
 * has one object for each attribute ({@link internAttribute}), which reads a request once: a hostile request and a
 * large configuration together then cost no more memory than the request's headers.
 */
export abstract class Attribute {
  /** Counts the attributes of a configuration, from 0. */
  number: i32 = -1;
  /** The headers' version that {@link value} and {@link folded} are of. */
  private version: u32 = 0;
  private value: Bytes = ABSENT;
  private foldedVersion: u32 = 0;
  private folded: Bytes = ABSENT;

  constructor(
    /** The attribute's name among those of its kind: a header's, in lower case, say; {@link ABSENT} where there is one only. */
    readonly name: Bytes = ABSENT,
  ) {}

  /** Finds the value, or {@link ABSENT}. */
  abstract find(request: RequestView): Bytes;

  /** The value, or {@link ABSENT}; valid until the callback ends. */
  // @ts-ignore: decorator
  @inline
  read(request: RequestView): Bytes {
    const version = request.headers.version;
    if (this.version != version) {
      this.version = version;
      this.value = this.find(request);
    }
    return this.value;
  }

  /** The value in ASCII lower case, or {@link ABSENT}. */
  readFolded(request: RequestView): Bytes {
    const version = request.headers.version;
    if (this.foldedVersion != version) {
      this.foldedVersion = version;
      const value = this.read(request);
      this.folded = value == ABSENT ? ABSENT : lowerCase(value);
    }
    return this.folded;
  }
}

/** The attributes of the configuration that is being read, and whose it is. */
let reading: ConfigReader | null = null;
let numbers: ByteMap = new ByteMap(0);
let attributes: Attribute[] = [];

/** The configuration's object for an attribute: an equal one that is there already, or `attribute`. */
export function internAttribute(reader: ConfigReader, attribute: Attribute): Attribute {
  if (reading != reader) {
    reading = reader;
    numbers = new ByteMap();
    attributes = [];
  }
  const length = lengthOf(attribute.name);
  const key = arenaAllocate(length + 4);
  store<u32>(key, rtIdOf(attribute));
  memory.copy(key + 4, pointerOf(attribute.name), length);
  const number = numbers.get(bytesOf(key, length + 4));
  if (number >= 0) return attributes[number];
  attribute.number = attributes.length;
  numbers.set(bytesOf(key, length + 4), attribute.number);
  attributes.push(attribute);
  return attribute;
}

/** Forgets the attributes that were interned for a configuration: it keeps those that it uses. */
export function releaseInterned(): void {
  reading = null;
  numbers = new ByteMap(0);
  attributes = [];
}

/** The class of a managed object, as AssemblyScript's runtime notes it in front of it. */
function rtIdOf(attribute: Attribute): u32 {
  return load<u32>(changetype<usize>(attribute) - 8);
}

/** The request's method, in the case it came in. */
@final
export class MethodAttribute extends Attribute {
  find(request: RequestView): Bytes {
    return request.method();
  }
}

/** The path without query. */
@final
export class PathAttribute extends Attribute {
  find(request: RequestView): Bytes {
    return request.path();
  }
}

/** The host without port, in lower case. */
@final
export class HostAttribute extends Attribute {
  find(request: RequestView): Bytes {
    return request.host();
  }
}

/** All values of a header, joined. */
@final
export class HeaderAttribute extends Attribute {
  find(request: RequestView): Bytes {
    return request.headers.get(this.name);
  }
}

/** The first value of a query parameter, decoded. */
@final
export class QueryParamAttribute extends Attribute {
  find(request: RequestView): Bytes {
    return request.queryParam(this.name);
  }
}

/** The first value of a cookie, raw. */
@final
export class CookieAttribute extends Attribute {
  find(request: RequestView): Bytes {
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

import { arenaAllocate, lowerCase } from "../bytes/arena";
import { ByteMap } from "../bytes/byte-map";
import { ABSENT, Bytes, bytesOf, lengthOf, pointerOf } from "../bytes/bytes";
import { ConfigReader } from "../json/config-reader";
import { RequestView } from "../request-view";
import { emptyList } from "../list";

/**
 * Something of a request that has one value, or none. What conditions compare and keys are made of. One configuration
 * has one object for each attribute ({@link internAttribute}), which reads a request once: a hostile request and a
 * large configuration together then cost no more memory than the request's headers.
 */
export abstract class Attribute {
  /** Counts the attributes of a configuration, from 0. */
  number: i32 = -1;
  /** The headers' version that {@link value} is of; 0 is none's. */
  private version: u32 = 0;
  private value: Bytes = ABSENT;
  private foldedVersion: u32 = 0;
  private folded: Bytes = ABSENT;

  constructor(
    /** The attribute's name among those of its kind: a header's, in lower case, say; {@link ABSENT} where there is one only. */
    readonly name: Bytes,
  ) {}

  /** Finds the value, or {@link ABSENT}. */
  abstract find(request: RequestView): Bytes;

  /**
   * Whether another reader may find another value than {@link find}: the request has it more than once, where that takes the first, or in a
   * spelling that is not read alike everywhere.
   */
  isAmbiguous(_request: RequestView): bool {
    return false;
  }

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
      const value = this.read(request);
      this.foldedVersion = this.version;
      this.folded = value == ABSENT ? ABSENT : lowerCase(value);
    }
    return this.folded;
  }

  /** Has what is being found asked for again the next time: it could not be had, which is not to pass for that it is absent. */
  protected forget(): void {
    this.version = 0;
  }
}

/** The attributes of the configuration that is being read, and whose it is. */
let reading: ConfigReader | null = null;
let numbers: ByteMap = new ByteMap(0);
let attributes = emptyList<Attribute>();

/** The configuration's object for an attribute: an equal one that is there already, or `attribute`. */
export function internAttribute(reader: ConfigReader, attribute: Attribute): Attribute {
  if (reading != reader) {
    reading = reader;
    numbers = new ByteMap();
    attributes = emptyList<Attribute>();
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
  attributes = emptyList<Attribute>();
}

/** The class of a managed object, as AssemblyScript's runtime notes it in front of it. */
function rtIdOf(attribute: Attribute): u32 {
  return load<u32>(changetype<usize>(attribute) - 8);
}

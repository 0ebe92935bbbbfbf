import { ABSENT, byteAt, Bytes, equals } from "../bytes/bytes";

/** What a {@link JsonNode} is. */
export enum JsonKind {
  Null,
  Boolean,
  Number,
  String,
  Array,
  Object,
}

/**
 * A value of a JSON document. Nodes live in the arena: they are gone when the callback ends that parsed them.
 */
@unmanaged
export class JsonNode {
  kind: JsonKind;
  /** The array or object around it; null for the document's value. */
  parent: JsonNode | null;
  /** The next element or member. */
  next: JsonNode | null;
  /** The first element or member of an array or object. */
  first: JsonNode | null;
  /** The last one, where the parser appends. */
  last: JsonNode | null;
  /** How many elements or members. */
  count: u32;
  /** The member's name; {@link ABSENT} for elements of arrays. */
  name: Bytes;
  /** A string's decoded bytes; a number's and a literal's as written. */
  text: Bytes;

  /** The member of this name, or null. */
  member(name: Bytes): JsonNode | null {
    let child = this.first;
    while (child != null) {
      if (child.name != ABSENT && equals(child.name, name)) return child;
      child = child.next;
    }
    return null;
  }

  /** Of a boolean. */
  get isTrue(): bool {
    return byteAt(this.text, 0) == 0x74;
  }
}

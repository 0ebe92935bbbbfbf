import { concatenate } from "../../../assembly/bytes/arena";
import {
  ABSENT,
  byteAt,
  Bytes,
  bytesOf,
  indexOfByte,
  lengthOf,
  literal,
  slice,
} from "../../../assembly/bytes/bytes";
import {
  claimElements,
  claimText,
  countElements,
  elementLength,
  firstElement,
  isStructure,
} from "../../../assembly/claims";
import { JsonNode } from "../../../assembly/json/node";
import { RequestView } from "../../../assembly/request-view";
import { askMetadata } from "./attributes";
import { Clause, Cost, Truth } from "./clause";
import { Patterns, PatternsBuilder, Wildcard } from "./patterns";
import { Vocabulary } from "./vocabulary";

/** `experimental.envoy.filters.<name>[<key>]`: dynamic metadata of another filter. Values in brackets are those of a list. */
@final
export class MetadataClause extends Clause {
  constructor(
    negated: bool,
    name: string,
    /** The property's path, with that of a list's first element behind it (`assembly/claims.ts`). */
    private readonly path: Bytes,
    private readonly texts: Patterns,
    private readonly elements: Patterns,
  ) {
    super(negated, Cost.Property, name);
  }

  /** Null where the key has no name in brackets. */
  static read(
    vocabulary: Vocabulary,
    key: Bytes,
    values: JsonNode[],
    negated: bool,
    name: string,
  ): MetadataClause | null {
    const keeper = vocabulary.reader.keeper;
    const length = lengthOf(key);
    const bracket = indexOfByte(key, 0x5b);
    if (bracket < 0 || byteAt(key, length - 1) != 0x5d || <u32>bracket + 2 >= length) return null;
    const filter = slice(key, lengthOf(EXPERIMENTAL), bracket);
    const member = slice(key, bracket + 1, length - 1);
    const start = concatenate(METADATA, filter, NUL);
    const path = keeper.keep(concatenate(start, member, FIRST));
    const texts = new PatternsBuilder(keeper, Wildcard.NotEmpty);
    const elements = new PatternsBuilder(keeper, Wildcard.NotEmpty);
    for (let at = 0; at < values.length; at++) {
      const value = values[at].text;
      const end = lengthOf(value);
      if (byteAt(value, 0) == 0x5b && byteAt(value, end - 1) == 0x5d) {
        const inner = withoutBrackets(value);
        if (lengthOf(inner) == 0) vocabulary.reader.unexpected(values[at], "a value between brackets");
        else elements.add(inner);
      } else texts.add(value);
    }
    return new MetadataClause(negated, name, path, texts.finish(), elements.finish());
  }

  test(_request: RequestView): Truth {
    const value = askMetadata(slice(this.path, 0, lengthOf(this.path) - lengthOf(FIRST)));
    if (value == ABSENT) return Truth.No;
    const list = claimElements(this.path, value);
    // What is no text is shown as one, and is none.
    if (list == ABSENT) return claimText(value) == value && this.texts.matches(value) ? Truth.Yes : Truth.No;
    let start = firstElement(list);
    for (let at: u32 = 0, count = countElements(list); at < count; at++) {
      const element = bytesOf(start, elementLength(list, at));
      if (!isStructure(element) && claimText(element) == element && this.elements.matches(element))
        return Truth.Yes;
      start += lengthOf(element) + 2;
    }
    return Truth.No;
  }
}

/** Without all brackets at both ends (istiod's `strings.Trim`). */
function withoutBrackets(value: Bytes): Bytes {
  let start: u32 = 0;
  let end = lengthOf(value);
  while (start < end && isBracket(byteAt(value, start))) start++;
  while (end > start && isBracket(byteAt(value, end - 1))) end--;
  return slice(value, start, end);
}

function isBracket(byte: u8): bool {
  return byte == 0x5b || byte == 0x5d;
}

/** `envoy.filters.` belongs to the filter's name. */
// @ts-ignore: decorator
@lazy const EXPERIMENTAL = literal("experimental.");
// @ts-ignore: decorator
@lazy const METADATA = literal("metadata\0filter_metadata\0");
// @ts-ignore: decorator
@lazy const NUL = literal("\0");
// @ts-ignore: decorator
@lazy const FIRST = literal("\0" + "0");

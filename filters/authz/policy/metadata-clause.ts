import { byteAt, Bytes, indexOfByte, lengthOf, literal, slice } from "../../../assembly/bytes/bytes";
import { JsonNode } from "../../../assembly/json/node";
import { RequestView } from "../../../assembly/request-view";
import { ClaimKind } from "../claims";
import { Clause, Cost, Truth } from "./clause";
import { MetadataAttribute } from "./metadata";
import { Patterns, PatternsBuilder, Wildcard } from "./patterns";
import { Vocabulary } from "./vocabulary";

/** `experimental.envoy.filters.<name>[<key>]`: dynamic metadata of another filter. Values in brackets are those of a list. */
@final
export class MetadataClause extends Clause {
  constructor(
    negated: bool,
    name: string,
    private readonly metadata: MetadataAttribute,
    private readonly texts: Patterns,
    private readonly elements: Patterns,
    /** Every element of a list, not one alone. */
    private readonly all: bool,
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
    all: bool,
  ): MetadataClause | null {
    const keeper = vocabulary.reader.keeper;
    const length = lengthOf(key);
    const bracket = indexOfByte(key, 0x5b);
    if (bracket < 0 || byteAt(key, length - 1) != 0x5d || <u32>bracket + 2 >= length) return null;
    const filter = slice(key, lengthOf(EXPERIMENTAL), bracket);
    const metadata = MetadataAttribute.of(vocabulary.reader, filter, [slice(key, bracket + 1, length - 1)]);
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
    return new MetadataClause(negated, name, metadata, texts.finish(), elements.finish(), all);
  }

  test(request: RequestView): Truth {
    const metadata = this.metadata;
    const value = metadata.read(request);
    if (metadata.kind == ClaimKind.Text) return this.texts.matches(value) ? Truth.Yes : Truth.No;
    if (metadata.kind != ClaimKind.List) return Truth.No;
    const all = this.all;
    for (let at: u32 = 0, count = metadata.count; at < count; at++) {
      if (this.elements.matches(metadata.element(at)) != all) return all ? Truth.No : Truth.Yes;
    }
    return all && metadata.count > 0 ? Truth.Yes : Truth.No;
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

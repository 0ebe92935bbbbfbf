import { ABSENT } from "../bytes/bytes";
import { ConfigReader } from "../json/config-reader";
import { positionAmong } from "../json/words";
import { JsonKind, JsonNode } from "../json/node";
import { Attribute, internAttribute } from "./attribute";
import { HostAttribute, MethodAttribute, PathAttribute } from "./attributes";
import { Named, nameOf, namedAttribute } from "./named";
import { Comparison, Conditions } from "./condition";
import { readCel } from "./cel";
import { compareClaim } from "./claims";
import { readPercentage } from "./percentage";
import { readSource } from "./source";
import { readSet, readStringMatch, StringMatcher, StringMatchKind } from "./string-match";

/**
 * The fields of `RequestMatch` that are conditions; `anyOf` and `not` are in `request-match.ts`. Those from `headers` to `claims` stand
 * in the order of {@link Named}.
 */
export const MATCH_FIELDS =
  "methods path host headers queryParams cookies baggage claims source percentage cel";

/**
 * Reads one of them, and adds what it demands. What is wrong is reported. Another kind of match is a file with its class (or a
 * line in one that is there), a word in {@link MATCH_FIELDS} with its case here, and its part of the schema.
 */
export function readField(reader: ConfigReader, value: JsonNode, conditions: Conditions): void {
  const field = positionAmong(value.name, MATCH_FIELDS);
  switch (field) {
    case 0: {
      const set = readSet(reader, value, false);
      if (set == null) return;
      const matcher = new StringMatcher(StringMatchKind.In, ABSENT, set, false, false);
      return compare(reader, conditions, new MethodAttribute(ABSENT), matcher);
    }
    case 1:
      return compare(reader, conditions, new PathAttribute(ABSENT), readStringMatch(reader, value));
    case 2:
      return compare(reader, conditions, new HostAttribute(ABSENT), readStringMatch(reader, value, true));
    case 3:
    case 4:
    case 5:
    case 6:
    case 7:
      return compareEach(reader, value, conditions, field - 3);
    case 8:
      return readSource(reader, value, conditions);
    case 9:
      return readPercentage(reader, value, conditions);
    case 10:
      return readCel(reader, value, conditions);
  }
}

/** Adds a comparison, unless its matcher was wrong. */
export function compare(
  reader: ConfigReader,
  conditions: Conditions,
  attribute: Attribute,
  matcher: StringMatcher | null,
): void {
  if (matcher != null) {
    conditions.comparisons.push(new Comparison(internAttribute(reader, attribute), matcher));
  }
}

/** Reads an object from names of one kind to `StringMatch`es. */
function compareEach(reader: ConfigReader, value: JsonNode, conditions: Conditions, kind: Named): void {
  if (value.kind != JsonKind.Object) {
    reader.unexpected(value, "an object from names to matches");
    return;
  }
  let member = value.first;
  while (member != null) {
    const attribute = namedAttribute(reader, kind, member.name);
    if (attribute == null) reader.problem(member, "expected " + nameOf(kind));
    else {
      const matcher = readStringMatch(reader, member);
      if (matcher != null && kind == Named.Claim) compareClaim(reader, conditions, attribute, matcher);
      else compare(reader, conditions, attribute, matcher);
    }
    member = member.next;
  }
}

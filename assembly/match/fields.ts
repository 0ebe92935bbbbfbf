import { ABSENT, Bytes } from "../bytes/bytes";
import { ConfigReader } from "../json/config-reader";
import { positionAmong } from "../json/words";
import { JsonKind, JsonNode } from "../json/node";
import { Attribute, internAttribute } from "./attribute";
import { HostAttribute, MethodAttribute, PathAttribute } from "./attributes";
import { baggageAttribute, cookieAttribute, headerAttribute, queryParamAttribute } from "./named";
import { Comparison, Conditions } from "./condition";
import { readCel } from "./cel";
import { CLAIM_NAMES, claimAttribute, compareClaim } from "./claims";
import { readPercentage } from "./percentage";
import { readSource } from "./source";
import { readSet, readStringMatch, StringMatcher, StringMatchKind } from "./string-match";

/** The fields of `RequestMatch` that are conditions; `anyOf` and `not` are in `request-match.ts`. */
export const MATCH_FIELDS =
  "methods path host headers queryParams cookies baggage claims source percentage cel";

/**
 * Reads one of them, and adds what it demands. What is wrong is reported. Another kind of match is a file with its class (or a
 * line in one that is there), a word in {@link MATCH_FIELDS} with its case here, and its part of the schema.
 */
export function readField(reader: ConfigReader, value: JsonNode, conditions: Conditions): void {
  switch (positionAmong(value.name, MATCH_FIELDS)) {
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
      return compareEach(reader, value, conditions, "the name of a header", headerAttribute);
    case 4:
      return compareEach(reader, value, conditions, "the name of a query parameter", queryParamAttribute);
    case 5:
      return compareEach(reader, value, conditions, "the name of a cookie", cookieAttribute);
    case 6:
      return compareEach(reader, value, conditions, "the name of a baggage member", baggageAttribute);
    case 7:
      return compareEach(reader, value, conditions, CLAIM_NAMES, claimAttribute, compareClaim);
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

/**
 * Reads an object from names to `StringMatch`es. `create` makes the attribute for a name, or null when it is not what
 * `names` says; `add` adds what is then demanded of it.
 */
export function compareEach(
  reader: ConfigReader,
  value: JsonNode,
  conditions: Conditions,
  names: string,
  create: (reader: ConfigReader, name: Bytes) => Attribute | null,
  add: (r: ConfigReader, c: Conditions, attribute: Attribute, m: StringMatcher | null) => void = compare,
): void {
  if (value.kind != JsonKind.Object) {
    reader.unexpected(value, "an object from names to matches");
    return;
  }
  let member = value.first;
  while (member != null) {
    const attribute = create(reader, member.name);
    if (attribute == null) reader.problem(member, "expected " + names);
    else add(reader, conditions, attribute, readStringMatch(reader, member));
    member = member.next;
  }
}

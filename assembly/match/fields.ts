import { ABSENT, Bytes } from "../bytes/bytes";
import { ConfigReader } from "../json/config-reader";
import { JsonKind, JsonNode } from "../json/node";
import { Attribute, internAttribute } from "./attribute";
import { HostAttribute, MethodAttribute, PathAttribute } from "./attributes";
import { baggageAttribute, cookieAttribute, headerAttribute, queryParamAttribute } from "./named";
import { Comparison, Conditions, MatchField } from "./condition";
import { readCel } from "./cel";
import { CLAIM_NAMES, claimAttribute, compareClaim } from "./claims";
import { readPercentage } from "./percentage";
import { readSource } from "./source";
import { readSet, readStringMatch, StringMatcher, StringMatchKind } from "./string-match";

/** The fields of `RequestMatch` that are conditions; `anyOf` and `not` are in `request-match.ts`. */
export const MATCH_FIELDS: MatchField[] = [
  new MatchField("methods", (reader, value, conditions) => {
    const set = readSet(reader, value, false);
    if (set == null) return;
    const matcher = new StringMatcher(StringMatchKind.In, ABSENT, set, false, false);
    compare(reader, conditions, new MethodAttribute(ABSENT), matcher);
  }),
  new MatchField("path", (reader, value, conditions) => {
    compare(reader, conditions, new PathAttribute(ABSENT), readStringMatch(reader, value));
  }),
  new MatchField("host", (reader, value, conditions) => {
    compare(reader, conditions, new HostAttribute(ABSENT), readStringMatch(reader, value, true));
  }),
  new MatchField("headers", (reader, value, conditions) => {
    compareEach(reader, value, conditions, "the name of a header", headerAttribute);
  }),
  new MatchField("queryParams", (reader, value, conditions) => {
    compareEach(reader, value, conditions, "the name of a query parameter", queryParamAttribute);
  }),
  new MatchField("cookies", (reader, value, conditions) => {
    compareEach(reader, value, conditions, "the name of a cookie", cookieAttribute);
  }),
  new MatchField("baggage", (reader, value, conditions) => {
    compareEach(reader, value, conditions, "the name of a baggage member", baggageAttribute);
  }),
  new MatchField("claims", (reader, value, conditions) => {
    compareEach(reader, value, conditions, CLAIM_NAMES, claimAttribute, compareClaim);
  }),
  new MatchField("source", readSource),
  new MatchField("percentage", readPercentage),
  new MatchField("cel", readCel),
];

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

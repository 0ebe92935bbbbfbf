/** Envoy's `HeaderMatcher` (`config/route/v3/route_components.proto`, `http/header_utility.cc`) to our RequestMatch. */
import type { Field } from "./field.ts";
import type { RequestMatch } from "./route-match.ts";
import { takesEmpty } from "./string-match.ts";
import { readRegexMatcher, readStringMatcher, type StringComparison } from "./string-matcher.ts";

/** Null where it cannot be said, which is told. */
export function readHeaderMatcher(field: Field): RequestMatch | null {
  const { report } = field.place;
  const before = report.count;
  const name = field.get("name")?.text()?.toLowerCase() ?? "";
  if (name === "") field.leave("a header matcher without a name");
  const invert = field.get("invertMatch")?.boolean() === true;
  const missingIsEmpty = field.get("treatMissingHeaderAsEmpty")?.boolean() === true;
  const presence = field.get("presentMatch");
  const comparison = readComparison(field);
  field.finish();
  if (report.count > before) return null;
  const present = { headers: { [name]: { present: true } } };
  if (comparison === null) {
    const asksForPresence = presence === null || presence.boolean();
    return asksForPresence !== invert ? present : { headers: { [name]: { present: true, not: true } } };
  }
  const match = { headers: { [name]: comparison } };
  const emptyMatches = missingIsEmpty && takesEmpty(comparison);
  if (!invert)
    return emptyMatches ? { anyOf: [match, { headers: { [name]: { present: true, not: true } } }] } : match;
  const negated = { headers: { [name]: { ...comparison, not: true } } };
  // Without that setting a header that is not there matches nothing, not even what is inverted.
  return missingIsEmpty && !emptyMatches ? negated : { ...negated, anyOf: [present] };
}

/** Null where there is none: then presence is asked for. */
function readComparison(field: Field): StringComparison | null {
  const text = (name: string): string | null => field.get(name)?.text() ?? null;
  const exact = text("exactMatch");
  if (exact !== null) return { exact };
  const prefix = text("prefixMatch");
  if (prefix !== null) return { prefix };
  const suffix = text("suffixMatch");
  if (suffix !== null) return { suffix };
  const contains = text("containsMatch");
  if (contains !== null) return { contains };
  const safeRegex = field.get("safeRegexMatch");
  if (safeRegex !== null) return readRegexMatcher(safeRegex);
  const matcher = field.get("stringMatch");
  return matcher === null ? null : readStringMatcher(matcher);
}

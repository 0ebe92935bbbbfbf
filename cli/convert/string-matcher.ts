/** Envoy's `StringMatcher` (`type/matcher/v3/string.proto`) to our StringMatch. */
import type { Field } from "./field.ts";

/** How a text is compared; a regular expression takes the whole text. */
export type StringComparison =
  | { exact: string; ignoreCase?: true }
  | { prefix: string; ignoreCase?: true }
  | { suffix: string; ignoreCase?: true }
  | { contains: string; ignoreCase?: true }
  | { regex: string };

/** Null where it is none that can be said, which is told. */
export function readStringMatcher(field: Field): StringComparison | null {
  const ignoreCase = field.get("ignoreCase")?.boolean() === true ? ({ ignoreCase: true } as const) : {};
  for (const name of ["exact", "prefix", "suffix", "contains"] as const) {
    const text = field.get(name)?.text() ?? null;
    if (text === null) continue;
    field.finish();
    return { [name]: text, ...ignoreCase } as StringComparison;
  }
  const regex = field.get("safeRegex");
  field.finish();
  if (regex !== null) return readRegexMatcher(regex);
  field.leave("expected one of exact, prefix, suffix, contains and safeRegex");
  return null;
}

/** Envoy's `RegexMatcher` (`type/matcher/v3/regex.proto`). */
export function readRegexMatcher(field: Field): StringComparison {
  field.pass("googleRe2");
  const regex = field.get("regex")?.text() ?? "";
  field.finish();
  return { regex };
}

/** Istio's `StringMatch` of a VirtualService (`istio.io/api/networking/v1alpha3/virtual_service.proto`) to ours. */
import { RE2JS } from "re2js";
import type { Field } from "./field.ts";
import type { StringComparison } from "./string-matcher.ts";

/** One of the four that a match can be: Istio's `{}` and its regular expression `*` ask for presence (`canBeConvertedToPresentMatch`). */
export type Comparison = { present: true } | { exact: string } | { prefix: string } | { regex: string };

/** Null where it is none, which is told. */
export function readComparison(field: Field): Comparison | null {
  const before = field.place.report.count;
  const found: Comparison[] = [];
  const exact = field.get("exact")?.text();
  const prefix = field.get("prefix")?.text();
  const regex = field.get("regex")?.text();
  if (typeof exact === "string") found.push({ exact });
  if (typeof prefix === "string") found.push({ prefix });
  if (typeof regex === "string") found.push(regex === "*" ? { present: true } : { regex });
  field.finish();
  if (found.length > 1) field.leave("expected one of exact, prefix and regex");
  return field.place.report.count > before ? null : (found[0] ?? { present: true });
}

/** As our StringMatch: every text that is there begins with the empty one, which is no prefix here. */
export function said(comparison: Comparison): Comparison {
  return "prefix" in comparison && comparison.prefix === "" ? { present: true } : comparison;
}

/** Whether an empty text is one of those that match. A regular expression that does not compile matches nothing: the filter refuses it. */
export function takesEmpty(comparison: Comparison | StringComparison): boolean {
  if ("present" in comparison) return false;
  // Equal to, beginning with, ending with or containing the empty text.
  if (!("regex" in comparison)) return Object.values(comparison)[0] === "";
  try {
    return RE2JS.compile(comparison.regex).matches("");
  } catch {
    return false;
  }
}

/** An `HTTPMatchRequest` of a VirtualService to our RequestMatch, as istiod and Envoy take it (`TranslateRouteMatch` of `route.go`). */
import type { Field } from "./field.ts";
import { readComparison, said, takesEmpty, type Comparison } from "./string-match.ts";

/** Our RequestMatch, as far as conversions make it. */
export interface RequestMatch {
  methods?: string[];
  path?: object | string;
  host?: object | string;
  headers?: Record<string, object | string>;
  queryParams?: Record<string, object | string>;
  claims?: Record<string, object | string>;
  source?: object;
  cel?: string;
  percentage?: object;
  anyOf?: RequestMatch[];
  not?: RequestMatch;
}

/** What is about the proxy, and not about a request. */
const OF_PROXIES: Readonly<Record<string, string>> = {
  gateways: "is about the proxy that routes: a plugin of its own for each gateway says that",
  sourceLabels: "is about the proxy that routes: the plugin's selector says that",
  sourceNamespace: "is about the proxy that routes: the plugin's namespace says that",
  port: "is the listener's port: `match[].ports` of the plugin says that",
};

/** Null where something of it cannot be said, which is told. */
export function readRouteMatch(field: Field): RequestMatch | null {
  const { report } = field.place;
  const before = report.count;
  const all: RequestMatch[] = [];
  field.pass("name", "statPrefix");
  const ignoreCase = field.get("ignoreUriCase")?.boolean() === true;
  const uri = field.get("uri");
  if (uri !== null) all.push(pathMatch(readComparison(uri), ignoreCase));
  for (const [name, header] of [
    ["method", ":method"],
    ["authority", ":authority"],
    ["scheme", ":scheme"],
  ] as const) {
    const member = field.get(name);
    const comparison = member === null ? null : readComparison(member);
    if (comparison === null) continue;
    if (name === "method" && "exact" in comparison) all.push({ methods: [comparison.exact] });
    else all.push({ headers: { [header]: said(comparison) } });
  }
  for (const { name, field: header } of field.get("headers")?.members() ?? []) {
    const comparison = readComparison(header);
    if (comparison !== null) all.push(headerMatch(name, comparison));
  }
  for (const { name, field: header } of field.get("withoutHeaders")?.members() ?? []) {
    const comparison = readComparison(header);
    if (comparison !== null) all.push(withoutHeader(name, comparison));
  }
  for (const { name, field: parameter } of field.get("queryParams")?.members() ?? []) {
    const comparison = readComparison(parameter);
    if (comparison !== null) all.push({ queryParams: { [name]: said(comparison) } });
  }
  for (const [name, why] of Object.entries(OF_PROXIES)) field.get(name)?.leave(why);
  field.finish();
  return report.count > before ? null : joined(all);
}

/** Whether the match has something that a routing header can take over. */
export function isAboutHeaders(match: Field): boolean {
  return match.has("headers") || match.has("withoutHeaders");
}

/** All of these hold. */
export function joined(all: readonly RequestMatch[]): RequestMatch {
  const whole: Record<string, unknown> = {};
  /** Of what is there twice: each `not: {not: ..}` says it once more. */
  let more: RequestMatch | null = null;
  for (const match of all) {
    const rest: Record<string, unknown> = {};
    for (const [name, value] of Object.entries(match) as [string, unknown][]) {
      const known = whole[name];
      if (known === undefined) whole[name] = value;
      else if (["headers", "queryParams", "claims"].includes(name) && isApart(known, value))
        whole[name] = { ...(known as object), ...(value as object) };
      else rest[name] = value;
    }
    if (Object.keys(rest).length > 0) more = more === null ? rest : joined([more, rest]);
  }
  if (more === null) return whole;
  const { anyOf, not, ...others } = whole as RequestMatch;
  // A list of alternatives with one member is that member.
  if (anyOf === undefined) return { ...(whole as RequestMatch), anyOf: [more] };
  if (not === undefined) return { ...(whole as RequestMatch), not: { not: more } };
  return { ...others, anyOf: [joined([{ anyOf }, more])], not };
}

function isApart(one: unknown, other: unknown): boolean {
  return Object.keys(other as object).every((name) => !(name in (one as object)));
}

/** Envoy compares the path without its query; case is for texts, not for regular expressions. */
function pathMatch(comparison: Comparison | null, ignoreCase: boolean): RequestMatch {
  // `uri: {}` says nothing in istiod's translation.
  if (comparison === null || "present" in said(comparison)) return {};
  return { path: ignoreCase && !("regex" in comparison) ? { ...comparison, ignoreCase } : comparison };
}

function headerMatch(name: string, comparison: Comparison): RequestMatch {
  const claim = claimOf(name);
  if (claim !== null) return { claims: { [claim]: said(comparison) } };
  return { headers: { [name.toLowerCase()]: said(comparison) } };
}

/** Envoy takes an absent header for an empty one here (`treat_missing_header_as_empty`), but where presence is asked for. */
function withoutHeader(name: string, comparison: Comparison): RequestMatch {
  const claim = claimOf(name);
  if (claim !== null) return { claims: { [claim]: { ...said(comparison), not: true } } };
  const header = name.toLowerCase();
  const negated = { headers: { [header]: { ...said(comparison), not: true } } };
  return takesEmpty(comparison)
    ? { ...negated, anyOf: [{ headers: { [header]: { present: true } } }] }
    : negated;
}

/** The path of `@request.auth.claims.a.b` or `@request.auth.claims[a][b]`, as our `claims` take it (`pkg/jwt/routing.go`). */
function claimOf(name: string): string | null {
  const [, dotted, bracketed] = /^@request\.auth\.claims(?:\.(.+)|(\[.+\]))$/i.exec(name) ?? [];
  return dotted ?? bracketed ?? null;
}

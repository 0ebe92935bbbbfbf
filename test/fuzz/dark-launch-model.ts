/**
 * What `dark-launch` says in its README, written down as plainly as it can be: every rule is tried in its order. The
 * fuzz tests hold the built module against it. Header values are byte strings.
 */
import type { Header, HttpRequest } from "../driver.ts";

export type StringMatch = string | ({ ignoreCase?: boolean; not?: boolean } & Comparison);
type Comparison =
  | { exact: string }
  | { prefix: string }
  | { suffix: string }
  | { contains: string }
  | { in: string[] }
  | { present: true };

export interface RequestMatch {
  methods?: string[];
  path?: StringMatch;
  host?: StringMatch;
  headers?: Record<string, StringMatch>;
  queryParams?: Record<string, StringMatch>;
  cookies?: Record<string, StringMatch>;
  anyOf?: RequestMatch[];
  not?: RequestMatch;
}

export interface DarkLaunch {
  header?: string;
  trustInbound?: boolean;
  default?: string;
  disabled?: boolean;
  mode?: "enforce" | "shadow";
  rules?: { name: string; variant: string; mode?: "enforce" | "shadow"; match?: RequestMatch }[];
}

/** The values which the variant header has upstream. */
export function variantsUpstream(config: DarkLaunch, request: HttpRequest): string[] {
  const name = (config.header ?? "x-variant").toLowerCase();
  const inbound = valuesOf(request, name);
  const known = [config.default, ...(config.rules ?? []).map(({ variant }) => variant)];
  if (config.trustInbound && !config.disabled && inbound.length === 1 && known.includes(inbound[0]))
    return inbound;
  if (config.mode === "shadow") return [];
  const rule = config.disabled
    ? undefined
    : config.rules?.find(({ mode, match }) => mode !== "shadow" && requestMatches(match ?? {}, request));
  const variant = rule?.variant ?? config.default;
  return variant === undefined ? [] : [variant];
}

export function requestMatches(match: RequestMatch, request: HttpRequest): boolean {
  const target = request.path;
  const mark = target.indexOf("?");
  const path = mark < 0 ? target : target.slice(0, mark);
  const query = mark < 0 ? undefined : target.slice(mark + 1);
  const authority = request.authority ?? "example.test";
  const host = authority.replace(/^(\[.*\]|[^:]*):\d*$/, "$1").toLowerCase();
  const named = (
    matches: Record<string, StringMatch> | undefined,
    read: (name: string) => string | undefined,
  ) => Object.entries(matches ?? {}).every(([name, expected]) => stringMatches(expected, read(name)));
  return (
    (match.methods?.includes(request.method) ?? true) &&
    (match.path === undefined || stringMatches(match.path, path)) &&
    (match.host === undefined || stringMatches(folded(match.host), host)) &&
    named(match.headers, (name) => joined(valuesOf(request, name.toLowerCase()), ",")) &&
    named(match.queryParams, (name) => queryParam(query, name)) &&
    named(match.cookies, (name) => cookie(joined(valuesOf(request, "cookie"), "; "), name)) &&
    (match.anyOf?.some((one) => requestMatches(one, request)) ?? true) &&
    (match.not === undefined || !requestMatches(match.not, request))
  );
}

export function stringMatches(match: StringMatch, value: string | undefined): boolean {
  if (typeof match === "string") return value === bytes(match);
  return holds(match, value) !== (match.not ?? false);
}

function holds(match: { ignoreCase?: boolean } & Comparison, value: string | undefined): boolean {
  if (value === undefined) return false;
  const fold = (text: string): string => (match.ignoreCase ? lower(text) : text);
  const seen = fold(value);
  const is = (text: string): string => fold(bytes(text));
  if ("exact" in match) return seen === is(match.exact);
  if ("prefix" in match) return seen.startsWith(is(match.prefix));
  if ("suffix" in match) return seen.endsWith(is(match.suffix));
  if ("contains" in match) return seen.includes(is(match.contains));
  if ("in" in match) return match.in.some((one) => seen === is(one));
  return true;
}

/** `host` is compared in lower case whatever the configuration says. */
function folded(match: StringMatch): StringMatch {
  return typeof match === "string" ? { exact: match, ignoreCase: true } : { ...match, ignoreCase: true };
}

function valuesOf(request: HttpRequest, name: string): string[] {
  return (request.headers ?? [])
    .filter(([key]: Header) => key.toLowerCase() === name)
    .map(([, value]) => value);
}

function joined(values: string[], separator: string): string | undefined {
  return values.length === 0 ? undefined : values.join(separator);
}

function queryParam(query: string | undefined, name: string): string | undefined {
  for (const pair of query?.split("&") ?? []) {
    const equal = pair.indexOf("=");
    if (decode(equal < 0 ? pair : pair.slice(0, equal)) === bytes(name))
      return equal < 0 ? "" : decode(pair.slice(equal + 1));
  }
  return undefined;
}

function cookie(cookies: string | undefined, name: string): string | undefined {
  for (const pair of cookies?.split(";") ?? []) {
    const equal = pair.indexOf("=");
    if (equal > 0 && trim(pair.slice(0, equal)) === bytes(name)) return trim(pair.slice(equal + 1));
  }
  return undefined;
}

/** Percent-decodes once; what is no escape stays. */
function decode(text: string): string {
  return text.replace(/%([0-9a-fA-F]{2})/g, (_, digits: string) => String.fromCharCode(parseInt(digits, 16)));
}

function trim(text: string): string {
  return text.replace(/^[ \t]+|[ \t]+$/g, "");
}

function lower(text: string): string {
  return text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}

/** The UTF-8 bytes of a text, as a byte string. */
export function bytes(text: string): string {
  return String.fromCharCode(...new TextEncoder().encode(text));
}

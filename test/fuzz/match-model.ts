/**
 * What `docs/matching.md` says, written down as plainly as it can be. Values of a request are byte strings; texts of a
 * configuration become such by {@link bytes}.
 */
import { isWithin } from "../cohorts.ts";
import type { Header } from "../driver.ts";
import { addressOf, isInBlock, maskedText } from "./address-model.ts";

export type StringMatch = string | ({ ignoreCase?: boolean; not?: boolean } & Comparison);
type Comparison =
  | { exact: string }
  | { prefix: string }
  | { suffix: string }
  | { contains: string }
  | { regex: string }
  | { in: string[] }
  | { present: true };

export interface RequestMatch {
  methods?: string[];
  path?: StringMatch;
  host?: StringMatch;
  headers?: Record<string, StringMatch>;
  queryParams?: Record<string, StringMatch>;
  cookies?: Record<string, StringMatch>;
  baggage?: Record<string, StringMatch>;
  claims?: Record<string, StringMatch>;
  source?: { principals?: string[]; namespaces?: string[]; ipBlocks?: string[]; remoteIpBlocks?: string[] };
  percentage?: { value: number; by: Key; salt?: string };
  cel?: Expression;
  anyOf?: RequestMatch[];
  not?: RequestMatch;
}

export type KeyPart =
  | { header: string }
  | { cookie: string }
  | { queryParam: string }
  | { claim: string }
  | { baggage: string }
  | { remoteAddress: { prefix4?: number; prefix6?: number; direct?: boolean } }
  | { principal: object }
  | { method: object }
  | { path: { segments?: number } }
  | { host: object }
  | { routeName: object }
  | { constant: string };
export type Key = KeyPart[];

/** A request as it arrives at a filter: `:method`, `:path` and `:authority`, then the other headers in lower case. */
export interface Arrived {
  headers: readonly Header[];
  /** `source.address`. */
  address: string;
  /** The connection's peer, as a companion tells it. */
  direct?: string | undefined;
  /** The first URI of the peer's certificate. */
  peerUri?: string | undefined;
  /** Claims of a verified token, by path: texts only. */
  claims?: Readonly<Record<string, string>>;
  /** `xds.route_name`. */
  routeName: string;
}

/** Expressions of each kind, with what they are for a request; undefined is an error, or neither true nor false. */
export const EXPRESSIONS = {
  'request.method == "GET"': (request: Arrived) => valueOf(request, ":method") === "GET",
  '"x-a" in request.headers': (request: Arrived) => valueOf(request, "x-a") !== undefined,
  '"x-b" in request.headers && request.headers["x-b"].startsWith("a")': (request: Arrived) =>
    valueOf(request, "x-b")?.startsWith("a") ?? false,
  'request.headers["x-a"] == "a"': (request: Arrived) => {
    const value = valueOf(request, "x-a");
    return value === undefined ? undefined : value === "a";
  },
  "request.url_path": () => undefined,
  "size(request.headers) / 0 == 1": () => undefined,
} satisfies Record<string, (request: Arrived) => boolean | undefined>;
export type Expression = keyof typeof EXPRESSIONS;

/** `negated` is whether the match stands inside an odd number of `not`s. */
export function requestMatches(match: RequestMatch, request: Arrived, negated = false): boolean {
  const named = (
    matches: Record<string, StringMatch> | undefined,
    read: (name: string) => string | undefined,
  ) => Object.entries(matches ?? {}).every(([name, expected]) => stringMatches(expected, read(name)));
  const { source = {}, percentage } = match;
  const isIn = (blocks: string[] | undefined, text = ""): boolean => {
    const address = addressOf(text);
    // Where nobody knows, neither what asks for it holds nor what asks for the contrary.
    return blocks?.some((block) => (address === null ? negated : isInBlock(address, block))) ?? true;
  };
  const key = percentage && keyOf(percentage.by, request);
  return (
    (match.methods?.includes(valueOf(request, ":method") ?? "") ?? true) &&
    (match.path === undefined || stringMatches(match.path, pathOf(request))) &&
    (match.host === undefined || stringMatches(folded(match.host), hostOf(request))) &&
    named(match.headers, (name) => valueOf(request, name)) &&
    named(match.queryParams, (name) => queryParam(request, name)) &&
    named(match.cookies, (name) => cookie(request, name)) &&
    named(match.baggage, (name) => baggageMember(request, name)) &&
    named(match.claims, (name) => request.claims?.[name]) &&
    isLike(source.principals, principalOf(request)) &&
    isLike(source.namespaces, namespaceOf(request)) &&
    isIn(source.ipBlocks, request.direct) &&
    isIn(source.remoteIpBlocks, request.address) &&
    (percentage === undefined || (key !== undefined && isWithin(key, percentage.value, percentage.salt))) &&
    (match.cel === undefined || (EXPRESSIONS[match.cel](request) ?? negated)) &&
    (match.anyOf?.some((one) => requestMatches(one, request, negated)) ?? true) &&
    (match.not === undefined || !requestMatches(match.not, request, !negated))
  );
}

/** `abc`, `abc*`, `*abc` and `*`, as Istio has them. */
function isLike(patterns: string[] | undefined, value: string | undefined): boolean {
  if (patterns === undefined) return true;
  return patterns.some((pattern) => {
    if (pattern.startsWith("*")) return value?.endsWith(pattern.slice(1)) ?? false;
    return pattern.endsWith("*") ? (value?.startsWith(pattern.slice(0, -1)) ?? false) : value === pattern;
  });
}

function principalOf({ peerUri }: Arrived): string | undefined {
  return peerUri?.startsWith("spiffe://") ? peerUri.slice(9) : undefined;
}

function namespaceOf(request: Arrived): string | undefined {
  return /\/ns\/([^/]*)\//.exec(principalOf(request) ?? "")?.[1];
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
  if ("regex" in match) return new RegExp(`^(?:${match.regex})$`, match.ignoreCase ? "i" : "").test(value);
  return true;
}

/** `host` is compared in lower case whatever the configuration says. */
function folded(match: StringMatch): StringMatch {
  return typeof match === "string" ? { exact: match, ignoreCase: true } : { ...match, ignoreCase: true };
}

/** The bytes of all parts, joined by NUL; undefined where one is missing or has a NUL itself. */
export function keyOf(key: Key, request: Arrived): Uint8Array | undefined {
  const values = key.map((part) => partOf(part, request));
  if (values.some((value) => value === undefined || value.includes("\0"))) return undefined;
  return Uint8Array.from(values.join("\0"), (character) => character.charCodeAt(0));
}

function partOf(part: KeyPart, request: Arrived): string | undefined {
  if ("header" in part) return valueOf(request, part.header);
  if ("cookie" in part) return cookie(request, part.cookie);
  if ("queryParam" in part) return queryParam(request, part.queryParam);
  if ("baggage" in part) return baggageMember(request, part.baggage);
  if ("method" in part) return valueOf(request, ":method");
  if ("host" in part) return hostOf(request);
  if ("principal" in part) return principalOf(request);
  if ("claim" in part) return request.claims?.[part.claim];
  if ("routeName" in part) return request.routeName;
  if ("constant" in part) return bytes(part.constant);
  if ("path" in part) {
    const segments = part.path.segments;
    const path = pathOf(request);
    return segments === undefined ? path : new RegExp(`^.[^/]*(/[^/]*){0,${segments - 1}}`).exec(path)?.[0];
  }
  if ("remoteAddress" in part) {
    const { prefix4 = 32, prefix6 = 64, direct = false } = part.remoteAddress;
    const address = addressOf((direct ? request.direct : request.address) ?? "");
    return address === null ? undefined : maskedText(address, prefix4, prefix6);
  }
  return undefined;
}

/** All values of a header, joined. */
export function valueOf(request: Arrived, name: string): string | undefined {
  const key = lower(name) === "host" ? ":authority" : lower(name);
  const values = request.headers.filter(([other]) => other === key).map(([, value]) => value);
  return values.length === 0 ? undefined : values.join(key === "cookie" ? "; " : ",");
}

function pathOf(request: Arrived): string {
  return valueOf(request, ":path")!.split("?", 1)[0]!;
}

function hostOf(request: Arrived): string {
  return lower(valueOf(request, ":authority")!.replace(/^(\[.*\]|[^:]*):[^:\]]*$/, "$1"));
}

function queryParam(request: Arrived, name: string): string | undefined {
  const target = valueOf(request, ":path")!;
  const mark = target.indexOf("?");
  for (const pair of mark < 0 ? [] : target.slice(mark + 1).split("&")) {
    const equal = pair.indexOf("=");
    if (decode(equal < 0 ? pair : pair.slice(0, equal)) === bytes(name))
      return equal < 0 ? "" : decode(pair.slice(equal + 1));
  }
  return undefined;
}

/** The first value of a cookie, raw. */
export function cookie(request: Arrived, name: string): string | undefined {
  for (const pair of valueOf(request, "cookie")?.split(";") ?? []) {
    const equal = trim(pair).indexOf("=");
    if (equal > 0 && trim(trim(pair).slice(0, equal)) === bytes(name))
      return trim(trim(pair).slice(equal + 1));
  }
  return undefined;
}

/** The members of `baggage`, raw, broken ones too. */
export function baggageMembers(headers: readonly Header[]): string[] {
  const values = headers.filter(([name]) => name === "baggage").map(([, value]) => value);
  return values.flatMap((value) => value.split(",")).filter((member) => member !== "");
}

/** The value of the first member of this name, decoded. */
export function baggageMember(request: Arrived, name: string): string | undefined {
  for (const member of baggageMembers(request.headers)) {
    const equal = member.indexOf("=");
    if (equal < 0 || trim(member.slice(0, equal)) !== bytes(name)) continue;
    return decode(trim(member.slice(equal + 1).split(";", 1)[0]!));
  }
  return undefined;
}

/** Whether somebody could take a member for one of this name: broken, its name escaped, or with blanks around it. */
export function looksLikeMember(member: string, name: string): boolean {
  const decoded = decode(trim(member.split(/[=;]/, 1)[0]!));
  return decoded === name || decoded.replace(/^[^!-*,-~]+|[^!-*,-~]+$/g, "") === name;
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

/**
 * Decides as Istio's documentation says, one value after another: the reference of AuthorizationPolicy
 * (`istio.io/api/security/v1beta1/authorization_policy.proto`) and the conditions' page. Where that leaves a question open, the answer is
 * Envoy's RBAC filter's with istiod's rules, and a comment says so; `rbac.e2e.test.ts` holds both against each other. Nothing here knows how
 * the filter does it.
 */
import type { Header, Json } from "../driver.ts";
import { inBlock } from "./addresses.ts";
import { isDryRun, type Condition, type Operation, type Policy, type Rule, type Source } from "./policies.ts";

/** What of a request a decision looks at, as the proxy knows it where the filter stands. Strings are of bytes, as headers are. */
export interface Facts {
  method: string;
  /** With its query, normalised as the listener does it; null where there is none (CONNECT). */
  path: string | null;
  authority: string;
  scheme: string;
  /** In order, names in lower case, without pseudo-headers. */
  headers: readonly Header[];
  /** What the client's certificate says; null without one. */
  certificate: { uris: readonly string[]; dnsNames: readonly string[]; subject: string } | null;
  /** Empty without one. */
  serverName: string;
  /** Of the connection's other end. */
  directAddress: string;
  /** Of the client, as X-Forwarded-For says where it is trusted. */
  remoteAddress: string;
  destinationAddress: string;
  destinationPort: number;
  /** Of the verified token, claims of several words as lists; null without one. */
  claims: Readonly<Record<string, Json>> | null;
  /** By the name of the filter that set it. */
  metadata: Readonly<Record<string, Readonly<Record<string, Json>>>>;
}

export interface Mesh {
  trustDomain: string;
  trustDomainAliases: readonly string[];
}

export interface Decision {
  allowed: boolean;
  /** What decided; `none` where there is no policy that could. */
  by: "CUSTOM" | "DENY" | "ALLOW" | "none";
  /** The rules that matched there, in the name that istiod gives them; none for a request that no ALLOW policy matches. */
  rules: string[];
}

/**
 * CUSTOM, then DENY, then ALLOW (`authorization_policy.proto`, its first comment); AUDIT decides nothing. `ask` is what a CUSTOM policy's
 * provider says. A policy on trial counts for nothing.
 */
export function decide(
  policies: readonly Policy[],
  facts: Facts,
  mesh: Mesh,
  ask: (provider: string) => boolean = () => true,
): Decision {
  const enforced = policies.filter((policy) => !isDryRun(policy));
  const matching = (action: string): { policy: Policy; rule: string }[] =>
    enforced
      .filter(({ spec }) => (spec.action ?? "ALLOW") === action)
      .flatMap((policy) =>
        (policy.spec.rules ?? []).flatMap((rule, at) =>
          ruleMatches(rule, facts, mesh, policy) ? [{ policy, rule: ruleName(policy, at) }] : [],
        ),
      );
  const refused = matching("CUSTOM").filter(({ policy }) => !ask(policy.spec.provider?.name ?? ""));
  const names = (list: { rule: string }[]): string[] => list.map(({ rule }) => rule);
  if (refused.length > 0) return { allowed: false, by: "CUSTOM", rules: names(refused) };
  const denying = matching("DENY");
  if (denying.length > 0) return { allowed: false, by: "DENY", rules: names(denying) };
  if (!enforced.some(({ spec }) => (spec.action ?? "ALLOW") === "ALLOW"))
    return { allowed: true, by: "none", rules: [] };
  const allowing = matching("ALLOW");
  return { allowed: allowing.length > 0, by: "ALLOW", rules: names(allowing) };
}

/** As in RBAC's `response_code_details`. */
export function ruleName({ namespace, name }: Policy, at: number): string {
  return `ns[${namespace}]-policy[${name}]-rule[${at}]`;
}

/** At least one source, at least one operation, all conditions; what is left out holds. */
function ruleMatches(
  { from = [], to = [], when = [] }: Rule,
  facts: Facts,
  mesh: Mesh,
  policy: Policy,
): boolean {
  return (
    (from.length === 0 || from.some(({ source }) => sourceMatches(source ?? {}, facts, mesh, policy))) &&
    (to.length === 0 || to.some(({ operation }) => operationMatches(operation ?? {}, facts))) &&
    when.every((condition) => conditionHolds(condition, facts, mesh, policy))
  );
}

/** One of the values, where there are any, and none of the others. */
function admits(
  values: readonly string[] | undefined,
  notValues: readonly string[] | undefined,
  matches: (value: string) => boolean,
): boolean {
  return (!values?.length || values.some(matches)) && !notValues?.some(matches);
}

function sourceMatches(source: Source, facts: Facts, mesh: Mesh, policy: Policy): boolean {
  return (
    admits(source.principals, source.notPrincipals, isPrincipal(facts, mesh)) &&
    admits(source.requestPrincipals, source.notRequestPrincipals, isRequestPrincipal(facts)) &&
    admits(source.namespaces, source.notNamespaces, isNamespace(facts)) &&
    admits(source.serviceAccounts, source.notServiceAccounts, isServiceAccount(facts, policy)) &&
    admits(source.ipBlocks, source.notIpBlocks, (block) => inBlock(facts.directAddress, block)) &&
    admits(source.remoteIpBlocks, source.notRemoteIpBlocks, (block) => inBlock(facts.remoteAddress, block)) &&
    admits(source.trustDomains, source.notTrustDomains, isTrustDomain(facts, mesh))
  );
}

function operationMatches(operation: Operation, facts: Facts): boolean {
  const host = facts.authority.toLowerCase();
  return (
    admits(operation.hosts, operation.notHosts, (value) =>
      matchesText(value.toLowerCase(), host, "header"),
    ) &&
    admits(operation.ports, operation.notPorts, (value) => Number(value) === facts.destinationPort) &&
    admits(operation.methods, operation.notMethods, (value) => matchesText(value, facts.method, "header")) &&
    admits(operation.paths, operation.notPaths, isPath(facts))
  );
}

function conditionHolds(
  { key, values, notValues }: Condition,
  facts: Facts,
  mesh: Mesh,
  policy: Policy,
): boolean {
  return admits(values, notValues, attributeMatches(key, facts, mesh, policy));
}

/** How a value matches an attribute (https://istio.io/latest/docs/reference/config/security/conditions/). */
function attributeMatches(key: string, facts: Facts, mesh: Mesh, policy: Policy): (value: string) => boolean {
  const [, name = ""] = /^[^[]*\[(.*)\]$/.exec(key) ?? [];
  if (key.startsWith("request.headers[")) {
    const found = headerValues(name.toLowerCase(), facts);
    // One of several values is enough (Envoy: `rbac_match_headers_individually`).
    return (value) => found.some((one) => matchesText(bytes(value), one, "header"));
  }
  if (key.startsWith("request.auth.claims[")) return (value) => claimMatches(claimPath(name), value, facts);
  if (key.startsWith("experimental.envoy.filters.")) {
    const filter = key.slice("experimental.".length, key.indexOf("["));
    return (value) => metadataMatches(facts.metadata[filter]?.[name], value);
  }
  switch (key) {
    case "source.ip":
      return (value) => inBlock(facts.directAddress, value);
    case "remote.ip":
      return (value) => inBlock(facts.remoteAddress, value);
    case "source.namespace":
      return isNamespace(facts);
    case "source.principal":
      return isPrincipal(facts, mesh);
    case "source.serviceAccount":
      return isServiceAccount(facts, policy);
    case "source.trustDomain":
      return isTrustDomain(facts, mesh);
    case "request.auth.principal":
      return isRequestPrincipal(facts);
    case "request.auth.audiences":
      return (value) => claimMatches(["aud"], value, facts);
    case "request.auth.presenter":
      return (value) => claimMatches(["azp"], value, facts);
    case "destination.ip":
      return (value) => inBlock(facts.destinationAddress, value);
    case "destination.port":
      return (value) => Number(value) === facts.destinationPort;
    case "connection.sni":
      return (value) => matchesText(value, facts.serverName);
    default:
      throw new Error(`no attribute ${key}`);
  }
}

/**
 * Exact, prefix, suffix and presence. A header is present where it is empty, too; any other value is not, and a line feed is no part of one
 * (istiod: `present_match` there, the regular expression `.+` here).
 */
function matchesText(pattern: string, value: string, kind: "header" | "value" = "value"): boolean {
  if (pattern === "*") return kind === "header" || /^[^\n]+$/.test(value);
  if (pattern.startsWith("*")) return value.endsWith(pattern.slice(1));
  if (pattern.endsWith("*")) return value.startsWith(pattern.slice(0, -1));
  return value === pattern;
}

/** What Envoy takes for the caller's names: a certificate's URIs, then its DNS names, then its subject; one is enough. */
function namesOf({ certificate }: Facts): readonly string[] {
  if (certificate === null) return [];
  return [...certificate.uris, ...certificate.dnsNames, certificate.subject];
}

function isPrincipal(facts: Facts, mesh: Mesh): (value: string) => boolean {
  const names = namesOf(facts);
  return (value) => {
    // Any name at all, whatever it is of (istiod: `.+`).
    if (value === "*") return names.some((name) => name !== "");
    return withAliases(value, mesh).some((one) =>
      names.some((name) => name.startsWith("spiffe://") && matchesText(one, name.slice("spiffe://".length))),
    );
  };
}

/** A principal of the mesh's own trust domain, of an alias of it or of `cluster.local` is the same in all of them. */
function withAliases(principal: string, { trustDomain, trustDomainAliases }: Mesh): string[] {
  const [domain = "", ...rest] = principal.split("/");
  const own = [trustDomain, ...trustDomainAliases];
  if (rest.length !== 4 || domain === "*") return [principal];
  if (domain !== "cluster.local" && !own.some((one) => matchesText(domain, one))) return [principal];
  // One with a star in front stands for itself wherever it fits; what has its star at the end is replaced.
  return own.map((one) =>
    domain.startsWith("*") && matchesText(domain, one) ? principal : [one, ...rest].join("/"),
  );
}

/** `*` stands for anything, anywhere in it. */
function isNamespace(facts: Facts): (value: string) => boolean {
  const names = namesOf(facts);
  return (value) => {
    const pattern = value.split("*").map(escaped).join(".*");
    return names.some((name) => new RegExp(`^.*/ns/${pattern}/.*$`).test(name));
  };
}

/** `<namespace>/<name>`, or a name in the policy's own namespace; further parts of the path may stand before and after. */
function isServiceAccount(facts: Facts, { namespace }: Policy): (value: string) => boolean {
  const names = namesOf(facts);
  return (value) => {
    const [first = "", second] = value.split("/");
    const [space, account] = second === undefined ? [namespace, first] : [first, second];
    const pattern = new RegExp(`^spiffe://.+/ns/${escaped(space)}/(.+/)?sa/${escaped(account)}(/.+)?$`);
    return names.some((name) => pattern.test(name));
  };
}

function isTrustDomain(facts: Facts, { trustDomain, trustDomainAliases }: Mesh): (value: string) => boolean {
  const names = namesOf(facts);
  const own = [trustDomain, ...trustDomainAliases];
  return (value) =>
    (own.includes(value) ? own : [value]).some((one) => {
      // `*` alone is any SPIFFE id (istiod: the prefix `spiffe://`).
      if (one === "*") return names.some((name) => name.startsWith("spiffe://"));
      const pattern = new RegExp(`^spiffe://${one.split("*").map(escaped).join("[^/]*")}/.*$`);
      return names.some((name) => pattern.test(name));
    });
}

/**
 * `<ISS>/<SUB>`, where the last slash divides, since an issuer may be an URL. `*` is any of both; without a slash, a prefix is
 * the issuer's and a suffix the subject's, the other one being any. With a star first, one at the end is a character like any other
 * (istiod: `requestPrincipalGenerator`).
 */
function isRequestPrincipal({ claims }: Facts): (value: string) => boolean {
  const { iss, sub } = claims ?? {};
  return (value) => {
    if (typeof iss !== "string" || typeof sub !== "string") return false;
    const any = (text: string): boolean => matchesText("*", text);
    if (value === "*") return any(iss) && any(sub);
    const slash = value.lastIndexOf("/");
    const issuer = value.slice(0, Math.max(slash, 0));
    const subject = value.slice(slash + 1);
    if (value.startsWith("*")) {
      if (slash < 0) return any(iss) && sub.endsWith(subject.slice(1));
      return (issuer === "*" ? any(iss) : iss.endsWith(issuer.slice(1))) && sub === subject;
    }
    if (value.endsWith("*")) {
      const start = subject.slice(0, -1);
      if (slash < 0) return iss.startsWith(start) && any(sub);
      return iss === issuer && (start === "" ? any(sub) : sub.startsWith(start));
    }
    return slash < 0 ? iss === value && sub === "" : iss === issuer && sub === subject;
  };
}

/** `[a][b]`, here without its outer brackets, is the member `b` of `a`; otherwise the whole is one name. */
function claimPath(name: string): string[] {
  const parts = name.split("][");
  return parts.some((part) => /[[\]]/.test(part)) ? [name] : parts;
}

/** A claim that is text, or a list with such a text in it. */
function claimMatches(path: readonly string[], value: string, { claims }: Facts): boolean {
  let found: Json | undefined = claims ?? undefined;
  for (const name of path) {
    if (typeof found !== "object" || found === null || Array.isArray(found)) return false;
    found = (found as Readonly<Record<string, Json>>)[name];
  }
  const texts: readonly (Json | undefined)[] = Array.isArray(found) ? found : [found];
  return texts.some((text) => typeof text === "string" && matchesText(value, text));
}

/** `[v]` is for a list with that in it, `v` for a text. */
function metadataMatches(found: Json | undefined, value: string): boolean {
  if (!value.startsWith("[") || !value.endsWith("]"))
    return typeof found === "string" && matchesText(value, found);
  const pattern = value.replace(/^[[\]]+|[[\]]+$/g, "");
  return Array.isArray(found) && found.some((one) => typeof one === "string" && matchesText(pattern, one));
}

function headerValues(name: string, facts: Facts): readonly string[] {
  switch (name) {
    case ":method":
      return [facts.method];
    case ":path":
      return facts.path === null ? [] : [facts.path];
    case ":scheme":
      return [facts.scheme];
    case ":authority":
    case "host":
      return [facts.authority];
    default:
      return facts.headers.filter(([other]) => other === name).map(([, value]) => value);
  }
}

/** What may stand for `{*}`; Envoy's `uri_template_internal.cc`. */
const SEGMENT = "[A-Za-z0-9\\-._~%!$&'()+,;:@=*]";

/** Without query and fragment. `{*}` is one segment that is not empty, `{**}` any number of them. */
function isPath({ path }: Facts): (value: string) => boolean {
  if (path === null) return () => false;
  const plain = path.replace(/[?#].*$/s, "");
  return (value) => {
    if (!/\{\*\*?\}/.test(value)) return matchesText(value, plain);
    const pattern = value
      .split(/(\{\*\*?\})/)
      .map((part) => (part === "{*}" ? `${SEGMENT}+` : part === "{**}" ? `(?:${SEGMENT}|/)*` : escaped(part)))
      .join("");
    return new RegExp(`^${pattern}$`).test(plain);
  };
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}

/** Policies are text, headers are bytes. */
function bytes(text: string): string {
  return Buffer.from(text).toString("latin1");
}

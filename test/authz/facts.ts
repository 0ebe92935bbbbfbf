/** What a generated request is where the policies are looked at: behind the proxy's own parsing and the verification of tokens. */
import type { Header, Json } from "../driver.ts";
import { forwardedFor } from "../host/connection-manager.ts";
import { HeaderMap } from "../host/header-map.ts";
import { normalisePath } from "../host/request-target.ts";
import { METADATA, METADATA_FILTER, type Case, type GeneratedRequest } from "./generate.ts";
import type { Facts } from "./naive.ts";
import { withoutParameter, withTokens } from "./shown-tokens.ts";

/** The subject of every client's certificate (`Callers`). */
const SUBJECT = "CN=peer";
/** What istiod has always split into words (`buildSpaceDelimitedClaims`). */
const SPACE_DELIMITED = ["permission", "scope"];

interface JwtRule {
  issuer: string;
  forwardOriginalToken?: boolean;
  fromCookies?: string[];
  outputClaimToHeaders?: { header: string; claim: string }[];
  spaceDelimitedClaims?: string[];
}

/** The facts; `unauthorized` where the token is refused, `malformed` where the proxy takes no such path. */
export function factsOf(
  { set, callers }: Case,
  request: GeneratedRequest,
  port: number,
): Facts | "unauthorized" | "malformed" {
  const { certificate, serverName, directAddress } = callers[request.caller]!;
  const sent = withTokens(request, () => "..");
  let path = normalisePath(sent.path);
  if (path === null) return "malformed";
  let headers: Header[] = sent.headers.map(([name, value]) => [name.toLowerCase(), value]);
  let claims: Record<string, Json> | null = null;
  const rules = (set.requestAuthentication?.jwtRules ?? []) as JwtRule[];
  // Nobody but a verified token says these, not even of a preflight.
  const told = rules.flatMap(({ outputClaimToHeaders = [] }) => outputClaimToHeaders);
  headers = headers.filter(([name]) => !told.some(({ header }) => header === name));
  const looksAtCookies = rules.some(({ fromCookies }) => fromCookies !== undefined);
  const tokens = request.tokens.filter(({ place }) => place !== "cookie" || looksAtCookies);
  const [first] = tokens;
  if (!isPreflight(request) && rules.length > 0 && first !== undefined) {
    const rule = rules.find(({ issuer }) => issuer === first.claims.iss);
    if (rule === undefined || tokens.some(({ forged }) => forged)) return "unauthorized";
    for (const token of tokens) {
      claims = splitWords({ ...token.claims }, [...SPACE_DELIMITED, ...(rule.spaceDelimitedClaims ?? [])]);
      for (const { header, claim } of rule.outputClaimToHeaders ?? []) {
        const value = token.claims[claim];
        if (typeof value === "string" && value !== "") headers.push([header, value]);
      }
    }
    if (!rule.forwardOriginalToken) {
      headers = headers.filter(([name]) => name !== "authorization");
      path = withoutParameter(path);
    }
  }
  // Some are joined where they came twice.
  const map = new HeaderMap("request");
  for (const [name, value] of headers) map.add(name, value);
  return {
    method: request.method,
    path,
    authority: request.authority,
    scheme: certificate === null ? "http" : "https",
    headers: map.entries(),
    certificate: certificate === null ? null : { ...certificate, subject: SUBJECT },
    // The TLS inspector folds it.
    serverName: serverName.toLowerCase(),
    directAddress,
    remoteAddress: forwardedFor(map) ?? directAddress,
    destinationAddress: "127.0.0.1",
    destinationPort: port,
    claims,
    metadata: { [METADATA_FILTER]: METADATA },
  };
}

/** Asks for permission to ask: it has no credentials, and none are looked for (Envoy: `bypass_cors_preflight`). */
function isPreflight({ method, headers }: GeneratedRequest): boolean {
  const has = (name: string): boolean => headers.some(([other, value]) => other === name && value !== "");
  return method === "OPTIONS" && has("origin") && has("access-control-request-method");
}

function splitWords(claims: Record<string, Json>, names: readonly string[]): Record<string, Json> {
  for (const name of names) {
    const claim = claims[name];
    if (typeof claim !== "string") continue;
    const words = claim.split(" ").filter((word) => word !== "");
    if (words.length > 0) claims[name] = words;
  }
  return claims;
}

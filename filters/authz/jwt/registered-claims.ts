import { ABSENT, Bytes, literal } from "../../../assembly/bytes/bytes";
import { JsonKind, JsonNode } from "../../../assembly/json/node";
import { parseNumber } from "../../../assembly/json/number";
import { JwtProblem } from "./problem";

/** 2^64: times are less than this. */
const TIMES_END: f64 = 18446744073709551616.0;

/**
 * The claims of a token that the proxy itself reads (RFC 7519 §4.1). Each may be left out; of the wrong type, it makes the whole token wrong, as
 * in Envoy (`Jwt::parseFromString`).
 */
@final
export class RegisteredClaims {
  /** {@link ABSENT} when left out. */
  issuer: Bytes = ABSENT;
  subject: Bytes = ABSENT;
  audience: JsonNode | null = null;
  /** In seconds since 1970, fractions cut off; 0 when left out. */
  expiry: u64 = 0;
  /** Before which time it is not to be taken: the later one of `nbf` and `iat`. */
  notBefore: u64 = 0;

  /** Reads them from the payload's members. */
  read(claims: JsonNode): JwtProblem {
    const issuer = claims.member(ISSUER);
    if (!isText(issuer)) return JwtProblem.IssuerType;
    const subject = claims.member(SUBJECT);
    if (!isText(subject)) return JwtProblem.SubjectType;
    if (!this.readTime(claims.member(ISSUED_AT))) return this.wrong(JwtProblem.IssuedAtType);
    const issued = this.time;
    if (!this.readTime(claims.member(NOT_BEFORE))) return this.wrong(JwtProblem.NotBeforeType);
    // A token that is issued tomorrow is nobody's today. Envoy does not compare `iat` with the time.
    this.notBefore = max(this.time, issued);
    if (!this.readTime(claims.member(EXPIRY))) return this.wrong(JwtProblem.ExpiryType);
    this.expiry = this.time;
    if (!isText(claims.member(ID))) return JwtProblem.IdType;
    const audience = claims.member(AUDIENCE);
    if (!isText(audience) && !isTextList(audience)) return JwtProblem.AudienceType;
    this.issuer = issuer == null ? ABSENT : issuer.text;
    this.subject = subject == null ? ABSENT : subject.text;
    this.audience = audience;
    return JwtProblem.None;
  }

  /** Of the last {@link readTime}. */
  private time: u64 = 0;
  private isNumber: bool = false;

  private readTime(node: JsonNode | null): bool {
    this.time = 0;
    if (node == null) return true;
    this.isNumber = node.kind == JsonKind.Number;
    if (!this.isNumber) return false;
    const value = parseNumber(node.text);
    if (!(value >= 0 && value < TIMES_END)) return false;
    this.time = <u64>value;
    return true;
  }

  /** The problem of the type, or of the range, which stands behind it. */
  private wrong(ofType: JwtProblem): JwtProblem {
    return this.isNumber ? ofType + 1 : ofType;
  }
}

/** Whether all numbers are doubles: `1e999` is none. As deep as the parser has let it be. */
export function hasFiniteNumbers(node: JsonNode): bool {
  let child = node.first;
  while (child != null) {
    if (child.kind == JsonKind.Number && !isFinite(parseNumber(child.text))) return false;
    if (!hasFiniteNumbers(child)) return false;
    child = child.next;
  }
  return true;
}

/** Or not there. */
function isText(node: JsonNode | null): bool {
  return node == null || node.kind == JsonKind.String;
}

function isTextList(node: JsonNode | null): bool {
  if (node == null || node.kind != JsonKind.Array) return false;
  let item = node.first;
  while (item != null) {
    if (item.kind != JsonKind.String) return false;
    item = item.next;
  }
  return true;
}

/** Of the token at hand. */
// @ts-ignore: decorator
@lazy export const registered = new RegisteredClaims();

// @ts-ignore: decorator
@lazy const ISSUER = literal("iss");
// @ts-ignore: decorator
@lazy const SUBJECT = literal("sub");
// @ts-ignore: decorator
@lazy const AUDIENCE = literal("aud");
// @ts-ignore: decorator
@lazy const EXPIRY = literal("exp");
// @ts-ignore: decorator
@lazy const NOT_BEFORE = literal("nbf");
// @ts-ignore: decorator
@lazy const ISSUED_AT = literal("iat");
// @ts-ignore: decorator
@lazy const ID = literal("jti");

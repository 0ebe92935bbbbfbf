import { Keeper } from "../../../assembly/bytes/keeper";
import { JwtRejection } from "./rejection";

/** What is wrong with a token, in the order of {@link rejectionsOf}. */
export enum JwtProblem {
  None,
  /** There is none. Where no rule finds one, the request goes on without. */
  Missing,
  /** Another rule may take it. */
  Issuer,
  Format,
  Header,
  Critical,
  Algorithm,
  Payload,
  IssuerType,
  SubjectType,
  IssuedAtType,
  IssuedAtRange,
  NotBeforeType,
  NotBeforeRange,
  ExpiryType,
  ExpiryRange,
  IdType,
  AudienceType,
  Expired,
  NotYet,
  Audience,
  Signature,
  UnknownKey,
  NoKeys,
  Repeated,
  /** The proxy could not verify the signature. */
  Failed,
}

/** A rejection for each problem from {@link JwtProblem.Issuer} on. What it says is what Envoy says (`source/common/jwt/status.cc`), where Envoy has the problem. */
export function rejectionsOf(keeper: Keeper): StaticArray<JwtRejection> {
  return [
    new JwtRejection(keeper, "jwt-issuer", "Jwt issuer is not configured"),
    malformed(keeper, "is not in the form of Header.Payload.Signature with two dots and 3 sections"),
    malformed(keeper, "header is an invalid JSON"),
    malformed(keeper, "header [crit] is not supported"),
    new JwtRejection(keeper, "jwt-algorithm", "Jwt header [alg] is not supported"),
    malformed(keeper, "payload is an invalid JSON"),
    malformed(keeper, "payload [iss] field is not a string"),
    malformed(keeper, "payload [sub] field is not a string"),
    malformed(keeper, "payload [iat] field is not an integer"),
    malformed(keeper, "payload [iat] field is not a positive 64 bit integer"),
    malformed(keeper, "payload [nbf] field is not an integer"),
    malformed(keeper, "payload [nbf] field is not a positive 64 bit integer"),
    malformed(keeper, "payload [exp] field is not an integer"),
    malformed(keeper, "payload [exp] field is not a positive 64 bit integer"),
    malformed(keeper, "payload [jti] field is not a string"),
    malformed(keeper, "payload [aud] field is not a string or string list"),
    new JwtRejection(keeper, "jwt-expired", "Jwt is expired"),
    new JwtRejection(keeper, "jwt-not-yet", "Jwt not yet valid"),
    new JwtRejection(keeper, "jwt-audience", "Audiences in Jwt are not allowed", 403),
    new JwtRejection(keeper, "jwt-signature", "Jwt verification fails"),
    new JwtRejection(keeper, "jwt-unknown-key", "Jwks doesn't have key to match kid or alg from Jwt"),
    new JwtRejection(keeper, "jwt-keys-unavailable", "Jwks remote fetch is failed"),
    new JwtRejection(keeper, "jwt-duplicate", "Found multiple Jwt tokens"),
    new JwtRejection(keeper, "error", "Jwt verification fails"),
  ];
}

function malformed(keeper: Keeper, what: string): JwtRejection {
  return new JwtRejection(keeper, "jwt-malformed", "Jwt " + what);
}

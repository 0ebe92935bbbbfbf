/** What comes of a token, in bytes. */
import { Bytes, literal } from "../../../assembly/bytes/bytes";
import { KeySet } from "../../../assembly/jwt/jwk";
import { jws, JwsProblem, JwsVerdict, parseJws, verifyJws } from "../../../assembly/jwt/jws";

/** The payload of a right token, a word otherwise. */
export function verified(keys: KeySet, token: Bytes): Bytes {
  const problem = parseJws(token);
  // RFC 7520 and some of RFC 7515 sign texts that are no claims.
  if (problem == JwsProblem.Payload) return verifyJws(keys) == JwsVerdict.Right ? SIGNED_TEXT : PAYLOAD;
  return problem == JwsProblem.None ? verdictText(verifyJws(keys)) : problemText(problem);
}

function verdictText(verdict: JwsVerdict): Bytes {
  switch (verdict) {
    case JwsVerdict.Right:
      return jws.payload;
    case JwsVerdict.WrongSignature:
      return WRONG;
    case JwsVerdict.NoKey:
      return NO_KEY;
    default:
      return HOST_FAILED;
  }
}

function problemText(problem: JwsProblem): Bytes {
  switch (problem) {
    case JwsProblem.Malformed:
      return MALFORMED;
    case JwsProblem.Header:
      return HEADER;
    case JwsProblem.Unsecured:
      return UNSECURED;
    case JwsProblem.Unsupported:
      return UNSUPPORTED;
    case JwsProblem.UnknownAlgorithm:
      return UNKNOWN;
    default:
      return CRITICAL;
  }
}

const WRONG = literal("wrong signature");
const NO_KEY = literal("no key");
const HOST_FAILED = literal("host failed");
const MALFORMED = literal("malformed");
const HEADER = literal("header");
const UNSECURED = literal("unsecured");
export const UNSUPPORTED = literal("unsupported");
const UNKNOWN = literal("unknown algorithm");
const CRITICAL = literal("critical");
const PAYLOAD = literal("payload");
const SIGNED_TEXT = literal("payload, signed");

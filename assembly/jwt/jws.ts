import { arenaCopy, lowerCase } from "../bytes/arena";
import { decodeBase64url } from "../bytes/base64";
import { ABSENT, Bytes, equals, indexOfByte, lengthOf, literal, pointerOf, slice } from "../bytes/bytes";
import { equalsInConstantTime } from "../bytes/constant-time";
import { Hash, hmac } from "../bytes/hmac";
import { signatureError, Verification, verifySignature } from "../host/signatures";
import { JsonKind, JsonNode } from "../json/node";
import { parseJsonQuietly } from "../json/parse";
import { Algorithm, algorithmOf, coordinateSize, hashOf, KeyKind, unsupportedNamed } from "./algorithm";
import { derInteger, derSequence, significant } from "./der";
import { KeySet, VerificationKey } from "./jwk";

/** Why a token is none. */
export enum JwsProblem {
  None,
  /** Not three parts of base64url (RFC 7515 §7.1), or longer than 64 KiB. */
  Malformed,
  /** The header is no JSON object without duplicate names, is larger than 8 KiB, or has no `alg` or `kid` of the right type. */
  Header,
  /** `alg` is `none`, in whatever spelling. */
  Unsecured,
  /** `alg` is registered, but the proxy has it not: {@link Jws.unsupported} names it. */
  Unsupported,
  /** `alg` is none that is registered. */
  UnknownAlgorithm,
  /** The header has `crit`, of whose extensions none is understood (RFC 7515 §4.1.11), or `b64` (RFC 7797). */
  Critical,
  /** The payload is no JSON object without duplicate names (RFC 7519 §7.2). */
  Payload,
}

/** What a verification has come to. */
export enum JwsVerdict {
  /** One of the keys has signed this very token. */
  Right,
  /** None of those that could has. */
  WrongSignature,
  /** There is no key of this name for this algorithm. */
  NoKey,
  /** The proxy could not say. */
  HostFailed,
}

/** The token that was parsed last. What it holds lives in the arena. */
@final
export class Jws {
  algorithm: Algorithm = Algorithm.None;
  /** The name of an algorithm that is {@link JwsProblem.Unsupported}: ours, not the client's spelling. */
  unsupported: Bytes = ABSENT;
  /** The key's name; {@link ABSENT} when there is none (or an empty one). */
  kid: Bytes = ABSENT;
  /** The payload's JSON text. */
  payload: Bytes = ABSENT;
  /** The payload as it stands in the token, in base64url. */
  encodedPayload: Bytes = ABSENT;
  /** The payload's members. */
  claims: JsonNode = changetype<JsonNode>(0);
  signature: Bytes = ABSENT;
  /** What was signed: header and payload as they stand in the token, with the dot. */
  signingInput: Bytes = ABSENT;
  /** After {@link JwsVerdict.WrongSignature}: no key of the token's name was tried, but others, without a name. */
  lacksKey: bool = false;
}

// @ts-ignore: decorator
@lazy export const jws = new Jws();

/**
 * Takes a token apart into {@link jws}, whose fields hold after {@link JwsProblem.None}, and but for the claims after
 * {@link JwsProblem.Payload}. It allocates in the arena alone, and never traps.
 */
export function parseJws(token: Bytes): JwsProblem {
  const length = lengthOf(token);
  if (length > MAX_TOKEN) return JwsProblem.Malformed;
  const first = indexOfByte(token, DOT);
  if (first < 0) return JwsProblem.Malformed;
  const second = indexOfByte(token, DOT, first + 1);
  // A third dot is in no alphabet: it is found by decoding what is left.
  if (second < 0) return JwsProblem.Malformed;
  const header = decodeBase64url(slice(token, 0, first));
  if (header == ABSENT) return JwsProblem.Malformed;
  const encodedPayload = slice(token, first + 1, second);
  const payload = decodeBase64url(encodedPayload);
  if (payload == ABSENT) return JwsProblem.Malformed;
  const signature = decodeBase64url(slice(token, second + 1, length));
  if (signature == ABSENT) return JwsProblem.Malformed;

  const problem = readHeader(header);
  if (problem != JwsProblem.None) return problem;
  const own = jws;
  own.payload = payload;
  own.encodedPayload = encodedPayload;
  own.signature = signature;
  own.signingInput = slice(token, 0, second);
  // The parser decodes strings in place.
  const claims = parseJsonQuietly(arenaCopy(pointerOf(payload), lengthOf(payload)));
  if (claims == null || claims.kind != JsonKind.Object) return JwsProblem.Payload;
  own.claims = claims;
  return JwsProblem.None;
}

/** RFC 7515 §4. Keys that a header brings along or points to (`jwk`, `jku`, `x5c`, `x5u`) are never looked at, nor is `typ`. */
function readHeader(header: Bytes): JwsProblem {
  if (lengthOf(header) > MAX_HEADER) return JwsProblem.Header;
  const members = parseJsonQuietly(header);
  if (members == null || members.kind != JsonKind.Object) return JwsProblem.Header;
  const alg = members.member(ALG);
  if (alg == null || alg.kind != JsonKind.String) return JwsProblem.Header;
  const kid = members.member(KID);
  if (kid != null && kid.kind != JsonKind.String) return JwsProblem.Header;
  if (members.member(CRIT) != null || members.member(B64) != null) return JwsProblem.Critical;
  const own = jws;
  own.kid = kid == null || lengthOf(kid.text) == 0 ? ABSENT : kid.text;
  own.algorithm = algorithmOf(alg.text);
  if (own.algorithm != Algorithm.None) return JwsProblem.None;
  own.unsupported = unsupportedNamed(alg.text);
  if (own.unsupported != ABSENT) return JwsProblem.Unsupported;
  return equals(lowerCase(alg.text), NONE) ? JwsProblem.Unsecured : JwsProblem.UnknownAlgorithm;
}

/**
 * Whether one of the keys has signed the token in {@link jws}. As in Envoy (`source/common/jwt/verify.cc`), those of its name are tried and
 * those without a name, or all when the token names none; ours are tried in this order, and never more than {@link MAX_TRIED}.
 */
export function verifyJws(keys: KeySet): JwsVerdict {
  const kid = jws.kid;
  tried = 0;
  jws.lacksKey = false;
  if (kid == ABSENT) return verifyByAny(keys, ABSENT, true);
  const verdict = verifyByAny(keys, kid, false);
  if (verdict == JwsVerdict.Right || verdict == JwsVerdict.HostFailed) return verdict;
  jws.lacksKey = tried == 0;
  return verifyByAny(keys, ABSENT, false);
}

/** How many keys were tried on the token. */
let tried: i32 = 0;

/** By the keys of this name, {@link ABSENT} for those without one; or by all. */
function verifyByAny(keys: KeySet, kid: Bytes, all: bool): JwsVerdict {
  const list = keys.keys;
  for (let at = 0; at < list.length && tried < MAX_TRIED; at++) {
    const key = unchecked(list[at]);
    if (!all && !isSameName(key.kid, kid)) continue;
    if (!key.takes(jws.algorithm)) continue;
    tried++;
    const verdict = verifyBy(key);
    if (verdict != JwsVerdict.WrongSignature) return verdict;
  }
  return tried == 0 ? JwsVerdict.NoKey : JwsVerdict.WrongSignature;
}

function isSameName(left: Bytes, right: Bytes): bool {
  return left == ABSENT || right == ABSENT ? left == right : equals(left, right);
}

function verifyBy(key: VerificationKey): JwsVerdict {
  const algorithm = jws.algorithm;
  const hash = hashOf(algorithm);
  let signature = jws.signature;
  if (key.kind == KeyKind.Secret) {
    const code = hmac(hash, key.material, jws.signingInput);
    return equalsInConstantTime(code, signature) ? JwsVerdict.Right : JwsVerdict.WrongSignature;
  }
  if (key.kind != KeyKind.Rsa) {
    signature = ecdsaSignature(signature, coordinateSize(key.kind));
    if (signature == ABSENT) return JwsVerdict.WrongSignature;
  }
  const name = hash == Hash.Sha256 ? SHA256 : hash == Hash.Sha384 ? SHA384 : SHA512;
  const verification = verifySignature(name, key.material, signature, jws.signingInput);
  if (verification == Verification.Right) return JwsVerdict.Right;
  // Of a key that it cannot use the proxy says so in words.
  return signatureError == ABSENT ? JwsVerdict.HostFailed : JwsVerdict.WrongSignature;
}

/**
 * The DER form (RFC 3279 §2.2.3) of a signature as JWS has it: two numbers of `size` bytes behind one another (RFC 7518 §3.4). {@link ABSENT}
 * when it is of another length, or one of the numbers is 0, which no signature has.
 */
function ecdsaSignature(signature: Bytes, size: u32): Bytes {
  if (lengthOf(signature) != 2 * size) return ABSENT;
  const r = slice(signature, 0, size);
  const s = slice(signature, size, 2 * size);
  if (lengthOf(significant(r)) == 0 || lengthOf(significant(s)) == 0) return ABSENT;
  return derSequence(derInteger(r), derInteger(s));
}

/** The longest token, in bytes: more than Envoy's default limit of all headers. */
const MAX_TOKEN: u32 = 64 * 1024;
/** The largest header, decoded, in bytes. */
const MAX_HEADER: u32 = 8 * 1024;
/** How many keys are tried on one token: each public key costs some 50 µs. */
const MAX_TRIED: i32 = 20;
const DOT: u8 = 0x2e;
// @ts-ignore: decorator
@lazy const ALG = literal("alg");
// @ts-ignore: decorator
@lazy const KID = literal("kid");
// @ts-ignore: decorator
@lazy const CRIT = literal("crit");
// @ts-ignore: decorator
@lazy const B64 = literal("b64");
// @ts-ignore: decorator
@lazy const NONE = literal("none");
// @ts-ignore: decorator
@lazy const SHA256 = literal("sha256");
// @ts-ignore: decorator
@lazy const SHA384 = literal("sha384");
// @ts-ignore: decorator
@lazy const SHA512 = literal("sha512");

import { arenaCopy } from "../bytes/arena";
import { decodeBase64url } from "../bytes/base64";
import { ABSENT, Bytes, bytesOf, equals, lengthOf, literal, pointerOf } from "../bytes/bytes";
import { decimalText } from "../bytes/decimal";
import { digestSize, Hash } from "../bytes/hmac";
import { Keeper } from "../bytes/keeper";
import { canVerify } from "../host/signatures";
import { JsonKind, JsonNode } from "../json/node";
import { jsonProblem, parseJson } from "../json/parse";
import { isWord, positionAmong } from "../json/words";
import { emptyList } from "../list";
import { Algorithm, algorithmOf, coordinateSize, hashOf, KeyKind, keyKindOf } from "./algorithm";
import { derBitString, derInteger, derSequence, significant } from "./der";

/**
 * JSON Web Key Sets (RFC 7517): the keys that tokens are verified with, encoded once, when a set is loaded. Which keys are left out follows
 * Envoy (`source/common/jwt/jwks.cc`): those of other kinds, and those that are wrong; a set is wrong when none is left. On top of
 * that, keys are left out which RFC 7518 forbids, and those that say that they are for something else. (Envoy also takes a map of names to
 * X.509 certificates in the place of a set; we do not.)
 */

/** The largest document, in bytes. */
const MAX_TEXT: u32 = 256 * 1024;
const MAX_KEYS: u32 = 100;
/** Of the modulus, in bits: RFC 7518 §3.3, and what a verification may cost. */
const LEAST_RSA: u32 = 2048;
const MOST_RSA: u32 = 8192;
/** Of how many keys {@link KeySet.skipped} says why they are left out. */
const MOST_TOLD: i32 = 10;

@final
export class VerificationKey {
  constructor(
    /** The key's name; {@link ABSENT} when it has none (or an empty one). */
    readonly kid: Bytes,
    readonly kind: KeyKind,
    /** The only algorithm that it is for; {@link Algorithm.None} when any that takes its kind. */
    readonly algorithm: Algorithm,
    /** Of a public key the DER form of its SubjectPublicKeyInfo (RFC 5280 §4.1.2.7), of a secret the secret. */
    readonly material: Bytes,
  ) {}

  /** Whether signatures by `algorithm` can be verified with it. */
  takes(algorithm: Algorithm): bool {
    if (keyKindOf(algorithm) != this.kind) return false;
    if (this.algorithm != Algorithm.None && this.algorithm != algorithm) return false;
    return this.kind != KeyKind.Secret || lengthOf(this.material) >= digestSize(hashOf(algorithm));
  }
}

/** Keys of one set, in their order. All that they are made of goes with the set. */
@final
export class KeySet {
  readonly keys: VerificationKey[] = emptyList<VerificationKey>();
  /** Which keys are left out, and why: `keys[1]: RSA keys have at least 2048 bits, this one 1024`, one a line. Empty when all are in. */
  skipped: string = "";
  readonly keeper: Keeper = new Keeper();
}

/** Why {@link parseKeySet} has refused a text, in words that follow its path. */
export let keySetProblem: string = "";

/**
 * The set of a JSON text, which stays as it is; null, with the reason in {@link keySetProblem}, where it is none, is too large, or has no
 * key that can be used. For configurations and ticks: it allocates on the managed heap.
 */
export function parseKeySet(text: Bytes): KeySet | null {
  keySetProblem = "";
  return null;
}

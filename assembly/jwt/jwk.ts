import { arenaCopy } from "../bytes/arena";
import { decodeBase64url } from "../bytes/base64";
import { ABSENT, byteString, Bytes, bytesOf, equals, lengthOf, literal, pointerOf } from "../bytes/bytes";
import { decimalText } from "../bytes/decimal";
import { digestSize, Hash } from "../bytes/hmac";
import { Keeper } from "../bytes/keeper";
import { isUsableKey } from "../host/signatures";
import { JsonKind, JsonNode } from "../json/node";
import { jsonProblem, parseJson } from "../json/parse";
import { isWord, positionAmong } from "../json/words";
import { emptyList } from "../list";
import {
  Algorithm,
  algorithmOf,
  coordinateSize,
  hashOf,
  KeyKind,
  keyKindOf,
  unsupportedNamed,
} from "./algorithm";
import { significant } from "./der";
import { ecPublicKey, rsaPublicKey } from "./spki";

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

/** Why {@link parseKeySet} has refused a text, in words that follow its path, in one line. */
export let keySetProblem: string = "";

/**
 * The set of a JSON text, which stays as it is; null, with the reason in {@link keySetProblem}, where it is none, is too large, or has no
 * key that can be used. For configurations and ticks: it allocates on the managed heap.
 */
export function parseKeySet(text: Bytes): KeySet | null {
  keySetProblem = "";
  if (lengthOf(text) > MAX_TEXT) return refuse(`larger than ${decimalText(MAX_TEXT)} bytes`);
  // The parser decodes strings in place.
  const document = parseJson(arenaCopy(pointerOf(text), lengthOf(text)));
  if (document == null) return refuse("no JSON: " + jsonProblem);
  const list = document.kind == JsonKind.Object ? document.member(KEYS) : null;
  if (list == null || list.kind != JsonKind.Array)
    return refuse("expected a JSON Web Key Set, an object with a list `keys`");
  if (list.count > MAX_KEYS) return refuse(`more than ${decimalText(MAX_KEYS)} keys`);
  const set = new KeySet();
  let position = 0;
  let told = 0;
  let node = list.first;
  while (node != null) {
    keyProblem = "";
    const key = readKey(node, set.keeper);
    if (key != null) set.keys.push(key);
    else if (told++ < MOST_TOLD) {
      if (told > 1) set.skipped += "\n";
      set.skipped += `keys[${decimalText(position)}]: ${keyProblem}`;
    }
    position++;
    node = node.next;
  }
  if (set.keys.length > 0) return set;
  return refuse(
    position == 0 ? "`keys` is empty" : "no key can be used: " + set.skipped.replaceAll("\n", "; "),
  );
}

function refuse(problem: string): KeySet | null {
  keySetProblem = problem;
  return null;
}

/** Why {@link readKey} has left a key out. */
let keyProblem: string = "";

function leaveOut(problem: string): VerificationKey | null {
  keyProblem = problem;
  return null;
}

/** What a JSON Web Key (RFC 7517 §4) says, but for private members, which are passed over as those that are not known. */
function readKey(jwk: JsonNode, keeper: Keeper): VerificationKey | null {
  if (jwk.kind != JsonKind.Object) return leaveOut("expected an object");
  const kty = jwk.member(KTY);
  if (kty == null || kty.kind != JsonKind.String) return leaveOut("`kty` is required, a string");
  const use = jwk.member(USE);
  if (use != null && !isText(use, "sig")) return leaveOut("`use` is not sig");
  const operations = jwk.member(KEY_OPS);
  if (operations != null && !has(operations, "verify")) return leaveOut("`key_ops` has no verify");
  const kid = jwk.member(KID);
  if (kid != null && kid.kind != JsonKind.String) return leaveOut("`kid` is no string");
  const alg = jwk.member(ALG);
  if (alg != null && alg.kind != JsonKind.String) return leaveOut("`alg` is no string");
  const algorithm = alg == null ? Algorithm.None : algorithmOf(alg.text);
  if (alg != null && algorithm == Algorithm.None) return leaveOut(unsupportedAlgorithm(alg.text));

  let material = ABSENT;
  let kind = KeyKind.Secret;
  if (isWord(kty.text, "RSA")) {
    kind = KeyKind.Rsa;
    material = rsaKey(jwk);
  } else if (isWord(kty.text, "EC")) {
    const curve = curveOf(jwk, algorithm);
    if (curve < 0) return null;
    kind = <KeyKind>curve;
    material = ecKey(jwk, kind);
  } else if (isWord(kty.text, "oct")) {
    material = secret(jwk, algorithm);
  } else if (isWord(kty.text, "OKP")) {
    return leaveOut("keys of type OKP (EdDSA) are not supported");
  } else return leaveOut("`kty` is none of RSA, EC and oct");
  if (material == ABSENT) return null;

  if (algorithm != Algorithm.None && keyKindOf(algorithm) != kind)
    return leaveOut("`alg` is not for keys of this type");
  if (kind != KeyKind.Secret && !isUsableKey(material)) return leaveOut("the proxy cannot use this key");
  return new VerificationKey(
    kid == null || lengthOf(kid.text) == 0 ? ABSENT : keeper.keep(kid.text),
    kind,
    algorithm,
    keeper.keep(material),
  );
}

function unsupportedAlgorithm(name: Bytes): string {
  const unsupported = unsupportedNamed(name);
  return unsupported == ABSENT
    ? "`alg` is no algorithm of signatures"
    : byteString(unsupported) + " is not supported";
}

/** The public key of RFC 7518 §6.3.1. {@link ABSENT}, and told, when it is not to be used. */
function rsaKey(jwk: JsonNode): Bytes {
  // Some writers put a zero in front, so that the number is not taken for negative.
  const modulus = significant(memberBytes(jwk, N));
  const exponent = significant(memberBytes(jwk, E));
  const bits = bitsOf(modulus);
  if (bits == 0 || lengthOf(exponent) == 0) leaveOut("RSA keys have `n` and `e` in base64url");
  else if (bits < LEAST_RSA)
    leaveOut(`RSA keys have at least ${decimalText(LEAST_RSA)} bits, this one ${decimalText(bits)}`);
  else if (bits > MOST_RSA) leaveOut(`RSA keys of more than ${decimalText(MOST_RSA)} bits are not supported`);
  else if (!equals(exponent, THREE) && !equals(exponent, F4)) leaveOut("`e` is neither 3 nor 65537");
  else return rsaPublicKey(modulus, exponent);
  return ABSENT;
}

function bitsOf(number: Bytes): u32 {
  const length = lengthOf(number);
  return length == 0 ? 0 : 8 * length + 24 - <u32>clz<u32>(load<u8>(pointerOf(number)));
}

/** The curve that a key names, or, as Envoy has it, that goes with its algorithm, or P-256. -1, and told, when it is none that we have. */
function curveOf(jwk: JsonNode, algorithm: Algorithm): i32 {
  const crv = jwk.member(CRV);
  if (crv == null) {
    const isNamed: bool = algorithm >= Algorithm.ES256 && algorithm <= Algorithm.ES512;
    return isNamed ? keyKindOf(algorithm) : KeyKind.P256;
  }
  const position = crv.kind == JsonKind.String ? positionAmong(crv.text, "P-256 P-384 P-521") : -1;
  if (position < 0) leaveOut("`crv` is none of P-256, P-384 and P-521");
  return position < 0 ? -1 : KeyKind.P256 + position;
}

/** The public key of RFC 7518 §6.2.1. {@link ABSENT}, and told, when it is none. */
function ecKey(jwk: JsonNode, curve: KeyKind): Bytes {
  const x = memberBytes(jwk, X);
  const y = memberBytes(jwk, Y);
  const size = coordinateSize(curve);
  if (lengthOf(x) != size || lengthOf(y) != size) {
    leaveOut(`keys on this curve have \`x\` and \`y\` of ${decimalText(size)} bytes in base64url`);
    return ABSENT;
  }
  return ecPublicKey(curve, x, y);
}

/** RFC 7518 §6.4. A secret is at least as long as the digests that are made with it (RFC 7518 §3.2). */
function secret(jwk: JsonNode, algorithm: Algorithm): Bytes {
  const bytes = memberBytes(jwk, K);
  const least = digestSize(algorithm >= Algorithm.HS256 ? hashOf(algorithm) : Hash.Sha256);
  if (lengthOf(bytes) >= least) return bytes;
  leaveOut(
    lengthOf(bytes) == 0
      ? "keys of type oct have `k` in base64url"
      : `the secret has ${decimalText(lengthOf(bytes))} bytes; it needs at least ${decimalText(least)}`,
  );
  return ABSENT;
}

/** The bytes of a member in base64url; none when it is missing or something else. */
function memberBytes(jwk: JsonNode, name: Bytes): Bytes {
  const node = jwk.member(name);
  const bytes = node == null || node.kind != JsonKind.String ? ABSENT : decodeBase64url(node.text);
  return bytes == ABSENT ? NOTHING : bytes;
}

function isText(node: JsonNode, word: string): bool {
  return node.kind == JsonKind.String && isWord(node.text, word);
}

/** Whether `word` is an element of a list. */
function has(list: JsonNode, word: string): bool {
  if (list.kind != JsonKind.Array) return false;
  let node = list.first;
  while (node != null) {
    if (isText(node, word)) return true;
    node = node.next;
  }
  return false;
}

/** Public exponents: 3 and 65537. */
const THREE_AT: usize = memory.data<u8>([0x03]);
const THREE: Bytes = bytesOf(THREE_AT, 1);
const F4_AT: usize = memory.data<u8>([0x01, 0x00, 0x01]);
const F4: Bytes = bytesOf(F4_AT, 3);
// @ts-ignore: decorator
@lazy const NOTHING = literal("");
// @ts-ignore: decorator
@lazy const KEYS = literal("keys");
// @ts-ignore: decorator
@lazy const KTY = literal("kty");
// @ts-ignore: decorator
@lazy const USE = literal("use");
// @ts-ignore: decorator
@lazy const KEY_OPS = literal("key_ops");
// @ts-ignore: decorator
@lazy const KID = literal("kid");
// @ts-ignore: decorator
@lazy const ALG = literal("alg");
// @ts-ignore: decorator
@lazy const N = literal("n");
// @ts-ignore: decorator
@lazy const E = literal("e");
// @ts-ignore: decorator
@lazy const CRV = literal("crv");
// @ts-ignore: decorator
@lazy const X = literal("x");
// @ts-ignore: decorator
@lazy const Y = literal("y");
// @ts-ignore: decorator
@lazy const K = literal("k");

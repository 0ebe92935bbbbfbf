import { ABSENT, Bytes, equals, literal } from "../bytes/bytes";
import { ProtobufReader, ProtobufWriter } from "../bytes/protobuf";
import { callForeignFunction } from "./foreign";

/**
 * Signatures, by the proxy's own BoringSSL (`verify_signature` and `sign` in Envoy's
 * `source/extensions/common/wasm/foreign.cc`, `source/common/crypto/utility_impl.cc`). RSA is PKCS#1 v1.5, ECDSA has its
 * ASN.1 DER form (a JWT's `r‖s` must be converted); no RSA-PSS, no Ed25519, no HMAC. The key is parsed at each call, which
 * costs more than the rest.
 */

/** What came of a verification. */
export enum Verification {
  /** The signature is that of this text, by this key. */
  Right,
  /** It is not, or the hash function is none that the proxy has: {@link signatureError} says which. */
  Wrong,
  /** The key is none of RSA or EC, or is missing; or there is no such function in this proxy. */
  BadKey,
}

/** What the proxy said in words to the last call; empty when all was well, {@link ABSENT} when it could not answer. */
export let signatureError: Bytes = ABSENT;

/**
 * Whether `signature` is that of `text`. `hash` is `sha1`, `sha224`, `sha256`, `sha384` or `sha512`; `publicKey` the
 * DER form of a SubjectPublicKeyInfo (RFC 5280 §4.1.2.7).
 */
export function verifySignature(hash: Bytes, publicKey: Bytes, signature: Bytes, text: Bytes): Verification {
  writer.begin();
  writer.bytes(1, hash);
  writer.bytes(2, publicKey);
  writer.bytes(3, signature);
  writer.bytes(4, text);
  const answer = callForeignFunction(VERIFY_SIGNATURE, writer.end());
  signatureError = answer;
  if (answer == ABSENT) return Verification.BadKey;
  // A false `result` and an empty `error` are left out of the message, as proto3 has it.
  let right = false;
  signatureError = NOTHING;
  reader.begin(answer);
  while (reader.next()) {
    if (reader.field == 1) right = reader.number != 0;
    else if (reader.field == 2) signatureError = reader.bytes;
  }
  if (right && !reader.broken) return Verification.Right;
  return equals(signatureError, BAD_KEY) ? Verification.BadKey : Verification.Wrong;
}

/** Whether the proxy can use a public key at all. Also true where it cannot say. */
export function isUsableKey(publicKey: Bytes): bool {
  return (
    verifySignature(SHA256, publicKey, NOTHING, NOTHING) != Verification.BadKey || signatureError == ABSENT
  );
}

/**
 * The signature of `text` by `privateKey`, the DER form of PKCS#8; `hash` as above. {@link ABSENT} when the key cannot be used or
 * the hash function is none that the proxy has: {@link signatureError} says which.
 */
export function sign(hash: Bytes, privateKey: Bytes, text: Bytes): Bytes {
  writer.begin();
  writer.bytes(1, hash);
  writer.bytes(2, privateKey);
  writer.bytes(3, text);
  const answer = callForeignFunction(SIGN, writer.end());
  signatureError = answer;
  if (answer == ABSENT) return ABSENT;
  let done = false;
  let signature: Bytes = NOTHING;
  signatureError = NOTHING;
  reader.begin(answer);
  while (reader.next()) {
    if (reader.field == 1) done = reader.number != 0;
    else if (reader.field == 2) signature = reader.bytes;
    else if (reader.field == 3) signatureError = reader.bytes;
  }
  return done && !reader.broken ? signature : ABSENT;
}

// @ts-ignore: decorator
@lazy const writer = new ProtobufWriter();
// @ts-ignore: decorator
@lazy const reader = new ProtobufReader();
// @ts-ignore: decorator
@lazy const SHA256 = literal("sha256");
// @ts-ignore: decorator
@lazy const VERIFY_SIGNATURE = literal("verify_signature");
// @ts-ignore: decorator
@lazy const SIGN = literal("sign");
/** What Envoy 1.40 says of a key that it cannot read, or not use; without a key it refuses the call. */
// @ts-ignore: decorator
@lazy const BAD_KEY = literal("Failed to initialize digest verify.");
/** No bytes, which are not absent ones. */
// @ts-ignore: decorator
@lazy const NOTHING = literal("");

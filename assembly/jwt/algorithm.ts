import { ABSENT, Bytes, equals, literal } from "../bytes/bytes";
import { Hash } from "../bytes/hmac";

/** Algorithms of JSON Web Signatures that the proxy can verify (RFC 7518 §3.1), and what keys they take. */

export enum Algorithm {
  /** No algorithm, or none of these. */
  None,
  RS256,
  RS384,
  RS512,
  ES256,
  ES384,
  ES512,
  HS256,
  HS384,
  HS512,
}

/** What a key is. An algorithm takes keys of one kind: a public RSA key is no secret for HMAC, whatever a token's header says. */
export enum KeyKind {
  Rsa,
  P256,
  P384,
  P521,
  Secret,
}

/** The algorithm of this name, in its exact spelling. */
export function algorithmOf(name: Bytes): Algorithm {
  for (let algorithm: i32 = Algorithm.RS256; algorithm <= Algorithm.HS512; algorithm++) {
    if (equals(name, nameOf(algorithm))) return algorithm;
  }
  return Algorithm.None;
}

/**
 * The name of an algorithm which is registered for signatures (IANA, "JSON Web Signature and Encryption Algorithms"), and which the proxy's
 * `verify_signature` has not: ours, whatever the client wrote. {@link ABSENT} when `name` is no such algorithm.
 */
export function unsupportedNamed(name: Bytes): Bytes {
  if (equals(name, PS256)) return PS256;
  if (equals(name, PS384)) return PS384;
  if (equals(name, PS512)) return PS512;
  if (equals(name, EDDSA)) return EDDSA;
  if (equals(name, ED25519)) return ED25519;
  if (equals(name, ED448)) return ED448;
  return equals(name, ES256K) ? ES256K : ABSENT;
}

function nameOf(algorithm: Algorithm): Bytes {
  switch (algorithm) {
    case Algorithm.RS256:
      return RS256;
    case Algorithm.RS384:
      return RS384;
    case Algorithm.RS512:
      return RS512;
    case Algorithm.ES256:
      return ES256;
    case Algorithm.ES384:
      return ES384;
    case Algorithm.ES512:
      return ES512;
    case Algorithm.HS256:
      return HS256;
    case Algorithm.HS384:
      return HS384;
    default:
      return HS512;
  }
}

/** The hash function of an algorithm. */
export function hashOf(algorithm: Algorithm): Hash {
  return <Hash>((<u32>algorithm - Algorithm.RS256) % 3);
}

/** The kind of key that an algorithm takes. */
export function keyKindOf(algorithm: Algorithm): KeyKind {
  if (algorithm >= Algorithm.HS256) return KeyKind.Secret;
  if (algorithm < Algorithm.ES256) return KeyKind.Rsa;
  return <KeyKind>(KeyKind.P256 + (algorithm - Algorithm.ES256));
}

/** The bytes of a coordinate on a curve, and of each half of an ECDSA signature (RFC 7518 §3.4, §6.2.1.2). */
export function coordinateSize(curve: KeyKind): u32 {
  return curve == KeyKind.P256 ? 32 : curve == KeyKind.P384 ? 48 : 66;
}

// @ts-ignore: decorator
@lazy const RS256 = literal("RS256");
// @ts-ignore: decorator
@lazy const RS384 = literal("RS384");
// @ts-ignore: decorator
@lazy const RS512 = literal("RS512");
// @ts-ignore: decorator
@lazy const ES256 = literal("ES256");
// @ts-ignore: decorator
@lazy const ES384 = literal("ES384");
// @ts-ignore: decorator
@lazy const ES512 = literal("ES512");
// @ts-ignore: decorator
@lazy const HS256 = literal("HS256");
// @ts-ignore: decorator
@lazy const HS384 = literal("HS384");
// @ts-ignore: decorator
@lazy const HS512 = literal("HS512");
// @ts-ignore: decorator
@lazy const PS256 = literal("PS256");
// @ts-ignore: decorator
@lazy const PS384 = literal("PS384");
// @ts-ignore: decorator
@lazy const PS512 = literal("PS512");
// @ts-ignore: decorator
@lazy const EDDSA = literal("EdDSA");
// @ts-ignore: decorator
@lazy const ED25519 = literal("Ed25519");
// @ts-ignore: decorator
@lazy const ED448 = literal("Ed448");
// @ts-ignore: decorator
@lazy const ES256K = literal("ES256K");

import { concatenate } from "../bytes/arena";
import { Bytes, bytesOf, literal } from "../bytes/bytes";
import { KeyKind } from "./algorithm";
import { derBitString, derInteger, derSequence } from "./der";

/** Public keys as `SubjectPublicKeyInfo` (RFC 5280 §4.1.2.7) in DER, in the arena: what the proxy reads. */

/** An RSA key (RFC 3279 §2.3.1); both numbers big-endian. */
export function rsaPublicKey(modulus: Bytes, exponent: Bytes): Bytes {
  const numbers = derSequence(derInteger(modulus), derInteger(exponent));
  return derSequence(RSA_ENCRYPTION, derBitString(numbers, NOTHING));
}

/** A point on a curve (RFC 5480 §2), by its coordinates, each as long as `coordinateSize` says. */
export function ecPublicKey(curve: KeyKind, x: Bytes, y: Bytes): Bytes {
  const name = curve == KeyKind.P256 ? P256 : curve == KeyKind.P384 ? P384 : P521;
  const point = derBitString(UNCOMPRESSED, concatenate(x, NOTHING, y));
  return derSequence(derSequence(EC_PUBLIC_KEY, name), point);
}

/** `AlgorithmIdentifier` of `rsaEncryption`, with its NULL (RFC 3279 §2.3.1). */
const RSA_ENCRYPTION_AT: usize = memory.data<u8>([
  0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00,
]);
const RSA_ENCRYPTION: Bytes = bytesOf(RSA_ENCRYPTION_AT, 15);
/** Object identifiers of RFC 5480 §2.1.1: `id-ecPublicKey`, `secp256r1`, `secp384r1`, `secp521r1`. */
const EC_PUBLIC_KEY_AT: usize = memory.data<u8>([0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01]);
const EC_PUBLIC_KEY: Bytes = bytesOf(EC_PUBLIC_KEY_AT, 9);
const P256_AT: usize = memory.data<u8>([0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07]);
const P256: Bytes = bytesOf(P256_AT, 10);
const P384_AT: usize = memory.data<u8>([0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22]);
const P384: Bytes = bytesOf(P384_AT, 7);
const P521_AT: usize = memory.data<u8>([0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x23]);
const P521: Bytes = bytesOf(P521_AT, 7);
/** In front of a point whose coordinates both follow (SEC 1 §2.3.3). */
const UNCOMPRESSED_AT: usize = memory.data<u8>([0x04]);
const UNCOMPRESSED: Bytes = bytesOf(UNCOMPRESSED_AT, 1);
// @ts-ignore: decorator
@lazy const NOTHING = literal("");

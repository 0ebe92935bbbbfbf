/** Tokens and keys made by Node's OpenSSL: another implementation than those under test. */
import {
  createHmac,
  generateKeyPairSync,
  sign as signBytes,
  type JsonWebKey,
  type KeyObject,
} from "node:crypto";

export type Algorithm =
  "RS256" | "RS384" | "RS512" | "ES256" | "ES384" | "ES512" | "HS256" | "HS384" | "HS512";

export const ALGORITHMS: readonly Algorithm[] = [
  ...(["RS256", "RS384", "RS512"] as const),
  ...(["ES256", "ES384", "ES512"] as const),
  ...(["HS256", "HS384", "HS512"] as const),
];

/** A key that signs, and what a set says of it. */
export interface Signer {
  jwk: JsonWebKey & { kid?: string };
  key: KeyObject | Buffer;
}

export const base64url = (bytes: Uint8Array | string): string => Buffer.from(bytes).toString("base64url");

export function rsaSigner(bits = 2048): Signer {
  const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: bits });
  return { jwk: publicKey.export({ format: "jwk" }), key: privateKey };
}

export function ecSigner(namedCurve: "P-256" | "P-384" | "P-521"): Signer {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve });
  return { jwk: publicKey.export({ format: "jwk" }), key: privateKey };
}

export function secretSigner(secret: Uint8Array): Signer {
  return { jwk: { kty: "oct", k: base64url(secret) }, key: Buffer.from(secret) };
}

/** The signature as JWS has it. */
export function signatureOf(algorithm: Algorithm, { key }: Pick<Signer, "key">, text: string): Buffer {
  const hash = `sha${algorithm.slice(2)}`;
  if (Buffer.isBuffer(key)) return createHmac(hash, key).update(text).digest();
  return signBytes(hash, Buffer.from(text), { key, dsaEncoding: "ieee-p1363" });
}

/** A token with this header, as it stands or as JSON, and this payload; the header's `alg` need not be that by which it is signed. */
export function token(
  algorithm: Algorithm,
  signer: Pick<Signer, "key">,
  payload: object | string = { sub: "ann" },
  header: object | string = { alg: algorithm },
): string {
  const encoded = (part: object | string): string =>
    base64url(typeof part === "string" ? part : JSON.stringify(part));
  const input = `${encoded(header)}.${encoded(payload)}`;
  return `${input}.${base64url(signatureOf(algorithm, signer, input))}`;
}

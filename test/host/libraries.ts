/** What the host takes from the platform it runs on, to do what the proxy does with libraries of its own. */
export interface HostLibraries {
  readonly cryptography?: Cryptography;
  readonly compression?: Compression;
}

/** A key as it stands in a message: exactly one form of it. */
export type Key = { readonly der: Uint8Array } | { readonly pem: string };

/** Hash functions are named as Envoy does: `sha1`, `sha224`, `sha256`, `sha384`, `sha512`. */
export interface Cryptography {
  /** Whether the signature (RSA PKCS#1 v1.5, or ECDSA in DER) is the text's; null for a key that is none of these. */
  verify(hash: string, publicKey: Key, signature: Uint8Array, text: Uint8Array): boolean | null;
  /** Null for a key that is none of these. */
  sign(hash: string, privateKey: Key, text: Uint8Array): Uint8Array | null;
}

/** zlib's format (RFC 1950). */
export interface Compression {
  compress(bytes: Uint8Array): Uint8Array;
  /** Null for what is not in the format, or not all of it. What follows is passed over. */
  uncompress(bytes: Uint8Array): Uint8Array | null;
}

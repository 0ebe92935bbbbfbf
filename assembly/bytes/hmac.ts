import { arenaAllocate, giveBack } from "./arena";
import { Bytes, bytesOf, copyTo, lengthOf } from "./bytes";
import { sha256, SHA256_SIZE } from "./sha256";
import { sha384, SHA384_SIZE, sha512, SHA512_SIZE } from "./sha512";

/** A hash function of the SHA-2 family (FIPS 180-4). */
export enum Hash {
  Sha256,
  Sha384,
  Sha512,
}

/** How long a digest is, in bytes. */
export function digestSize(hash: Hash): u32 {
  return hash == Hash.Sha256 ? SHA256_SIZE : hash == Hash.Sha384 ? SHA384_SIZE : SHA512_SIZE;
}

/** Writes the digest of the bytes to `target`, which may lie within them. */
export function digestTo(hash: Hash, bytes: Bytes, target: usize): void {
  if (hash == Hash.Sha256) sha256(bytes, target);
  else if (hash == Hash.Sha384) sha384(bytes, target);
  else sha512(bytes, target);
}

/**
 * HMAC (RFC 2104) of `text` by a `key` of any length, in the arena: {@link digestSize} bytes. The text is copied once, behind the key, so that
 * the hash functions need no second way of taking their input.
 */
export function hmac(hash: Hash, key: Bytes, text: Bytes): Bytes {
  const size = digestSize(hash);
  const block: u32 = hash == Hash.Sha256 ? 64 : 128;
  const code = arenaAllocate(size);
  const padded = arenaAllocate(block + max(lengthOf(text), size));
  memory.fill(padded, 0, block);
  if (lengthOf(key) > block) digestTo(hash, key, padded);
  else copyTo(padded, key);
  pad(padded, block, 0x36);
  digestTo(hash, bytesOf(padded, block + copyTo(padded + block, text)), code);
  // From the inner padding to the outer one.
  pad(padded, block, 0x36 ^ 0x5c);
  memory.copy(padded + block, code, size);
  digestTo(hash, bytesOf(padded, block + size), code);
  giveBack(padded);
  return bytesOf(code, size);
}

function pad(start: usize, length: u32, byte: u8): void {
  for (let at: u32 = 0; at < length; at++) store<u8>(start + at, load<u8>(start + at) ^ byte);
}

import { Bytes, lengthOf, pointerOf } from "./bytes";

/** How long a digest is, in bytes. */
export const SHA256_SIZE: u32 = 32;

/** The constants K of FIPS 180-4 §4.2.2: the first 32 bits of the fractions of the cube roots of the first 64 primes. */
const K: usize = memory.data<u32>([
  0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98,
  0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786,
  0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8,
  0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13,
  0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819,
  0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a,
  0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7,
  0xc67178f2,
]);
/** The first hash value of FIPS 180-4 §5.3.3: likewise of the square roots of the first eight primes. */
const INITIAL: usize = memory.data<u32>([
  0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
]);
const BLOCK: u32 = 64;
/** Where the length stands in the last block, as 64 bits. */
const LENGTH_AT: u32 = 56;
/** The hash value so far, the message schedule of a block, and the padded end of the message. */
const STATE: usize = memory.data(32, 8);
const SCHEDULE: usize = memory.data(256, 8);
const LAST: usize = memory.data(64, 8);

/**
 * SHA-256 (FIPS 180-4 §6.2) of the bytes, as {@link SHA256_SIZE} bytes at `target`, which may lie within them. It allocates nothing. Its
 * time hangs on the length alone.
 */
export function sha256(bytes: Bytes, target: usize): void {
  memory.copy(STATE, INITIAL, SHA256_SIZE);
  const length = lengthOf(bytes);
  let at = pointerOf(bytes);
  let left = length;
  for (; left >= BLOCK; left -= BLOCK) {
    addBlock(at);
    at += BLOCK;
  }
  memory.fill(LAST, 0, BLOCK);
  memory.copy(LAST, at, left);
  store<u8>(LAST + left, 0x80);
  if (left >= LENGTH_AT) {
    addBlock(LAST);
    memory.fill(LAST, 0, BLOCK);
  }
  store<u64>(LAST + LENGTH_AT, bswap<u64>((<u64>length) << 3));
  addBlock(LAST);
  for (let word: usize = 0; word < SHA256_SIZE; word += 4)
    store<u32>(target + word, bswap<u32>(load<u32>(STATE + word)));
}

/** The names of the variables are those of the standard. */
function addBlock(block: usize): void {
  let a = load<u32>(STATE);
  let b = load<u32>(STATE, 4);
  let c = load<u32>(STATE, 8);
  let d = load<u32>(STATE, 12);
  let e = load<u32>(STATE, 16);
  let f = load<u32>(STATE, 20);
  let g = load<u32>(STATE, 24);
  let h = load<u32>(STATE, 28);
  for (let t: usize = 0; t < 256; t += 4) {
    const word = t < BLOCK ? bswap<u32>(load<u32>(block + t)) : scheduled(SCHEDULE + t);
    store<u32>(SCHEDULE + t, word);
    const sum1 = rotr<u32>(e, 6) ^ rotr<u32>(e, 11) ^ rotr<u32>(e, 25);
    const t1 = h + sum1 + ((e & f) ^ (~e & g)) + load<u32>(K + t) + word;
    const sum0 = rotr<u32>(a, 2) ^ rotr<u32>(a, 13) ^ rotr<u32>(a, 22);
    const t2 = sum0 + ((a & b) ^ (a & c) ^ (b & c));
    h = g;
    g = f;
    f = e;
    e = d + t1;
    d = c;
    c = b;
    b = a;
    a = t1 + t2;
  }
  accumulate(0, a);
  accumulate(4, b);
  accumulate(8, c);
  accumulate(12, d);
  accumulate(16, e);
  accumulate(20, f);
  accumulate(24, g);
  accumulate(28, h);
}

/** The word of the schedule at `at`, out of those before it. */
// @ts-ignore: decorator
@inline
function scheduled(at: usize): u32 {
  const early = load<u32>(at - 60);
  const late = load<u32>(at - 8);
  const sigma0 = rotr<u32>(early, 7) ^ rotr<u32>(early, 18) ^ (early >>> 3);
  const sigma1 = rotr<u32>(late, 17) ^ rotr<u32>(late, 19) ^ (late >>> 10);
  return sigma1 + load<u32>(at - 28) + sigma0 + load<u32>(at - 64);
}

function accumulate(offset: usize, word: u32): void {
  store<u32>(STATE + offset, load<u32>(STATE + offset) + word);
}

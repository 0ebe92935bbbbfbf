import { Bytes, lengthOf, pointerOf } from "./bytes";

/**
 * SipHash-2-4 with 64 bits (Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012): a hash which nobody can steer who
 * does not know the key of 128 bits, whose halves are read as little-endian numbers. For tables that are filled with what clients
 * send: with {@link xxh64}, whose constants are public, a client can look for keys that all meet in one slot.
 */
export function sipHash(bytes: Bytes, key0: u64, key1: u64): u64 {
  // The four words spell "somepseudorandomlygeneratedbytes".
  let a = key0 ^ 0x736f6d6570736575;
  let b = key1 ^ 0x646f72616e646f6d;
  let c = key0 ^ 0x6c7967656e657261;
  let d = key1 ^ 0x7465646279746573;
  const length = lengthOf(bytes);
  const start = pointerOf(bytes);
  const rest = start + (length & ~7);
  // Whole words, the word with the rest, and the finalisation run through the same rounds: one copy of them in the module.
  for (let at = start; at <= rest + 8; at += 8) {
    let word: u64 = 0;
    let rounds: u32 = 2;
    if (at < rest) word = load<u64>(at);
    else if (at == rest) word = lastWord(rest, length);
    else {
      c ^= 0xff;
      rounds = 4;
    }
    d ^= word;
    for (; rounds != 0; rounds--) {
      a += b;
      b = rotl<u64>(b, 13) ^ a;
      a = rotl<u64>(a, 32);
      c += d;
      d = rotl<u64>(d, 16) ^ c;
      a += d;
      d = rotl<u64>(d, 21) ^ a;
      c += b;
      b = rotl<u64>(b, 17) ^ c;
      c = rotl<u64>(c, 32);
    }
    a ^= word;
  }
  return a ^ b ^ c ^ d;
}

/** The up to seven bytes that fill no word, and the length, modulo 256, in the highest byte. */
function lastWord(rest: usize, length: u32): u64 {
  let word: u64 = length;
  for (let left = <u32>7; left != 0; left--) {
    const at = left - 1;
    word = (word << 8) | (at < (length & 7) ? <u64>load<u8>(rest + at) : 0);
  }
  return word;
}

import { Bytes, lengthOf, pointerOf } from "./bytes";

const PRIME1: u64 = 0x9e3779b185ebca87;
const PRIME2: u64 = 0xc2b2ae3d27d4eb4f;
const PRIME3: u64 = 0x165667b19e3779f9;
const PRIME4: u64 = 0x85ebca77c2b2ae63;
const PRIME5: u64 = 0x27d4eb2f165667c5;

/**
 * XXH64 (xxHash specification 0.1.1, "XXH64 algorithm description"): what cohorts are chosen by. There are
 * implementations in every language, so that other systems can compute the same cohort.
 */
export function xxh64(bytes: Bytes, seed: u64): u64 {
  const length = lengthOf(bytes);
  let at = pointerOf(bytes);
  const end = at + length;
  let hash: u64;
  if (length >= 32) {
    let first = seed + PRIME1 + PRIME2;
    let second = seed + PRIME2;
    let third = seed;
    let fourth = seed - PRIME1;
    do {
      first = mixLane(first, load<u64>(at));
      second = mixLane(second, load<u64>(at, 8));
      third = mixLane(third, load<u64>(at, 16));
      fourth = mixLane(fourth, load<u64>(at, 24));
      at += 32;
    } while (at + 32 <= end);
    hash = rotl<u64>(first, 1) + rotl<u64>(second, 7) + rotl<u64>(third, 12) + rotl<u64>(fourth, 18);
    hash = merge(hash, first);
    hash = merge(hash, second);
    hash = merge(hash, third);
    hash = merge(hash, fourth);
  } else hash = seed + PRIME5;
  hash += length;
  for (; at + 8 <= end; at += 8) hash = rotl<u64>(hash ^ mixLane(0, load<u64>(at)), 27) * PRIME1 + PRIME4;
  if (at + 4 <= end) {
    hash = rotl<u64>(hash ^ (<u64>load<u32>(at) * PRIME1), 23) * PRIME2 + PRIME3;
    at += 4;
  }
  for (; at < end; at++) hash = rotl<u64>(hash ^ (<u64>load<u8>(at) * PRIME5), 11) * PRIME1;
  hash = (hash ^ (hash >>> 33)) * PRIME2;
  hash = (hash ^ (hash >>> 29)) * PRIME3;
  return hash ^ (hash >>> 32);
}

function mixLane(lane: u64, input: u64): u64 {
  return rotl<u64>(lane + input * PRIME2, 31) * PRIME1;
}

function merge(hash: u64, lane: u64): u64 {
  return (hash ^ mixLane(0, lane)) * PRIME1 + PRIME4;
}

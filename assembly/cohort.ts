import { Bytes } from "./bytes/bytes";
import { xxh64 } from "./bytes/xxhash";

/**
 * Cohorts: which share of all keys a key belongs to, the same everywhere and always. `docs/cohorts.md` specifies them,
 * with vectors, so that other systems can compute them.
 */

/** A number in (0, 1), uniform over keys and independent between seeds: the upper 53 bits of the hash, and a half. */
export function fractionOf(key: Bytes, seed: u64): f64 {
  return (<f64>(<i64>(xxh64(key, seed) >>> 11)) + 0.5) * 1.1102230246251565e-16;
}

/** The seed for a salt. */
export function seedOf(salt: Bytes): u64 {
  return xxh64(salt, 0);
}

/** The seed of one of several choices that share a salt. */
export function choiceSeed(salt: Bytes, name: Bytes): u64 {
  return xxh64(name, seedOf(salt));
}

/**
 * How well a choice of this weight (above 0) suits a key: the choice with the smallest distance has it. Weighted rendezvous
 * hashing (Schindelhauer and Schomaker 2005, the logarithmic method): the distance is exponentially distributed with the weight as rate,
 * so each choice gets its share, and a change of one weight moves keys only to or from this choice.
 */
export function distanceOf(key: Bytes, seed: u64, weight: f64): f64 {
  return -Math.log(fractionOf(key, seed)) / weight;
}

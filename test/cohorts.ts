/** Cohorts as `docs/cohorts.md` specifies them, written from that page: what the built module is held against. */
import xxhash from "xxhash-wasm";

const xxh = await xxhash();
const utf8 = new TextEncoder();

/** XXH64 of bytes, or of a text's UTF-8. */
export function hash(text: string | Uint8Array, seed = 0n): bigint {
  return xxh.h64Raw(typeof text === "string" ? utf8.encode(text) : text, seed);
}

/** The place of a key in (0, 1) under a seed. */
export function fraction(key: string | Uint8Array, seed: bigint): number {
  return (Number(hash(key, seed) >> 11n) + 0.5) * 2 ** -53;
}

/** Whether `percentage: {value, salt}` takes the key. */
export function isWithin(key: string | Uint8Array, percent: number, salt = ""): boolean {
  return fraction(key, hash(salt)) < percent / 100;
}

export interface Weighted {
  name: string;
  weight: number;
}

/** The variant that a rule with `variants` and `salt` gives the key. */
export function chosen(key: string | Uint8Array, variants: readonly Weighted[], salt = ""): string {
  let best = "";
  let least = Infinity;
  for (const { name, weight } of variants) {
    if (weight === 0) continue;
    const distance = -Math.log(fraction(key, hash(name, hash(salt)))) / weight;
    if (distance >= least) continue;
    least = distance;
    best = name;
  }
  return best;
}

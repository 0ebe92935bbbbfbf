/** Cohorts as `docs/cohorts.md` specifies them, out of somebody else's XXH64. Texts are byte strings. */
import xxhash from "xxhash-wasm";

const hashes = await xxhash();

function xxh64(text: string, seed: bigint): bigint {
  return hashes.h64Raw(
    Uint8Array.from(text, (character) => character.charCodeAt(0)),
    seed,
  );
}

/** Where in (0, 1) a key stands for a seed. */
function fraction(key: string, seed: bigint): number {
  return (Number(xxh64(key, seed) >> 11n) + 0.5) / 2 ** 53;
}

/** Whether a key is among the first so many percent of all keys. */
export function isWithin(percent: number, key: string, salt: string): boolean {
  return fraction(key, xxh64(salt, 0n)) < percent / 100;
}

/** Which of several names a key gets, by their weights: weighted rendezvous hashing. */
export function chosen(
  key: string,
  salt: string,
  choices: readonly { name: string; weight: number }[],
): string {
  const distances = choices
    .filter(({ weight }) => weight > 0)
    .map(({ name, weight }) => {
      const seed = xxh64(name, xxh64(salt, 0n));
      return { name, distance: -Math.log(fraction(key, seed)) / weight };
    });
  return distances.reduce((best, one) => (one.distance < best.distance ? one : best)).name;
}

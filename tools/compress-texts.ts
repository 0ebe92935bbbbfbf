/** Texts as `__text` of `assembly/bytes/texts.ts` reads them. */
export interface CompressedTexts {
  /**
   * For each text its length in one byte, or from 128 on in two, of which the first has the upper bits and the bit of 128; then
   * its bytes: those below 128 are themselves, one from 128 on stands for a pair of bytes.
   */
  bytes: number[];
  /** What the bytes from 128 on stand for: two bytes each, which can be such bytes again. */
  pairs: number[];
  /** Where each text begins in {@link bytes}. */
  offsets: Map<string, number>;
}

const FIRST_CODE = 128;
const CODES = 128;
/** A pair costs two bytes, so it has to save more than that. */
const LEAST_GAIN = 3;

/**
 * Compresses texts of ASCII by byte pair encoding (Gage 1994): the most frequent pair becomes a byte of its own, again and
 * again. Each text can be read by itself, in time proportional to its length.
 */
export function compressTexts(texts: readonly string[]): CompressedTexts {
  const coded = texts.map((text) => [...Buffer.from(text, "latin1")]);
  const pairs: number[] = [];
  for (let code = FIRST_CODE; code < FIRST_CODE + CODES; code++) {
    const pair = mostFrequentPair(coded);
    if (pair === null) break;
    pairs.push(...pair);
    for (const bytes of coded) replacePair(bytes, pair, code);
  }
  const offsets = new Map<string, number>();
  const bytes: number[] = [];
  for (const [at, text] of texts.entries()) {
    offsets.set(text, bytes.length);
    const { length } = text;
    bytes.push(...(length < 128 ? [length] : [128 | (length >> 8), length & 255]), ...coded[at]!);
  }
  return { bytes, pairs, offsets };
}

function mostFrequentPair(coded: readonly (readonly number[])[]): [number, number] | null {
  const counts = new Map<number, number>();
  for (const bytes of coded) {
    for (let at = 0; at + 1 < bytes.length; at++) {
      const key = bytes[at]! * 256 + bytes[at + 1]!;
      counts.set(key, (counts.get(key) ?? 0) + 1);
      // `aaa` has one pair `aa`, not two.
      if (bytes[at] === bytes[at + 1] && bytes[at + 2] === bytes[at]) at++;
    }
  }
  let best: number | null = null;
  let most = LEAST_GAIN - 1;
  for (const [key, count] of counts) {
    if (count > most) {
      most = count;
      best = key;
    }
  }
  return best === null ? null : [best >> 8, best & 255];
}

function replacePair(bytes: number[], [first, second]: [number, number], code: number): void {
  let length = 0;
  for (let at = 0; at < bytes.length; at++) {
    const isPair = bytes[at] === first && bytes[at + 1] === second;
    bytes[length++] = isPair ? code : bytes[at]!;
    if (isPair) at++;
  }
  bytes.length = length;
}

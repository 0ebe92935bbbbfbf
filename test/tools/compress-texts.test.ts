import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compressTexts, type CompressedTexts } from "../../tools/compress-texts.ts";

/** Reads a text as `__text` does. */
function read({ bytes, pairs }: CompressedTexts, offset: number): string {
  let at = offset;
  let length = bytes[at++]!;
  if (length > 127) length = ((length & 127) << 8) | bytes[at++]!;
  const expand = (code: number): string =>
    code < 128
      ? String.fromCharCode(code)
      : expand(pairs[(code & 127) * 2]!) + expand(pairs[(code & 127) * 2 + 1]!);
  let text = "";
  while (text.length < length) text += expand(bytes[at++]!);
  return text;
}

describe("compressed texts", () => {
  it("read as they were", () => {
    const text = fc.string({ unit: "binary-ascii", maxLength: 400 });
    fc.assert(
      fc.property(fc.uniqueArray(text), (texts) => {
        const compressed = compressTexts(texts);
        for (const one of texts) expect(read(compressed, compressed.offsets.get(one)!)).toBe(one);
      }),
    );
  });

  it("take less room than they did", () => {
    const texts = Array.from({ length: 40 }, (_, n) => `expected a number from ${n} to ${n + 100}`);
    const { bytes, pairs } = compressTexts(texts);
    expect(bytes.length + pairs.length).toBeLessThan(texts.join("").length / 2);
  });

  it("use bytes only, and at most 128 pairs", () => {
    const { bytes, pairs } = compressTexts([JSON.stringify(Object.keys(globalThis)).slice(0, 5000)]);
    expect(pairs.length).toBeLessThanOrEqual(256);
    expect([...bytes, ...pairs].every((byte) => byte >= 0 && byte < 256)).toBe(true);
  });
});

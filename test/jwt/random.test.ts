import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { DirectVerifier } from "./direct.ts";
import {
  ALGORITHMS,
  ecSigner,
  rsaSigner,
  secretSigner,
  token,
  type Algorithm,
  type Signer,
} from "./signing.ts";

/** The seed of everything but the keys, which OpenSSL makes; `SEED` in the environment plays it again. */
const seed = Number(process.env.SEED ?? Date.now() % 0x7fffffff);

/** Keys of one kind, made before they are needed. */
const SIGNERS: Record<string, readonly Signer[]> = {
  RS: [rsaSigner(2048), rsaSigner(2056)],
  ES256: [ecSigner("P-256"), ecSigner("P-256"), ecSigner("P-256")],
  ES384: [ecSigner("P-384"), ecSigner("P-384"), ecSigner("P-384")],
  ES512: [ecSigner("P-521"), ecSigner("P-521"), ecSigner("P-521")],
};

const signersOf = (algorithm: Algorithm): readonly Signer[] =>
  SIGNERS[algorithm] ?? SIGNERS[algorithm.slice(0, 2)]!;

const signed = fc.constantFrom(...ALGORITHMS).chain((algorithm) =>
  fc.record({
    algorithm: fc.constant(algorithm),
    signer: algorithm.startsWith("HS")
      ? fc.uint8Array({ minLength: Number(algorithm.slice(2)) / 8, maxLength: 200 }).map(secretSigner)
      : fc.constantFrom(...signersOf(algorithm)),
    kid: fc.option(fc.string({ minLength: 1, maxLength: 20, unit: "grapheme" }), { nil: undefined }),
    payload: fc.dictionary(
      fc.string({ unit: "grapheme", maxLength: 12 }).filter((name) => !name.includes("\0")),
      fc.jsonValue({ maxDepth: 4 }),
      { maxKeys: 40 },
    ),
    spaces: fc.constantFrom(0, 1, "\t"),
  }),
);
type Signed = typeof signed extends fc.Arbitrary<infer T> ? T : never;

/** What strict readers refuse and JavaScript writes: NUL, and halves of surrogate pairs. */
const isStrict = (json: string): boolean => !/\\u(0000|d[89a-f])/i.test(json);

function made({ algorithm, signer, kid, payload, spaces }: Signed): {
  keys: object[];
  text: string;
  json: string;
} {
  const json = JSON.stringify(payload, null, spaces);
  const header = kid === undefined ? { alg: algorithm } : { kid, alg: algorithm };
  return {
    keys: [kid === undefined ? signer.jwk : { ...signer.jwk, kid }],
    text: token(algorithm, signer, json, header),
    json,
  };
}

describe(`tokens signed at random, SEED=${seed}`, { timeout: 120_000 }, () => {
  let verifier: DirectVerifier;
  beforeAll(async () => {
    verifier = await DirectVerifier.load();
  }, 60_000);
  const verify = (keys: readonly object[], text: string | Uint8Array): string => {
    expect(verifier.take({ keys })).toBe("");
    return verifier.verify(text);
  };

  test("are right, and give their payload byte for byte", () => {
    const seen = new Set<string>();
    fc.assert(
      fc.property(signed, (spec) => {
        const { keys, text, json } = made(spec);
        fc.pre(isStrict(json) && isStrict(JSON.stringify(spec.kid ?? "")));
        seen.add(spec.algorithm);
        expect(verify(keys, text)).toBe(json);
      }),
      { numRuns: 600, seed },
    );
    expect([...seen].sort()).toEqual([...ALGORITHMS].sort());
  });

  test.each(ALGORITHMS)(
    "by %s are never right with one bit turned over, wherever it is",
    async (algorithm) => {
      const signer = algorithm.startsWith("HS")
        ? secretSigner(Buffer.alloc(64, 9))
        : signersOf(algorithm)[0]!;
      const text = Buffer.from(token(algorithm, signer, { sub: "ann", n: 1 }, { alg: algorithm, kid: "k" }));
      const keys = [{ ...signer.jwk, kid: "k" }, signer.jwk];
      expect(verify(keys, text)).toBe('{"sub":"ann","n":1}');
      // All of them where a verification is cheap; otherwise one in each byte.
      const step = algorithm.endsWith("256") ? 1 : 9;
      for (let bit = 0; bit < text.length * 8; bit += step) {
        const other = Buffer.from(text);
        other[bit >> 3]! ^= 1 << (bit & 7);
        const answer = verifier.verify(other);
        if (answer.startsWith("{") || answer.includes("signed")) throw new Error(`bit ${bit}: ${answer}`);
      }
    },
  );

  test("are never right by another key of the same kind", () => {
    fc.assert(
      fc.property(signed, signed, (one, other) => {
        fc.pre(one.signer !== other.signer);
        const { text } = made(one);
        const answer = verify([other.signer.jwk], text);
        expect(answer).toMatch(/^(no key|wrong signature|payload|header)$/);
      }),
      { numRuns: 300, seed },
    );
  });
});

import { expect, test } from "vitest";
import { ALLOCATIONS, compileCounted } from "../modules/counted.ts";
import { DIRECT_MODULE, DirectVerifier } from "./direct.ts";
import {
  ALGORITHMS,
  ecSigner,
  rsaSigner,
  secretSigner,
  token,
  type Algorithm,
  type Signer,
} from "./signing.ts";

const SIGNERS: Record<string, Signer> = {
  RS: rsaSigner(),
  ES256: ecSigner("P-256"),
  ES384: ecSigner("P-384"),
  ES512: ecSigner("P-521"),
  HS: secretSigner(Buffer.alloc(64, 7)),
};

const signerOf = (algorithm: Algorithm): Signer => SIGNERS[algorithm] ?? SIGNERS[algorithm.slice(0, 2)]!;

test(
  "tokens of all algorithms, right and wrong ones, allocate nothing on the heap once it is warm, and memory stays as it is",
  { timeout: 120_000 },
  async () => {
    const verifier = await DirectVerifier.load(await compileCounted(DIRECT_MODULE));
    expect(verifier.take({ keys: Object.values(SIGNERS).map(({ jwk }) => jwk) })).toBe("");
    const claims = Object.fromEntries(Array.from({ length: 40 }, (_, at) => [`claim-${at}`, at]));
    const tokens = ALGORITHMS.flatMap((algorithm) => {
      const signer = signerOf(algorithm);
      const right = token(algorithm, signer, claims);
      return [
        right,
        `${right.slice(0, -8)}AAAAAAAA`,
        `${right}=`,
        token(algorithm, signer, '{"a":1,"a":2}'),
        token(algorithm, signer, `{"a":${"[".repeat(70)}`),
        token(algorithm, signer, claims, '{"alg":"HS256",}'),
        token(algorithm, signer, claims, '{"alg":"PS256"}'),
        token(algorithm, signer, claims, { alg: algorithm, crit: ["x"] }),
        token(algorithm, signer, claims, { alg: "nOnE" }),
        token(algorithm, signer, `{${Array.from({ length: 30 }, (_, at) => `"c${at % 29}":1`).join(",")}}`),
        "..",
        "x".repeat(60_000),
      ];
    });
    const answers = new Map<string, number>();
    const play = (): void => {
      for (const text of tokens) {
        const answer = verifier.verify(text);
        const word = answer.startsWith("{") ? "right" : answer;
        answers.set(word, (answers.get(word) ?? 0) + 1);
      }
    };
    play();
    play();
    const before = verifier.counted(ALLOCATIONS);
    expect(before).toBeGreaterThan(0);
    const memory = verifier.memoryBytes;
    answers.clear();
    for (let round = 0; round < 50; round++) play();
    expect(Object.fromEntries(answers)).toEqual({
      right: 450,
      "wrong signature": 450,
      malformed: 900,
      "payload, signed": 1350,
      header: 900,
      unsupported: 450,
      critical: 450,
      unsecured: 450,
    });
    expect(verifier.counted(ALLOCATIONS) - before).toBe(0);
    expect(verifier.memoryBytes).toBe(memory);
  },
);

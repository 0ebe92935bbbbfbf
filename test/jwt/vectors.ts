/** Tokens of the specifications and what they become: the same on the host and on a real Envoy. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Driver } from "../driver.ts";
import { VECTORS } from "./rfc-vectors.ts";
import { Verifier } from "./verifier.ts";

export function vectors(makeDriver: () => Driver): void {
  const driver = makeDriver();
  describe(`tokens of the specifications, on ${driver.name}`, () => {
    let verifier: Verifier;
    beforeAll(async () => {
      verifier = await Verifier.start(driver);
    }, 120_000);
    afterAll(() => verifier.close());

    test.each(VECTORS)("$source", async ({ jwk, token, answer }) => {
      expect(await verifier.verify({ keys: [jwk] }, token)).toBe(answer);
    });

    test.each(VECTORS.filter(({ answer }) => /signed|joe/.test(answer)))(
      "$source, with one bit of the signature turned over",
      async ({ jwk, token, answer }) => {
        const at = token.lastIndexOf(".") + 1;
        const signature = Buffer.from(token.slice(at), "base64url");
        for (const bit of [0, 7, signature.length * 4, signature.length * 8 - 1]) {
          const other = Buffer.from(signature);
          other[bit >> 3]! ^= 1 << (bit & 7);
          expect(
            await verifier.verify({ keys: [jwk] }, token.slice(0, at) + other.toString("base64url")),
          ).toBe(answer === "payload, signed" ? "payload" : "wrong signature");
        }
      },
    );
  });
}

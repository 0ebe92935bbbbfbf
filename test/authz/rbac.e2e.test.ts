/** The filter beside Envoy's own RBAC filter, which istiod has configured for the same policies: request by request. */
import { expect, test } from "vitest";
import { Comparison, type ComparisonOptions } from "./rbac.ts";

const MODULE = "build/authz.wasm";
const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);
console.log(`SEED=${seed}`);

/** The first time on a machine istiod's translation is built. */
const TIMEOUT = 1_200_000;

async function compare(options: Omit<ComparisonOptions, "seed">, seconds: number): Promise<void> {
  const comparison = await Comparison.start({ seed, ...options });
  try {
    const end = Date.now() + seconds * 1000;
    while (Date.now() < end) await comparison.batch();
  } finally {
    await comparison.stop();
  }
  const { differences } = comparison;
  const counts: Record<string, number> = { ...comparison.counts };
  console.log(JSON.stringify(counts));
  expect(differences.join("\n\n")).toBe("");
  for (const [what, count] of Object.entries(counts)) expect(count, what).toBeGreaterThan(20);
}

test("authz decides as RBAC does, and both as the model", { timeout: TIMEOUT }, () =>
  compare({ module: MODULE, tokens: "authz", severalNames: false }, 45),
);

test("with tokens that jwt_authn has verified, too", { timeout: TIMEOUT }, () =>
  compare({ module: MODULE, tokens: "jwt_authn", severalNames: false }, 20),
);

test(
  "the model is right about certificates with several names, of which a plugin sees one",
  { timeout: TIMEOUT },
  () => compare({ module: null, tokens: "jwt_authn", severalNames: true }, 15),
);

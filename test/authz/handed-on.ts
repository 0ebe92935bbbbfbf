/** Claims that `authz` has verified, as filters behind it see them: in the same suite, and in a plugin of its own. */
import { afterAll, describe, expect, test } from "vitest";
import type { Driver, Json, PluginSpec } from "../driver.ts";
import { token } from "../jwt/signing.ts";
import { headerOf } from "./jwt-native.ts";
import { ALPHA } from "./jwt-tokens.ts";

const MODULE = "build/outrigger.wasm";
const authz = { jwtRules: [{ issuer: ALPHA.name, jwks: ALPHA.jwks }] };
const rule = (variant: string, claims: object): object => ({ name: variant, variant, match: { claims } });
const darkLaunch = {
  default: "none",
  rules: [
    rule("text", { sub: "alice" }),
    rule("list", { groups: "beta" }),
    rule("words", { scope: "write" }),
    rule("number", { level: "7" }),
    rule("boolean", { admin: "true" }),
    rule("nested", { "realm_access.roles": "tester" }),
    rule("bracketed", { "[https://example.com/role]": "lead" }),
    rule("present", { trial: { present: true } }),
  ],
};

const CLAIMS: readonly (readonly [variant: string, claims: Record<string, Json>])[] = [
  ["text", { sub: "alice" }],
  ["list", { groups: ["staff", "beta"] }],
  ["list", { groups: "beta" }],
  ["words", { scope: "read write" }],
  ["number", { level: 7 }],
  ["boolean", { admin: true }],
  ["nested", { realm_access: { roles: ["user", "tester"] } }],
  ["bracketed", { "https://example.com/role": "lead" }],
  ["present", { trial: [] }],
  ["none", { groups: ["betas"], scope: "writes", level: 7.5, trial: null }],
];

export function handedOn(driver: Driver): void {
  const plugin = (name: string, rootId: string, configuration: object): PluginSpec => ({
    module: MODULE,
    name: `handed-on-${name}`,
    rootId,
    configuration: JSON.stringify(configuration),
  });

  describe(`claims that were verified, on ${driver.name}`, { timeout: 60_000 }, () => {
    afterAll(() => driver.close());

    test.each([
      ["in the same suite", [plugin("suite", "suite", { filters: [{ authz }, { darkLaunch }] })]],
      ["in another plugin", [plugin("first", "authz", authz), plugin("second", "dark-launch", darkLaunch)]],
    ])("are seen by a filter behind, %s", async (_where, plugins) => {
      const session = await driver.open({ plugins });
      const variant = async (headers: readonly [string, string][]): Promise<string | undefined> => {
        const { upstream } = await session.request({ method: "GET", path: "/", headers });
        return headerOf(upstream!.headers, "x-variant");
      };
      const key = ALPHA.keys[1]!;
      const expiry = Math.floor(session.now() / 1000) + 3600;
      // Twice, the second time from the cache.
      for (const [expected, claims] of [...CLAIMS, ...CLAIMS]) {
        const text = token(
          key.algorithm,
          key,
          { iss: ALPHA.name, exp: expiry, ...claims },
          { alg: "ES256", kid: "ec" },
        );
        expect(await variant([["authorization", `Bearer ${text}`]]), JSON.stringify(claims)).toBe(expected);
      }
      expect(await variant([])).toBe("none");
      await session.close();
    });
  });
}

/** Names of policies: none is a reason of the filter's own, and any other will do. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { isOwnReason } from "../../cli/authz-reasons.ts";
import { Reader } from "../schema/verdicts.ts";

const reader = new Reader("build/authz.wasm", "authz");
const isTaken = (name: string): boolean =>
  reader.problems({ policies: [{ name, rules: [{}] }] }).length === 0;

/** Those of tokens, where the filter has them. */
const OF_TOKENS = [
  ...readFileSync("filters/authz/jwt/problem.ts", "utf8").matchAll(/keeper, "(jwt-[a-z-]+)"/g),
].map(([, name]) => name!);

test("reasons of the filter's own are refused", () => {
  const own = new Set([...OF_TOKENS, "error", "allowed", "no-allow", "api-key", "basic", "custom-error"]);
  expect(own.size).toBe(16);
  for (const name of own) expect([name, isTaken(name), isOwnReason(name)]).toEqual([name, false, true]);
});

test.each(["jwt-required", "custom-headers", "jwt", "basic-auth", "no-allow-list"])("%s is taken", (name) => {
  expect([isTaken(name), isOwnReason(name)]).toEqual([true, false]);
});

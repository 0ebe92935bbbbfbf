import { describe, expect, test } from "vitest";
import type { Condition } from "../../cli/explain/conditions.ts";
import { explainDarkLaunch } from "../../cli/explain/dark-launch.ts";
import { Oracle } from "../../cli/explain/oracle.ts";
import { loadModule } from "../host/driver.ts";
import { loadScenario } from "../scenario/format.ts";
import { discoverScenarios } from "../scenario/run.ts";

describe("explanations of the requests in the scenarios", () => {
  const files = discoverScenarios().filter((file) => file.includes("dark-launch"));
  const runner = {
    filter: "dark-launch",
    module: loadModule("build/dark-launch.wasm"),
    rootId: "dark-launch",
  };

  /** What a list of conditions says when all must hold. */
  const holds = (conditions: readonly Condition[]): boolean => conditions.every((one) => one.holds);

  function checkGroups(conditions: readonly Condition[]): void {
    for (const { path, holds: told, groups } of conditions) {
      if (path === "anyOf") expect(groups!.some(holds)).toBe(told);
      if (path === "not") expect(groups!.some(holds)).toBe(!told);
      for (const group of groups ?? []) checkGroups(group);
    }
  }

  test.each(files)("%s: what is explained is what happens", (file) => {
    const scenario = loadScenario(file);
    if (scenario.refused || scenario.plugins.length !== 1) return;
    const config = JSON.parse(scenario.plugins[0]!.configuration) as Record<string, unknown>;
    for (const step of scenario.steps) {
      if (step.update || step.advance !== undefined) break;
      if (!step.request) continue;
      const oracle = new Oracle({
        runner,
        now: 1_767_225_600_000_000_000n,
        attributes: {},
        request: step.request,
        within: (one) => one,
      });
      const { decision, rules } = explainDarkLaunch(oracle, config);
      const header = decision!.header.toLowerCase();
      const expected = step.upstream?.headers.find(([name]) => name === header)?.[1];
      if (expected !== undefined) {
        const sent = decision!.shadow ? [] : [decision!.variant].filter((one) => one !== null);
        expect(sent, step.name).toEqual((expected ?? []).map((one) => ("exact" in one ? one.exact : one)));
      }
      for (const rule of rules) {
        expect(holds(rule.conditions), `${step.name}: ${rule.name}`).toBe(rule.matches);
        checkGroups(rule.conditions);
      }
    }
  });

  test("are of those that ship", () => expect(files.length).toBeGreaterThan(5));
});

/** All filters' scenarios as vitest tests on one driver. */
import { afterAll, describe, expect, it } from "vitest";
import type { Driver } from "../driver.ts";
import { loadScenario } from "./format.ts";
import { discoverScenarios, runScenario } from "./run.ts";

export function scenarioTests(driver: Driver): void {
  const files = discoverScenarios();
  describe(`scenarios on ${driver.name}`, { timeout: 60_000 }, () => {
    afterAll(() => driver.close());
    for (const file of files) {
      it(file, async (context) => {
        const result = await runScenario(driver, loadScenario(file));
        if (result.failure !== undefined) expect.fail(result.failure);
        if (result.skipped !== undefined)
          context.skip(`${result.played} steps passed; skipped ${result.skipped}`);
      });
    }
    it("are there", () => expect(files).not.toEqual([]));
  });
}

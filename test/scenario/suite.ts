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
      it(file, async () => {
        const result = await runScenario(driver, loadScenario(file));
        if (result.failure !== undefined) expect.fail(result.failure);
        // What waits for long is for the host alone (docs/scenarios.md): told, but not taken for a part that is missing.
        if (result.skipped !== undefined) console.log(`${file}: ${result.skipped}`);
      });
    }
    it("are there", () => expect(files).not.toEqual([]));
  });
}

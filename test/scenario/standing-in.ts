/** What scenarios can have clusters do: the same on the host and on a real Envoy. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { compile } from "../../tools/compile.ts";
import type { Driver } from "../driver.ts";
import { parseScenario } from "./format.ts";
import { runScenario, type ScenarioResult } from "./run.ts";

export function standingIn(makeDriver: () => Driver): void {
  const driver = makeDriver();
  describe(`clusters of scenarios, on ${driver.name}`, { timeout: 30_000 }, () => {
    let folder = "";
    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), "outrigger-standing-in-"));
      await writeFile(join(folder, "gate.wasm"), await compile("test/conformance/module/gate.ts"));
    }, 120_000);
    afterAll(async () => {
      await driver.close();
      await rm(folder, { recursive: true, force: true });
    });

    const play = (cluster: "h" | "g", steps: string): Promise<ScenarioResult> => {
      const text = `filter: suite
config: {filters: [{gate: {cluster: standing-${cluster}, timeout: 300}}]}
clusters:
  standing-h: {http: {headers: {x-user: ann}}}
  standing-g: {grpc: {message: bob}}
steps:
${steps}`;
      return runScenario(driver, parseScenario(text, "x.yaml"), {
        moduleOf: () => join(folder, "gate.wasm"),
      });
    };
    const asked = (cluster: "h" | "g"): string =>
      `request: {headers: {x-ask: ${cluster === "h" ? "/" : "grpc"}}}, calls: {standing-${cluster}: 1}`;

    test.each([
      ["h", "ann"],
      ["g", "bob"],
    ] as const)("%s answers, late too, and again after a fault", async (cluster, user) => {
      const whole = `- {${asked(cluster)}, upstream: {headers: {x-user: ${user}}}}\n`;
      const name = `standing-${cluster}`;
      const late = whole.replace("{", `{clusters: {${name}: {after: 50ms}}, `);
      const fault = `- {clusters: {${name}: reset}, ${asked(cluster)}, upstream: null}\n`;
      const again = whole.replace("{", `{clusters: {${name}: null}, `);
      expect(await play(cluster, whole + late + fault + again)).toEqual({ file: "x.yaml", played: 4 });
    });

    test.each([
      ["h", "reset", "gate:unavailable"],
      ["h", "cut", "gate:unavailable"],
      ["h", "silence", "gate:unavailable"],
      ["h", "garbage", "gate:unavailable"],
      ["h", "{status: 500}", "gate:unavailable"],
      ["h", "{after: 600ms}", "gate:unavailable"],
      ["g", "reset", "gate:denied"],
      ["g", "cut", "gate:denied"],
      ["g", "silence", "gate:denied"],
      ["g", "{status: 13}", "gate:denied"],
      ["g", "{after: 600ms}", "gate:denied"],
    ] as const)("%s fails by %s", async (cluster, fault, details) => {
      const step = `- {clusters: {standing-${cluster}: ${fault}}, ${asked(cluster)}, upstream: null, details: "${details}"}\n`;
      expect(await play(cluster, step)).toEqual({ file: "x.yaml", played: 1 });
    });

    test("a number of calls that is not as expected fails the step", async () => {
      const { failure } = await play("h", `- {${asked("h").replace(": 1}", ": 2}")}}\n`);
      expect(failure).toContain("calls.standing-h\n    - expected 2\n    + seen     1");
    });
  });
}

/** The scenarios of global-rate-limit on a real Envoy, with rate limit services that are processes of their own. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { EnvoyDriver } from "../envoy/driver.ts";
import { Redis } from "../peers/redis.ts";
import { loadScenario } from "./format.ts";
import { discoverScenarios, runScenario } from "./run.ts";
import { commandService, realService } from "./services.ts";
import type { StartRateLimitService } from "./stand-ins.ts";

const scenarios = discoverScenarios()
  .filter((file) => file.includes("global-rate-limit"))
  .map((file) => ({ file, scenario: loadScenario(file) }))
  .filter(({ scenario }) =>
    [...scenario.clusters.values()].some((one) => typeof one === "object" && "rateLimitService" in one),
  );

describe("the scenarios of global-rate-limit on a real Envoy", { timeout: 120_000 }, () => {
  const driver = new EnvoyDriver();
  let redis: Redis;

  beforeAll(async () => {
    redis = await Redis.start();
    // Built before the first scenario waits for it.
    await (await realService(redis)(["domain: none\n"])).stop();
  }, 900_000);
  afterAll(async () => {
    await driver.close();
    await redis?.stop();
  });

  const services: [string, () => StartRateLimitService][] = [
    ["envoyproxy/ratelimit and Redis", () => realService(redis)],
    ["outrigger ratelimit-service", () => commandService],
  ];
  describe.each(services)("with %s", (_, service) => {
    test.each(scenarios)("$file", async ({ scenario }) => {
      const result = await runScenario(driver, scenario, { rateLimitService: service() });
      if (result.failure !== undefined) expect.fail(result.failure);
      if (result.skipped === undefined) expect(result.played).toBe(scenario.steps.length);
    });
  });

  test("are there", () => expect(scenarios.length).toBeGreaterThan(5));
});

/** The pods of `istio/mesh/rate-limit`, as far as their settings go: when the real ratelimit is ready, and when it is not. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { RateLimit } from "../peers/ratelimit.ts";
import { Redis } from "../peers/redis.ts";
import { eventually } from "./client.ts";
import { at, resourcesIn } from "./resources.ts";

/** Where things are, which is elsewhere here. */
const PLACES = ["REDIS_URL", "RUNTIME_ROOT", "RUNTIME_SUBDIRECTORY"];

describe("the service of istio/mesh/rate-limit", () => {
  let redis: Redis;
  let rateLimit: RateLimit;

  beforeAll(async () => {
    redis = await Redis.start();
    rateLimit = await RateLimit.start({ redis, configurations: configurations(), settings: settings() });
  }, 900_000);

  afterAll(async () => {
    await rateLimit?.stop();
    await redis?.stop();
  });

  test("is not ready while Redis is away", async () => {
    expect(await rateLimit.isHealthy()).toBe(true);
    await redis.kill();
    await eventually(async () => expect(await rateLimit.isHealthy()).toBe(false), 30_000);
    await redis.restart();
    await eventually(async () => expect(await rateLimit.isHealthy()).toBe(true), 30_000);
  });

  test("is not ready with a configuration that it cannot read", async () => {
    const broken = { redis, configurations: ["domain: [\n"], settings: settings(), readyWithin: 5000 };
    await expect(RateLimit.start(broken)).rejects.toThrow("did not start");
  });
});

function configurations(): string[] {
  return resourcesIn("mesh/rate-limit")
    .filter(({ metadata }) => metadata.name === "ratelimit-config")
    .flatMap(({ data }) => Object.values(data ?? {}));
}

/** What the manifest sets for the container. */
function settings(): Record<string, string> {
  const deployment = resourcesIn("mesh/rate-limit").find(
    ({ kind, metadata }) => kind === "Deployment" && metadata.name === "ratelimit",
  );
  const variables = at(deployment, "spec.template.spec.containers.env") as {
    name: string;
    value: string;
  }[];
  return Object.fromEntries(
    variables.filter(({ name }) => !PLACES.includes(name)).map(({ name, value }) => [name, value]),
  );
}

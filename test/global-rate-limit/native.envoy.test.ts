import { expect, test } from "vitest";
import { readConfiguration } from "../../cli/ratelimit-service/config.ts";
import { RateLimitServer } from "../../cli/ratelimit-service/server.ts";
import { RateLimitService } from "../../cli/ratelimit-service/service.ts";
import { comparison } from "./beside.ts";

const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);
console.log(`seed ${seed}`);

test(
  "with our service, global-rate-limit answers as Envoy's ratelimit filter does",
  { timeout: 60_000 },
  async () => {
    const { configurations, compare } = comparison(seed, 20);
    const files = configurations.map((text, at) => ({ file: `${at}.yaml`, text }));
    const { configuration, problems } = readConfiguration(files);
    expect(problems).toEqual([]);
    const service = new RateLimitService(configuration, Date.now);
    const server = await RateLimitServer.start(service, "127.0.0.1", 0);
    try {
      const counts = await compare(server.port);
      console.log(JSON.stringify(counts));
      expect(Math.min(...Object.values(counts))).toBeGreaterThan(0);
    } finally {
      server.close();
    }
  },
);

import { expect, test } from "vitest";
import { RateLimit } from "../peers/ratelimit.ts";
import { Redis } from "../peers/redis.ts";
import { comparison } from "./beside.ts";

const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);
console.log(`seed ${seed}`);

test(
  "with envoyproxy/ratelimit, global-rate-limit answers as Envoy's ratelimit filter does",
  // The first time on a machine the service is built.
  { timeout: 600_000 },
  async () => {
    const { configurations, compare } = comparison(seed, 30);
    const redis = await Redis.start();
    try {
      const service = await RateLimit.start({ redis, configurations });
      try {
        const counts = await compare(service.port);
        console.log(JSON.stringify(counts));
        expect(Math.min(...Object.values(counts))).toBeGreaterThan(0);
      } finally {
        await service.stop();
      }
    } finally {
      await redis.stop();
    }
  },
);

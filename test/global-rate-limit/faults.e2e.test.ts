/** What becomes of requests, under load, while the rate limit service and its Redis fail in every way there is. */
import { afterAll, beforeAll, describe, test } from "vitest";
import { RateLimit } from "../peers/ratelimit.ts";
import { Redis } from "../peers/redis.ts";
import * as faulty from "./faulty-service.ts";
import { FaultyService, type Behaviour } from "./faulty-service.ts";
import { LIMIT, NAMES, TIMEOUT, Trial, type Fault } from "./fault-trial.ts";
import { Upstream } from "./proxy.ts";

describe("global-rate-limit under load", () => {
  let upstream: Upstream;

  beforeAll(async () => {
    upstream = await Upstream.start();
  });
  afterAll(() => upstream.stop());

  describe("with envoyproxy/ratelimit and Redis", () => {
    let redis: Redis;
    let service: RateLimit;
    let trial: Trial;

    beforeAll(async () => {
      redis = await Redis.start();
      const limits = NAMES.map(
        (mode) =>
          `  - {key: mode, value: ${mode}, rate_limit: {unit: second, requests_per_unit: ${LIMIT}}}\n`,
      );
      service = await RateLimit.start({
        redis,
        configurations: [`domain: faults\ndescriptors:\n${limits.join("")}`],
      });
      trial = await Trial.start(service.port, upstream.port);
    }, 900_000);

    afterAll(async () => {
      await trial?.stop();
      await service?.stop();
      await redis?.stop();
    });

    test(
      "each request is answered as failureMode says while they are killed and stalled",
      { timeout: 90_000 },
      () =>
        trial.run([
          { name: "Redis killed", begin: () => redis.kill(), heal: () => redis.restart() },
          { name: "service killed", begin: () => service.kill(), heal: () => service.restart() },
          { name: "service stopped", begin: () => service.pause(), heal: () => service.resume() },
        ]),
    );
  });

  describe("with a service that answers wrongly", () => {
    let service: FaultyService;
    let trial: Trial;

    beforeAll(async () => {
      service = await FaultyService.start();
      trial = await Trial.start(service.port, upstream.port);
    });

    afterAll(async () => {
      await trial?.stop();
      await service?.stop();
    });

    test("each request is answered as failureMode says, whatever comes", { timeout: 120_000 }, () => {
      const fault = (name: string, behaviour: Behaviour): Fault => ({
        name,
        begin: () => void (service.behaviour = behaviour),
        heal: () => void (service.behaviour = faulty.answers),
      });
      return trial.run([
        fault("garbage", faulty.answersGarbage),
        fault("half a frame", faulty.answersHalf),
        fault("status 13", faulty.answersWithStatus(13)),
        fault("HTTP 503", faulty.answersHttp),
        fault("late answers", faulty.answersAfter(TIMEOUT * 2)),
        fault("resets", faulty.resets),
        fault("broken connections", faulty.breaksConnection),
        {
          name: "clients gone",
          isHarmless: true,
          begin: () => {
            service.behaviour = faulty.answersAfter(TIMEOUT / 2);
            trial.leaveAfter(5);
          },
          heal: () => {
            service.behaviour = faulty.answers;
            trial.leaveAfter(0);
          },
        },
      ]);
    });
  });
});

/** Four Envoys that lease from one envoyproxy/ratelimit: what they admit together, and how often they ask. */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { RateLimit } from "../peers/ratelimit.ts";
import { Redis } from "../peers/redis.ts";
import { Load } from "./load.ts";
import { LimitedProxy, Upstream } from "./proxy.ts";

const PROXIES = 4;
/** Requests a minute of the whole fleet. */
const LIMIT = 6000;
/** Of a lease. */
const MOST = 50;
/** Milliseconds of the service's window, which begins and ends with the wall clock's minutes. */
const WINDOW = 60_000;
/** Milliseconds before a window's end, and after its begin, in which no request is sent: so each belongs to one window for sure. */
const BEFORE_END = 1500;
const AFTER_BEGIN = 500;

const configuration = {
  domain: "leases",
  service: { cluster: "ratelimit", timeout: "500ms" },
  failureMode: "deny",
  limits: [{ name: "all", descriptor: [{ key: "all", value: "all" }], lease: { max: MOST } }],
};

describe("leases of four proxies, with envoyproxy/ratelimit", () => {
  let upstream: Upstream;
  let redis: Redis;
  let service: RateLimit;
  let proxies: LimitedProxy[] = [];
  const rows: object[] = [];

  beforeAll(async () => {
    upstream = await Upstream.start();
    redis = await Redis.start();
    const limit = `{unit: minute, requests_per_unit: ${LIMIT}}`;
    const text = `domain: leases\ndescriptors:\n  - {key: all, value: all, rate_limit: ${limit}}\n`;
    service = await RateLimit.start({ redis, configurations: [text] });
    proxies = await Promise.all(
      Array.from({ length: PROXIES }, () =>
        LimitedProxy.start({
          configurations: { all: configuration },
          servicePort: service.port,
          upstreamPort: upstream.port,
        }),
      ),
    );
  }, 900_000);

  afterAll(async () => {
    for (const proxy of proxies) await proxy.stop();
    await service?.stop();
    await redis?.stop();
    await upstream?.stop();
    console.table(rows);
  });

  test(
    "at a steady rate below the limit all is admitted, at twenty requests a call or more",
    { timeout: 120_000 },
    async () => {
      await untilLeft(30_000);
      // The first requests of a proxy each ask: it does not know yet how many it will have.
      const warmUp = await load("warm-up", 4000, { connections: 2, pause: 100 });
      const { requests, admitted, calls } = await load("steady", 20_000, { connections: 2, pause: 100 });
      expect(warmUp.admitted).toBe(warmUp.requests);
      expect(admitted).toBe(requests);
      expect(requests / calls).toBeGreaterThanOrEqual(20);
    },
  );

  test(
    "with more than the limit allows, the fleet admits no more in a window, and nearly all of it",
    { timeout: 150_000 },
    async () => {
      await untilLeft(WINDOW - AFTER_BEGIN);
      const { requests, admitted, calls } = await load("overload", OVERLOAD, { connections: 8, pause: 60 });
      expect(requests).toBeGreaterThan(LIMIT * 1.2);
      expect(admitted).toBeLessThanOrEqual(LIMIT);
      expect(admitted).toBeGreaterThanOrEqual(LIMIT * 0.95);
      expect(requests / calls).toBeGreaterThanOrEqual(10);
      for (const proxy of proxies) expect(proxy.complaints).toEqual([]);
    },
  );

  /** Asks through all proxies, and adds up what they answer. Within one window. */
  async function load(
    phase: string,
    milliseconds: number,
    each: { connections: number; pause: number },
  ): Promise<{ requests: number; admitted: number; calls: number }> {
    expect(left(), `time in the window for ${phase}`).toBeGreaterThan(milliseconds + BEFORE_END);
    const before = await calls();
    const loads = proxies.map((proxy) => new Load({ port: proxy.port("all"), ...each }));
    await sleep(milliseconds);
    await Promise.all(loads.map((one) => one.stop()));
    const sum = (count: (one: Load) => number): number => loads.reduce((all, one) => all + count(one), 0);
    const row = {
      requests: sum((one) => one.requests),
      admitted: sum((one) => one.of(200)),
      refused: sum((one) => one.of(429)),
      calls: (await calls()) - before,
    };
    rows.push({ phase, ...row, "requests a call": Math.round(row.requests / row.calls) });
    expect(sum((one) => one.hung + one.broken)).toBe(0);
    expect(row.admitted + row.refused).toBe(row.requests);
    return row;
  }

  async function calls(): Promise<number> {
    const each = await Promise.all(proxies.map(async (proxy) => (await proxy.calls()).get("all") ?? 0));
    return each.reduce((sum, count) => sum + count, 0);
  }
});

/** Milliseconds of overload: enough for the limit and more, within a window. */
const OVERLOAD = 20_000;

/** Milliseconds until the service's window ends. */
function left(): number {
  return WINDOW - (Date.now() % WINDOW);
}

/** Waits for a window of which at least so much is left, {@link AFTER_BEGIN} after its begin. */
async function untilLeft(milliseconds: number): Promise<void> {
  if (left() < milliseconds) await sleep(left() + AFTER_BEGIN);
}

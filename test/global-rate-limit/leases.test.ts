import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { Code, encodeResponse } from "../../cli/ratelimit-service/messages.ts";
import type { Header } from "../driver.ts";
import { Host, PluginModule } from "../host/index.ts";
import { lostShare, play, type Fleet } from "./simulation.ts";
import { allowed, denied, ScriptedService, status } from "./service.ts";

describe("leases over a fleet", { timeout: 60_000 }, () => {
  const FOUR: Fleet = {
    proxies: 4,
    workers: 2,
    limit: 3000,
    load: 2,
    skew: 0.5,
    lease: 1000,
    latency: [1, 20],
    windows: 3,
    seed: 1,
  };

  test.each<[string, Partial<Fleet>]>([
    ["four proxies with two workers each", {}],
    ["the same at the very limit", { load: 1 }],
    ["the same without latency", { latency: [0, 0] }],
    ["a hundred proxies with uneven load", { proxies: 100, workers: 1, skew: 1, limit: 5000, load: 1.1 }],
  ])("of %s never admit more than the limit, and nearly all of it", (_, of) => {
    const fleet = { ...FOUR, ...of };
    const outcome = play(fleet);
    for (const admitted of outcome.admitted) expect(admitted).toBeLessThanOrEqual(fleet.limit);
    expect(lostShare(fleet, outcome)).toBeLessThan(0.05);
  });

  test("ask at least twenty times less often than requests come, and hold few of them", () => {
    const outcome = play({ ...FOUR, limit: 60_000, load: 0.8, windows: 2 });
    expect(outcome.requests / outcome.calls).toBeGreaterThan(20);
    // The next lease is fetched while the one before is spent.
    expect(outcome.waited).toBeLessThan(outcome.requests / 50);
  });

  test("leave the last of a window to whoever asks", () => {
    const fleet = { ...FOUR, limit: 1000, load: 2.4 };
    expect(lostShare(fleet, play(fleet))).toBeLessThan(0.02);
  });
});

describe("a lease", () => {
  /** A proxy with a leased limit for all, and one without a lease for requests with `x-other`, which are over it. */
  const proxy = () => {
    const service = new ScriptedService(({ descriptors }) => {
      const statuses = descriptors.map(({ entries }) => status(entries[0]?.key === "other", ROOMY));
      return statuses.some(({ code }) => code === Code.OverLimit)
        ? denied({ statuses })
        : allowed({ statuses });
    });
    const host = new Host({ logLevel: 3 });
    host.clusters.set("ratelimit", service.cluster);
    const configuration = JSON.stringify({
      domain: "test",
      service: { cluster: "ratelimit" },
      limits: [
        { name: "all", descriptor: [{ key: "all", value: "1" }], lease: { max: 1000 } },
        { name: "other", descriptor: [{ key: "other", from: { header: "x-other" } }] },
      ],
    });
    const module = PluginModule.compile(readFileSync("build/global-rate-limit.wasm"));
    const listener = host.listen({
      plugins: [{ module, name: "leases", rootId: "global-rate-limit", configuration }],
    });
    let told = "";
    const ask = (...headers: Header[]) => {
      host.clock.advance(10_000_000n);
      const { response } = listener.run({ method: "GET", path: "/", headers });
      told = new Map(response?.headers.entries()).get("x-ratelimit-limit") ?? "";
      return response?.status;
    };
    const units = (what: string): number => {
      host.clock.advance(1_100_000_000n);
      const metrics = Object.entries(host.metrics.values());
      return metrics.find(([name]) => name.includes(`what=.=${what};`))?.[1] ?? 0;
    };
    return { service, ask, units, host, told: () => told };
  };

  test("gives back what a request has spent that another limit refuses", () => {
    const { ask, units } = proxy();
    for (let at = 0; at < 100; at++) expect(ask()).toBe(200);
    const [spent, returned] = [units("spent"), units("returned")];
    expect(spent).toBeGreaterThan(50);
    expect(returned).toBe(0);
    ask();
    const before = units("spent");
    expect(ask(["x-other", "1"])).toBe(429);
    expect(units("spent")).toBe(before + 1);
    expect(units("returned")).toBe(1);
  });

  test("tells of the limit in the responses that it pays for", () => {
    const { ask, told, service } = proxy();
    for (let at = 0; at < 30; at++) ask();
    const calls = service.asked.length;
    expect(ask()).toBe(200);
    expect(service.asked).toHaveLength(calls);
    expect(told()).toBe('100000, 100000;w=60;name="all"');
  });

  test("is asked for in a call of its own, for as many units as are spent soon", () => {
    const { ask, service } = proxy();
    for (let at = 0; at < 200; at++) ask();
    const sizes = service.asked.map(({ hitsAddend }) => hitsAddend);
    expect(sizes[0]).toBe(1);
    expect(Math.max(...sizes)).toBeGreaterThan(20);
    for (const { descriptors } of service.asked) expect(descriptors).toHaveLength(1);
  });

  test("is void with the window", () => {
    const { ask, service, host } = proxy();
    for (let at = 0; at < 200; at++) ask();
    const calls = service.asked.length;
    host.clock.advance(60_000_000_000n);
    ask();
    expect(service.asked).toHaveLength(calls + 1);
  });

  test("and a denial are void when the service has another limit, whose window is shorter", () => {
    const { ask, service, host } = proxy();
    const limited = (unit: number, seconds: number) =>
      allowed({
        statuses: [
          {
            code: Code.Ok,
            currentLimit: { requestsPerUnit: 100_000, unit, name: "" },
            limitRemaining: 90_000,
            durationUntilReset: { seconds, nanos: 0 },
          },
        ],
      });
    service.answer = () => limited(4, 80_000);
    for (let at = 0; at < 50; at++) ask();
    service.answer = () => limited(2, 30);
    for (let at = 0; at < 500; at++) expect(ask()).toBe(200);
    const calls = service.asked.length;
    // Units of the new limit are spent: they were not thrown away as those of a window that is over.
    for (let at = 0; at < 50; at++) expect(ask()).toBe(200);
    expect(service.asked.length - calls).toBeLessThan(10);
    host.clock.advance(60_000_000_000n);
    expect(ask()).toBe(200);
  });

  test("that cannot be fetched leaves requests to the failure mode, and none hangs", () => {
    const { ask, service } = proxy();
    for (let at = 0; at < 50; at++) ask();
    service.answer = () => (exchange) => exchange.end(14);
    for (let at = 0; at < 2000; at++) expect(ask()).toBe(200);
  });
});

test("what is known of one domain is not of another that takes its place", () => {
  const service = new ScriptedService(({ domain }) =>
    domain === "first" ? denied({ statuses: [status(true, ROOMY)] }) : allowed(),
  );
  const host = new Host({ logLevel: 3 });
  host.clusters.set("ratelimit", service.cluster);
  const module = PluginModule.compile(readFileSync("build/global-rate-limit.wasm"));
  const plugin = (domain: string) => {
    const limits = [{ name: "all", descriptor: [{ key: "all", value: "1" }], cacheDenials: true }];
    const configuration = JSON.stringify({ domain, service: { cluster: "ratelimit" }, limits });
    return { module, name: "domains", rootId: "global-rate-limit", configuration };
  };
  const listener = host.listen({ plugins: [plugin("first")] });
  const ask = () => listener.run({ method: "GET", path: "/" }).response?.status;
  expect(ask()).toBe(429);
  listener.update([plugin("second")]);
  expect(ask()).toBe(200);
  listener.update([plugin("first")]);
  expect(ask()).toBe(429);
  expect(service.asked).toHaveLength(2);
});

test("descriptors that find no slot are counted once a request, and others are not", () => {
  const service = new ScriptedService(() => (exchange) => {
    exchange.after(10, () => {
      exchange.send(encodeResponse(allowed({ statuses: [status(false, ROOMY)] })));
      exchange.end(0);
    });
  });
  const host = new Host({ logLevel: 3 });
  host.clusters.set("ratelimit", service.cluster);
  const module = PluginModule.compile(readFileSync("build/global-rate-limit.wasm"));
  const descriptor = [{ key: "user", from: { header: "x-user" } }];
  const configuration = JSON.stringify({
    domain: "test",
    service: { cluster: "ratelimit" },
    limits: [{ name: "users", descriptor, lease: { max: 1000 }, maxKeys: 1 }],
  });
  const listener = host.listen({
    plugins: [{ module, name: "slots", rootId: "global-rate-limit", configuration }],
  });
  const ask = (user: string) => listener.open({ method: "GET", path: "/", headers: [["x-user", user]] });
  // All slots that there are for one key; then somebody who has one and somebody who gets none, together.
  for (let at = 0; at < 8; at++) ask(`u${at}`);
  host.clock.advance(20_000_000n);
  for (const user of ["u0", "newcomer"]) ask(user);
  host.clock.advance(1_200_000_000n);
  expect(host.metrics.values()).toMatchObject({
    "limit=.=users;.;outrigger_global_rate_limit_no_slot": 1,
  });
});

/** What the service says where there is plenty. */
const ROOMY = {
  currentLimit: { requestsPerUnit: 100_000, unit: 2, name: "" },
  limitRemaining: 90_000,
  durationUntilReset: { seconds: 50, nanos: 0 },
};

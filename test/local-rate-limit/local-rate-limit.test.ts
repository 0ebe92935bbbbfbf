import { describe, expect, test } from "vitest";
import { WasmResult } from "../host/index.ts";
import { byKey, Proxy, type Rate } from "./proxy.ts";

describe("a bucket over the workers of a proxy", () => {
  test("admits exactly what the limit says", () => {
    const proxy = new Proxy(
      { limits: [{ name: "all", limit: { requests: 1000, per: "day" } }] },
      { workers: 4 },
    );
    let admitted = 0;
    for (let at = 0; at < 20_000; at++) if (proxy.admits()) admitted++;
    expect(admitted).toBe(1000);
  });

  test("costs one read and one write of shared data, a refused request the read alone", () => {
    const proxy = new Proxy(byKey({ requests: 1, per: "hour" }));
    proxy.admits("warm");
    const calls = (): number[] =>
      ["proxy_get_shared_data", "proxy_set_shared_data"].map((name) => proxy.host.hostCalls.get(name) ?? 0);
    const [reads, writes] = calls() as [number, number];
    expect(proxy.admits("a")).toBe(true);
    expect(calls()).toEqual([reads + 1, writes + 1]);
    expect(proxy.admits("a")).toBe(false);
    expect(calls()).toEqual([reads + 2, writes + 1]);
  });

  test("is apart from that of another limit", () => {
    const limits = ["a", "b"].map((name) => ({
      name,
      match: { headers: { "x-which": name } },
      limit: { requests: 1, per: "hour" },
    }));
    const proxy = new Proxy({ limits });
    for (const name of ["a", "b"]) expect(proxy.send(["x-which", name]).status).toBe(200);
    for (const name of ["a", "b"]) expect(proxy.send(["x-which", name]).status).toBe(429);
    expect(proxy.sets()).toBe(2);
  });

  test("is apart from that of the same plugin in another direction, and of another plugin", () => {
    const config = { limits: [{ name: "all", limit: { requests: 1, per: "hour" } }] };
    const first = new Proxy(config, { direction: "inbound" });
    const { host } = first;
    const others = [
      new Proxy(config, { host, direction: "outbound" }),
      new Proxy(config, { host, direction: "inbound", name: "other" }),
      new Proxy(config, { host, direction: "outbound", name: "other" }),
    ];
    for (const proxy of [first, ...others]) expect(proxy.admits()).toBe(true);
    for (const proxy of [first, ...others]) expect(proxy.admits()).toBe(false);
    const same = new Proxy(config, { host, direction: "inbound" });
    expect(same.admits()).toBe(false);
  });

  test("is apart from that of the same filter again in a suite", () => {
    const limits = [{ name: "all", limit: { requests: 2, per: "hour" } }];
    const config = { filters: [{ localRateLimit: { limits } }, { localRateLimit: { limits } }] };
    const proxy = new Proxy(config, { suite: true });
    for (let at = 0; at < 2; at++) expect(proxy.admits()).toBe(true);
    expect(proxy.admits()).toBe(false);
    expect(proxy.sets()).toBe(2);
  });
});

describe("a swap that is lost", () => {
  /** Lets the next `times` writes lose, as if another worker had been faster. */
  function contend(proxy: Proxy, times: number): () => number {
    const { sharedData } = proxy.host;
    const set = sharedData.set.bind(sharedData);
    let left = times;
    let lost = 0;
    sharedData.set = (vmId, key, value, cas) => {
      if (left === 0) return set(vmId, key, value, cas);
      left--;
      lost++;
      return WasmResult.CasMismatch;
    };
    return () => lost;
  }

  test("is tried again, and charged once", () => {
    const proxy = new Proxy({ limits: [{ name: "all", limit: { requests: 2, per: "hour" } }] });
    const lost = contend(proxy, 15);
    expect(proxy.admits()).toBe(true);
    expect(lost()).toBe(15);
    expect(proxy.admits()).toBe(true);
    expect(proxy.admits()).toBe(false);
    expect(proxy.metric("contended")).toBe(0);
  });

  test.each([
    ["refuses", undefined, false],
    ["refuses", "deny", false],
    ["admits", "allow", true],
  ])("16 times %s with onContention %s, and is counted", (_, onContention, admitted) => {
    const proxy = new Proxy({
      limits: [{ name: "all", limit: { requests: 2, per: "hour" } }],
      ...(onContention === undefined ? {} : { onContention }),
    });
    const lost = contend(proxy, 16);
    expect(proxy.admits()).toBe(admitted);
    expect(lost()).toBe(16);
    expect(proxy.metric("contended")).toBe(1);
    for (let at = 0; at < 2; at++) expect(proxy.admits()).toBe(true);
    expect(proxy.admits()).toBe(false);
  });

  test("by a later limit gives back what an earlier one has taken", () => {
    const proxy = new Proxy({
      limits: [
        { name: "first", limit: { requests: 2, per: "hour" } },
        { name: "second", limit: { requests: 100, per: "hour" } },
      ],
    });
    const { sharedData } = proxy.host;
    const set = sharedData.set.bind(sharedData);
    sharedData.set = (vmId, key, value, cas) =>
      key.includes("second") ? WasmResult.CasMismatch : set(vmId, key, value, cas);
    for (let at = 0; at < 5; at++) expect(proxy.admits()).toBe(false);
    sharedData.set = set;
    for (let at = 0; at < 2; at++) expect(proxy.admits()).toBe(true);
    expect(proxy.admits()).toBe(false);
  });
});

describe("a clock that jumps", () => {
  const HOUR = 3_600_000_000_000n;

  function jump(proxy: Proxy, nanoseconds: bigint): void {
    const { clock } = proxy;
    const monotonic = clock.monotonic + nanoseconds;
    Object.defineProperty(clock, "monotonic", { value: monotonic, configurable: true });
  }

  test("back admits nothing more, and shuts nobody out for longer than a bucket takes to fill", () => {
    const proxy = new Proxy(byKey({ requests: 60, per: "minute" }));
    for (let at = 0; at < 60; at++) expect(proxy.admits("a")).toBe(true);
    jump(proxy, -HOUR / 60n / 60n);
    expect(proxy.admits("a")).toBe(false);
    jump(proxy, -HOUR / 4n);
    expect(proxy.admits("a")).toBe(false);
    jump(proxy, 1_100_000_000n);
    expect(proxy.admits("a")).toBe(true);
    expect(proxy.admits("a")).toBe(false);
  });

  test("far ahead fills the bucket once", () => {
    const proxy = new Proxy(byKey({ requests: 3, per: "day" }));
    for (let at = 0; at < 3; at++) expect(proxy.admits("a")).toBe(true);
    expect(proxy.admits("a")).toBe(false);
    jump(proxy, HOUR * 24n * 365n * 100n);
    for (let at = 0; at < 3; at++) expect(proxy.admits("a")).toBe(true);
    expect(proxy.admits("a")).toBe(false);
  });

  test("gives nothing away to a worker that read it before another one wrote", () => {
    const proxy = new Proxy(byKey({ requests: 1, per: "minute" }));
    const base = proxy.clock.monotonic;
    const at = (nanoseconds: bigint): boolean => {
      Object.defineProperty(proxy.clock, "monotonic", { value: base + nanoseconds, configurable: true });
      return proxy.admits("busy");
    };
    const minute = 60_000_000_000n;
    expect(at(500_000n)).toBe(true);
    expect(at(0n)).toBe(false);
    expect(at(minute)).toBe(false);
    expect(at(minute + 500_000n)).toBe(true);
  });
});

test("a request without the key, which is rejected, is not among those that share a bucket", () => {
  const proxy = new Proxy(byKey({ requests: 1, per: "hour" }, { maxKeys: 1, onMissingKey: "reject" }));
  for (let at = 0; at < 8; at++) expect(proxy.admits(`k${at}`)).toBe(true);
  expect(proxy.admits("newcomer")).toBe(true);
  expect(proxy.admits()).toBe(false);
  expect(proxy.metric("shared")).toBe(1);
});

describe("a flood of a million random keys", () => {
  test("neither grows memory nor frees a key that is being limited", { timeout: 300_000 }, () => {
    const maxKeys = 1000;
    const limit: Rate = { requests: 10, per: "hour" };
    const proxy = new Proxy(byKey(limit, { maxKeys }));
    const victims = ["ann", "bob", "cid", "dan"];
    for (const victim of victims) {
      for (let at = 0; at < 10; at++) expect(proxy.admits(victim)).toBe(true);
      expect(proxy.admits(victim)).toBe(false);
    }
    const flood = (count: number, from: number): number => {
      let admitted = 0;
      for (let at = 0; at < count; at++) {
        if (proxy.admits(`k${from + at}-${Math.random()}`)) admitted++;
        if (at % 10_000 === 0) for (const victim of victims) expect(proxy.admits(victim)).toBe(false);
      }
      return admitted;
    };
    let admitted = flood(50_000, 0);
    const memory = proxy.host.wasmMemoryBytes();
    const sets = proxy.sets();
    expect(sets).toBe((maxKeys * 2) / 8);
    admitted += flood(950_000, 50_000);
    expect(proxy.host.wasmMemoryBytes()).toBe(memory);
    expect(proxy.sets()).toBe(sets);
    // Each of the slots and each set's shared bucket gives its burst, and no more.
    expect(admitted).toBeLessThanOrEqual((maxKeys * 2 + sets) * 10);
    for (const victim of victims) expect(proxy.admits(victim)).toBe(false);
    expect(proxy.metric("shared")).toBeGreaterThan(900_000);
  });
});

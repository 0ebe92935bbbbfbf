import { describe, expect, test } from "vitest";
import { Proxy, type Headers } from "./proxy.ts";

const NEW_TRACES = 20_000;

function isSampled(headers: Headers): boolean {
  return (Number.parseInt(headers.traceparent!.slice(-2), 16) & 1) === 1;
}

/** A context whose decision is still to be made. */
function undecided(random: string): [string, string] {
  return ["b3", `463ac35c9f6413ad48${random}-a2fb4a1d1a96d312`];
}

describe("of new traces", () => {
  test.each([0, 0.5, 10, 50, 100])("%f percent are sampled", { timeout: 60_000 }, (percent) => {
    const proxy = new Proxy({ sampling: { default: percent } });
    let sampled = 0;
    for (let at = 0; at < NEW_TRACES; at++) if (isSampled(proxy.enter([]))) sampled++;
    const share = percent / 100;
    // Five standard deviations: beyond it once in millions of runs.
    const most = 5 * Math.sqrt(NEW_TRACES * share * (1 - share));
    expect(Math.abs(sampled - NEW_TRACES * share)).toBeLessThanOrEqual(most);
  });

  test("no id comes twice, and none is of zeros", { timeout: 60_000 }, () => {
    const proxy = new Proxy({}, { workers: 4 });
    const ids = new Set<string>();
    for (let at = 0; at < NEW_TRACES; at++) {
      const [, trace, span] = proxy.enter([]).traceparent!.split("-");
      ids.add(trace!).add(span!);
    }
    expect(ids.size).toBe(2 * NEW_TRACES);
    expect(ids.has("0".repeat(32)) || ids.has("0".repeat(16))).toBe(false);
  });

  test("the id begins with the time where X-Ray is to read it", () => {
    const proxy = new Proxy({ inject: ["xray"] });
    const [, time] = proxy.enter([])["x-amzn-trace-id"]!.split("-");
    expect(Number.parseInt(time!, 16)).toBe(Number(proxy.host.clock.wall / 1_000_000_000n));
  });
});

describe("every proxy decides alike", () => {
  test("by the lower 56 bits of the trace id: whoever is in at some share is in at a larger one", () => {
    const shares = [1, 10, 25, 50, 90, 99];
    const proxies = shares.map((percent) => new Proxy({ sampling: { default: percent } }));
    let changes = 0;
    for (let at = 0; at < 500; at++) {
      const random = Math.floor((at / 500) * 2 ** 48)
        .toString(16)
        .padStart(12, "0");
      const decisions = proxies.map((proxy) => isSampled(proxy.enter([undecided(`${random}01`)])));
      const again = proxies.map((proxy) => isSampled(proxy.leave([undecided(`${random}01`)])));
      expect(again).toEqual(decisions);
      expect(decisions).toEqual([...decisions].sort());
      if (new Set(decisions).size === 2) changes++;
    }
    expect(changes).toBeGreaterThan(100);
  });

  test.each([
    [50, "80000000000000", true],
    [50, "7fffffffffffff", false],
    [100, "00000000000000", true],
    [0, "ffffffffffffff", false],
    [25, "c0000000000000", true],
    [25, "bfffffffffffff", false],
  ])("at %i percent, random bits of %s: %s", (percent, random, sampled) => {
    const proxy = new Proxy({ sampling: { default: percent } });
    expect(isSampled(proxy.enter([undecided(random)]))).toBe(sampled);
  });

  test("the first rule that matches says the share", () => {
    const rules = [
      { name: "health", match: { path: "/healthz" }, percent: 0 },
      { name: "debugged", match: { headers: { "x-debug": { present: true } } }, percent: 100 },
    ];
    const proxy = new Proxy({ sampling: { default: 0, rules } });
    expect(isSampled(proxy.enter([["x-debug", "1"]]))).toBe(true);
    expect(isSampled(proxy.enter([["x-debug", "1"]], { path: "/healthz" }))).toBe(false);
    expect(isSampled(proxy.enter([]))).toBe(false);
  });
});

/** What becomes of requests, under load, while the collector of their spans fails in every way there is. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { LoadGenerator, type LoadRequest } from "../../bench/load.ts";
import { quantile } from "../../bench/statistics.ts";
import type { CallAnswer, Fault } from "../driver.ts";
import { HttpServer } from "../envoy/http-server.ts";
import { Upstream } from "../global-rate-limit/proxy.ts";
import { Zipkin } from "../peers/zipkin.ts";
import { PLAIN, TracedProxy } from "./traced-proxy.ts";

/** Requests a second of each listener, and for how many seconds: longer than the filter waits for a collector. */
const RATE = 250;
const SECONDS = 4;
const REQUESTS = RATE * SECONDS;
const CONNECTIONS = 8;
/** Milliseconds that the filter waits for a collector. */
const TIMEOUT = 1000;
/** How often a load may come again that another program on the machine has disturbed. */
const ATTEMPTS = 3;
/** Milliseconds within which all spans of a load must have come, or be given up. */
const WITHIN = 15_000;

const bytes = Buffer.from("GET /reviews/1 HTTP/1.1\r\nhost: reviews\r\n\r\n");
const request: LoadRequest = { at: () => bytes, expected: "hello" };

describe("requests under load", () => {
  let upstream: Upstream;
  let zipkin: Zipkin;
  let broken: HttpServer;
  let proxy: TracedProxy;
  let behaviour: CallAnswer | Fault = { status: 202 };
  /** Requests that the broken collector has been sent. */
  let posts = 0;
  const loads = new Map<string, LoadGenerator>();
  const rows: object[] = [];

  beforeAll(async () => {
    upstream = await Upstream.start();
    zipkin = await Zipkin.start();
    broken = await HttpServer.start(() => {
      posts++;
      return behaviour;
    });
    const collectors = { zipkin: zipkin.port, broken: broken.port, absent: null };
    proxy = await TracedProxy.start({ collectors, upstreamPort: upstream.port, timeout: TIMEOUT });
    for (const name of [PLAIN, ...Object.keys(collectors)])
      loads.set(name, await LoadGenerator.open(proxy.port(name), CONNECTIONS));
  }, 900_000);

  afterAll(async () => {
    for (const load of loads.values()) load.close();
    await proxy?.stop();
    await broken?.close();
    await zipkin?.stop();
    await upstream?.stop();
    console.table(rows);
    expect(proxy.complaints).toEqual([]);
  });

  /**
   * Asks the listener, and the one without the filter at the same time, and compares: of a request that waits for the collector this is true
   * each time, of one that waits for a busy machine it is not. Answers how many requests the listener had. Rejects unless each
   * was answered by the upstream, in the time that it takes without the filter.
   */
  async function compare(what: string, listener: string): Promise<number> {
    const pace = (name: string): Promise<number[]> => loads.get(name)!.pace(request, REQUESTS, RATE);
    for (let attempt = 1; ; attempt++) {
      const [traced, plain] = await Promise.all([pace(listener), pace(PLAIN)]);
      const row = {
        collector: what,
        "KiB of memory": proxy.memory() / 1024,
        "median ms, with filter": Number(quantile(traced, 0.5).toFixed(2)),
        "without it": Number(quantile(plain, 0.5).toFixed(2)),
        "p99 ms, with filter": Number(quantile(traced, 0.99).toFixed(2)),
        "p99 without it": Number(quantile(plain, 0.99).toFixed(2)),
      };
      rows.push(row);
      const isUnaffected =
        row["median ms, with filter"] < row["without it"] + 1 &&
        row["p99 ms, with filter"] < row["p99 without it"] + TIMEOUT / 10 &&
        Math.max(...traced) < TIMEOUT;
      if (isUnaffected) return attempt * REQUESTS;
      if (attempt === ATTEMPTS) throw new Error(`requests wait: ${JSON.stringify(row)}`);
    }
  }

  /** Until so many more spans have been given up than `before`. */
  async function droppedSince(before: number, count: number): Promise<void> {
    await expect.poll(async () => (await proxy.dropped()) - before, { timeout: WITHIN }).toBe(count);
  }

  test("with a Zipkin that works each request is a span there", { timeout: 60_000 }, async () => {
    const requests = await compare("Zipkin", "zipkin");
    await expect.poll(() => zipkin.received(), { timeout: WITHIN }).toBe(requests);
    expect(await proxy.dropped()).toBe(0);
  });

  const faults: { name: string; begin: () => unknown; heal: () => unknown }[] = [
    { name: "killed", begin: () => zipkin.kill(), heal: () => zipkin.restart() },
    { name: "stopped", begin: () => zipkin.pause(), heal: () => zipkin.resume() },
  ];
  for (const { name, begin, heal } of faults) {
    test(`while Zipkin is ${name} none waits, and its spans are counted`, { timeout: 120_000 }, async () => {
      const before = await proxy.dropped();
      await begin();
      try {
        await droppedSince(before, await compare(`Zipkin ${name}`, "zipkin"));
      } finally {
        await heal();
      }
      await reportedAgain();
    });
  }

  /** A request that comes now is reported. */
  async function reportedAgain(): Promise<void> {
    const traceId = Array.from({ length: 4 }, () =>
      Math.random().toString(16).slice(2, 10).padEnd(8, "0"),
    ).join("");
    const traceparent = `00-${traceId}-00f067aa0ba902b7-01`;
    const bytes = Buffer.from(`GET / HTTP/1.1\r\nhost: reviews\r\ntraceparent: ${traceparent}\r\n\r\n`);
    await loads.get("zipkin")!.run({ at: () => bytes, expected: "hello" }, 1);
    await expect.poll(async () => (await zipkin.trace(traceId)).length, { timeout: WITHIN }).toBe(1);
  }

  test(
    "with a cluster that the proxy does not have none waits, and its spans are counted",
    { timeout: 60_000 },
    async () => {
      const before = await proxy.dropped();
      await droppedSince(before, await compare("a cluster that is not there", "absent"));
    },
  );

  const answers: Readonly<Record<string, CallAnswer | Fault>> = {
    "answers 500": { status: 500 },
    "answers after the timeout": { status: 202, after: TIMEOUT * 2 },
    "never answers": "silence",
    "resets connections": "reset",
    "answers garbage": "garbage",
  };
  for (const [name, answer] of Object.entries(answers)) {
    test(`while a collector ${name} none waits, and its spans are counted`, { timeout: 60_000 }, async () => {
      behaviour = answer;
      const [before, postsBefore] = [await proxy.dropped(), posts];
      await droppedSince(before, await compare(`a collector that ${name}`, "broken"));
      expect(posts).toBeGreaterThan(postsBefore);
      behaviour = { status: 202 };
    });
  }

  test("spans that pile up are given up, and take no more memory", { timeout: 60_000 }, async () => {
    behaviour = "silence";
    const count = 20_000;
    const [before, memory] = [await proxy.dropped(), proxy.memory()];
    await loads.get("broken")!.run(request, count);
    await droppedSince(before, count);
    // Some were not even sent; how many, is a matter of the machine's speed.
    expect(await proxy.dropped("busy")).toBeGreaterThan(0);
    expect(proxy.memory()).toBe(memory);
    behaviour = { status: 202 };
  });
});

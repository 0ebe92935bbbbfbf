/** What a client, a neighbour in the shared data, or a collector can do to the filter when they mean it. */
import { beforeAll, describe, expect, test } from "vitest";
import { readFileSync } from "node:fs";
import type { Header } from "../driver.ts";
import { FakeClock, Host, PluginModule } from "../host/index.ts";
import { compileModule } from "../host/test-modules.ts";
import { Proxy, type Headers } from "./proxy.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const SPAN = "b7ad6b7169203331";
const TRACEPARENT = `00-${TRACE}-${SPAN}-01`;

function id(name: string): Header {
  return ["x-request-id", name];
}

function traceOf(headers: Headers): string {
  return headers.traceparent!.split("-")[1]!;
}

function trace(digit: string, span = SPAN): Header {
  return ["traceparent", `00-${digit.repeat(32)}-${span}-01`];
}

/** A proxy with a request of a client's, with the id `a` and trace `1`, under way, during which something is done. */
function during(work: (one: Proxy) => void, config: object = {}): void {
  const one = new Proxy({ correlate: {}, inject: ["w3c"], ...config });
  let done = false;
  one.application = () => {
    if (done) return;
    done = true;
    work(one);
  };
  one.enter([id("a"), trace("1")]);
  expect(done).toBe(true);
}

/** A request of somebody who has guessed the id, so many seconds long. */
function intrude(one: Proxy, header: Header, seconds: number): void {
  one.application = () => one.advance(seconds);
  one.enter([id("a"), header]);
}

describe("the id of a request that lasts", () => {
  test("stays ambiguous when the other that had it ends: who comes third is not taken for the first", () => {
    during((one) => {
      one.advance(30);
      intrude(one, trace("2"), 2);
      one.advance(7);
      intrude(one, trace("3"), 0);
      expect(["2", "3"].map((digit) => digit.repeat(32))).not.toContain(traceOf(one.leave([id("a")])));
    });
  });

  test.each([0, 2])("stays when another of its trace that had it ends after %i s", (seconds) => {
    during((one) => {
      one.advance(30);
      intrude(one, trace("1", "2222222222222222"), seconds);
      for (let waited = 0; waited < 20; waited += 0.5) {
        one.advance(0.5);
        // What has ended is gone when others are remembered in its place.
        expect(traceOf(one.leave([id("a")]))).toBe("1".repeat(32));
      }
    });
  });
});

describe("what somebody else has written where contexts are remembered", () => {
  /** A proxy whose contexts are all in one set, and what writes that. */
  function poisoned(): { one: Proxy; poison: (value: Uint8Array) => void; genuine: Uint8Array } {
    const one = new Proxy({ correlate: { maxEntries: 1 }, inject: ["w3c"] });
    const texts = [
      ["tracestate", `a=${"s".repeat(50)}`],
      ["baggage", "k=v"],
    ] as const;
    for (let at = 0; at < 5; at++) one.enter([id(`${at}`), trace("1"), ...texts]);
    const { sharedData } = one.host;
    const key = sharedData.keys("").find((key) => key.startsWith("outrigger/trace-propagation/contexts/"))!;
    const genuine = sharedData.get("", key)!.value;
    return { one, poison: (value) => void sharedData.set("", key, value, 0), genuine };
  }

  /** All that reads a set: of requests that come in and go out, begin, last and end. None of it may trap. */
  function use(one: Proxy): void {
    one.leave([id("0")]);
    one.leave([id("4")]);
    one.enter([id("0"), trace("1")]);
    one.enter([id("new"), trace("2")]);
    expect(traceOf(one.leave([id("new")]))).toBe("2".repeat(32));
  }

  test("is cut off anywhere", () => {
    const { one, poison, genuine } = poisoned();
    for (let length = 0; length <= genuine.length; length++) {
      poison(genuine.slice(0, length));
      use(one);
    }
  });

  test("has lengths that are not so", () => {
    const { one, poison, genuine } = poisoned();
    const size = genuine.length / 5;
    const lengths = [0, 1, 47, 48, 49, 255, 256, 1023, 1024, 2048, 0x7fff, 0x8000, 0xffff];
    for (let entry = 0; entry < 5; entry++) {
      for (const state of lengths) {
        for (const baggage of lengths) {
          const value = genuine.slice();
          const view = new DataView(value.buffer);
          view.setUint16(entry * size + 42, state, true);
          view.setUint16(entry * size + 44, baggage, true);
          poison(value);
          use(one);
        }
      }
    }
  });

  test("is any bytes, few or 200 KiB", () => {
    const { one, poison, genuine } = poisoned();
    let seed = 1;
    const next = (): number => (seed = (Math.imul(seed, 1103515245) + 12345) >>> 0) >>> 16;
    for (let round = 0; round < 300; round++) {
      const value = new Uint8Array(round % 50 === 0 ? 200_000 : next() % 3000).map(() => next());
      // Hashes of requests that come, among them.
      for (let at = 0; at + 48 < value.length; at += 48 + (next() % 100))
        value.set(genuine.subarray(0, 8), at);
      poison(value);
      use(one);
    }
  });

  test("is whatever it is when a request that lasts has its deadline moved, and when it has ended", () => {
    for (const length of [0, 1, 47, 48, 60, 96]) {
      during((one) => {
        const { sharedData } = one.host;
        for (let second = 0; second < 5; second++) {
          for (const key of sharedData.keys("")) {
            if (!key.startsWith("outrigger/trace-propagation/contexts/")) continue;
            const { value } = sharedData.get("", key)!;
            const bytes = new Uint8Array(length).fill(0xff);
            bytes.set(value.subarray(0, Math.min(8, length)));
            sharedData.set("", key, bytes, 0);
          }
          one.advance(1);
          one.enter([id("other"), trace("2")]);
        }
      });
    }
  });
});

describe("spans as long as they can be", () => {
  /** Each of these bytes takes most room in JSON, for what it is. */
  const longest = { control: "%01", "no UTF-8": "%ff", quote: "%22", backslash: "%5c" };
  const collectors = {
    zipkin: (body: string): unknown[] => JSON.parse(body) as unknown[],
    otlp: (body: string): unknown[] =>
      (JSON.parse(body) as { resourceSpans: { scopeSpans: { spans: unknown[] }[] }[] }).resourceSpans[0]!
        .scopeSpans[0]!.spans,
  };

  for (const [name, read] of Object.entries(collectors)) {
    test.each(Object.entries(longest))(`go to ${name} whole, of %s bytes`, (_, escape) => {
      const names = Array.from(
        { length: 16 },
        (_, at) => `${String.fromCharCode(97 + at)}${'"'.repeat(254)}`,
      );
      const bodies: string[] = [];
      const one = new Proxy(
        {
          inject: ["w3c"],
          correlate: {},
          sampling: { default: 100 },
          report: {
            [name]: { cluster: "zipkin" },
            serviceName: '"'.repeat(255),
            tags: Object.fromEntries(names.map((tag) => [tag, [{ queryParam: "k" }]])),
          },
        },
        {
          collector: ({ body }) => {
            bodies.push(Buffer.from(body).toString("utf8"));
            return { status: 202 };
          },
        },
      );
      const request = {
        method: "OPTIONS",
        path: `/${"%22".repeat(400)}?k=${escape.repeat(200)}`,
        authority: "a".repeat(300),
      };
      const requests = 40;
      for (let at = 0; at < requests; at++) one.enter([id(`${at}`)], request);
      one.advance(1.1);
      expect(bodies.flatMap(read)).toHaveLength(requests);
      for (const body of bodies) expect(Buffer.byteLength(body)).toBeLessThanOrEqual(65536);
      expect(one.metric("dropped_spans")).toBe(0);
      expect(traceOf(one.enter([trace("1")]))).toBe("1".repeat(32));
    });
  }
});

describe("requests that all last", () => {
  let holder: PluginModule;

  beforeAll(async () => {
    holder = await compileModule(`
      export function proxy_on_context_create(id: u32, parent: u32): void {}
      export function proxy_on_request_headers(id: u32, count: u32, end: u32): u32 { return 1; }`);
  });

  /** A proxy with so many requests under way, each with its own id and as much beside it as is remembered. */
  function hold(requests: number): Host {
    const host = new Host({ clock: new FakeClock(), logLevel: 3 });
    const listener = host.listen({
      direction: "inbound",
      plugins: [
        {
          module: PluginModule.compile(readFileSync("build/trace-propagation.wasm")),
          name: "traces",
          rootId: "trace-propagation",
          configuration: JSON.stringify({ correlate: { maxEntries: 1000 } }),
        },
        { module: holder, name: "holder" },
      ],
    });
    const baggage = `k=${"v".repeat(1000)}`;
    for (let at = 0; at < requests; at++) {
      const headers = [id(`${at}`), ["traceparent", TRACEPARENT], ["baggage", baggage]] as const;
      listener.open({ method: "GET", path: "/", headers });
    }
    return host;
  }

  test("take no more memory on a tick than they took before", () => {
    const host = hold(5000);
    const before = host.wasmMemoryBytes();
    host.clock.advance(20_000_000_000n);
    expect(host.wasmMemoryBytes()).toBe(before);
  });
});

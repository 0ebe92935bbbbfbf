/** What a client, a neighbour in the shared data, or a collector can do to the filter when they mean it. */
import { beforeAll, describe, expect, test } from "vitest";
import { readFileSync } from "node:fs";
import type { CallAnswer, Fault, Header } from "../driver.ts";
import { FakeClock, Host, PluginModule, type Listener, type PluginOptions } from "../host/index.ts";
import { compileModule } from "../host/test-modules.ts";
import { allowed, denied, ScriptedService } from "../global-rate-limit/service.ts";
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

/** A context in all formats, recorded come what may. */
const FORCED: readonly Header[] = [
  ["traceparent", TRACEPARENT],
  ["tracestate", "outrigger=f,a=1"],
  ["b3", `${TRACE}-${SPAN}-d`],
  ["x-b3-traceid", TRACE],
  ["x-b3-spanid", SPAN],
  ["x-b3-flags", "1"],
  ["x-b3-sampled", "1"],
  ["uber-trace-id", `${TRACE}:${SPAN}:0:3`],
  ["x-datadog-trace-id", "1"],
  ["x-datadog-parent-id", "2"],
  ["x-datadog-sampling-priority", "2"],
  ["x-datadog-tags", "_dd.p.dm=-4,_dd.p.tid=1111111111111111"],
  ["x-datadog-origin", "synthetics"],
  ["x-amzn-trace-id", `Root=1-${TRACE.slice(0, 8)}-${TRACE.slice(8)};Parent=${SPAN};Sampled=1`],
  ["baggage", "k=v"],
];

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

describe("an outsider", () => {
  const ALL = ["w3c", "b3", "b3single", "jaeger", "datadog", "xray"];

  test.each([[ALL], [["w3c", "b3"]], [["datadog"]], [[]]])(
    "who is not trusted brings nothing in, with %j injected: no trace, no decision, no baggage",
    (inject) => {
      const sampling = { default: 0 };
      const alone = new Proxy({ inject, trustInbound: false, correlate: {}, sampling });
      const names = Object.keys(alone.enter([id("a")])).sort();
      const sent = alone.enter([id("b"), ...FORCED]);
      expect(Object.keys(sent).sort()).toEqual(names);
      const text = JSON.stringify(sent);
      for (const secret of [
        TRACE,
        TRACE.slice(8),
        SPAN,
        "synthetics",
        "_dd.p.dm",
        "outrigger=f",
        "a=1",
        "k=v",
      ]) {
        expect(text).not.toContain(secret);
      }
      if (inject === ALL) {
        expect(sent).toMatchObject({
          "x-b3-sampled": "0",
          "x-datadog-sampling-priority": "0",
          b3: expect.stringMatching(/-0$/) as string,
          traceparent: expect.stringMatching(/-02$/) as string,
        });
      }
      expect(alone.metric("untrusted")).toBe(1);
    },
  );

  test("who knows an id gets nothing of what is remembered for it on the way in", () => {
    during(
      (one) => {
        const sent = one.enter([id("a"), trace("2")]);
        expect(traceOf(sent)).toBe("2".repeat(32));
        expect(sent).not.toHaveProperty("baggage");
      },
      { baggage: { allow: ["k"] } },
    );
  });

  test("who sends the id of a request that is over changes nothing of what comes seconds later", () => {
    const one = new Proxy({ correlate: {}, inject: ["w3c"] });
    one.enter([id("a"), trace("2"), ["baggage", "k=evil"]]);
    one.advance(6.1);
    one.enter([id("a"), trace("1")]);
    const left = one.leave([id("a")]);
    expect(traceOf(left)).toBe("1".repeat(32));
    expect(left).not.toHaveProperty("baggage");
  });

  test("puts others out with two and a half times as many requests as are to be remembered", () => {
    const entries = 400;
    const victims = 100;
    const lost = [0, 0];
    for (let victim = 0; victim < victims; victim++) {
      const one = new Proxy({ correlate: { maxEntries: entries }, inject: ["w3c"] });
      one.enter([id("victim"), trace("1")]);
      for (const [phase, until] of [entries, entries * 2.5].entries()) {
        for (let at = phase * entries; at < until; at++) one.enter([id(`${at}`), trace("2")]);
        if (traceOf(one.leave([id("victim")])) !== "1".repeat(32)) lost[phase]!++;
      }
    }
    console.log(
      `of ${victims} are put out by ${entries} requests ${lost[0]}, by ${entries * 2.5} ${lost[1]}`,
    );
    expect(lost[0]).toBeLessThan(victims * 0.05);
    expect(lost[1]).toBeGreaterThan(victims * 0.2);
    expect(lost[1]).toBeLessThan(victims * 0.8);
  });

  test("leaves half of the others without texts with a quarter as many requests as are to be remembered", () => {
    const entries = 3200;
    const one = new Proxy({ correlate: { maxEntries: entries }, inject: ["w3c"] });
    const flood = `k=${"v".repeat(1022)}`;
    for (let at = 0; at < entries / 4; at++) one.enter([id(`${at}`), trace("2"), ["baggage", flood]]);
    let without = 0;
    const others = 400;
    for (let at = 0; at < others; at++) {
      one.enter([id(`other-${at}`), trace("1"), ["baggage", "k=v"]]);
      if (one.leave([id(`other-${at}`)]).baggage === undefined) without++;
    }
    console.log(`${without} of ${others} are left without baggage`);
    expect(without / others).toBeGreaterThan(0.3);
    expect(without / others).toBeLessThan(0.7);
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
      for (const body of bodies) expect(Buffer.byteLength(body)).toBeLessThanOrEqual(256 * 1024);
      expect(one.metric("dropped_spans")).toBe(0);
      expect(traceOf(one.enter([trace("1")]))).toBe("1".repeat(32));
    });
  }
});

describe("a wall clock that steps", () => {
  const steps = { back: -3600n * 10n ** 9n, forward: 10n ** 18n, "to 1970": -1_767_225_600n * 10n ** 9n };

  test.each(Object.entries(steps))("%s while a request lasts: its duration is what it was", (_, step) => {
    const bodies: string[] = [];
    const one = new Proxy(
      {
        inject: ["xray"],
        correlate: {},
        sampling: { default: 100 },
        report: { zipkin: { cluster: "zipkin" } },
      },
      {
        collector: ({ body }) => {
          bodies.push(Buffer.from(body).toString("utf8"));
          return { status: 202 };
        },
      },
    );
    one.application = () => {
      one.advance(0.5);
      one.host.clock.wall += step;
      one.advance(3);
    };
    one.enter([id("a")]);
    one.application = () => undefined;
    one.enter([id("b")]);
    one.advance(1.1);
    const spans = bodies.flatMap((body) => JSON.parse(body) as { duration: number }[]);
    expect(spans.map(({ duration }) => duration)).toEqual([3_500_000, 1]);
    // And what is remembered has its time by the other clock.
    one.advance(4);
    one.leave([id("b")]);
    expect(one.metric("correlation", "=restored")).toBe(1);
  });
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

describe("a suite with a filter behind that waits, replies and fails", () => {
  const module = PluginModule.compile(readFileSync("build/outrigger.wasm"));
  const config = (share: number): string =>
    JSON.stringify({
      filters: [
        {
          tracePropagation: {
            correlate: { maxEntries: 100 },
            sampling: { default: share },
            report: { zipkin: { cluster: "zipkin" } },
          },
        },
        {
          globalRateLimit: {
            domain: "test",
            service: { cluster: "ratelimit", timeout: "10ms" },
            breaker: { consecutiveFailures: 1_000_000 },
            failureMode: "allow",
            limits: [{ name: "plain", descriptor: [{ key: "plain", from: { header: "x-key" } }] }],
          },
        },
      ],
    });

  class Suite {
    readonly host = new Host({ clock: new FakeClock(), logLevel: 3 });
    readonly listener: Listener;
    spans: { tags: Record<string, string> }[] = [];
    collectorAnswers: () => CallAnswer | Fault = () => ({ status: 202 });

    constructor() {
      const service = new ScriptedService(({ descriptors }) => {
        const key = descriptors[0]?.entries[0]?.value;
        if (key === "silent") return () => {};
        if (key === "failing") return (exchange) => exchange.end(14);
        return key === "over" ? denied({}) : allowed({});
      });
      this.host.clusters.set("ratelimit", service.cluster);
      this.host.clusters.set("zipkin", {
        http: ({ body }) => {
          this.spans.push(...(JSON.parse(Buffer.from(body).toString()) as typeof this.spans));
          return this.collectorAnswers();
        },
      });
      this.listener = this.host.listen({
        direction: "inbound",
        plugins: [this.plugin(100)],
        // Every eighth lasts for longer than a tick.
        reply: ({ headers }) => {
          if (headers.some(([name]) => name === "x-lasts")) this.host.clock.advance(1_500_000_000n);
          return {};
        },
      });
    }

    plugin(share: number): PluginOptions {
      return { module, name: "suite", rootId: "suite", configuration: config(share) };
    }

    ask(at: number): void {
      const key = ["fine", "over", "failing", "silent"][at % 4]!;
      const headers: Header[] = [id(`${at % 1000}`), ["x-key", key]];
      if (at % 32 === 0) headers.push(["x-lasts", "1"]);
      const stream = this.listener.open({ method: "GET", path: `/${at}`, headers });
      if (key !== "silent") return;
      if ((at & 4) !== 0) stream.resetStream("downstream_remote_disconnect");
      this.host.clock.advance(20_000_000n);
    }
  }

  test("tells each request's span once, and keeps nothing of any", { timeout: 120_000 }, () => {
    const suite = new Suite();
    let at = 0;
    const batch = (): void => {
      for (let count = 0; count < 2000; count++) suite.ask(at++);
      suite.host.clock.advance(10_000_000_000n);
    };
    for (let warm = 0; warm < 3; warm++) batch();
    const memory = suite.host.wasmMemoryBytes();
    suite.spans = [];
    const first = at;
    for (let round = 0; round < 10; round++) batch();
    expect(suite.host.wasmMemoryBytes()).toBe(memory);
    const paths = suite.spans.map(({ tags }) => Number(tags["http.path"]!.slice(1))).sort((a, b) => a - b);
    expect(paths).toEqual(Array.from({ length: at - first }, (_, index) => first + index));
    const errors = suite.spans.filter(({ tags }) => tags.error === "no response");
    expect(errors).toHaveLength((at - first) / 8);
  });

  test("is updated again and again with requests under way and batches out", { timeout: 120_000 }, () => {
    const suite = new Suite();
    const answers: (CallAnswer | Fault)[] = [
      { status: 202, after: 3000 },
      { status: 500 },
      "silence",
      "reset",
      { status: 200 },
    ];
    let calls = 0;
    suite.collectorAnswers = () => answers[calls++ % answers.length]!;
    let at = 0;
    const batch = (): void => {
      for (let round = 0; round < 20; round++) {
        const streams = Array.from({ length: 20 }, (_, index) =>
          suite.listener.open({
            method: "GET",
            path: `/${at++}`,
            headers: [id(`${index}`), ["x-key", "silent"]],
          }),
        );
        suite.listener.update([suite.plugin(at % 3 === 0 ? 100 : 99)]);
        for (const stream of streams.slice(0, 10)) stream.resetStream("downstream_remote_disconnect");
        for (let more = 0; more < 50; more++) suite.ask(at++);
        suite.host.clock.advance(1_000_000_000n);
      }
      suite.host.clock.advance(30_000_000_000n);
    };
    for (let warm = 0; warm < 3; warm++) batch();
    const memory = suite.host.wasmMemoryBytes();
    for (let round = 0; round < 5; round++) batch();
    expect(suite.host.wasmMemoryBytes()).toBe(memory);
    suite.spans = [];
    suite.collectorAnswers = () => ({ status: 202 });
    suite.listener.update([suite.plugin(100)]);
    suite.ask(0);
    suite.host.clock.advance(1_100_000_000n);
    expect(suite.spans).toHaveLength(1);
  });
});

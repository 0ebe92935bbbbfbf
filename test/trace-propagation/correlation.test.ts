import { describe, expect, test } from "vitest";
import { Proxy, type Headers, type ProxyOptions } from "./proxy.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const SPAN = "b7ad6b7169203331";
const TRACEPARENT = `00-${TRACE}-${SPAN}-01`;

function proxy(config: object = {}, options: ProxyOptions = {}): Proxy {
  return new Proxy({ inject: ["w3c", "b3"], correlate: {}, sampling: { default: 100 }, ...config }, options);
}

function id(name: string): [string, string] {
  return ["x-request-id", name];
}

function traceOf(headers: Headers): string {
  return headers.traceparent!.split("-")[1]!;
}

/** What the application's own request gets while `enter` is under way. */
function during(one: Proxy, enter: () => void, name = "a"): Headers {
  let left: Headers | undefined;
  one.application = () => void (left = one.leave([id(name)]));
  enter();
  one.application = () => undefined;
  if (!left) throw new Error("the application was not asked");
  return left;
}

describe("a request of the application's own that has the id and no context", () => {
  test("gets the trace of the one that came in, and a span of its own below that one's", () => {
    const one = proxy();
    const left = during(one, () => one.enter([id("a"), ["traceparent", TRACEPARENT]]));
    expect(left["x-b3-traceid"]).toBe(TRACE);
    expect(left["x-b3-parentspanid"]).toBe(SPAN);
    expect(left["x-b3-spanid"]).not.toBe(SPAN);
    expect(left.traceparent).toBe(`00-${TRACE}-${left["x-b3-spanid"]}-01`);
    expect(one.metric("correlation", "=restored")).toBe(1);
  });

  test("gets another span each time", () => {
    const one = proxy();
    one.enter([id("a"), ["traceparent", TRACEPARENT]]);
    const spans = Array.from({ length: 20 }, () => one.leave([id("a")])["x-b3-spanid"]);
    expect(new Set(spans).size).toBe(20);
  });

  test("gets tracestate and baggage too, as far as they are allowed", () => {
    const one = proxy({ baggage: { allow: ["variant"] } });
    one.enter([id("a"), ["traceparent", TRACEPARENT], ["tracestate", "a=1"], ["baggage", "x=y, variant=v2"]]);
    expect(one.leave([id("a")])).toMatchObject({ tracestate: "a=1", baggage: "variant=v2" });
    expect(one.leave([id("a"), ["baggage", "variant=v3"]])).toMatchObject({ baggage: "variant=v3" });
  });

  test("gets the decision that was made, forced ones as they were", () => {
    const one = proxy();
    one.enter([id("a"), ["b3", `${TRACE}-${SPAN}-d`]]);
    expect(one.leave([id("a")])).toMatchObject({ "x-b3-flags": "1", tracestate: "outrigger=f" });
    one.enter([id("b"), ["b3", `${TRACE}-${SPAN}-0`]]);
    expect(one.leave([id("b")])).toMatchObject({ "x-b3-sampled": "0" });
  });

  test("keeps a context of its own, and gets the allowed baggage of its trace, by one read", () => {
    const one = proxy({ baggage: { allow: ["variant"] } });
    one.enter([id("a"), ["traceparent", TRACEPARENT], ["tracestate", "a=1"], ["baggage", "variant=v2"]]);
    const own = `00-${TRACE}-2222222222222222-00`;
    const reads = one.calls("proxy_get_shared_data");
    const left = one.leave([id("a"), ["traceparent", own]]);
    expect(left).toMatchObject({ traceparent: own, baggage: "variant=v2" });
    expect(left).not.toHaveProperty("tracestate");
    expect(one.calls("proxy_get_shared_data")).toBe(reads + 1);
    // An upper half of the trace id that differs is another trace.
    const half = `00-${"1".repeat(16)}${TRACE.slice(16)}-${SPAN}-01`;
    expect(one.leave([id("a"), ["traceparent", half]])).not.toHaveProperty("baggage");
    expect(one.leave([id("a"), ["traceparent", own], ["baggage", "variant=v3"]]).baggage).toBe("variant=v3");
    expect(one.calls("proxy_get_shared_data")).toBe(reads + 2);
  });

  test("keeps a context of its own, for which nothing is read where no baggage is allowed by name", () => {
    const one = proxy();
    one.enter([id("a"), ["traceparent", TRACEPARENT]]);
    const reads = one.calls("proxy_get_shared_data");
    const own = "00-11111111111111111111111111111111-2222222222222222-01";
    expect(one.leave([id("a"), ["traceparent", own]]).traceparent).toBe(own);
    expect(one.calls("proxy_get_shared_data")).toBe(reads);
  });

  test("gets it where what it brings is no context", () => {
    const one = proxy();
    one.enter([id("a"), ["traceparent", TRACEPARENT]]);
    expect(traceOf(one.leave([id("a"), ["traceparent", "00-00"]]))).toBe(TRACE);
  });

  test("begins a new trace where nothing is remembered", () => {
    const one = proxy();
    expect(traceOf(one.leave([id("a")]))).not.toBe(traceOf(one.leave([id("a")])));
    expect(one.metric("correlation", "=missed")).toBe(2);
  });

  test("is found on another worker, by another plugin, and after an update", () => {
    const one = proxy({}, { workers: 4 });
    one.enter([id("a"), ["traceparent", TRACEPARENT]]);
    for (let at = 0; at < 8; at++) expect(traceOf(one.leave([id("a")]))).toBe(TRACE);
    const other = proxy({ sampling: { default: 0 } }, { host: one.host });
    expect(traceOf(other.leave([id("a")]))).toBe(TRACE);
  });

  test("can be known by another header", () => {
    const one = proxy({ correlate: { by: "X-Correlation-Id" } });
    one.enter([
      ["x-correlation-id", "a"],
      ["traceparent", TRACEPARENT],
    ]);
    expect(traceOf(one.leave([["x-correlation-id", "a"]]))).toBe(TRACE);
    expect(traceOf(one.leave([id("a")]))).not.toBe(TRACE);
  });

  test("is known though a proxy has changed the digit with its reason to trace", () => {
    const one = proxy();
    one.enter([id("5bd1a9e8-2a3b-4c1d-8e9f-0123456789ab"), ["traceparent", TRACEPARENT]]);
    expect(traceOf(one.leave([id("5bd1a9e8-2a3b-9c1d-8e9f-0123456789ab")]))).toBe(TRACE);
    expect(traceOf(one.leave([id("5bd1a9e8-2a3b-4c1d-8e9f-0123456789ac")]))).not.toBe(TRACE);
  });

  test("works for requests to a gateway's outsiders too: their new trace is remembered", () => {
    const one = proxy({ trustInbound: false });
    const entered = one.enter([id("a"), ["traceparent", TRACEPARENT]]);
    expect(traceOf(entered)).not.toBe(TRACE);
    expect(traceOf(one.leave([id("a")]))).toBe(traceOf(entered));
  });
});

describe("what it costs", () => {
  test("is a read and a write for a request that comes in, and a read for one that goes out", () => {
    const one = proxy();
    const calls = (): number[] =>
      ["proxy_get_shared_data", "proxy_set_shared_data"].map((name) => one.calls(name));
    for (let at = 0; at < 50; at++) {
      const [reads, writes] = calls() as [number, number];
      one.enter([id(`${at}`), ["traceparent", TRACEPARENT]]);
      expect(calls()).toEqual([reads + 1, writes + 1]);
      one.leave([id(`${at}`)]);
      expect(calls()).toEqual([reads + 2, writes + 1]);
    }
  });

  test("is nothing on a tick for requests that have ended by then", () => {
    const one = proxy();
    for (let at = 0; at < 50; at++) one.enter([id(`${at}`)]);
    const before = one.calls("proxy_get_shared_data");
    one.advance(10);
    expect(one.calls("proxy_get_shared_data")).toBe(before);
  });

  test("is little for a request that lasts", () => {
    const one = proxy({ correlate: { ttl: "10m" } });
    let reads = 0;
    one.application = () => {
      const before = one.calls("proxy_get_shared_data");
      one.advance(600);
      reads = one.calls("proxy_get_shared_data") - before;
    };
    one.enter([id("a")]);
    expect(reads).toBeLessThan(25);
  });
});

describe("what is remembered goes", () => {
  test.each([0.01, 0.9, 1.5, 3.7, 10, 45])("5 to 6 seconds after a request of %f s", (seconds) => {
    const one = proxy();
    one.application = () => one.advance(seconds);
    one.enter([id("a"), ["traceparent", TRACEPARENT]]);
    one.application = () => undefined;
    one.advance(4.9);
    expect(traceOf(one.leave([id("a")]))).toBe(TRACE);
    one.advance(1.2);
    expect(traceOf(one.leave([id("a")]))).not.toBe(TRACE);
  });

  test.each([1.5, 20, 59])("not while the request lasts, here after %f s", (seconds) => {
    const one = proxy();
    let left = "";
    one.application = () => {
      one.advance(seconds);
      left = traceOf(one.leave([id("a")]));
    };
    one.enter([id("a"), ["traceparent", TRACEPARENT]]);
    expect(left).toBe(TRACE);
  });

  test("after its time to live in any case", () => {
    const one = proxy({ correlate: { ttl: "20s" } });
    const left: string[] = [];
    one.application = () => {
      one.advance(19.5);
      left.push(traceOf(one.leave([id("a")])));
      one.advance(1);
      left.push(traceOf(one.leave([id("a")])));
    };
    one.enter([id("a"), ["traceparent", TRACEPARENT]]);
    expect(left[0]).toBe(TRACE);
    expect(left[1]).not.toBe(TRACE);
  });

  test("not before a newer request with the id in the same trace has ended too", () => {
    const one = proxy();
    let left = "";
    one.application = () => {
      one.application = () => undefined;
      one.advance(3);
      // Another one comes and goes while the first lasts.
      one.enter([id("a"), ["traceparent", `00-${TRACE}-1111111111111111-01`]]);
      one.advance(20);
      left = traceOf(one.leave([id("a")]));
    };
    one.enter([id("a"), ["traceparent", TRACEPARENT]]);
    expect(left).toBe(TRACE);
  });
});

describe("ids that clients choose", () => {
  test.each([
    ["with a comma", "a,b"],
    ["longer than 128 bytes", "a".repeat(129)],
    ["that is empty", ""],
  ])("one %s is not used", (_, name) => {
    const one = proxy();
    const before = one.calls("proxy_set_shared_data");
    one.enter([id(name), ["traceparent", TRACEPARENT]]);
    expect(one.calls("proxy_set_shared_data")).toBe(before);
    expect(traceOf(one.leave([id(name)]))).not.toBe(TRACE);
    expect(one.metric("correlation", "=ignored")).toBe(2);
  });

  test("one of 128 bytes is used", () => {
    const one = proxy();
    one.enter([id("a".repeat(128)), ["traceparent", TRACEPARENT]]);
    expect(traceOf(one.leave([id("a".repeat(128))]))).toBe(TRACE);
  });

  test("one that is live with another trace restores nothing, until it is not", () => {
    const one = proxy();
    one.enter([id("a"), ["traceparent", TRACEPARENT]]);
    const other = "00-11111111111111111111111111111111-2222222222222222-01";
    one.enter([id("a"), ["traceparent", other]]);
    const left = traceOf(one.leave([id("a")]));
    expect([TRACE, "1".repeat(32)]).not.toContain(left);
    expect(one.metric("correlation", "=ambiguous")).toBe(2);
    // Whoever comes now is not believed either.
    one.enter([id("a"), ["traceparent", TRACEPARENT]]);
    expect(traceOf(one.leave([id("a")]))).not.toBe(TRACE);
    one.advance(8);
    one.enter([id("a"), ["traceparent", TRACEPARENT]]);
    expect(traceOf(one.leave([id("a")]))).toBe(TRACE);
  });

  test("one that comes again in its own trace stands for the newest span", () => {
    const one = proxy();
    one.enter([id("a"), ["traceparent", TRACEPARENT]]);
    one.enter([id("a"), ["traceparent", `00-${TRACE}-1111111111111111-01`]]);
    expect(one.leave([id("a")])["x-b3-parentspanid"]).toBe("1111111111111111");
  });
});

describe("many requests", () => {
  test(
    "1,000,000 ids leave memory as it was, and 99.9 % of the newest are found",
    { timeout: 300_000 },
    () => {
      const entries = 20_000;
      const one = proxy({ correlate: { maxEntries: entries }, inject: ["w3c"] });
      const span = (at: number): string => (at + 1).toString(16).padStart(16, "0");
      const enter = (at: number): void =>
        void one.enter([id(`request-${at}`), ["traceparent", `00-${TRACE}-${span(at)}-01`]]);
      const size = (): number[] => [one.host.wasmMemoryBytes(), one.sets().length];
      let at = 0;
      // All live for 6 seconds: 30,000 at any time, of which 20,000 are asked for.
      const second = (): void => {
        for (let count = 0; count < 5000; count++) enter(at++);
        one.advance(1);
      };
      while (at < 100_000) second();
      const before = size();
      while (at < 1_000_000) second();
      expect(size()).toEqual(before);
      let found = 0;
      for (let number = at - entries; number < at; number++) {
        if (traceOf(one.leave([id(`request-${number}`)])) === TRACE) found++;
      }
      console.log(`${found} of ${entries} found; memory and number of shared values ${before.join(", ")}`);
      expect(found / entries).toBeGreaterThanOrEqual(0.999);
    },
  );

  test("a full set puts out what ends first", () => {
    const one = proxy({ correlate: { maxEntries: 1 } });
    for (let at = 0; at < 200; at++) {
      one.enter([id(`${at}`), ["traceparent", TRACEPARENT]]);
      one.advance(0.01);
    }
    expect(traceOf(one.leave([id("199")]))).toBe(TRACE);
    expect(traceOf(one.leave([id("0")]))).not.toBe(TRACE);
    expect(one.metric("correlation", "=evicted")).toBe(200 - 16);
  });

  test("texts beyond what a set has room for are left out, baggage before tracestate", () => {
    const one = proxy({ correlate: { maxEntries: 1 } });
    const state = `a=${"s".repeat(250)},b=${"t".repeat(240)}`;
    const enter = (name: string, baggage: string): void =>
      void one.enter([id(name), ["traceparent", TRACEPARENT], ["tracestate", state], ["baggage", baggage]]);
    enter("large", `k=${"v".repeat(1100)}`);
    expect(one.leave([id("large")])).toMatchObject({ tracestate: state });
    expect(one.leave([id("large")]).baggage).toBeUndefined();
    for (let at = 0; at < 12; at++) enter(`${at}`, `k=${"v".repeat(500)}`);
    expect(one.leave([id("11")]).tracestate).toBeUndefined();
    expect(traceOf(one.leave([id("11")]))).toBe(TRACE);
    expect(one.sets()).toHaveLength(1);
    for (const { length } of one.sets()) expect(length).toBeLessThan(16 * 48 + 2049);
    expect(one.metric("correlation", "=cut")).toBeGreaterThan(0);
  });
});

import { describe, expect, test } from "vitest";
import type { CallAnswer, Fault, UpstreamRequest } from "../driver.ts";
import { headersOf, Proxy, type ProxyOptions } from "./proxy.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const SPAN = "b7ad6b7169203331";
const SAMPLED = ["traceparent", `00-${TRACE}-${SPAN}-01`] as const;

interface ZipkinSpan {
  traceId: string;
  id: string;
  parentId?: string;
  kind: string;
  name: string;
  timestamp: number;
  duration: number;
  localEndpoint: { serviceName: string };
  remoteEndpoint?: { ipv4?: string; ipv6?: string; port?: number };
  tags: Record<string, string>;
}

/** A proxy, and what its collector was sent. */
class Reporting {
  readonly calls: UpstreamRequest[] = [];
  answer: CallAnswer | Fault = { status: 202 };
  readonly proxy: Proxy;

  constructor(report: object = {}, config: object = {}, options: ProxyOptions = {}) {
    this.proxy = new Proxy(
      {
        sampling: { default: 100 },
        correlate: {},
        report: { zipkin: { cluster: "zipkin" }, serviceName: "reviews", ...report },
        ...config,
      },
      {
        ...options,
        collector: (request) => {
          this.calls.push(request);
          return this.answer;
        },
      },
    );
  }

  /** The spans that were sent, after a tick. */
  spans(): ZipkinSpan[] {
    this.proxy.advance(1.1);
    return this.bodies().flatMap((body) => JSON.parse(body) as ZipkinSpan[]);
  }

  bodies(): string[] {
    return this.calls.map(({ body }) => Buffer.from(body).toString("utf8"));
  }

  dropped(reason: string): number {
    return this.proxy.metric("dropped_spans", `=${reason}`);
  }
}

describe("a span in Zipkin's JSON", () => {
  test("of a request that comes in is a server's, below the caller's", () => {
    const one = new Reporting();
    one.proxy.application = () => void one.proxy.advance(0.25);
    const sent = one.proxy.enter([SAMPLED], {
      method: "POST",
      path: "/a/b?secret=1",
      authority: "reviews:80",
    });
    const [span, ...more] = one.spans();
    expect(more).toEqual([]);
    expect(span).toEqual({
      traceId: TRACE,
      id: sent["x-b3-spanid"],
      parentId: SPAN,
      kind: "SERVER",
      name: "POST default",
      timestamp: expect.any(Number) as number,
      duration: 250_000,
      localEndpoint: { serviceName: "reviews" },
      remoteEndpoint: { ipv4: "127.0.0.1", port: 40000 },
      tags: {
        "http.method": "POST",
        "http.path": "/a/b",
        "http.host": "reviews:80",
        "http.route": "default",
        "http.status_code": "200",
      },
    });
    expect(headersOf(one.calls[0]!)).toMatchObject({
      ":method": "POST",
      ":path": "/api/v2/spans",
      ":authority": "zipkin",
      "content-type": "application/json",
    });
  });

  test("begins by the wall clock", () => {
    const one = new Reporting();
    one.proxy.advance(100);
    const before = Number(one.proxy.host.clock.wall / 1000n);
    one.proxy.enter([SAMPLED]);
    expect(one.spans()[0]!.timestamp).toBe(before);
  });

  test("of a request that goes out is a client's, below the one that came in", () => {
    const one = new Reporting();
    one.proxy.application = () => void one.proxy.leave([["x-request-id", "a"]]);
    one.proxy.enter([SAMPLED, ["x-request-id", "a"]]);
    const spans = one.spans();
    const server = spans.find(({ kind }) => kind === "SERVER")!;
    const client = spans.find(({ kind }) => kind === "CLIENT")!;
    expect(client).toMatchObject({
      traceId: TRACE,
      parentId: server.id,
      remoteEndpoint: { ipv4: "127.0.0.1", port: 8081 },
    });
  });

  test("of an application that makes its own is below that", () => {
    const one = new Reporting();
    const sent = one.proxy.leave([SAMPLED]);
    const [span] = one.spans();
    expect(span).toMatchObject({ kind: "CLIENT", traceId: TRACE, parentId: SPAN, id: sent["x-b3-spanid"] });
  });

  test("that begins a trace has no parent", () => {
    const one = new Reporting();
    one.proxy.leave([]);
    expect(one.spans()[0]).not.toHaveProperty("parentId");
  });

  test.each([
    [503, { error: "503", "http.status_code": "503" }],
    [404, { "http.status_code": "404" }],
  ])("of status %i is an error or not", (status, tags) => {
    const one = new Reporting();
    one.proxy.application = () => ({ status });
    one.proxy.enter([SAMPLED]);
    const [span] = one.spans();
    expect(span!.tags).toMatchObject(tags);
    expect("error" in span!.tags).toBe("error" in tags);
  });

  test.each([
    ["14", "SERVER", true],
    ["5", "SERVER", false],
    ["5", "CLIENT", true],
    ["0", "CLIENT", false],
  ])("of gRPC status %s of a %s is an error: %s", (status, kind, isError) => {
    const one = new Reporting();
    const headers = [SAMPLED, ["content-type", "application/grpc"]] as const;
    const reply = {
      headers: [["content-type", "application/grpc"]],
      trailers: [["grpc-status", status]],
    } as const;
    one.proxy.application = () => reply;
    one.proxy.upstream = () => reply;
    if (kind === "SERVER") one.proxy.enter(headers);
    else one.proxy.leave(headers);
    const [span] = one.spans();
    expect(span!.tags).toMatchObject({ "grpc.status_code": status });
    expect("error" in span!.tags).toBe(isError);
  });

  test("has the configured tags that have a value, as far as 128 bytes of it", () => {
    const tags = {
      'te"nant': [{ header: "x-tenant" }],
      both: [{ method: {} }, { header: "x-tenant" }],
      none: [{ header: "x-none" }],
      version: [{ constant: "v1" }],
    };
    const one = new Reporting({ tags });
    one.proxy.enter([SAMPLED, ["x-tenant", `"\\\té${"x".repeat(200)}`]]);
    const [span] = one.spans();
    expect(span!.tags).toMatchObject({ 'te"nant': `"\\\t\ufffd${"x".repeat(124)}`, version: "v1" });
    expect(span!.tags.both).toContain("GET\u0000");
    expect(span!.tags).not.toHaveProperty("none");
  });

  test("is named by its service, by default by the cluster of the proxy's node", () => {
    const one = new Reporting({ serviceName: undefined });
    one.proxy.enter([SAMPLED]);
    expect(one.spans()[0]!.localEndpoint.serviceName).toBe("outrigger-test");
  });

  test("is not told of a request that is not sampled", () => {
    const one = new Reporting({}, { sampling: { default: 0 } });
    one.proxy.enter([["traceparent", `00-${TRACE}-${SPAN}-00`]]);
    one.proxy.enter([]);
    expect(one.spans()).toEqual([]);
    expect(one.calls).toEqual([]);
  });

  test("is told of a request that another filter of the suite answers", () => {
    const limits = [{ name: "one", limit: { requests: 1, per: "hour" } }];
    const one = new Reporting({}, {}, { suite: [{ localRateLimit: { limits } }] });
    one.proxy.enter([SAMPLED]);
    expect(() => one.proxy.enter([SAMPLED])).toThrow("did not reach the upstream");
    expect(one.spans().map(({ tags }) => tags["http.status_code"])).toEqual(["200", "429"]);
  });
});

describe("a span in OTLP's JSON", () => {
  test("has what the semantic conventions name", () => {
    const one = new Reporting(undefined, {
      report: { otlp: { cluster: "zipkin" }, serviceName: "reviews", tags: { tenant: [{ header: "x-t" }] } },
    });
    one.proxy.application = () => ({ status: 500 });
    const sent = one.proxy.enter([SAMPLED, ["x-t", "a"]], { path: "/a?b" });
    one.proxy.enter([SAMPLED]);
    one.proxy.advance(1.1);
    const body = JSON.parse(one.bodies()[0]!) as {
      resourceSpans: {
        resource: unknown;
        scopeSpans: { scope: unknown; spans: Record<string, unknown>[] }[];
      }[];
    };
    const [resource] = body.resourceSpans;
    expect(resource!.resource).toEqual({
      attributes: [{ key: "service.name", value: { stringValue: "reviews" } }],
    });
    const { spans } = resource!.scopeSpans[0]!;
    expect(spans).toHaveLength(2);
    expect(spans[0]).toEqual({
      traceId: TRACE,
      spanId: sent["x-b3-spanid"],
      parentSpanId: SPAN,
      kind: 2,
      name: "GET default",
      startTimeUnixNano: expect.stringMatching(/^\d{19}$/) as string,
      endTimeUnixNano: expect.stringMatching(/^\d{19}$/) as string,
      attributes: [
        { key: "http.request.method", value: { stringValue: "GET" } },
        { key: "url.path", value: { stringValue: "/a" } },
        { key: "server.address", value: { stringValue: "example.test" } },
        { key: "http.route", value: { stringValue: "default" } },
        { key: "network.peer.address", value: { stringValue: "127.0.0.1" } },
        { key: "network.peer.port", value: { intValue: "40000" } },
        { key: "http.response.status_code", value: { intValue: "500" } },
        { key: "error.type", value: { stringValue: "500" } },
        { key: "tenant", value: { stringValue: "a" } },
      ],
      status: { code: 2 },
    });
    expect(headersOf(one.calls[0]!)[":path"]).toBe("/v1/traces");
  });
});

describe("batches", () => {
  test("go on a tick, all spans of the second in one call", () => {
    const one = new Reporting();
    for (let at = 0; at < 100; at++) one.proxy.enter([SAMPLED]);
    expect(one.calls).toHaveLength(0);
    expect(one.spans()).toHaveLength(100);
    expect(one.calls).toHaveLength(1);
    one.proxy.advance(10);
    expect(one.calls).toHaveLength(1);
  });

  test("go earlier when they are full, and every span is in one of them", { timeout: 60_000 }, () => {
    const one = new Reporting();
    for (let at = 0; at < 4000; at++) one.proxy.enter([SAMPLED], { path: `/${at}` });
    const spans = one.spans();
    expect(new Set(spans.map(({ tags }) => tags["http.path"])).size).toBe(4000);
    expect(one.calls.length).toBeGreaterThan(4);
    for (const { body } of one.calls) expect(body.length).toBeLessThanOrEqual(256 * 1024);
  });

  test("are JSON whatever a request says", () => {
    const tags = Object.fromEntries(Array.from({ length: 16 }, (_, at) => [`t${at}`, [{ header: "x-t" }]]));
    const one = new Reporting({ tags });
    const worst = '"\\\u00ff'.repeat(64);
    for (let at = 0; at < 200; at++) {
      one.proxy.enter([SAMPLED, ["x-t", worst]], {
        method: "OPTIONS",
        path: `/${"~".repeat(400)}`,
        authority: "h".repeat(300),
      });
    }
    expect(one.spans()).toHaveLength(200);
  });

  test.each<[string, CallAnswer | Fault, string]>([
    ["answers 500", { status: 500 }, "failed"],
    ["breaks off", "reset", "failed"],
    ["says nothing", "silence", "failed"],
    ["talks no HTTP", "garbage", "failed"],
  ])("of a collector that %s are dropped and counted, and requests go on", (_, answer, reason) => {
    const one = new Reporting();
    one.answer = answer;
    for (let at = 0; at < 10; at++) {
      one.proxy.enter([SAMPLED]);
      one.proxy.advance(0.2);
    }
    one.proxy.advance(20);
    expect(one.dropped(reason)).toBe(10);
    one.answer = { status: 202 };
    one.proxy.enter([SAMPLED]);
    one.proxy.advance(2);
    expect(one.dropped(reason)).toBe(10);
    const logs = one.proxy.host.logs.map(({ text }) => text);
    expect(logs.filter((text) => text.includes("zipkin takes no spans"))).toHaveLength(1);
    expect(logs.filter((text) => text.includes("zipkin takes spans again"))).toHaveLength(1);
  });

  test(
    "of a collector that is slow are dropped beyond 4 calls, and memory does not grow",
    { timeout: 60_000 },
    () => {
      const one = new Reporting();
      one.answer = "silence";
      for (let at = 0; at < 4000; at++) one.proxy.enter([SAMPLED]);
      const before = one.proxy.host.wasmMemoryBytes();
      for (let at = 0; at < 50_000; at++) one.proxy.enter([SAMPLED]);
      expect(one.proxy.host.wasmMemoryBytes()).toBe(before);
      expect(one.calls).toHaveLength(4);
      const busy = one.dropped("busy");
      const spans = one.proxy.metric("outrigger_trace_propagation_spans");
      expect(busy + spans).toBe(54_000);
      one.proxy.advance(30);
      // What was told: sent and failed by now, but for none.
      expect(one.dropped("failed")).toBe(spans);
    },
  );

  test("to a cluster that is not there are dropped, and the log says so once", () => {
    const one = new Reporting({ zipkin: { cluster: "nowhere" } });
    for (let at = 0; at < 3; at++) {
      one.proxy.enter([SAMPLED]);
      one.proxy.advance(1.1);
    }
    expect(one.dropped("no_cluster")).toBe(3);
    const logs = one.proxy.host.logs.filter(({ text }) => text.includes("has no cluster nowhere"));
    expect(logs).toHaveLength(1);
  });

  test("name their host as a mesh names it", () => {
    const cluster = "outbound|9411||zipkin.istio-system.svc.cluster.local";
    const one = new Reporting({ zipkin: { cluster } });
    const calls: UpstreamRequest[] = [];
    one.proxy.host.clusters.set(cluster, {
      http: (request) => {
        calls.push(request);
        return { status: 202 };
      },
    });
    one.proxy.enter([SAMPLED]);
    one.proxy.advance(1.1);
    expect(headersOf(calls[0]!)[":authority"]).toBe("zipkin.istio-system.svc.cluster.local:9411");
  });
});

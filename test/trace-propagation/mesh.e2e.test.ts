/** Requests through three services that forward `x-request-id` alone: the traces that a real Zipkin makes of them. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Zipkin } from "../peers/zipkin.ts";
import { Mesh, SPANS } from "./mesh.ts";
import { drawTrace, REQUEST_ID_TAG, rootsOf, tracesOf } from "./traces.ts";

let zipkin: Zipkin;
beforeAll(async () => (zipkin = await Zipkin.start()), 900_000);
afterAll(() => zipkin?.stop());

describe("with the plugin in each sidecar", { timeout: 60_000 }, () => {
  let mesh: Mesh;
  beforeAll(async () => (mesh = await Mesh.start({ tracing: "plugin", zipkinPort: zipkin.port })), 120_000);
  afterAll(async () => {
    await mesh?.stop();
    expect(mesh.complaints).toEqual([]);
  });

  test("a request is one trace, of which each span has its place", async () => {
    const traces = await tracesOf(zipkin, await mesh.ask(), SPANS);
    expect(traces.map(drawTrace)).toEqual([
      [
        "SERVER productpage get default",
        "  CLIENT productpage get ratings",
        "    SERVER ratings get default",
        "  CLIENT productpage get reviews",
        "    SERVER reviews get default",
        "      CLIENT reviews get ratings",
        "        SERVER ratings get default",
      ].join("\n"),
    ]);
    for (const { duration, tags } of traces[0]!) {
      expect(duration).toBeGreaterThan(0);
      expect(tags).toMatchObject({ "http.status_code": "200" });
    }
    const begins = new Map(traces[0]!.map(({ id, timestamp }) => [id, timestamp!]));
    for (const { parentId, timestamp } of traces[0]!) {
      if (parentId !== undefined) expect(timestamp).toBeGreaterThanOrEqual(begins.get(parentId)!);
    }
  });

  test("what a service is told is the span that its sidecar reports, in each format", async () => {
    const requestId = await mesh.ask();
    const trace = (await tracesOf(zipkin, requestId, SPANS))[0]!;
    for (const name of ["productpage", "reviews", "ratings"] as const) {
      const served = trace.filter(
        ({ kind, localEndpoint }) => kind === "SERVER" && localEndpoint?.serviceName === name,
      );
      const arrived = mesh.arrived(name, requestId);
      // Sampled, and with a trace id that is random (W3C Trace Context, level 2).
      expect(arrived.map(({ traceparent }) => traceparent).sort()).toEqual(
        served.map(({ traceId, id }) => `00-${traceId}-${id}-03`).sort(),
      );
      const b3 = arrived.map((headers) =>
        ["traceid", "spanid", "parentspanid", "sampled"].map((field) => headers[`x-b3-${field}`]),
      );
      expect(b3.sort()).toEqual(
        served.map(({ traceId, id, parentId }) => [traceId, id, parentId, "1"]).sort(),
      );
    }
  });

  test("the trace that a client has begun goes on", async () => {
    const [traceId, spanId] = ["4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"];
    const requestId = await mesh.ask({ traceparent: `00-${traceId}-${spanId}-01` });
    const [trace, ...others] = await tracesOf(zipkin, requestId, SPANS);
    expect(others).toEqual([]);
    expect(new Set(trace!.map((span) => span.traceId))).toEqual(new Set([traceId]));
    expect(rootsOf(trace!)).toMatchObject([
      { kind: "SERVER", parentId: spanId, localEndpoint: { serviceName: "productpage" } },
    ]);
  });

  test("of a trace that its client does not sample nothing is reported, and all services are told", async () => {
    const unsampled = await mesh.ask({
      traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4737-00f067aa0ba902b7-00",
    });
    for (const [name, times] of [
      ["productpage", 1],
      ["reviews", 1],
      ["ratings", 2],
    ] as const) {
      const arrived = mesh.arrived(name, unsampled);
      expect(arrived).toHaveLength(times);
      for (const headers of arrived) {
        expect(headers.traceparent).toMatch(/^00-4bf92f3577b34da6a3ce929d0e0e4737-[0-9a-f]{16}-00$/);
        expect(headers["x-b3-sampled"]).toBe("0");
      }
    }
    // What comes after it is there: so would it be.
    await tracesOf(zipkin, await mesh.ask(), SPANS);
    expect(await zipkin.trace("4bf92f3577b34da6a3ce929d0e0e4737")).toEqual([]);
  });

  test("requests at the same time are as many traces, and none has another's spans", async () => {
    const before = await zipkin.received();
    const requestIds = await Promise.all(Array.from({ length: 40 }, () => mesh.ask()));
    const traceIds = new Set<string>();
    for (const requestId of requestIds) {
      const [trace, ...others] = await tracesOf(zipkin, requestId, SPANS);
      expect(others).toEqual([]);
      expect(trace).toHaveLength(SPANS);
      expect(new Set(trace!.map(({ tags }) => tags?.[REQUEST_ID_TAG]))).toEqual(new Set([requestId]));
      expect(rootsOf(trace!)).toHaveLength(1);
      traceIds.add(trace![0]!.traceId);
    }
    expect(traceIds.size).toBe(requestIds.length);
    // Each span was told once.
    expect((await zipkin.received()) - before).toBe(requestIds.length * SPANS);
  });
});

describe("with the tracing of Envoy itself, as it is without the plugin", { timeout: 60_000 }, () => {
  let mesh: Mesh;
  beforeAll(async () => (mesh = await Mesh.start({ tracing: "native", zipkinPort: zipkin.port })), 120_000);
  afterAll(() => mesh?.stop());

  test("a request is a trace of its own for each call that a service makes", async () => {
    const traces = await tracesOf(zipkin, await mesh.ask(), SPANS);
    expect(traces.map(drawTrace).sort()).toEqual([
      "CLIENT productpage ratings\n  SERVER ratings ratings",
      "CLIENT productpage reviews\n  SERVER reviews reviews",
      "CLIENT reviews ratings\n  SERVER ratings ratings",
      "SERVER productpage productpage",
    ]);
  });
});

describe(
  "with the tracing of Envoy itself on the way in, and the plugin's on the way out",
  { timeout: 60_000 },
  () => {
    let mesh: Mesh;
    beforeAll(async () => (mesh = await Mesh.start({ tracing: "both", zipkinPort: zipkin.port })), 120_000);
    afterAll(async () => {
      await mesh?.stop();
      expect(mesh.complaints).toEqual([]);
    });

    test("a request with a context is one trace, with a service's calls beside its span", async () => {
      const [traceId, spanId] = ["4bf92f3577b34da6a3ce929d0e0e4738", "00f067aa0ba902b7"];
      // As a gateway sends it that has the plugin.
      const requestId = await mesh.ask({
        traceparent: `00-${traceId}-${spanId}-01`,
        "x-b3-traceid": traceId,
        "x-b3-spanid": spanId,
        "x-b3-sampled": "1",
      });
      const traces = await tracesOf(zipkin, requestId, SPANS);
      expect(traces.map(drawTrace)).toEqual([
        [
          "CLIENT productpage get ratings",
          "  SERVER ratings ratings",
          "CLIENT productpage get reviews",
          "  CLIENT reviews get ratings",
          "    SERVER ratings ratings",
          "  SERVER reviews reviews",
          "SERVER productpage productpage",
        ].join("\n"),
      ]);
      expect(new Set(rootsOf(traces[0]!).map(({ parentId }) => parentId))).toEqual(new Set([spanId]));
    });
  },
);

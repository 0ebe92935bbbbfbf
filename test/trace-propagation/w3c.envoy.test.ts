/** The W3C's test harness for Trace Context, against a service behind the plugin in a real Envoy. */
import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Header } from "../driver.ts";
import { Harness } from "./harness.ts";
import { Sidecar } from "./sidecar.ts";
import { CASES, CONFIGURATION, contextOf, w3cTraceContext } from "./w3c-cases.ts";

describe("W3C Trace Context of a service that forwards x-request-id only, behind a real Envoy", () => {
  let sidecar: Sidecar;
  let harness: Harness;

  beforeAll(async () => {
    sidecar = await Sidecar.start({ plugin: CONFIGURATION });
    harness = await Harness.start(sidecar);
  }, 60_000);
  afterAll(async () => {
    await sidecar?.stop();
    await harness?.stop();
  });

  for (const [group, cases] of Object.entries(CASES))
    describe(group, () => w3cTraceContext(cases, () => harness));

  test("a service that calls itself stays in its trace", async () => {
    const trace = randomBytes(16).toString("hex");
    const sent = ["traceparent", `00-${trace}-00f067aa0ba902b7-01`] as const;
    const observed = await harness.callItself([sent, ["tracestate", "foo=1"]], 2);
    const contexts = observed.flatMap(({ service, calls }) => [service, ...calls].map(contextOf));
    expect(contexts.map((context) => context.trace)).toEqual(Array(5).fill(trace));
    expect(contexts.map((context) => context.tracestate)).toEqual(Array(5).fill(["foo=1"]));
    // The second request of the service is the call that the first one made.
    const [first, call, second, ...rest] = contexts.map(({ parent }) => parent);
    expect(second).toBe(call);
    expect(new Set([first, second, ...rest]).size).toBe(4);
  });

  test("fifty requests at a time: each one's calls are of its own trace", async () => {
    const traces = Array.from({ length: 50 }, () => randomBytes(16).toString("hex"));
    const observed = await Promise.all(
      traces.map((trace) => harness.call([["traceparent", `00-${trace}-00f067aa0ba902b7-01`]], 3)),
    );
    expect(observed.map(({ calls }) => calls.map((call) => contextOf(call).trace))).toEqual(
      traces.map((trace) => [trace, trace, trace]),
    );
  });

  test("nothing that was sent was an error to Envoy", () => {
    expect(sidecar.errors).toEqual([]);
  });
});

test("without the plugin no call of the service has a trace", async () => {
  const sidecar = await Sidecar.start({});
  const harness = await Harness.start(sidecar);
  try {
    const sent: Header = ["traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"];
    const { service, calls } = await harness.call([sent], 1);
    expect(service).toContainEqual(sent);
    expect(calls[0]!.map(([name]) => name)).toContain("x-request-id");
    expect(calls[0]!.map(([name]) => name)).not.toContain("traceparent");
  } finally {
    await sidecar.stop();
    await harness.stop();
  }
});

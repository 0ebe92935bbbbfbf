/** Envoy's own tracing beside the plugin: which contexts reach whom, and how their spans hang together. */
import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Header } from "../driver.ts";
import { openTelemetryTracing, zipkinTracing } from "../envoy/tracing.ts";
import type { ZipkinSpan } from "../peers/zipkin.ts";
import { Collector } from "./collector.ts";
import { Harness } from "./harness.ts";
import { Sidecar, type SidecarOptions } from "./sidecar.ts";

const FORMATS = ["w3c", "b3", "b3single", "jaeger"] as const;
type Format = (typeof FORMATS)[number];

const PLUGIN = { correlate: {}, inject: FORMATS, sampling: { default: 100 } };
const REPORTING = { ...PLUGIN, report: { zipkin: { cluster: "collector" }, serviceName: "plugin" } };

/** The span of the client that asks the service. */
const CALLER = "00f067aa0ba902b7";

/** A sidecar with its harness and a collector. */
class Stand {
  private constructor(
    readonly collector: Collector,
    readonly sidecar: Sidecar,
    readonly harness: Harness,
  ) {}

  static async start(options: SidecarOptions): Promise<Stand> {
    const collector = await Collector.start();
    // Of one worker the spans of one tracer come in the order of their requests.
    const sidecar = await Sidecar.start({ workers: 1, ...options, collectorPort: collector.port });
    return new Stand(collector, sidecar, await Harness.start(sidecar));
  }

  async stop(): Promise<void> {
    await this.sidecar.stop();
    await this.harness.stop();
    await this.collector.stop();
    expect(this.sidecar.errors).toEqual([]);
  }

  /** Asks the service, which calls once. Answers the headers of both requests. */
  async ask(
    headers: readonly Header[] = [],
  ): Promise<{ service: readonly Header[]; call: readonly Header[] }> {
    const { service, calls } = await this.harness.call(headers, 1);
    return { service, call: calls[0]! };
  }

  /** The spans that have come since there were so many, once these have: `CLIENT plugin` and so on. */
  async spansSince(before: number, ...whose: readonly string[]): Promise<ZipkinSpan[]> {
    const found = (): ZipkinSpan[] => this.collector.spans.slice(before);
    await expect.poll(() => found().map(owner).sort(), { timeout: 10_000 }).toEqual([...whose].sort());
    return found();
  }
}

/** Runs the test against a stand of its own. */
async function withStand(options: SidecarOptions, run: (stand: Stand) => Promise<void>): Promise<void> {
  const stand = await Stand.start(options);
  try {
    await run(stand);
  } finally {
    await stand.stop();
  }
}

function owner({ kind, localEndpoint }: ZipkinSpan): string {
  return `${kind} ${localEndpoint?.serviceName}`;
}

/** Envoy's spans have the name of the proxy's cluster. */
const NATIVE_SERVER = "SERVER sidecar";
const NATIVE_CLIENT = "CLIENT sidecar";
const PLUGIN_CLIENT = "CLIENT plugin";

function newTrace(): string {
  return randomBytes(16).toString("hex");
}

/** What the plugin of another proxy sends, or an application. */
function context(trace: string, format: Format, sampled = true): Header[] {
  const flag = String(Number(sampled));
  switch (format) {
    case "w3c":
      return [["traceparent", `00-${trace}-${CALLER}-0${flag}`]];
    case "b3":
      return [
        ["x-b3-traceid", trace],
        ["x-b3-spanid", CALLER],
        ["x-b3-sampled", flag],
      ];
    case "b3single":
      return [["b3", `${trace}-${CALLER}-${flag}`]];
    case "jaeger":
      return [["uber-trace-id", `${trace}:${CALLER}:0:${flag}`]];
  }
}

function value(headers: readonly Header[], name: string): string {
  return headers.find((header) => header[0] === name)?.[1] ?? "";
}

interface Told {
  trace: string;
  span: string;
  sampled: boolean;
}

/** What a request's headers say, by format. */
function toldBy(headers: readonly Header[]): Record<Format, Told> {
  const said = (parts: readonly string[]): Told => ({
    trace: parts[0]!,
    span: parts[1]!,
    sampled: (Number.parseInt(parts.at(-1)!, 16) & 1) === 1,
  });
  const b3 = ["traceid", "spanid", "sampled"].map((field) => value(headers, `x-b3-${field}`));
  return {
    w3c: said(value(headers, "traceparent").split("-").slice(1)),
    b3: said(b3),
    b3single: said(value(headers, "b3").split("-").slice(0, 3)),
    jaeger: said(value(headers, "uber-trace-id").split(":")),
  };
}

/** The digit of an `x-request-id` in which Envoy keeps why it traces: `4` for not, `9` for sampled. */
function reasonIn(headers: readonly Header[]): string {
  return value(headers, "x-request-id")[14]!;
}

describe("native tracing on the way out", { timeout: 60_000 }, () => {
  const PROVIDERS = [
    { name: "Zipkin's", tracing: zipkinTracing("collector"), writes: ["b3"] },
    { name: "Zipkin's with W3C", tracing: zipkinTracing("collector", { w3c: true }), writes: ["w3c", "b3"] },
    { name: "OpenTelemetry's", tracing: openTelemetryTracing("collector"), writes: ["w3c"] },
  ];
  for (const { name, tracing, writes } of PROVIDERS) {
    test(`${name} provider begins a trace, and writes it over the restored ${writes.join(" and ")}`, () =>
      withStand({ plugin: PLUGIN, outbound: { tracing } }, async (stand) => {
        const trace = newTrace();
        const { call } = await stand.ask(context(trace, "w3c"));
        const told = toldBy(call);
        const others = FORMATS.filter((format) => told[format].trace !== trace);
        expect(others).toEqual(writes);
        expect(new Set(others.map((format) => told[format].trace)).size).toBe(1);
        const kept = FORMATS.filter((format) => !others.includes(format));
        expect(new Set(kept.map((format) => told[format].span)).size).toBe(1);
      }));
  }

  test("of Zipkin's span in B3 the parent is the one that the plugin has written", () =>
    withStand({ plugin: PLUGIN, outbound: { tracing: zipkinTracing("collector") } }, async (stand) => {
      const { call } = await stand.ask(context(newTrace(), "w3c"));
      const [span] = await stand.spansSince(0, NATIVE_CLIENT);
      expect(toldBy(call).b3).toMatchObject({ trace: span!.traceId, span: span!.id });
      expect(span!.parentId).toBeUndefined();
      expect(value(call, "x-b3-parentspanid")).toBe(CALLER);
    }));

  test("that does not propagate leaves what was restored, and its span is in a trace of its own", () =>
    withStand(
      {
        plugin: PLUGIN,
        outbound: { plugin: REPORTING, tracing: zipkinTracing("collector", { propagates: false }) },
      },
      async (stand) => {
        const trace = newTrace();
        const { call } = await stand.ask(context(trace, "w3c"));
        const spans = await stand.spansSince(0, NATIVE_CLIENT, PLUGIN_CLIENT);
        const native = spans.find((span) => owner(span) === NATIVE_CLIENT)!;
        const ours = spans.find((span) => owner(span) === PLUGIN_CLIENT)!;
        expect(ours).toMatchObject({ traceId: trace, parentId: CALLER });
        expect(native.traceId).not.toBe(trace);
        expect(native.parentId).toBeUndefined();
        const told = { trace, span: ours.id, sampled: true };
        expect(toldBy(call)).toEqual({ w3c: told, b3: told, b3single: told, jaeger: told });
      },
    ));

  test("changes a digit of x-request-id, by which the context is restored all the same", () =>
    withStand({ plugin: PLUGIN, outbound: { tracing: zipkinTracing("collector") } }, async (stand) => {
      const trace = newTrace();
      const { service, call } = await stand.ask(context(trace, "w3c"));
      expect([reasonIn(service), reasonIn(call)]).toEqual(["4", "9"]);
      expect(toldBy(call).w3c.trace).toBe(trace);
    }));
});

describe("native tracing on the way in, the plugin's spans on the way out", { timeout: 60_000 }, () => {
  for (const { name, w3c } of [
    { name: "Zipkin's provider", w3c: false },
    { name: "Zipkin's provider with W3C", w3c: true },
  ]) {
    describe(name, () => {
      let stand: Stand;
      beforeAll(async () => {
        stand = await Stand.start({
          inbound: { plugin: PLUGIN, tracing: zipkinTracing("collector", { w3c }) },
          outbound: { plugin: REPORTING },
        });
      }, 60_000);
      afterAll(() => stand?.stop());

      test("a context in W3C and B3 is one trace, with calls beside the server's span", async () => {
        const before = stand.collector.spans.length;
        const trace = newTrace();
        const sent = [...context(trace, "w3c"), ...context(trace, "b3")];
        const { service, call } = await stand.ask(sent);
        const spans = await stand.spansSince(before, NATIVE_SERVER, PLUGIN_CLIENT);
        for (const span of spans) expect(span).toMatchObject({ traceId: trace, parentId: CALLER });
        const [server, client] = [NATIVE_SERVER, PLUGIN_CLIENT].map((who) =>
          spans.find((span) => owner(span) === who),
        );
        // The service is told Envoy's span in the provider's formats, and what came in the others.
        const told = toldBy(service);
        expect(told.b3).toEqual({ trace, span: server!.id, sampled: true });
        expect(told.w3c).toEqual({ trace, span: w3c ? server!.id : CALLER, sampled: true });
        expect(told.b3single).toEqual({ trace, span: CALLER, sampled: true });
        for (const format of FORMATS)
          expect(toldBy(call)[format]).toEqual({ trace, span: client!.id, sampled: true });
      });

      test("a context in W3C alone is one trace where the provider reads it", async () => {
        const before = stand.collector.spans.length;
        const trace = newTrace();
        await stand.ask(context(trace, "w3c"));
        const spans = await stand.spansSince(before, NATIVE_SERVER, PLUGIN_CLIENT);
        const isJoined = new Set(spans.map((span) => span.traceId)).size === 1;
        expect(isJoined).toBe(w3c);
        expect(spans.find((span) => owner(span) === PLUGIN_CLIENT)!.traceId).toBe(trace);
      });

      test("without a context both begin a trace, each its own", async () => {
        const before = stand.collector.spans.length;
        const { service, call } = await stand.ask();
        const spans = await stand.spansSince(before, NATIVE_SERVER, PLUGIN_CLIENT);
        const server = spans.find((span) => owner(span) === NATIVE_SERVER)!;
        const client = spans.find((span) => owner(span) === PLUGIN_CLIENT)!;
        expect(server.parentId).toBeUndefined();
        expect(client.traceId).not.toBe(server.traceId);
        const told = toldBy(service);
        expect(told.b3.trace).toBe(server.traceId);
        expect(told.b3single.trace).toBe(client.traceId);
        expect(told.w3c.trace).toBe(w3c ? server.traceId : client.traceId);
        expect(toldBy(call).w3c.trace).toBe(client.traceId);
      });

      test("both follow who does not sample, and tell nothing", async () => {
        const before = stand.collector.spans.length;
        const trace = newTrace();
        const { service, call } = await stand.ask([
          ...context(trace, "w3c", false),
          ...context(trace, "b3", false),
        ]);
        for (const headers of [service, call])
          for (const format of FORMATS)
            expect(toldBy(headers)[format]).toMatchObject({ trace, sampled: false });
        expect(reasonIn(service)).toBe("9");
        // Spans of a later request are there, and none of that one.
        await stand.ask(context(newTrace(), "b3"));
        await stand.spansSince(before, NATIVE_SERVER, PLUGIN_CLIENT);
      });

      test("who does not sample in W3C alone is followed by Envoy where the provider reads it", async () => {
        const before = stand.collector.spans.length;
        const { call } = await stand.ask(context(newTrace(), "w3c", false));
        expect(toldBy(call).b3.sampled).toBe(false);
        await stand.ask(context(newTrace(), "b3"));
        await stand.spansSince(before, NATIVE_SERVER, PLUGIN_CLIENT, ...(w3c ? [] : [NATIVE_SERVER]));
      });

      test("x-request-id is changed before the plugin remembers it, and by no one after", async () => {
        const id = "01234567-89ab-4cde-8f01-23456789abcd";
        const trace = newTrace();
        const { service, call } = await stand.ask([...context(trace, "b3"), ["x-request-id", id]]);
        const changed = "01234567-89ab-9cde-8f01-23456789abcd";
        expect([service, call].map((headers) => value(headers, "x-request-id"))).toEqual([changed, changed]);
        expect(toldBy(call).w3c.trace).toBe(trace);
      });
    });
  }

  test("of a new trace each decides by its own share", () =>
    withStand(
      {
        inbound: { plugin: PLUGIN, tracing: zipkinTracing("collector", { sampling: 0 }) },
        outbound: { plugin: REPORTING },
      },
      async (stand) => {
        const { service, call } = await stand.ask();
        expect(toldBy(service).b3.sampled).toBe(false);
        expect(reasonIn(service)).toBe("4");
        expect(toldBy(service).w3c.sampled).toBe(true);
        expect(toldBy(call).b3.sampled).toBe(true);
        await stand.spansSince(0, PLUGIN_CLIENT);
      },
    ));
});

describe("the formats that a provider reads", { timeout: 60_000 }, () => {
  const PROVIDERS = [
    { name: "Zipkin's", tracing: zipkinTracing("collector"), reads: ["b3", "b3single"] },
    {
      name: "Zipkin's with W3C",
      tracing: zipkinTracing("collector", { w3c: true }),
      reads: ["w3c", "b3", "b3single"],
    },
    { name: "OpenTelemetry's", tracing: openTelemetryTracing("collector"), reads: ["w3c"] },
  ];
  for (const { name, tracing, reads } of PROVIDERS) {
    test(`${name}: ${reads.join(", ")}`, () =>
      withStand({ inbound: { plugin: null, tracing } }, async (stand) => {
        const read: Format[] = [];
        for (const format of FORMATS) {
          const trace = newTrace();
          const { service } = await stand.ask(context(trace, format));
          const told = toldBy(service)[format];
          if (told.trace === trace && told.span !== CALLER) read.push(format);
        }
        expect(read).toEqual(reads);
      }));
  }

  test("B3 is written as it came: where it came in one header, not in several", () =>
    withStand({ inbound: { plugin: null, tracing: zipkinTracing("collector") } }, async (stand) => {
      const written = async (...formats: readonly Format[]): Promise<Format[]> => {
        const trace = newTrace();
        const { service } = await stand.ask(formats.flatMap((format) => context(trace, format)));
        const told = toldBy(service);
        return FORMATS.filter((format) => told[format].trace === trace && told[format].span !== CALLER);
      };
      expect(await written("b3")).toEqual(["b3"]);
      expect(await written("b3single")).toEqual(["b3single"]);
      expect(await written("b3", "b3single")).toEqual(["b3single"]);
    }));
});

test(
  "tracing without a provider changes x-request-id, and no context",
  () =>
    withStand(
      { plugin: PLUGIN, inbound: { tracing: { random_sampling: { value: 100 } } } },
      async (stand) => {
        const trace = newTrace();
        const { service } = await stand.ask(context(trace, "w3c"));
        expect(reasonIn(service)).toBe("9");
        const told = { trace, span: CALLER, sampled: true };
        expect(toldBy(service)).toEqual({ w3c: told, b3: told, b3single: told, jaeger: told });
      },
    ),
  60_000,
);

describe(
  "the plugin behind the router on the way in, as a filter of the cluster",
  { timeout: 60_000 },
  () => {
    let stand: Stand;
    beforeAll(async () => {
      // The caller's traceparent stays as it is: what the provider writes has to be looked for first.
      const plugin = { ...PLUGIN, extract: ["b3", "w3c"] };
      stand = await Stand.start({
        inbound: { plugin, behindRouter: true, tracing: zipkinTracing("collector") },
        outbound: { plugin: REPORTING },
      });
    }, 60_000);
    afterAll(() => stand?.stop());

    async function isOneTrace(sent: readonly Header[], parent: string | undefined): Promise<void> {
      const before = stand.collector.spans.length;
      const { service } = await stand.ask(sent);
      const spans = await stand.spansSince(before, NATIVE_SERVER, PLUGIN_CLIENT);
      const server = spans.find((span) => owner(span) === NATIVE_SERVER)!;
      const client = spans.find((span) => owner(span) === PLUGIN_CLIENT)!;
      expect(server.parentId).toBe(parent);
      expect(client).toMatchObject({ traceId: server.traceId, parentId: server.id });
      for (const format of FORMATS)
        expect(toldBy(service)[format]).toEqual({ trace: server.traceId, span: server.id, sampled: true });
    }

    test("of a trace that comes in calls are below the server's span", async () => {
      const trace = newTrace();
      await isOneTrace([...context(trace, "w3c"), ...context(trace, "b3")], CALLER);
    });

    test("a trace that Envoy begins is the plugin's too", () => isOneTrace([], undefined));
  },
);

/** Random configurations of `trace-propagation`, and what must hold of whatever it passes on. */
import fc from "fast-check";
import type { Header } from "../driver.ts";
import { Host, type PluginModule } from "../host/index.ts";
import { formats, traceHeaders } from "../trace-propagation/headers.ts";
import type { Format } from "../trace-propagation/model.ts";
import { ofTraces, same, together } from "../trace-propagation/modelled.ts";
import { headersOf } from "../trace-propagation/proxy.ts";

export interface TracePropagation {
  extract?: Format[];
  inject?: Format[];
  baggage?: { allow: string[]; maxBytes?: number };
  correlate?: { by?: string; ttl?: string; maxEntries?: number };
  trustInbound?: boolean;
  direction?: "auto" | "inbound" | "outbound";
  sampling?: { default?: number; rules?: object[] };
  report?: object;
}

const percent = fc.constantFrom(0, 0.5, 50, 100);
const call = fc.record(
  {
    cluster: fc.constantFrom("collector", "collector", "absent"),
    path: fc.constantFrom("/api/v2/spans", "/v1/traces"),
    timeout: fc.constantFrom("1s", "250ms"),
  },
  { requiredKeys: ["cluster"], noNullPrototype: true },
);

export function configuration(): fc.Arbitrary<TracePropagation> {
  return fc.record(
    {
      extract: formats,
      inject: formats,
      baggage: fc.record(
        {
          allow: fc.uniqueArray(fc.constantFrom("variant", "a", "b", "session"), { minLength: 1 }),
          maxBytes: fc.constantFrom(64, 1000, 8192),
        },
        { requiredKeys: ["allow"], noNullPrototype: true },
      ),
      correlate: fc.record(
        {
          by: fc.constantFrom("x-request-id", "x-other-id"),
          ttl: fc.constantFrom("1s", "60s"),
          maxEntries: fc.constantFrom(1, 100, 100_000),
        },
        { requiredKeys: [], noNullPrototype: true },
      ),
      trustInbound: fc.boolean(),
      direction: fc.constantFrom("auto", "inbound", "outbound"),
      sampling: fc.record(
        {
          default: percent,
          rules: fc.array(
            fc.record(
              {
                name: fc.constantFrom("health"),
                match: fc.constant({ path: { prefix: "/health" } }),
                percent,
              },
              { noNullPrototype: true },
            ),
            { maxLength: 1 },
          ),
        },
        { requiredKeys: [], noNullPrototype: true },
      ),
      report: fc.oneof(
        fc.record(
          {
            zipkin: call,
            serviceName: fc.constantFrom("reviews", "a.b"),
            tags: fc.constantFrom(
              { tenant: [{ header: "x-tenant" }] },
              { variant: [{ baggage: "variant" }] },
            ),
          },
          { requiredKeys: ["zipkin"], noNullPrototype: true },
        ),
        fc.record({ otlp: call }, { noNullPrototype: true }),
      ),
    },
    { requiredKeys: [], noNullPrototype: true },
  );
}

export interface Play {
  config: TracePropagation;
  direction: "inbound" | "outbound" | "unspecified";
  requests: { headers: Header[]; path: string; after: number }[];
}

const IDS: Header[][] = [
  [],
  [["x-request-id", "one"]],
  [["x-request-id", "two"]],
  [["x-other-id", "one"]],
  [["x-request-id", "one,two"]],
  [["x-request-id", "i".repeat(200)]],
  [["x-request-id", ""]],
];
const requestId = fc.constantFrom(...IDS);

export const play: fc.Arbitrary<Play> = fc.record({
  config: configuration(),
  direction: fc.constantFrom("inbound", "outbound", "unspecified"),
  requests: fc.array(
    fc.record({
      headers: fc.tuple(requestId, traceHeaders).map((lists) => lists.flat()),
      path: fc.constantFrom("/", "/health", "/a?b=c"),
      after: fc.constantFrom(0, 0, 100, 1000, 7000, 61_000),
    }),
    { minLength: 1, maxLength: 10 },
  ),
});

/**
 * Whatever is configured and whatever comes, nothing traps, each request goes on, all formats that are injected say the same context, and
 * headers of other formats are gone.
 */
export function checkPropagation(module: PluginModule, { config, direction, requests }: Play): void {
  const host = new Host();
  host.clusters.set("collector", { http: () => ({ status: 202 }) });
  const plugin = {
    module,
    name: "fuzz",
    rootId: "trace-propagation",
    configuration: JSON.stringify(config),
  };
  const listener = host.listen({ plugins: [plugin], direction });
  const written = config.inject ?? ["w3c", "b3"];
  for (const { headers, path, after } of requests) {
    host.clock.advance(BigInt(after) * 1_000_000n);
    const { upstream, info } = listener.run({ method: "GET", path, headers });
    const trap = host.logs.find(({ text }) => text.includes("Uncaught"));
    if (trap !== undefined) throw new Error(`trap: ${trap.text}`);
    if (upstream === null) throw new Error(`did not reach the upstream: ${info.details ?? ""}`);
    const passed = ofTraces(headersOf(upstream));
    same(headers, passed, written, together(passed, written));
  }
  // What is told of spans is told by then.
  host.clock.advance(10_000_000_000n);
  const trap = host.logs.find(({ text }) => text.includes("Uncaught"));
  if (trap !== undefined) throw new Error(`trap: ${trap.text}`);
  listener.close();
}

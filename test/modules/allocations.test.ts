import { describe, expect, test } from "vitest";
import type { HttpRequest } from "../driver.ts";
import { Host, PluginModule } from "../host/index.ts";
import { nodeLibraries } from "../host/node-libraries.ts";
import { AUTHZ, AUTHZ_MIX, authorized, wrongToken } from "./authz-mix.ts";
import { ALLOCATIONS, compileCounted } from "./counted.ts";

/** Requests a filter is given; every kind of condition and change is among what they make it do. */
const REQUESTS = 1_000_000;

const DARK_LAUNCH = {
  default: "v1",
  annotate: "always",
  rules: [
    { name: "trial", mode: "shadow", variant: "v4", match: { headers: { "x-trial": { present: true } } } },
    { name: "exact", variant: "v2", match: { headers: { "x-beta-user": "true" } } },
    { name: "path", variant: "v3", match: { path: { prefix: "/v3/" }, methods: ["GET"] } },
    { name: "host", variant: "v5", match: { host: { suffix: ".internal", ignoreCase: true } } },
    { name: "query", variant: "v6", match: { queryParams: { "beta user": { contains: "é" } } } },
    { name: "cookie", variant: "v7", match: { cookies: { session: { in: ["a", "b", "c"] } } } },
    { name: "regex", variant: "v9", match: { headers: { "x-h-9": { regex: "[^a]*(?i:V{40}).+|é" } } } },
    { name: "any", variant: "v8", match: { anyOf: [{ path: "/a" }, { not: { host: "example.test" } }] } },
  ],
};

/** Every request meets a keyed limit, one that refuses, one on trial and one whose response says the cost. */
const LOCAL_RATE_LIMIT = {
  annotate: "always",
  limits: [
    {
      name: "keyed",
      key: [{ header: "x-beta-user" }, { path: { segments: 1 } }],
      onMissingKey: "share",
      limit: { requests: 1000000, per: "second" },
      overrides: [{ key: ["true", "/"], limit: { requests: 1, per: "second" } }],
      maxKeys: 10,
    },
    { name: "trial", mode: "shadow", limit: { requests: 1, per: "hour" } },
    {
      name: "settled",
      match: { path: { prefix: "/" } },
      limit: { requests: 500000, per: "day" },
      cost: { responseHeader: "x-cost" },
    },
  ],
  responseHeaders: "draft10",
  response: { headers: { "x-reason": "quota" } },
};

/** Every request is remembered, sampled and told of; contexts come in every format, right and wrong. */
const TRACE_PROPAGATION = {
  annotate: "always",
  inject: ["w3c", "b3", "b3single", "jaeger", "datadog", "xray"],
  baggage: { allow: ["variant", "tenant"], maxBytes: 100 },
  correlate: { maxEntries: 10 },
  sampling: { default: 100, rules: [{ name: "head", match: { methods: ["HEAD"] }, percent: 0 }] },
  report: {
    zipkin: { cluster: "zipkin" },
    tags: { both: [{ header: "x-beta-user" }, { path: { segments: 1 } }] },
  },
};

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const SPAN = "b7ad6b7169203331";

const MIX: readonly HttpRequest[] = [
  {
    method: "GET",
    path: "/",
    headers: [
      ["x-request-id", "a"],
      ["traceparent", `00-${TRACE}-${SPAN}-01`],
      [
        "tracestate",
        `a=1, a=2,,${Array.from({ length: 20 }, (_, i) => `k${i}=${"v".repeat(30)}`).join(" , ")}`,
      ],
      ["baggage", `variant=v1;p, x=y, tenant=${"t".repeat(90)}, variant=v2, =`],
      ["b3", "1"],
    ],
  },
  {
    method: "GET",
    path: "/",
    headers: [
      ["traceparent", "00-0-0-0"],
      ["x-datadog-trace-id", "1234567890123456789"],
      ["x-datadog-parent-id", "987654321"],
      ["x-datadog-tags", "_dd.p.tid=640cfd8d00000000,_dd.p.dm=-1"],
      ["uber-trace-id", `${TRACE}%3A${SPAN}%3A0%3A3`],
      ["x-amzn-trace-id", "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=?;Self=x"],
    ],
  },
  { method: "GET", path: "/" },
  { method: "GET", path: "/", headers: [["x-beta-user", "true"]] },
  { method: "GET", path: "/v3/x?y=z", headers: [["x-variant", "forged"]] },
  {
    method: "GET",
    path: "/",
    headers: [
      ["X-Variant", "a"],
      ["x-variant", "b"],
      ["x-trial", "1"],
    ],
  },
  { method: "POST", path: "/?beta%20user=caf%C3%A9&x", authority: "Reviews.INTERNAL:8080" },
  {
    method: "GET",
    path: "/",
    headers: [
      ["cookie", "a=b; session=b"],
      ["cookie", "c=d"],
    ],
  },
  {
    method: "GET",
    path: "/long",
    headers: Array.from({ length: 40 }, (_, i) => [`x-h-${i}`, "v".repeat(i * 8)]),
  },
];

describe("over a million requests", () => {
  test.each([
    ["authz", AUTHZ, [200, 401, 403, 404], AUTHZ_MIX],
    ["dark-launch", DARK_LAUNCH, [200], MIX],
    ["local-rate-limit", LOCAL_RATE_LIMIT, [200, 429], MIX],
    ["trace-propagation", TRACE_PROPAGATION, [200], MIX],
  ])(
    "%s allocates nothing on the heap, and its linear memory stays as it is",
    { timeout: 600_000 },
    async (name, configuration, statuses, mix) => {
      const module = PluginModule.compile(await compileCounted(`filters/${name}/module.ts`));
      const host = new Host({ logLevel: 3, ...nodeLibraries });
      host.clusters.set("zipkin", { http: () => ({ status: 202 }) });
      const plugin = { module, name, configuration: JSON.stringify(configuration) };
      const listener = host.listen({
        plugins: [plugin],
        // The companion, which hands over the address of the connection's peer.
        network: name === "authz" ? [{ ...plugin, configuration: "{}" }] : [],
        reply: () => ({ headers: [["x-cost", "2"]] }),
      });
      const seen = new Set<number>();
      const play = (count: number): void => {
        for (let at = 0; at < count; at++) {
          seen.add(listener.run(mix[at % mix.length]!).response?.status ?? 0);
          if (at % 1000 === 0) host.clock.advance(100_000_000n);
        }
      };
      const allocations = counter(host);
      play(mix.length * 100);
      const memory = host.wasmMemoryBytes();
      const before = allocations();
      expect(before).toBeGreaterThan(0);
      play(REQUESTS);
      expect(allocations() - before).toBe(0);
      expect(host.wasmMemoryBytes()).toBe(memory);
      expect([...seen].sort()).toEqual(statuses);
    },
  );
});

test(
  "authz allocates nothing on the managed heap for tokens that it has not seen before, and its linear memory stays as it is",
  { timeout: 300_000 },
  async () => {
    // What is kept of a verified token is allocated, within a bound, and not managed.
    const bytes = await compileCounted("filters/authz/module.ts", { [ALLOCATIONS]: ["~lib/rt/tcms/__new"] });
    const host = new Host({ logLevel: 3, ...nodeLibraries });
    const plugin = {
      module: PluginModule.compile(bytes),
      name: "authz",
      configuration: JSON.stringify(AUTHZ),
    };
    const listener = host.listen({ plugins: [plugin], network: [{ ...plugin, configuration: "{}" }] });
    const allocations = counter(host);
    let number = 0;
    const play = (count: number): void => {
      for (let at = 0; at < count; at++) {
        const algorithm = at % 50 === 0 ? "RS256" : "HS256";
        const good = listener.run(authorized(algorithm, { sub: `user-${number++}` }));
        expect(good.response?.status).toBe(200);
        expect(listener.run(wrongToken(number)).response?.status).toBe(401);
      }
    };
    // More than are kept.
    play(3_000);
    const memory = host.wasmMemoryBytes();
    const before = allocations();
    expect(before).toBeGreaterThan(0);
    play(10_000);
    expect(allocations() - before).toBe(0);
    expect(host.wasmMemoryBytes()).toBe(memory);
  },
);

/** Reads the allocations of the one VM that serves requests. */
function counter(host: Host): () => number {
  const vm = host.workers[0]?.allVms[0];
  const global = vm?.exports[ALLOCATIONS];
  if (!(global instanceof WebAssembly.Global)) throw new Error("the module does not count");
  return () => Number(global.value);
}

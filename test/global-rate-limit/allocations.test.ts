import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { Host, PluginModule } from "../host/index.ts";
import { ALLOCATIONS, compileCounted } from "../modules/counted.ts";
import { allowed, denied, header, ScriptedService, status } from "./service.ts";

/** Requests of all kinds: admitted, refused, remembered, leased, failed, unanswered, and gone before their answer. */
const REQUESTS = 40_000;

const from = { header: "x-key" };
const CONFIGURATION = JSON.stringify({
  domain: "test",
  service: { cluster: "ratelimit", timeout: "10ms" },
  failureMode: "local",
  annotate: "always",
  breaker: { consecutiveFailures: 1_000_000 },
  limits: [
    { name: "plain", descriptor: [{ key: "plain", from, hash: true }], local: { requests: 1, per: "day" } },
    {
      name: "leased",
      match: { headers: { "x-leased": "1" } },
      descriptor: [{ key: "leased", value: "1" }],
      lease: { max: 50 },
      cacheDenials: true,
      local: { requests: 1000, per: "second" },
    },
  ],
});

describe("global-rate-limit, over many requests", () => {
  test(
    "allocates nothing on the heap, and its linear memory stays as it is",
    { timeout: 120_000 },
    async () => {
      const module = PluginModule.compile(await compileCounted("filters/global-rate-limit/module.ts"));
      const host = new Host({ logLevel: 3 });
      const added = [header("x-added", "1")];
      const service = new ScriptedService(({ descriptors }) => {
        const key = descriptors[0]?.entries[0]?.value ?? "";
        const statuses = descriptors.map(({ entries }) => status(entries[0]?.value === OVER, ROOMY));
        if (key === SILENT) return () => {};
        if (key === FAILING) return (exchange) => exchange.end(14);
        return key === OVER
          ? denied({ statuses })
          : allowed({ statuses, responseHeadersToAdd: added, requestHeadersToAdd: added });
      });
      host.clusters.set("ratelimit", service.cluster);
      const plugins = [{ module, name: "limits", rootId: "global-rate-limit", configuration: CONFIGURATION }];
      const listener = host.listen({ plugins });
      const statuses = new Map<number, number>();
      const ask = (at: number): void => {
        const key = ["fine", "over", "failing", "silent"][at % 4]!;
        const headers: [string, string][] = [["x-key", key]];
        if ((at & 4) !== 0) headers.push(["x-leased", "1"]);
        const stream = listener.open({ method: "GET", path: "/", headers });
        if (key === "silent") {
          // Every other client does not wait.
          if ((at & 8) !== 0) stream.resetStream("downstream_remote_disconnect");
          host.clock.advance(20_000_000n);
        }
        const status = stream.response?.status ?? 0;
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
      };
      // Fifty seconds on the host's clock: records of streams that were reset come back by a sweep after eight.
      for (let at = 0; at < 10_000; at++) ask(at);
      const allocations = (): number => {
        const global = host.workers[0]?.allVms[0]?.exports[ALLOCATIONS];
        if (!(global instanceof WebAssembly.Global)) throw new Error("the module does not count");
        return Number(global.value);
      };
      const memory = host.wasmMemoryBytes();
      const before = allocations();
      expect(before).toBeGreaterThan(0);
      statuses.clear();
      service.asked.length = 0;
      for (let at = 0; at < REQUESTS; at++) ask(at);
      expect(allocations() - before).toBe(0);
      expect(host.wasmMemoryBytes()).toBe(memory);
      expect([...statuses.keys()].sort()).toEqual([0, 200, 429]);
      expect(statuses.get(0)).toBe(REQUESTS / 8);
      expect(service.asked.length).toBeGreaterThan(REQUESTS);
    },
  );
});

/** What the service says where there is plenty. */
const ROOMY = {
  currentLimit: { requestsPerUnit: 100_000, unit: 2, name: "" },
  limitRemaining: 90_000,
};

/** What the keys are hashed to: `printf %s over | sha256sum`. */
const OVER = sha256("over");
const FAILING = sha256("failing");
const SILENT = sha256("silent");

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

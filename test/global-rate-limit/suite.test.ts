import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { Host, PluginModule } from "../host/index.ts";
import { allowed, denied, ScriptedService, status } from "./service.ts";

test("in a suite each of the filters that ask is answered, and a later one sees what an earlier one did", () => {
  const service = new ScriptedService(({ descriptors }) => {
    const value = descriptors[0]?.entries[0]?.value;
    const statuses = [status(value === "v2", { durationUntilReset: { seconds: 50, nanos: 0 } })];
    return value === "v2" ? denied({ statuses }) : allowed({ statuses });
  });
  const host = new Host({ logLevel: 3 });
  host.clusters.set("ratelimit", service.cluster);
  const limit = (key: string, header: string) => ({
    globalRateLimit: {
      domain: key,
      service: { cluster: "ratelimit" },
      limits: [{ name: "all", descriptor: [{ key, from: { header } }], cacheDenials: true }],
    },
  });
  const beta = { name: "beta", variant: "v2", match: { headers: { "x-beta": "1" } } };
  const configuration = JSON.stringify({
    filters: [
      limit("user", "x-user"),
      { darkLaunch: { default: "v1", rules: [beta] } },
      limit("variant", "x-variant"),
    ],
  });
  const module = PluginModule.compile(readFileSync("build/outrigger.wasm"));
  const listener = host.listen({ plugins: [{ module, name: "suite", rootId: "suite", configuration }] });
  const ask = (...headers: [string, string][]) =>
    listener.run({ method: "GET", path: "/", headers }).response;
  expect(ask(["x-user", "ann"])?.status).toBe(200);
  expect(service.asked.map(({ domain }) => domain)).toEqual(["user", "variant"]);
  expect(ask(["x-user", "ann"], ["x-beta", "1"])?.status).toBe(429);
  // What the second one remembers is not the first one's: a user called v2 is none of its own.
  service.answer = () => allowed();
  expect(ask(["x-user", "v2"])?.status).toBe(200);
  const calls = service.asked.length;
  expect(ask(["x-user", "ann"], ["x-beta", "1"])?.status).toBe(429);
  expect(service.asked.slice(calls).map(({ domain }) => domain)).toEqual(["user"]);
});

test("the module has at most 64 KiB", () => {
  expect(readFileSync("build/global-rate-limit.wasm").length).toBeLessThanOrEqual(65_536);
});

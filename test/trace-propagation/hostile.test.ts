/** What a client, a neighbour in the shared data, or a collector can do to the filter when they mean it. */
import { beforeAll, describe, expect, test } from "vitest";
import { readFileSync } from "node:fs";
import type { Header } from "../driver.ts";
import { FakeClock, Host, PluginModule } from "../host/index.ts";
import { compileModule } from "../host/test-modules.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const SPAN = "b7ad6b7169203331";
const TRACEPARENT = `00-${TRACE}-${SPAN}-01`;

function id(name: string): Header {
  return ["x-request-id", name];
}

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

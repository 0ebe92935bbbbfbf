/** What a client, a neighbour in the shared data, or a collector can do to the filter when they mean it. */
import { beforeAll, describe, expect, test } from "vitest";
import { readFileSync } from "node:fs";
import type { Header } from "../driver.ts";
import { FakeClock, Host, PluginModule } from "../host/index.ts";
import { compileModule } from "../host/test-modules.ts";
import { Proxy, type Headers } from "./proxy.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const SPAN = "b7ad6b7169203331";
const TRACEPARENT = `00-${TRACE}-${SPAN}-01`;

function id(name: string): Header {
  return ["x-request-id", name];
}

function traceOf(headers: Headers): string {
  return headers.traceparent!.split("-")[1]!;
}

function trace(digit: string, span = SPAN): Header {
  return ["traceparent", `00-${digit.repeat(32)}-${span}-01`];
}

/** A proxy with a request of a client's, with the id `a` and trace `1`, under way, during which something is done. */
function during(work: (one: Proxy) => void, config: object = {}): void {
  const one = new Proxy({ correlate: {}, inject: ["w3c"], ...config });
  let done = false;
  one.application = () => {
    if (done) return;
    done = true;
    work(one);
  };
  one.enter([id("a"), trace("1")]);
  expect(done).toBe(true);
}

/** A request of somebody who has guessed the id, so many seconds long. */
function intrude(one: Proxy, header: Header, seconds: number): void {
  one.application = () => one.advance(seconds);
  one.enter([id("a"), header]);
}

describe("the id of a request that lasts", () => {
  test("stays ambiguous when the other that had it ends: who comes third is not taken for the first", () => {
    during((one) => {
      one.advance(30);
      intrude(one, trace("2"), 2);
      one.advance(7);
      intrude(one, trace("3"), 0);
      expect(["2", "3"].map((digit) => digit.repeat(32))).not.toContain(traceOf(one.leave([id("a")])));
    });
  });

  test.each([0, 2])("stays when another of its trace that had it ends after %i s", (seconds) => {
    during((one) => {
      one.advance(30);
      intrude(one, trace("1", "2222222222222222"), seconds);
      for (let waited = 0; waited < 20; waited += 0.5) {
        one.advance(0.5);
        // What has ended is gone when others are remembered in its place.
        expect(traceOf(one.leave([id("a")]))).toBe("1".repeat(32));
      }
    });
  });
});

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

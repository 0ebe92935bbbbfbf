import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { encodeResponse } from "../../cli/ratelimit-service/messages.ts";
import { Host, PluginModule } from "../host/index.ts";
import { allowed, ScriptedService } from "./service.ts";

const module = PluginModule.compile(readFileSync("build/global-rate-limit.wasm"));

/** A proxy whose service fails 20 ms after it was asked. */
function failing() {
  const service = new ScriptedService(() => (exchange) => exchange.after(20, () => exchange.end(14)));
  const host = new Host({ logLevel: 3 });
  host.clusters.set("ratelimit", service.cluster);
  const configuration = JSON.stringify({
    domain: "test",
    service: { cluster: "ratelimit", timeout: "50ms" },
    breaker: { consecutiveFailures: 3, baseInterval: "1s", maxInterval: "4s" },
    limits: [{ name: "all", descriptor: [{ key: "all", value: "1" }] }],
  });
  const plugins = [{ module, name: "breaker", rootId: "global-rate-limit", configuration }];
  const listener = host.listen({ plugins });
  const open = () => listener.open({ method: "GET", path: "/", headers: [] });
  const advance = (milliseconds: number): void => host.clock.advance(BigInt(milliseconds) * 1_000_000n);
  /** Whether a request makes a call. */
  const isAsked = (): boolean => {
    const before = service.asked.length;
    open();
    advance(30);
    return service.asked.length > before;
  };
  return { service, open, advance, isAsked };
}

describe("the breaker", () => {
  test("takes calls that were out when it opened for no attempts", () => {
    const { open, advance, isAsked } = failing();
    const streams = Array.from({ length: 20 }, open);
    advance(30);
    expect(streams.map(({ response }) => response?.status)).toEqual(streams.map(() => 200));
    expect(isAsked()).toBe(false);
    advance(1000);
    expect(isAsked()).toBe(true);
  });

  test("lets one request try, and answers the others at once", () => {
    const { service, open, advance } = failing();
    for (let at = 0; at < 3; at++) open();
    advance(1100);
    const before = service.asked.length;
    const streams = Array.from({ length: 5 }, open);
    expect(streams.map(({ response }) => response !== null && response !== undefined)).toEqual([
      false,
      true,
      true,
      true,
      true,
    ]);
    advance(30);
    expect(service.asked).toHaveLength(before + 1);
  });

  test("waits twice as long after each attempt that fails, up to its longest", () => {
    const { advance, open, isAsked } = failing();
    for (let at = 0; at < 3; at++) open();
    advance(25);
    for (const seconds of [1, 2, 4, 4]) {
      advance(seconds * 1000 - 100);
      expect(isAsked()).toBe(false);
      advance(100);
      expect(isAsked()).toBe(true);
    }
  });

  test("ends with the answer to an attempt whose client has gone", () => {
    const { service, open, advance, isAsked } = failing();
    for (let at = 0; at < 3; at++) open();
    advance(1100);
    service.answer = () => (exchange) =>
      exchange.after(20, () => {
        exchange.send(encodeResponse(allowed()));
        exchange.end(0);
      });
    open().resetStream("downstream_remote_disconnect");
    expect(isAsked()).toBe(false);
    expect(isAsked()).toBe(true);
    expect(isAsked()).toBe(true);
  });
});

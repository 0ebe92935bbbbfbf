import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { HttpRequest } from "../driver.ts";
import { Host, type Listener } from "../host/index.ts";
import { loadModule } from "../host/driver.ts";

const module = loadModule("build/dark-launch.wasm");
const MIB = 1024 * 1024;

function listen(configuration: unknown): { host: Host; listener: Listener } {
  const host = new Host();
  const plugins = [{ module, name: "plugin", configuration: JSON.stringify(configuration) }];
  return { host, listener: host.listen({ plugins }) };
}

/** Plays a request and answers by how many bytes linear memory grew. */
function growth(host: Host, listener: Listener, request: HttpRequest): number {
  const before = host.wasmMemoryBytes();
  expect(listener.run(request).response?.status).toBe(200);
  return host.wasmMemoryBytes() - before;
}

const rules = (count: number, match: (i: number) => unknown, more: object = {}): unknown[] =>
  Array.from({ length: count }, (_, i) => ({ name: `r${i}`, variant: "v2", match: match(i), ...more }));

describe("what one request costs is bounded by its size, not by the number of rules", () => {
  test("11,000 rules on trial that all match", () => {
    const { host, listener } = listen({
      rules: rules(11_000, () => ({ headers: { h: "on" } }), { mode: "shadow" }),
    });
    const started = performance.now();
    expect(growth(host, listener, { method: "GET", path: "/", headers: [["h", "on"]] })).toBeLessThan(MIB);
    // A walk takes milliseconds; what was quadratic took minutes.
    expect(performance.now() - started).toBeLessThan(2000);
    const told = listener
      .run({ method: "GET", path: "/", headers: [["h", "on"]] })
      .info.state.get("outrigger.dark-launch");
    expect(told?.split(",")).toHaveLength(8);
  });

  test("1,000 rules that fold the case of a long header", () => {
    const match = (i: number): unknown => ({
      headers: { "user-agent": { contains: `bot${i}`, ignoreCase: true } },
    });
    const { host, listener } = listen({ rules: rules(1_000, match) });
    const headers: [string, string][] = [["user-agent", `A${"x".repeat(50_000)}`]];
    expect(growth(host, listener, { method: "GET", path: "/", headers })).toBeLessThan(2 * MIB);
  });

  test("1,000 rules on cookies that came in many headers", () => {
    const { host, listener } = listen({
      rules: rules(1_000, (i) => ({ cookies: { [`c${i}`]: { suffix: "x" } } })),
    });
    const headers = Array.from({ length: 80 }, (_, i): [string, string] => [
      "cookie",
      `k${i}=${"v".repeat(600)}`,
    ]);
    expect(growth(host, listener, { method: "GET", path: "/", headers })).toBeLessThan(2 * MIB);
  });

  test("1,000 rules on cookies and baggage members in turn, which both came in many headers", () => {
    const match = (i: number): unknown =>
      i % 2 === 0 ? { cookies: { [`c${i}`]: { suffix: "x" } } } : { baggage: { [`b${i}`]: { suffix: "x" } } };
    const { host, listener } = listen({ rules: rules(1_000, match) });
    const many = (name: string): [string, string][] =>
      Array.from({ length: 40 }, (_, i) => [name, `k${i}=${"v".repeat(600)}`]);
    const headers = [...many("cookie"), ...many("baggage")];
    expect(growth(host, listener, { method: "GET", path: "/", headers })).toBeLessThan(2 * MIB);
  });

  test("1,000 rules on shares by a key of a long path and the host", () => {
    const by = [{ path: {} }, { host: {} }];
    const { host, listener } = listen({
      rules: rules(1_000, (i) => ({ percentage: { value: 0.0001, by, salt: `s${i}` } })),
    });
    const path = `/${"a".repeat(50_000)}`;
    expect(growth(host, listener, { method: "GET", path })).toBeLessThan(2 * MIB);
  });

  test("1,000 rules on an escaped query parameter and on the host", () => {
    const match = (i: number): unknown =>
      i % 2 === 0 ? { queryParams: { k: { suffix: `x${i}` } } } : { host: { suffix: `x${i}` } };
    const { host, listener } = listen({ rules: rules(1_000, match) });
    const path = `/?k=${"%41".repeat(15_000)}`;
    expect(growth(host, listener, { method: "GET", path, authority: "EXAMPLE.test" })).toBeLessThan(2 * MIB);
  });
});

describe("a configuration", () => {
  test("of millions of values is refused, and the VM lives on", { timeout: 60_000 }, () => {
    const refused = (config: string, problem: string): void => {
      const { host, listener } = listen({ default: "v1" });
      const plugins = [{ module, name: "p", configuration: config }];
      expect(() => listener.update(plugins)).toThrow(problem);
      expect(growth(host, listener, { method: "GET", path: "/" })).toBe(0);
    };
    refused(`{"rules":[${"{},".repeat(20_000)}{}]}`, "rules: more than 20000 rules");
    const many = `{"rules":[{"match":{"anyOf":[${"{},".repeat(2_000_000)}{}]}}]}`;
    refused(many, "more than a million values");
  });

  test("of 5,000 rules on as many headers loads in seconds, not minutes", { timeout: 60_000 }, () => {
    const started = performance.now();
    const { listener } = listen({ rules: rules(5_000, (i) => ({ headers: { [`h${i}`]: "on" } })) });
    expect(performance.now() - started).toBeLessThan(20_000);
    const { upstream } = listener.run({ method: "GET", path: "/", headers: [["h4999", "on"]] });
    expect(upstream?.headers).toContainEqual(["x-variant", "v2"]);
  });

  test(
    "with millions of mistakes is refused with some of them, and their number",
    { timeout: 60_000 },
    () => {
      const set = { in: Array<number>(900_000).fill(0) };
      const wrong = { rules: [{ name: "r", variant: "v", match: { headers: { x: set } } }] };
      expect(() => listen(wrong)).toThrow(/x\.in\[49\]: expected a string, got 0\nand 899950 more/);
    },
  );
});

test("dark-launch.wasm is at most 48 KiB", () => {
  expect(readFileSync("build/dark-launch.wasm").length).toBeLessThanOrEqual(48 * 1024);
});

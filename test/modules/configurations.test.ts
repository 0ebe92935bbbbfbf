import { describe, expect, test } from "vitest";
import { Host, PluginModule } from "../host/index.ts";
import { loadModule } from "../host/driver.ts";

const module: PluginModule = loadModule("build/dark-launch.wasm");
const configuration = (header: string, variant: string): string =>
  JSON.stringify({ header, default: variant });
const headerSeen = (headers: readonly (readonly [string, string])[] | undefined, name: string): string[] =>
  (headers ?? []).filter(([key]) => key === name).map(([, value]) => value);

describe("several configurations in one VM", () => {
  test("two plugins of one module decide each by their own", () => {
    const host = new Host();
    const listener = host.listen({
      plugins: [
        { module, name: "first", configuration: configuration("x-first", "a") },
        { module, name: "second", configuration: configuration("x-second", "b") },
      ],
    });
    expect(host.workers[0]?.allVms.length).toBe(1);
    for (let i = 0; i < 100; i++) {
      const stream = listener.run({ method: "GET", path: "/" });
      expect(headerSeen(stream.upstream?.headers, "x-first")).toEqual(["a"]);
      expect(headerSeen(stream.upstream?.headers, "x-second")).toEqual(["b"]);
    }
  });

  test("streams that began before an update do not disturb those after it", () => {
    const host = new Host({ workers: 2 });
    const listener = host.listen({
      plugins: [{ module, name: "p", configuration: configuration("x-v", "old") }],
    });
    const before = Array.from({ length: 20 }, () => listener.run({ method: "GET", path: "/" }));
    for (let version = 0; version < 50; version++) {
      listener.update([{ module, name: "p", configuration: configuration("x-v", `v${version}`) }]);
      for (let i = 0; i < 4; i++) {
        const stream = listener.run({ method: "GET", path: "/", headers: [["x-v", "forged"]] });
        expect(headerSeen(stream.upstream?.headers, "x-v")).toEqual([`v${version}`]);
      }
    }
    for (const stream of before) expect(headerSeen(stream.upstream?.headers, "x-v")).toEqual(["old"]);
  });

  test("memory is flat over 100 updates with a set of 100,000 users", { timeout: 300_000 }, () => {
    const users = Array.from({ length: 100_000 }, (_, i) => `user-${i}`);
    const large = (version: number): string =>
      JSON.stringify({
        default: `v${version}`,
        rules: [{ name: "members", variant: "beta", match: { headers: { "x-user": { in: users } } } }],
      });
    const host = new Host();
    const listener = host.listen({ plugins: [{ module, name: "p", configuration: large(0) }] });
    for (let version = 1; version <= 10; version++)
      listener.update([{ module, name: "p", configuration: large(version) }]);
    const memory = host.wasmMemoryBytes();
    for (let version = 11; version <= 100; version++) {
      listener.update([{ module, name: "p", configuration: large(version) }]);
      if (version % 10 !== 0) continue;
      const member = listener.run({ method: "GET", path: "/", headers: [["x-user", "user-99999"]] });
      expect(headerSeen(member.upstream?.headers, "x-variant")).toEqual(["beta"]);
      const other = listener.run({ method: "GET", path: "/", headers: [["x-user", "user-100000"]] });
      expect(headerSeen(other.upstream?.headers, "x-variant")).toEqual([`v${version}`]);
    }
    expect(host.wasmMemoryBytes()).toBe(memory);
  });
});

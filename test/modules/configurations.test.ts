import { describe, expect, test } from "vitest";
import { compileText } from "../../tools/compile.ts";
import { Host, PluginModule, type PluginOptions } from "../host/index.ts";
import { loadModule } from "../host/driver.ts";

const module: PluginModule = loadModule("build/dark-launch.wasm");
const configuration = (header: string, variant: string): string =>
  JSON.stringify({ header, default: variant });
const headerSeen = (headers: readonly (readonly [string, string])[] | undefined, name: string): string[] =>
  (headers ?? []).filter(([key]) => key === name).map(([, value]) => value);

/** Holds streams that carry `x-hold` until its tick a second later. */
const PAUSE = `
@external("env", "proxy_get_header_map_value")
declare function getHeader(map: u32, key: usize, length: usize, data: usize, size: usize): u32;
@external("env", "proxy_set_tick_period_milliseconds") declare function setTick(period: u32): u32;
@external("env", "proxy_set_effective_context") declare function setContext(id: u32): u32;
@external("env", "proxy_continue_stream") declare function goOn(type: u32): u32;
const NAME = String.UTF8.encode("x-hold");
const returned = memory.data(8);
const held = new Array<u32>();
export function proxy_abi_version_0_2_1(): void {}
export function proxy_on_memory_allocate(size: usize): usize { return heap.alloc(size); }
export function proxy_on_configure(root: u32, size: u32): u32 { setTick(1000); return 1; }
export function proxy_on_request_headers(id: u32, count: u32, end: u32): u32 {
  if (getHeader(0, changetype<usize>(NAME), NAME.byteLength, returned, returned + 4) != 0) return 0;
  held.push(id);
  return 1;
}
export function proxy_on_tick(root: u32): void {
  while (held.length > 0) { setContext(held.pop()); goOn(0); }
}
`;

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

  test("while streams of the old configuration go on, new ones are decided by the new one", async () => {
    const pause = PluginModule.compile(await compileText(PAUSE));
    const plugins = (variant: string): PluginOptions[] => [
      { module, name: "p", configuration: configuration("x-v", variant) },
      { module: pause, name: "pause" },
    ];
    const host = new Host({ workers: 2 });
    const listener = host.listen({ plugins: plugins("old") });
    const held = Array.from({ length: 20 }, () =>
      listener.open({ method: "GET", path: "/", headers: [["x-hold", "1"]] }),
    );
    for (let version = 0; version < 50; version++) {
      listener.update(plugins(`v${version}`));
      for (let i = 0; i < 4; i++) {
        const stream = listener.run({ method: "GET", path: "/", headers: [["x-v", "forged"]] });
        expect(headerSeen(stream.upstream?.headers, "x-v")).toEqual([`v${version}`]);
      }
    }
    expect(held.every((stream) => !stream.finished)).toBe(true);
    // The pausing plugin lets them go a second after they came.
    host.clock.advance(2_000_000_000n);
    for (const stream of held) expect(headerSeen(stream.upstream?.headers, "x-v")).toEqual(["old"]);
    expect(host.logs.filter(({ text }) => text.includes("Uncaught"))).toEqual([]);
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
    // A configuration that went is found out by its missing ticks.
    const update = (version: number): void => {
      listener.update([{ module, name: "p", configuration: large(version) }]);
      host.clock.advance(1_000_000_000n);
    };
    for (let version = 1; version <= 10; version++) update(version);
    const memory = host.wasmMemoryBytes();
    for (let version = 11; version <= 100; version++) {
      update(version);
      if (version % 10 !== 0) continue;
      const member = listener.run({ method: "GET", path: "/", headers: [["x-user", "user-99999"]] });
      expect(headerSeen(member.upstream?.headers, "x-variant")).toEqual(["beta"]);
      const other = listener.run({ method: "GET", path: "/", headers: [["x-user", "user-100000"]] });
      expect(headerSeen(other.upstream?.headers, "x-variant")).toEqual([`v${version}`]);
    }
    expect(host.wasmMemoryBytes()).toBe(memory);
  });
});

import { beforeAll, describe, expect, test } from "vitest";
import { compile } from "../../tools/compile.ts";
import { WasmResult } from "../host/abi.ts";
import { Host, type HostOptions, PluginModule, type PluginOptions } from "../host/index.ts";

const WORKERS = 3;
let module: PluginModule;
beforeAll(async () => {
  module = PluginModule.compile(await compile("test/conformance/module/keyed.ts"));
}, 60_000);

const plugin = (name: string, more: Partial<PluginOptions> = {}): PluginOptions => ({
  module,
  name: "keyed",
  configuration: JSON.stringify({ name }),
  ...more,
});

/** The key that each worker has, in hexadecimal digits. */
function keys(host: Host, options: PluginOptions): string[] {
  const listener = host.listen({ plugins: [options] });
  return Array.from({ length: WORKERS }, (_, worker) => {
    const { response } = listener.open({ method: "GET", path: "/" }, worker);
    return Buffer.from(response!.body).toString("hex");
  });
}

const proxy = (options: HostOptions = {}): Host => new Host({ workers: WORKERS, ...options });

describe("the key of a process", () => {
  test("is the same on all workers, and is what shared data has under its name", () => {
    const host = proxy();
    const all = keys(host, plugin("buckets"));
    expect(all[0]).toMatch(/^[0-9a-f]{32}$/);
    expect(new Set(all)).toEqual(new Set([all[0]]));
    expect(host.sharedData.keys("")).toEqual(["outrigger/buckets"]);
    expect(Buffer.from(host.sharedData.get("", "outrigger/buckets")!.value).toString("hex")).toBe(all[0]);
  });

  test("stays when a plugin is configured again, for which nothing is drawn", () => {
    const host = proxy();
    const [first] = keys(host, plugin("buckets"));
    expect(host.hostCalls.get("random_get")).toBe(1);
    expect(keys(host, plugin("buckets", { name: "another" }))[0]).toBe(first);
    expect(host.hostCalls.get("random_get")).toBe(1);
  });

  test("is another one in another process, and under another name", () => {
    const host = proxy();
    const [first] = keys(host, plugin("buckets"));
    expect(keys(host, plugin("cache"))[0]).not.toBe(first);
    expect(keys(proxy(), plugin("buckets"))[0]).not.toBe(first);
  });

  test("is that of the worker who was faster, when two drew at once", () => {
    const faster = new Uint8Array(16).fill(7);
    const host: Host = proxy({
      random: (bytes) => {
        bytes.fill(9);
        host.sharedData.set("", "outrigger/buckets", faster, 0);
      },
    });
    expect(new Set(keys(host, plugin("buckets")))).toEqual(new Set(["07".repeat(16)]));
  });

  test("is none where the host has no random bytes: the configuration is refused and nothing is kept", () => {
    const host = proxy();
    // An errno of WASI here: whatever is not 0.
    host.faults.set("random_get", WasmResult.InternalFailure);
    expect(() => keys(host, plugin("buckets"))).toThrow(/no key/);
    expect(host.sharedData.keys("")).toEqual([]);
  });

  test("is none where shared data takes nothing: what one worker drew is not what the others have", () => {
    const host = proxy();
    host.faults.set("proxy_set_shared_data", WasmResult.InternalFailure);
    expect(() => keys(host, plugin("buckets"))).toThrow(/no key/);
  });

  test("is none where something that is no key has its name", () => {
    const host = proxy();
    host.sharedData.set("", "outrigger/buckets", new Uint8Array(15), 0);
    expect(() => keys(host, plugin("buckets"))).toThrow(/no key/);
  });
});

import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { compile } from "../../tools/compile.ts";
import { HostDriver } from "../host/driver.ts";
import { Host, LogLevel, PluginModule } from "../host/index.ts";
import { EXAMPLES, migration } from "./migration.ts";

migration(() => new HostDriver());

/** What the examples of `@solo-io/proxy-runtime` import, as they stand in its repository (`examples/<name>/assembly/index.ts`). */
const ORIGINAL: Readonly<Record<(typeof EXAMPLES)[number], string>> = {
  addheader: `
    export * from "@solo-io/proxy-runtime/assembly/proxy";
    import { RootContext, Context, registerRootContext, FilterHeadersStatusValues, stream_context }
      from "@solo-io/proxy-runtime/assembly";`,
  auth: `
    export * from "@solo-io/proxy-runtime/assembly/proxy";
    import { RootContext, Context, BaseContext, registerRootContext, log, LogLevelValues,
      FilterHeadersStatusValues, FilterDataStatusValues, FilterTrailersStatusValues, GrpcStatusValues,
      WasmResultValues, stream_context, send_local_response, continue_request, get_buffer_bytes,
      BufferTypeValues } from "@solo-io/proxy-runtime/assembly";`,
  singleton: `
    export * from "@solo-io/proxy-runtime/assembly/proxy";
    import { RootContext, Context, BaseContext, registerRootContext, Headers, makeHeaderPair, log,
      BufferTypeValues, LogLevelValues, FilterHeadersStatusValues, FilterDataStatusValues,
      FilterTrailersStatusValues, GrpcStatusValues, WasmResultValues, stream_context, send_local_response,
      set_tick_period_milliseconds, get_buffer_bytes, set_shared_data, get_shared_data }
      from "@solo-io/proxy-runtime/assembly";`,
};

/** What the package exports besides. */
const EXPORTED = ["Headers", "HeaderPair", "makeHeaderPair"];

/** The two changes of import lines that a migration is. */
const OURS = "../../../assembly/proxy-runtime";
function migrated(imports: string): string {
  return imports
    .replaceAll("@solo-io/proxy-runtime/assembly/proxy", `${OURS}/proxy`)
    .replaceAll("@solo-io/proxy-runtime/assembly", OURS);
}

/** Modules that a source names, and what it imports from each. */
function importsOf(source: string): Map<string, string[]> {
  const imports = new Map<string, string[]>();
  for (const [, names = "", module = ""] of source.matchAll(
    /^\s*(?:import|export) ([^;]*?) from "([^"]+)";/gm,
  ))
    imports.set(module, names.match(/\w+|\*/g) ?? []);
  return imports;
}

describe.each(EXAMPLES)("%s", (name) => {
  const source = readFileSync(`examples/migration/${name}/index.ts`, "utf8");

  test("imports from the places of the original, and nothing that its package does not export", () => {
    const original = importsOf(migrated(ORIGINAL[name]));
    const ours = importsOf(source);
    expect([...ours.keys()]).toEqual([...original.keys()]);
    for (const [module, names] of ours) {
      for (const imported of names)
        expect([...(original.get(module) ?? []), ...EXPORTED]).toContain(imported);
    }
  });

  test("names this runtime in its import lines alone", () => {
    const rest = source.replace(/^(?:import|export) [^;]*? from "[^"]+";/gm, "");
    expect(rest).not.toContain("assembly/");
    // Nor has it anything that the other package would not know: what it uses, it has imported or declared.
    expect(rest).not.toMatch(/\bimport\b/);
  });
});

test("contexts, buffers and calls are collected: memory stays flat over 20,000 streams that call", async () => {
  const module = PluginModule.compile(await compile("examples/migration/auth/index.ts"));
  const host = new Host({ logLevel: LogLevel.Warn });
  host.clusters.set("auth", { http: () => ({ body: new Uint8Array(2000) }) });
  const listener = host.listen({ plugins: [{ module, name: "auth", configuration: "auth" }] });
  const play = async (times: number): Promise<void> => {
    for (let at = 0; at < times; at++) {
      const stream = listener.open({ method: "GET", path: "/", headers: [["x-long", "x".repeat(2000)]] });
      while (!stream.finished) await new Promise(setImmediate);
      expect(stream.response?.status).toBe(200);
    }
  };
  await play(2000);
  const before = host.wasmMemoryBytes();
  await play(20_000);
  expect(host.wasmMemoryBytes()).toBe(before);
}, 60_000);

describe("the migration table", () => {
  const table = readFileSync("docs/proxy-runtime.md", "utf8");
  const runtime = readFileSync("node_modules/@solo-io/proxy-runtime/assembly/runtime.ts", "utf8");
  const ours = readFileSync("assembly/proxy-runtime/index.ts", "utf8");
  const exported = [
    ...runtime.matchAll(/^export (?:abstract )?(?:class|function|enum|type|var) (\w+)/gm),
  ].map(([, name = ""]) => name);
  /** The row that names it, of those with three columns. */
  const row = (name: string): string | undefined =>
    table
      .slice(table.indexOf("## Migrating"))
      .split("\n")
      .find((line) => line.startsWith("|") && line.split("|")[1]?.includes(`\`${name}\``));

  test.each(exported)("has %s", (name) => {
    const kind = row(name)?.split("|")[2]?.trim();
    expect(["same", "differs", "gone"]).toContain(kind);
    const offered = new RegExp(`\\b${name}\\b`).test(ours);
    expect(offered).toBe(kind !== "gone");
  });
});

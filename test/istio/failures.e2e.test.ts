/** What the real Istio and Envoy do where a plugin's module cannot be had, or traps. */
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, onTestFailed, test } from "vitest";
import { compileText } from "../../tools/compile.ts";
import { Bookinfo, echo } from "./bookinfo.ts";
import { eventually, type Answer } from "./client.ts";
import { pushFile, pushImage } from "./image.ts";
import { Mesh } from "./mesh.ts";
import { referenceTo, wasmPlugin, type PluginOptions } from "./wasm-plugin.ts";

/** Traps on a request with `x-trap`, and adds `x-launch: on` to all others. */
const TRAPPING = `
@external("env", "proxy_get_header_map_value")
declare function getHeader(map: u32, key: usize, keySize: usize, value: usize, valueSize: usize): u32;
@external("env", "proxy_add_header_map_value")
declare function addHeader(map: u32, key: usize, keySize: usize, value: usize, valueSize: usize): u32;
const LAUNCH = memory.data<u8>([0x78, 0x2d, 0x6c, 0x61, 0x75, 0x6e, 0x63, 0x68, 0x6f, 0x6e]);
const NAME = memory.data<u8>([0x78, 0x2d, 0x74, 0x72, 0x61, 0x70]);
const VALUE = memory.data(8);
export function proxy_abi_version_0_2_1(): void {}
export function proxy_on_memory_allocate(size: usize): usize { return heap.alloc(size); }
export function proxy_on_configure(id: u32, size: usize): u32 { return 1; }
export function proxy_on_request_headers(id: u32, count: u32, end: u32): u32 {
  if (getHeader(0, NAME, 6, VALUE, VALUE + 4) == 0) unreachable();
  addHeader(0, LAUNCH, 8, LAUNCH + 8, 2);
  return 0;
}
`;

describe("with the real Istio", () => {
  let mesh: Mesh;
  let bookinfo: Bookinfo;
  let repository: string;
  let digest: string;

  // The first time on a machine Istio is built.
  beforeAll(async () => {
    mesh = await Mesh.start({ accessLogFile: "access.log" }, { drainDuration: "1s" });
    bookinfo = await Bookinfo.deploy(mesh);
    repository = `${mesh.registry.host}/outrigger/dark-launch`;
    digest = (await pushFile(repository, "1", "build/dark-launch.wasm")).replace("sha256:", "");
    await pushImage(`${mesh.registry.host}/trapping`, "1", await compileText(TRAPPING));
    await eventually(async () => echo(await bookinfo.fromOutside()));
  }, 900_000);
  afterAll(() => mesh?.stop());

  const asked = (headers: Record<string, string> = {}): Promise<Answer> =>
    bookinfo.fromOutside({ path: "/reviews/1", headers });

  let plugins = 0;

  /** Makes the plugin that is being played, or changes it. */
  function applied(options: Partial<PluginOptions>): void {
    const config = { header: "x-launch", default: "on" };
    const url = `oci://${repository}:1`;
    mesh.apply(wasmPlugin(`plugin-${plugins}`, { on: "gateway", mode: "CLIENT", url, config, ...options }));
  }

  /** A plugin is there while `play` runs. Of a name that was there before, Envoy would for a moment have what it was told last. */
  async function played(options: Partial<PluginOptions>, play: () => Promise<void>): Promise<void> {
    onTestFailed(() => console.log(mesh.log()));
    plugins++;
    applied(options);
    try {
      await play();
    } finally {
      mesh.delete(referenceTo(`plugin-${plugins}`, "gateway"));
    }
    await eventually(async () => expect(echo(await asked()).headers).not.toHaveProperty("x-launch"));
  }

  const inForce = async (): Promise<void> =>
    expect(echo(await asked()).headers).toMatchObject({ "x-launch": "on" });

  /** The statistics prefix of the RBAC filter that pilot-agent gives Envoy instead of a plugin whose module it cannot have. */
  async function instead(): Promise<string | undefined> {
    const dump = JSON.parse(await bookinfo.gateway.admin("/config_dump?resource=ecds_filters")) as {
      configs?: { ecds_filter: { name: string; typed_config: { rules_stat_prefix?: string } } }[];
    };
    const found = dump.configs?.find(({ ecds_filter }) =>
      ecds_filter.name.includes(`istio-system.plugin-${plugins}~`),
    );
    if (found === undefined) throw new Error("Envoy has no plugin");
    return found.ecds_filter.typed_config.rules_stat_prefix;
  }

  test.each([
    ["an image that is missing", { tag: "missing" }, /could not fetch manifest.*MANIFEST_UNKNOWN/],
    [
      "an image with another digest than sha256 says",
      { sha256: "0".repeat(64) },
      /has checksum [0-9a-f]{64}, which does not match: 0{64}/,
    ],
  ])(
    "%s closes the gateway unless it is told to fail open",
    { timeout: 60_000 },
    async (_, { tag = "1", ...rest }: { tag?: string; sha256?: string }, why) => {
      const wrong = { ...rest, url: `oci://${repository}:${tag}` };
      for (const failStrategy of ["FAIL_CLOSE", "FAIL_RELOAD"] as const)
        await played({ ...wrong, failStrategy }, async () => {
          await eventually(async () => expect(await instead()).toBe("wasm-default-deny"));
          // Envoy's own filter says so: the body does not tell it from a denial of authz, the details do.
          const refused = { status: 403, body: "RBAC: access denied" };
          await eventually(async () => expect(await asked()).toMatchObject(refused));
          await eventually(() =>
            expect(bookinfo.gateway.lines("access.log").at(-1)).toContain(
              "rbac_access_denied_matched_policy[none]",
            ),
          );
        });
      await played({ ...wrong, failStrategy: "FAIL_OPEN" }, async () => {
        await eventually(async () => expect(await instead()).toBe("wasm-default-allow"));
        expect(echo(await asked()).headers).not.toHaveProperty("x-launch");
      });
      expect(bookinfo.gateway.log()).toMatch(why);
    },
  );

  test(
    "an image that comes late is taken with the next change of the plugin",
    { timeout: 60_000 },
    async () => {
      const url = `oci://${repository}:late`;
      await played({ url, failStrategy: "FAIL_CLOSE" }, async () => {
        await eventually(async () => expect(await instead()).toBe("wasm-default-deny"));
        await pushFile(repository, "late", "build/dark-launch.wasm");
        expect(await instead()).toBe("wasm-default-deny");
        applied({
          url,
          failStrategy: "FAIL_CLOSE",
          config: { header: "x-launch", default: "on", rules: [] },
        });
        await eventually(inForce);
      });
    },
  );

  test(
    "an update to an image that cannot be pulled ends a plugin that worked, either way",
    { timeout: 60_000 },
    async () => {
      const url = `oci://${repository}:missing`;
      await played({ failStrategy: "FAIL_OPEN" }, async () => {
        await eventually(inForce);
        applied({ failStrategy: "FAIL_OPEN", url });
        await eventually(async () => expect(await instead()).toBe("wasm-default-allow"));
        await eventually(async () => expect(echo(await asked()).headers).not.toHaveProperty("x-launch"));
      });
      await played({ failStrategy: "FAIL_CLOSE" }, async () => {
        await eventually(inForce);
        applied({ failStrategy: "FAIL_CLOSE", url });
        await eventually(async () => expect(await instead()).toBe("wasm-default-deny"));
        await eventually(async () =>
          expect(await asked()).toMatchObject({ status: 403, body: "RBAC: access denied" }),
        );
      });
    },
  );

  test("an image whose digest sha256 names is taken", { timeout: 60_000 }, async () => {
    await played({ sha256: digest }, () => eventually(inForce));
    await played({ url: `oci://${repository}@sha256:${digest}` }, () => eventually(inForce));
  });

  describe("a module that traps", () => {
    const trapping = (
      failStrategy: PluginOptions["failStrategy"],
      play: () => Promise<void>,
    ): Promise<void> =>
      played(
        { url: `oci://${mesh.registry.host}/trapping:1`, failStrategy: failStrategy!, config: {} },
        async () => {
          // Once it is there, a request that makes it trap is not answered by the application, unless it fails open.
          await eventually(async () => expect(await instead()).toBeUndefined());
          await play();
        },
      );
    const trap = { "x-trap": "1" };
    /** What the alert of traps counts, of this plugin: the values of the metrics that its expression selects. */
    const counted = async (): Promise<number> => {
      const [, selected = ""] =
        /__name__=~"(envoy_wasm_[^"]+)"/.exec(readFileSync("envoy/prometheus/rules.yaml", "utf8")) ?? [];
      const metrics = (await bookinfo.gateway.admin("/stats/prometheus"))
        .split("\n")
        .map((line) => /^(\w+)\{\} (\d+)$/.exec(line) ?? [])
        .filter(([, name = ""]) => new RegExp(`^(?:${selected})$`).test(name))
        .filter(([, name = ""]) => name.includes(`istio_system_plugin_${plugins}_`));
      expect(metrics).toHaveLength(2);
      return metrics.reduce((sum, [, , value]) => sum + Number(value), 0);
    };

    test("refuses what comes after under FAIL_CLOSE", { timeout: 60_000 }, async () => {
      await trapping("FAIL_CLOSE", async () => {
        expect(await asked(trap)).toMatchObject({ status: 503 });
        const end = performance.now() + 3000;
        while (performance.now() < end) expect(await asked()).toMatchObject({ status: 503 });
      });
    });

    test("is begun anew under FAIL_RELOAD", { timeout: 60_000 }, async () => {
      await trapping("FAIL_RELOAD", async () => {
        for (let round = 1; round <= 2; round++) {
          expect(await asked(trap)).toMatchObject({ status: 503 });
          const begin = performance.now();
          await eventually(async () => echo(await asked()));
          console.log(`served again ${Math.round(performance.now() - begin)} ms after trap ${round}`);
          expect(await counted()).toBe(round);
        }
      });
    });

    test(
      "takes down those of its VM, of which each comes back as it says itself",
      { timeout: 60_000 },
      async () => {
        const url = `oci://${mesh.registry.host}/trapping:1`;
        const beside = wasmPlugin("beside", {
          on: "gateway",
          mode: "CLIENT",
          url,
          config: {},
          failStrategy: "FAIL_OPEN",
        });
        const launched = async (): Promise<unknown> => echo(await asked()).headers["x-launch"];
        await trapping("FAIL_RELOAD", async () => {
          mesh.apply(beside);
          await eventually(async () => expect(await launched()).toBe("on, on"));
          expect(await asked(trap)).toMatchObject({ status: 503 });
          await eventually(async () => expect(await launched()).toBeDefined());
          const remains = async (): Promise<void> => {
            for (let i = 0; i < 10; i++) expect(await launched()).toBe("on");
          };
          await remains();
          // Pushed again as it is, it is no other configuration for Envoy.
          mesh.apply({
            ...beside,
            metadata: { ...beside.metadata, annotations: { "again.istio.io/at": "1" } },
          });
          await sleep(3000);
          await remains();
          mesh.apply({ ...beside, spec: { ...(beside.spec as object), pluginConfig: { changed: true } } });
          await eventually(async () => expect(await launched()).toBe("on, on"));
          mesh.delete(referenceTo("beside", "gateway"));
        });
      },
    );

    test("is left out under FAIL_OPEN", { timeout: 60_000 }, async () => {
      await trapping("FAIL_OPEN", async () => {
        await asked(trap);
        for (let i = 0; i < 10; i++) expect(echo(await asked()).headers).not.toHaveProperty("x-launch");
        // The proxy's log alone says so.
        expect(await counted()).toBe(0);
        expect(mesh.log()).toContain("Function: proxy_on_request_headers failed: Uncaught RuntimeError");
      });
    });
  });
});

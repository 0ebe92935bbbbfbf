/** What the real Istio and Envoy do where a plugin's module cannot be had, or traps. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, onTestFailed, test } from "vitest";
import { compileText } from "../../tools/compile.ts";
import { Bookinfo, echo } from "./bookinfo.ts";
import { eventually, type Answer } from "./client.ts";
import { pushImage } from "./image.ts";
import { Mesh } from "./mesh.ts";
import { referenceTo, wasmPlugin, type PluginOptions } from "./wasm-plugin.ts";

/** Traps on a request with as many headers as `x-trap` makes, and else adds nothing. */
const TRAPPING = `
@external("env", "proxy_get_header_map_value")
declare function getHeader(map: u32, key: usize, keySize: usize, value: usize, valueSize: usize): u32;
const NAME = memory.data<u8>([0x78, 0x2d, 0x74, 0x72, 0x61, 0x70]);
const VALUE = memory.data(8);
export function proxy_abi_version_0_2_1(): void {}
export function proxy_on_memory_allocate(size: usize): usize { return heap.alloc(size); }
export function proxy_on_configure(id: u32, size: usize): u32 { return 1; }
export function proxy_on_request_headers(id: u32, count: u32, end: u32): u32 {
  if (getHeader(0, NAME, 6, VALUE, VALUE + 4) == 0) unreachable();
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
    mesh = await Mesh.start();
    bookinfo = await Bookinfo.deploy(mesh);
    repository = `${mesh.registry.host}/outrigger/dark-launch`;
    digest = (await pushImage(repository, "1", readFileSync("build/dark-launch.wasm"))).replace(
      "sha256:",
      "",
    );
    await pushImage(`${mesh.registry.host}/trapping`, "1", await compileText(TRAPPING));
    await eventually(async () => echo(await bookinfo.fromOutside()));
  }, 900_000);
  afterAll(() => mesh?.stop());

  const asked = (headers: Record<string, string> = {}): Promise<Answer> =>
    bookinfo.fromOutside({ path: "/reviews/1", headers });

  /** The plugin is there while `play` runs. */
  async function played(options: Partial<PluginOptions>, play: () => Promise<void>): Promise<void> {
    onTestFailed(() => console.log(mesh.log()));
    const config = { header: "x-launch", default: "on" };
    mesh.apply(
      wasmPlugin("plugin", {
        on: "gateway",
        mode: "CLIENT",
        url: `oci://${repository}:1`,
        config,
        ...options,
      }),
    );
    try {
      await play();
    } finally {
      mesh.delete(referenceTo("plugin", "gateway"));
    }
    await eventually(async () => expect(echo(await asked()).headers).not.toHaveProperty("x-launch"));
  }

  const inForce = async (): Promise<void> =>
    expect(echo(await asked()).headers).toMatchObject({ "x-launch": "on" });

  test.each([
    ["an image that is missing", { url: "missing" }],
    [
      "an image with another digest than sha256 says",
      { sha256: createHash("sha256").update("another").digest("hex") },
    ],
  ])(
    "%s closes the gateway under FAIL_CLOSE, and under FAIL_OPEN is left out",
    { timeout: 120_000 },
    async (_, wrong) => {
      const options = "url" in wrong ? { url: `oci://${repository}:missing` } : wrong;
      await played({ ...options, failStrategy: "FAIL_CLOSE" }, async () => {
        const refused = await eventually(async () => {
          const answer = await asked();
          expect(answer.status).not.toBe(200);
          return answer;
        });
        console.log(`FAIL_CLOSE: ${refused.status} ${refused.body}`);
        expect(refused.body).not.toContain("workload");
      });
      await played({ ...options, failStrategy: "FAIL_OPEN" }, async () => {
        const said = "url" in wrong ? "missing" : "digest";
        await eventually(() => expect(bookinfo.gateway.log()).toMatch(new RegExp(`error.*${said}`)));
        expect(echo(await asked()).headers).not.toHaveProperty("x-launch");
      });
    },
  );

  test("an image whose digest sha256 names is taken", { timeout: 60_000 }, async () => {
    await played({ sha256: digest }, () => eventually(inForce));
  });
});

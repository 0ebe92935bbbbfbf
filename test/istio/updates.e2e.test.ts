/** Plugins of the real Istio change while requests are under way. */
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, onTestFailed, test } from "vitest";
import { Bookinfo, echo, HOST } from "./bookinfo.ts";
import { eventually } from "./client.ts";
import { pushImage } from "./image.ts";
import { Load } from "./load.ts";
import { Mesh } from "./mesh.ts";
import { referenceTo, wasmPlugin } from "./wasm-plugin.ts";

const CLIENTS = 4;

describe("with the real Istio", () => {
  let mesh: Mesh;
  let bookinfo: Bookinfo;
  let repository: string;

  // The first time on a machine Istio is built.
  beforeAll(async () => {
    mesh = await Mesh.start();
    bookinfo = await Bookinfo.deploy(mesh);
    repository = `${mesh.registry.host}/outrigger/dark-launch`;
    await eventually(async () => echo(await bookinfo.fromOutside()));
  }, 900_000);
  afterAll(() => mesh?.stop());

  /** Its default goes with every request in `x-launch`. */
  const apply = (tag: string, variant: string | number): void =>
    mesh.apply(
      wasmPlugin("launch", {
        on: "gateway",
        mode: "CLIENT",
        url: `oci://${repository}:${tag}`,
        config: { header: "x-launch", default: variant },
      }),
    );
  const variant = async (): Promise<string> =>
    String(echo(await bookinfo.fromOutside({ path: "/reviews/1" })).headers["x-launch"]);

  test(
    "images and configurations change under load without one request that fails",
    { timeout: 120_000 },
    async () => {
      onTestFailed(() => console.log(mesh.log()));
      const module = readFileSync("build/dark-launch.wasm");
      // Two releases: the same code, with a custom section (WebAssembly 5.5.3) that says which.
      for (const tag of ["1", "2"])
        await pushImage(
          repository,
          tag,
          Buffer.concat([module, Buffer.of(0, 3, 1, 0x72, tag.charCodeAt(0))]),
        );
      apply("1", "r0");
      await eventually(async () => expect(await variant()).toBe("r0"));
      const to = { address: bookinfo.gateway.address, port: 8080, host: HOST, path: "/reviews/1" };
      const load = new Load(to, CLIENTS, (answer) =>
        answer.status === 200 ? String(echo(answer).headers["x-launch"]) : `${answer.status} ${answer.body}`,
      );
      const wanted = ["r0"];
      for (let round = 1; round <= 6; round++) {
        const before = load.total;
        wanted.push(`r${round}`);
        // The configuration changes each time, the image each other time.
        apply(round % 4 < 2 ? "1" : "2", `r${round}`);
        await eventually(async () => expect(await variant()).toBe(`r${round}`));
        await eventually(() => expect(load.total).toBeGreaterThan(before + 100));
      }
      await load.stop();
      console.log(
        `${load.total} requests over 6 updates; by variant: ${JSON.stringify(Object.fromEntries(load.counts))}`,
      );
      expect([...load.counts.keys()].filter((outcome) => !wanted.includes(outcome))).toEqual([]);
      expect(load.counts.size).toBe(wanted.length);
      expect(bookinfo.gateway.log()).toContain("with tag 2");
    },
  );

  test(
    "a plugin comes and goes under load without one request that fails",
    { timeout: 120_000 },
    async () => {
      onTestFailed(() => console.log(mesh.log()));
      const to = { address: bookinfo.gateway.address, port: 8080, host: HOST, path: "/reviews/1" };
      const load = new Load(to, CLIENTS, ({ status, body }) =>
        status === 200 ? "200" : `${status} ${body}`,
      );
      for (let round = 1; round <= 3; round++) {
        mesh.delete(referenceTo("launch", "gateway"));
        await eventually(async () => expect(await variant()).toBe("undefined"));
        apply("1", `back${round}`);
        await eventually(async () => expect(await variant()).toBe(`back${round}`));
      }
      await load.stop();
      console.log(`${load.total} requests while a plugin went and came three times`);
      expect([...load.counts.keys()]).toEqual(["200"]);
      expect(load.total).toBeGreaterThan(100);
    },
  );

  test(
    "a configuration that the filter refuses leaves the old one in force",
    { timeout: 60_000 },
    async () => {
      onTestFailed(() => console.log(mesh.log()));
      apply("1", "good");
      await eventually(async () => expect(await variant()).toBe("good"));
      apply("1", 7);
      // Envoy has tried it, and says why not.
      await eventually(() => expect(bookinfo.gateway.log()).toContain("default: expected a variant"));
      expect(await variant()).toBe("good");
      apply("1", "better");
      await eventually(async () => expect(await variant()).toBe("better"));
    },
  );
});

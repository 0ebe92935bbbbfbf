/** `make publish`: all modules, or no tag of any. */
import { readFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Folder, environment } from "../cli/command.ts";
import { RegistryServer } from "../cli/registry-server.ts";
import { run } from "../peers/cache.ts";

let registry: RegistryServer;
let folder: Folder;
beforeEach(async () => {
  registry = await RegistryServer.start();
  folder = new Folder();
  for (const name of ["dark-launch", "trace-propagation"]) {
    folder.write(`${name}.wasm`, readFileSync(`build/${name}.wasm`));
    folder.write(`sbom/${name}.json`, readFileSync(`build/sbom/${name}.json`));
  }
});
afterEach(async () => {
  await registry.stop();
  folder.remove();
});

function publish(...words: string[]): ReturnType<typeof run> {
  const all = ["run", "-s", "publish-modules", "--", ...words, "--uncommitted", "--modules", folder.path];
  return run("npm", all, { env: environment({ DOCKER_CONFIG: folder.path }) });
}

describe("make publish", { timeout: 60_000 }, () => {
  test("takes the project's version for the tag, and tags when all modules are there", async () => {
    const { version } = JSON.parse(readFileSync("package.json", "utf8")) as { version: string };
    const { code, output } = await publish(`oci://${registry.host}/team/`);
    expect(code).toBe(0);
    expect([...registry.tags.keys()]).toEqual([
      `team/dark-launch:${version}`,
      `team/trace-propagation:${version}`,
    ]);
    expect(registry.writes.slice(-2)).toEqual(
      [...registry.tags.keys()].map((tag) => `PUT /v2/${tag.replace(":", "/manifests/")}`),
    );
    for (const digest of registry.tags.values()) expect(output).toContain(`sha256: ${digest.slice(7)}`);
  });

  test("sets no tag where one of the modules cannot be brought", async () => {
    registry.fault = ({ method, path }) =>
      method === "POST" && path.includes("/trace-propagation/") ? { status: 403, body: "" } : undefined;
    const { code, output } = await publish(registry.host);
    expect(code).toBe(1);
    expect(output).toMatch(/^error: .* push to .*\/trace-propagation/m);
    expect([...registry.tags.keys()]).toEqual([]);
  });

  test("asks the registry nothing where one of the modules is none", async () => {
    folder.write("broken.wasm", "x");
    const { code, output } = await publish(registry.host);
    expect(code).toBe(2);
    expect(output).toContain("broken.wasm is no Wasm module");
    expect(registry.requests).toEqual([]);
  });

  test("says what is missing", async () => {
    expect(await publish("")).toEqual({
      code: 2,
      output: expect.stringContaining("where to? make publish REGISTRY=ghcr.io/example") as string,
    });
    expect(await publish("x", "--nothing")).toEqual({
      code: 2,
      output: expect.stringContaining("--nothing") as string,
    });
  });
});

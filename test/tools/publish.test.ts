/** `make publish`: all modules, or no tag of any. */
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { Folder, environment } from "../cli/command.ts";
import { RegistryServer } from "../cli/registry-server.ts";
import { run } from "../peers/cache.ts";
import { Packages } from "../../tools/packages.ts";
import { provenanceOf } from "../../tools/provenance.ts";
import { copyProject, gitIn } from "./elsewhere.ts";

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

const WORDS = ["run", "-s", "publish-modules", "--"];

/** Of whatever is here. */
function publish(...words: string[]): ReturnType<typeof run> {
  const all = [...WORDS, ...words, "--uncommitted", "--modules", folder.path];
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

  test("tells what has a tag already where the next one cannot be set", async () => {
    registry.fault = ({ method, path }) =>
      method === "PUT" && path.endsWith("/trace-propagation/manifests/1.0")
        ? { status: 409, body: "" }
        : undefined;
    const { code, output } = await publish(registry.host, "--tag", "1.0");
    expect(code).toBe(1);
    const digest = registry.tags.get("dark-launch:1.0")!;
    expect([...registry.tags.keys()]).toEqual(["dark-launch:1.0"]);
    expect(output).toContain(`sha256: ${digest.slice(7)}`);
    expect(output).toMatch(
      /^error: .*409; these have their tags already: oci:\/\/\S*\/dark-launch:1\.0; publish again/m,
    );
  });

  test("tells what may have a tag where the registry does not tell", async () => {
    let reads = 0;
    registry.fault = ({ method, path }) =>
      method === "GET" && path.endsWith("/trace-propagation/manifests/1.0") && ++reads > 1
        ? { status: 403, body: "" }
        : undefined;
    const { code, output } = await publish(registry.host, "--tag", "1.0");
    expect(code).toBe(1);
    expect([...registry.tags.keys()]).toEqual(["dark-launch:1.0", "trace-propagation:1.0"]);
    const digest = registry.tags.get("trace-propagation:1.0")!;
    const [dark, trace] = ["dark-launch", "trace-propagation"].map(
      (name) => `oci://${registry.host}/${name}:1.0`,
    );
    expect(output).toContain(`/trace-propagation:1.0 may mean ${digest} now; push again to be sure`);
    expect(output).toContain(
      `; these have their tags already: ${dark}, ${trace} (perhaps); publish again to set those of the others`,
    );
  });

  test("sets all tags where its answer cannot be written, and fails", { timeout: 60_000 }, async () => {
    const words = [...WORDS, registry.host, "--uncommitted", "--modules", folder.path];
    const { code, output } = await run("sh", ["-c", 'npm "$@" > /dev/full', "sh", ...words], {
      env: environment({ DOCKER_CONFIG: folder.path }),
    });
    expect(code).toBe(1);
    expect(output.match(/^error: cannot write the answer: no space left on device$/gm)).toHaveLength(1);
    expect(registry.tags.size).toBe(2);
  });

  test("leaves out what a registry does not take, and speaks TLS, where that is asked for", async () => {
    expect((await publish(registry.host, "--no-sbom")).code).toBe(0);
    expect(registry.requests.filter((request) => request.includes("/referrers/"))).toEqual([]);
    const { code, output } = await publish(registry.host, "--no-plain-http");
    expect(code).toBe(1);
    expect(output).toContain("does not speak TLS");
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

describe("make publish of a commit", { timeout: 60_000 }, () => {
  let clone: Folder;
  let commit: string;
  beforeAll(() => {
    clone = new Folder();
    copyProject(clone.path);
    gitIn(clone.path, "init", "--quiet");
    clone.write(".git/info/exclude", "/node_modules\n");
    gitIn(clone.path, "add", "--all");
    gitIn(clone.path, "commit", "--quiet", "--message", "all");
    commit = gitIn(clone.path, "rev-parse", "HEAD");
  });
  afterAll(() => clone.remove());
  beforeEach(() => {
    rmSync(join(clone.path, "build"), { recursive: true, force: true });
    builtOf(commit);
  });

  /** Puts a module there as the build of a commit has it. */
  function builtOf(commit: string): void {
    const binary = readFileSync("build/dark-launch.wasm");
    const revision = { commit, committed: "2026-11-26T10:00:00Z", source: undefined };
    const build = { file: "dark-launch.wasm", binary, entry: "filters/dark-launch/module.ts", revision };
    const provenance = provenanceOf({ ...build, builder: "urn:test" }, new Packages());
    clone.write("build/dark-launch.wasm", binary);
    clone.write("build/sbom/dark-launch.json", readFileSync("build/sbom/dark-launch.json"));
    clone.write("build/provenance/dark-launch.json", JSON.stringify(provenance));
  }

  function publishCommit(...words: string[]): ReturnType<typeof run> {
    const env = environment({ DOCKER_CONFIG: folder.path });
    return run("npm", [...WORDS, registry.host, "--tag", "1.0", ...words], { cwd: clone.path, env });
  }

  test("takes modules that are built of it, with their provenance", async () => {
    const { code, output } = await publishCommit();
    expect(output).toContain("(SBOM: attached; provenance: attached)");
    expect(code).toBe(0);
    expect(registry.manifest("dark-launch", "1.0").annotations).toMatchObject({
      "org.opencontainers.image.revision": commit,
    });
  });

  test("takes none of another commit", async () => {
    builtOf("0".repeat(40));
    const { code, output } = await publishCommit();
    expect(code).toBe(2);
    expect(output).toContain(
      `build/dark-launch.wasm is of ${"0".repeat(40)}, and what is here is ${commit}; build it again`,
    );
    expect(registry.requests).toEqual([]);
  });

  test("takes none of which nothing says where it comes from, as an older build's", async () => {
    clone.write("build/old.wasm", readFileSync("build/trace-propagation.wasm"));
    const { code, output } = await publishCommit();
    expect(code).toBe(2);
    expect(output).toContain("build/old.wasm has no provenance, so nothing says of which commit it is");
    expect(registry.requests).toEqual([]);
  });

  test("takes none where files differ from it, unless that is asked for, and then without provenance", async () => {
    clone.write("more", "");
    try {
      const { code, output } = await publishCommit();
      expect(code).toBe(2);
      expect(output).toContain("what is here is no commit: more differs from the commit; mend that, or say");
      expect(registry.requests).toEqual([]);
      const uncommitted = await publishCommit("--uncommitted");
      expect(uncommitted.output).toContain("(SBOM: attached; provenance: none)");
      expect(uncommitted.code).toBe(0);
      expect(registry.manifest("dark-launch", "1.0").annotations).not.toHaveProperty([
        "org.opencontainers.image.revision",
      ]);
    } finally {
      rmSync(join(clone.path, "more"));
    }
  });
});

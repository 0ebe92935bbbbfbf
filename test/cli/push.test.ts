/** `outrigger push` as its users run it, against a registry that does what it should. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { gunzipSync, gzipSync } from "node:zlib";
import { createTar, parseTar } from "nanotar";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { run } from "../peers/cache.ts";
import { COMMAND, environment, Folder, outrigger } from "./command.ts";
import { RegistryServer } from "./registry-server.ts";

const MODULE = "build/dark-launch.wasm";
const ANSWER_SECONDS = 30_000;

let registry: RegistryServer;
const folder = new Folder();
beforeEach(async () => (registry = await RegistryServer.start()));
afterEach(() => registry.stop());
afterAll(() => folder.remove());

/** Without what the tests' user is logged in to. */
const env = { DOCKER_CONFIG: folder.path };

function push(...words: string[]): ReturnType<typeof outrigger> {
  return outrigger(["push", ...words], { env });
}

function inspect(...words: string[]): ReturnType<typeof outrigger> {
  return outrigger(["inspect", ...words], { env });
}

/** A module that exports a memory, and a function by whose name it says of which version of the ABI it is. */
function pluginOf(version: string): Uint8Array {
  const named = (name: string, ...kind: number[]): number[] => [name.length, ...Buffer.from(name), ...kind];
  const exports = [2, ...named(`proxy_abi_version_${version}`, 0, 0), ...named("memory", 2, 0)];
  const [type, functions, memory] = [
    [1, 4, 1, 0x60, 0, 0],
    [3, 2, 1, 0],
    [5, 3, 1, 0, 1],
  ] as const;
  const code = [10, 4, 1, 2, 0, 0x0b];
  const sections = [...type, ...functions, ...memory, 7, exports.length, ...exports, ...code];
  return Uint8Array.from([...Buffer.from("\0asm\x01\0\0\0", "latin1"), ...sections]);
}

describe("outrigger push", { timeout: ANSWER_SECONDS }, () => {
  test("puts an image with one layer, a tar of plugin.wasm alone", async () => {
    const { status, stderr } = await push(`oci://${registry.host}/filters/dark-launch:1.0`, MODULE);
    expect(stderr).toContain(`uploaded: oci://${registry.host}/filters/dark-launch:1.0`);
    expect(status).toBe(0);
    const manifest = registry.manifest("filters/dark-launch", "1.0") as {
      mediaType: string;
      config: { mediaType: string; digest: string };
      layers: { mediaType: string; digest: string; size: number }[];
    };
    expect(manifest.mediaType).toBe("application/vnd.oci.image.manifest.v1+json");
    expect(manifest.layers).toHaveLength(1);
    const [layer] = manifest.layers;
    expect(layer!.mediaType).toBe("application/vnd.oci.image.layer.v1.tar+gzip");
    const packed = registry.blobs.get(layer!.digest)!;
    expect(packed.length).toBe(layer!.size);
    const tar = new Uint8Array(gunzipSync(packed));
    const files = parseTar(tar);
    expect(files.map(({ name, attrs }) => [name, attrs?.mtime, attrs?.uid])).toEqual([["plugin.wasm", 0, 0]]);
    expect(Buffer.from(files[0]!.data!).equals(readFileSync(MODULE))).toBe(true);
    const config = JSON.parse(registry.blobs.get(manifest.config.digest)!.toString()) as Record<
      string,
      unknown
    >;
    expect(config).toMatchObject({
      architecture: "wasm",
      rootfs: { diff_ids: [`sha256:${createHash("sha256").update(tar).digest("hex")}`] },
    });
  });

  test("answers a WasmPlugin with the image's digest, and says where it is", async () => {
    const url = `oci://${registry.host}/dark-launch:1.0`;
    const { stdout } = await push(url, MODULE);
    const digest = registry.tags.get("dark-launch:1.0")!;
    expect(stdout.split("\n")[0]).toBe(`# ${url}@${digest}`);
    expect(parse(stdout)).toEqual({
      apiVersion: "extensions.istio.io/v1alpha1",
      kind: "WasmPlugin",
      metadata: { name: "dark-launch" },
      spec: { url, sha256: digest.slice(7), pluginName: "dark-launch" },
    });
  });

  test("gives the same digest each time, and sends nothing twice", async () => {
    const url = `oci://${registry.host}/dark-launch:1.0`;
    const first = await push("--quiet", url, MODULE);
    expect(first.stdout).toMatch(/^sha256:[0-9a-f]{64}\n$/);
    const before = registry.writes.length;
    const second = await push(url, MODULE);
    expect(second.stdout).toContain(first.stdout.trim());
    expect(second.stderr).toContain("all of it was there already");
    expect(registry.writes.slice(before)).toEqual([]);
  });

  test("sets the tag after all else", async () => {
    await push(`oci://${registry.host}/dark-launch:1.0`, MODULE);
    expect(registry.writes.at(-1)).toBe("PUT /v2/dark-launch/manifests/1.0");
    expect(registry.writes.filter((request) => request.endsWith("/1.0"))).toHaveLength(1);
  });

  test("says which image a tag meant before", async () => {
    const url = `oci://${registry.host}/filter:1.0`;
    const { stdout } = await push("--quiet", url, MODULE);
    const { status, stderr } = await push(url, "build/trace-propagation.wasm");
    expect(status).toBe(0);
    expect(stderr).toContain(`the tag meant ${stdout.trim()} before`);
  });

  test("takes annotations, and over what the build says", async () => {
    const words = ["-a", "org.opencontainers.image.version=9.9", "--annotation", "com.example.team=edge"];
    await push(`oci://${registry.host}/filter:1.0`, MODULE, ...words);
    expect(registry.manifest("filter", "1.0").annotations).toMatchObject({
      "org.opencontainers.image.title": "dark-launch",
      "org.opencontainers.image.version": "9.9",
      "com.example.team": "edge",
    });
    const { status, stderr } = await push(`oci://${registry.host}/filter:1.0`, MODULE, "-a", "version");
    expect(status).toBe(2);
    expect(stderr).toContain("--annotation version: expected NAME=VALUE");
  });

  test("--json tells digests and what was done", async () => {
    const url = `oci://${registry.host}/dark-launch:1.0`;
    const { stdout } = await push("--json", "--no-sbom", "--no-provenance", url, MODULE);
    expect(JSON.parse(stdout)).toEqual({
      url,
      digest: registry.tags.get("dark-launch:1.0"),
      module: `sha256:${createHash("sha256").update(readFileSync(MODULE)).digest("hex")}`,
      uploaded: 3,
      replaced: null,
      referrers: [],
    });
  });

  test("says that its answer cannot be written, and fails", async () => {
    const words = [process.execPath, COMMAND, "push", `oci://${registry.host}/filter:1.0`, MODULE];
    const { code, output } = await run("sh", ["-c", '"$@" > /dev/full', "sh", ...words], {
      env: environment(env),
    });
    expect(code).toBe(1);
    expect(output).toMatch(/^error: cannot write the answer: no space left on device\n$/m);
    expect(output).not.toContain("    at ");
    expect(registry.tags.has("filter:1.0")).toBe(true);
  });

  test("speaks plain HTTP to a registry elsewhere, and to its tokens, where that is asked for", async () => {
    // An address of this machine that is none of loopback's, as far as its name says.
    const host = registry.host.replace("127.0.0.1", "0.0.0.0");
    registry.tokens = { user: "ann:secret", realm: `http://${host}/token` };
    folder.write(
      "config.json",
      JSON.stringify({ auths: { [host]: { auth: Buffer.from("ann:secret").toString("base64") } } }),
    );
    const url = `oci://${host}/filter:1.0`;
    const tls = await push(url, MODULE);
    expect(tls.status).toBe(1);
    expect(tls.stderr).toContain(`${host} does not speak TLS; for plain HTTP add --plain-http`);
    expect(await push("--quiet", "--plain-http", url, MODULE)).toMatchObject({ status: 0, stderr: "" });
    expect((await inspect("--plain-http", url)).status).toBe(0);
  });

  test("says why it waits, also where there is no terminal", async () => {
    let faults = 1;
    registry.fault = ({ method }) => (method === "POST" && faults-- > 0 ? { status: 503 } : undefined);
    const { status, stderr } = await push("--quiet", `oci://${registry.host}/filter:1.0`, MODULE);
    expect(status).toBe(0);
    expect(stderr).toMatch(/^note: POST http:.*\/uploads\/: 503; again in 0\.[56] s\n$/);
  });

  test("refuses what no proxy would load, and asks the registry nothing", async () => {
    const cases: [string, string | Uint8Array, RegExp][] = [
      ["text.wasm", "not a module", /text\.wasm is no Wasm module: it does not begin with \\0asm/],
      ["cut.wasm", readFileSync(MODULE).subarray(0, 1000), /cut\.wasm is a broken Wasm module: /],
      [
        "empty.wasm",
        Buffer.from("\0asm\x01\0\0\0", "latin1"),
        /it is no proxy-wasm plugin: it exports no proxy_abi_version_0_2_1/,
      ],
      [
        "later.wasm",
        pluginOf("0_3_0"),
        /it speaks proxy-wasm 0\.3\.0, and proxies speak 0\.1\.0, 0\.2\.0, 0\.2\.1/,
      ],
    ];
    for (const [name, contents, message] of cases) {
      folder.write(name, contents);
      const { status, stdout, stderr } = await push(
        `oci://${registry.host}/filter:1.0`,
        `${folder.path}/${name}`,
      );
      expect(status).toBe(2);
      expect(stdout).toBe("");
      expect(stderr).toMatch(message);
    }
    const { status, stderr } = await push(`oci://${registry.host}/filter:1.0`, "build/missing.wasm");
    expect(status).toBe(2);
    expect(stderr).toBe("error: cannot read build/missing.wasm: no such file or folder\n");
    expect(registry.requests).toEqual([]);
  });

  test("takes modules of other versions of the ABI that proxies speak", async () => {
    for (const [version, repository] of [
      ["0_1_0", "first"],
      ["0_2_0", "second"],
    ] as const) {
      folder.write("older.wasm", pluginOf(version));
      const url = `oci://${registry.host}/${repository}:1.0`;
      expect((await push(url, `${folder.path}/older.wasm`)).status).toBe(0);
    }
  });

  test("refuses a reference that is none, with the reason", async () => {
    const cases: [string, string][] = [
      [`${registry.host}/filter:1.0`, "it does not begin with oci://"],
      ["oci://filter:1.0", "the repository is missing"],
      [
        "oci://example/filter:1.0",
        'a host has a dot or a port, and "example" has none (Docker Hub is docker.io)',
      ],
      ["oci://localhost/filter:1.0", 'a host has a dot or a port, and "localhost" has none'],
      ["oci://127.0.0.1:99999/filter:1.0", '"127.0.0.1:99999" is no host'],
      ["oci://256.256.256.256/filter:1.0", '"256.256.256.256" is no host'],
      ["oci://1.2.3/filter:1.0", '"1.2.3" is no host'],
      ["oci://[1]:5000/filter:1.0", '"[1]:5000" is no host'],
      ["oci://[::1/filter:1.0", '"[::1" is no host'],
      [`oci://${registry.host}/Filter:1.0`, '"Filter" is no repository'],
      [`oci://${registry.host}/f:1.0`, "its repository has 1 character(s), and Istio takes 2 to 255"],
      [`oci://${registry.host}/${"f".repeat(256)}:1.0`, "its repository has 256 character(s), and Istio"],
      [`oci://${registry.host}/filter:-1`, '"-1" is no tag'],
      [`oci://${registry.host}/filter`, "the tag is missing"],
      [`oci://${registry.host}/filter@sha256:12`, '"sha256:12" is no digest'],
      [`oci://${registry.host}/filter@sha256:${"0".repeat(64)}`, "a digest comes of what is pushed"],
    ];
    for (const [reference, message] of cases) {
      const { status, stderr } = await push(reference, MODULE);
      expect(status, reference).toBe(2);
      expect(stderr).toContain(message);
    }
    expect(registry.requests).toEqual([]);
  });
});

describe("outrigger inspect", { timeout: ANSWER_SECONDS }, () => {
  test("tells of an image what was pushed", async () => {
    const url = `oci://${registry.host}/dark-launch:1.0`;
    const pushed = JSON.parse((await push("--json", url, MODULE)).stdout) as {
      digest: string;
      module: string;
    };
    const found = JSON.parse((await inspect("--json", url)).stdout) as Record<string, unknown>;
    const { version } = JSON.parse(readFileSync("package.json", "utf8")) as { version: string };
    expect(found).toMatchObject({
      location: url,
      filter: "dark-launch",
      version,
      digest: pushed.digest,
      module: pushed.module,
      size: readFileSync(MODULE).length,
      abi: ["0.2.1"],
      refused: null,
    });
    expect(found.exports).toContain("proxy_on_request_headers");
    expect(found.exports).toContain("memory (memory)");
    expect(found.imports).toContain("env.proxy_log");
    expect(await inspect("--json", `oci://${registry.host}/dark-launch@${pushed.digest}`)).toMatchObject({
      status: 0,
    });
    const text = (await inspect(url)).stdout;
    for (const part of [
      "filter:      dark-launch",
      `version:     ${version}`,
      pushed.digest,
      pushed.module,
      "  env.proxy_log",
    ]) {
      expect(text).toContain(part);
    }
    expect(registry.writes.every((request) => !request.startsWith("DELETE"))).toBe(true);
  });

  test("tells of a file what the build says of it, unless that is of an older one", async () => {
    const { status, stdout, stderr } = await inspect(MODULE);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout).toContain("  org.opencontainers.image.licenses: Apache-2.0\n");
    folder.write("dark-launch.wasm", readFileSync("build/trace-propagation.wasm"));
    folder.write("sbom/dark-launch.json", readFileSync("build/sbom/dark-launch.json"));
    const stale = await inspect(`${folder.path}/dark-launch.wasm`);
    expect(stale.status).toBe(0);
    expect(stale.stderr).toContain("it is of another module");
    expect(stale.stdout).toContain("version:     unknown\n");
  });

  test("keeps what others say of an image to its line", async () => {
    const url = `oci://${registry.host}/filter:1.0`;
    const forged = `1.0\ndigest:      sha256:${"0".repeat(64)}\tx\u2028y`;
    const annotations = ["org.opencontainers.image.version", "b\nreferrers:   7"].flatMap((name) => [
      "-a",
      `${name}=${forged}`,
    ]);
    await push("--no-sbom", "--no-provenance", url, MODULE, ...annotations);
    const { stdout } = await inspect(url);
    const digest = registry.tags.get("filter:1.0")!;
    expect(stdout.match(/^digest:.*$/gm)).toEqual([`digest:      ${digest}`]);
    expect(stdout.match(/^referrers:.*$/gm)).toEqual(["referrers:   0"]);
    const told = `1.0\\u000adigest:      sha256:${"0".repeat(64)}\\u0009x\\u2028y`;
    expect(stdout).toContain(`version:     ${told}\n`);
    expect(stdout).toContain(`\n  b\\u000areferrers:   7: ${told}\n`);
  });

  test("says what is missing, and what holds no module", async () => {
    const none = await inspect(`oci://${registry.host}/dark-launch:2.0`);
    expect(none.status).toBe(1);
    expect(none.stderr).toBe(
      `error: there is no ${registry.host}/dark-launch:2.0: correct the name or the tag, or push it\n`,
    );
    const type = "application/vnd.oci.image.manifest.v1+json";
    const put = (name: string, manifest: object, of = type): string => {
      const bytes = Buffer.from(JSON.stringify(manifest));
      const digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
      registry.manifests.set(`odd@${digest}`, { type: of, bytes });
      registry.tags.set(`odd:${name}`, digest);
      return digest;
    };
    const inspected = async (name: string): Promise<unknown> => {
      const { stdout, stderr } = await inspect("--json", `oci://${registry.host}/odd:${name}`);
      expect(stderr).toBe("");
      return JSON.parse(stdout);
    };
    put("chart", {
      layers: [
        {
          mediaType: "application/vnd.cncf.helm.chart.content.v1.tar+gzip",
          digest: `sha256:${"1".repeat(64)}`,
          size: 3,
        },
      ],
    });
    const chart = await inspect(`oci://${registry.host}/odd:chart`);
    expect(chart.status).toBe(1);
    expect(chart.stderr).toContain("holds no Wasm module: its layers are application/vnd.cncf.helm");
    // The form of the CNCF, which Istio's fetcher refuses.
    const module = readFileSync(MODULE);
    const digest = `sha256:${createHash("sha256").update(module).digest("hex")}`;
    registry.blobs.set(digest, module);
    put("cncf", { layers: [{ mediaType: "application/wasm", digest, size: module.length }] });
    const cncf = await inspect(`oci://${registry.host}/odd:cncf`);
    expect(cncf.status).toBe(0);
    expect(cncf.stdout).toMatch(/refused: +it has 1 layer\(s\) with one of type application\/wasm/);
    // Two layers, one of them the module.
    const config = {
      mediaType: "application/vnd.module.wasm.config.v1+json",
      digest: `sha256:${"3".repeat(64)}`,
      size: 2,
    };
    const wasm = {
      mediaType: "application/vnd.module.wasm.content.layer.v1+wasm",
      digest,
      size: module.length,
    };
    const artifact = put("artifact", { layers: [config, wasm] });
    expect(await inspected("artifact")).toMatchObject({ digest: artifact, module: digest, refused: null });
    // Where the last layer has none, the other form is looked for, but in a manifest of Docker's.
    const layerOf = (name: string, mediaType: string): object => {
      const bytes = gzipSync(createTar([{ name, data: module }]));
      const layer = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
      registry.blobs.set(layer, bytes);
      return { mediaType, digest: layer, size: bytes.length };
    };
    const [ociLayer, dockerLayer, docker] = [
      "application/vnd.oci.image.layer.v1.tar+gzip",
      "application/vnd.docker.image.rootfs.diff.tar.gzip",
      "application/vnd.docker.distribution.manifest.v2+json",
    ] as const;
    const inDocker: unknown = expect.stringContaining(
      `Istio takes a last layer of type ${dockerLayer} with plugin.wasm in it`,
    );
    const forms: [string, object[], string, unknown][] = [
      ["readme-after", [wasm, layerOf("README", ociLayer)], type, null],
      ["docker-layer-after", [wasm, layerOf("plugin.wasm", dockerLayer)], type, null],
      ["docker", [config, wasm], docker, inDocker],
      ["docker-readme-after", [wasm, layerOf("README", dockerLayer)], docker, inDocker],
      ["docker-image", [layerOf("plugin.wasm", dockerLayer)], docker, null],
      [
        "docker-layer",
        [layerOf("plugin.wasm", dockerLayer)],
        type,
        expect.stringContaining("its last layer is"),
      ],
    ];
    for (const [name, layers, of, refused] of forms) {
      put(name, { mediaType: of, layers }, of);
      expect(await inspected(name), name).toMatchObject({ module: digest, refused });
    }
    put("readme", { layers: [layerOf("README", ociLayer)] });
    const readme = await inspect(`oci://${registry.host}/odd:readme`);
    expect(readme.stderr).toContain("has no plugin.wasm: it has README");
    // In a list for platforms Istio takes the first image for linux/amd64, or for none.
    const listed = (platform?: object, of = artifact): object => ({
      mediaType: type,
      digest: of,
      size: 1,
      ...(platform && { platform }),
    });
    const forWasm = listed({ architecture: "wasm", os: "wasip1" });
    const attestation = listed({ architecture: "unknown", os: "unknown" }, `sha256:${"4".repeat(64)}`);
    const lists: [string, object[], unknown][] = [
      [
        "wasm",
        [forWasm, attestation],
        expect.stringContaining("Istio looks for linux/amd64 or none, and finds neither"),
      ],
      [
        "arm",
        [listed({ architecture: "arm64", os: "linux" })],
        expect.stringContaining("Istio looks for linux/amd64"),
      ],
      ["amd64", [forWasm, listed({ architecture: "amd64", os: "linux" })], null],
      ["none", [attestation, listed()], null],
    ];
    for (const [name, manifests, refused] of lists) {
      put(name, { manifests }, "application/vnd.oci.image.index.v1+json");
      expect(await inspected(name), name).toMatchObject({ digest: artifact, module: digest, refused });
    }
    registry.blobs.set(digest, Buffer.concat([module, Buffer.from("more")]));
    const altered = await inspect(`oci://${registry.host}/odd:artifact`);
    expect(altered.status).toBe(1);
    expect(altered.stderr).toContain("changes what it is given");
    put("gone", { layers: [{ mediaType: "application/wasm", digest: `sha256:${"2".repeat(64)}`, size: 3 }] });
    const gone = await inspect(`oci://${registry.host}/odd:gone`);
    expect(gone.status).toBe(1);
    expect(gone.stderr).toContain("the image is not whole: push it again");
  });
});

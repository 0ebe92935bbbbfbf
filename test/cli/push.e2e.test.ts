/**
 * Pushing to real registries, and what others make of it: Debian's docker-registry, which leaves lists of referrers to clients, that of
 * go-containerregistry, which does not; its `crane`, and Istio's own fetcher. Where `cosign` is (`COSIGN_BIN`, or on the PATH), what it signs too.
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { createServer as createTlsServer } from "node:https";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { parseAllDocuments } from "yaml";
import { FILTERS } from "../../tools/filters.ts";
import { CertificateAuthority } from "../envoy/certificate.ts";
import { onPath, run } from "../peers/cache.ts";
import { crane } from "../peers/crane.ts";
import { type Fetched, istioFetch } from "../peers/istio-fetch.ts";
import { OciRegistry } from "../peers/oci-registry.ts";
import { Registry } from "../peers/registry.ts";
import { TokenServer } from "../peers/registry-tokens.ts";
import { buildElsewhere } from "../tools/elsewhere.ts";
import { Folder, outrigger, type Ran } from "./command.ts";
import { RegistryServer } from "./registry-server.ts";

const MODULE = "build/dark-launch.wasm";
const TIMEOUT = 120_000;

const folder = new Folder();
afterAll(() => folder.remove());
beforeEach(() => void folder.write("config.json", "{}"));
const env = { DOCKER_CONFIG: folder.path };

/** Of docker-registry: bcrypt of "to-be-pushed", with few rounds. */
const USERS = "ann:$2b$05$abcdefghijklmnopqrstuuymqGH1aStoH7aV6j8.JRpnwsYW08kAm\n";

function login(host: string, user: string): void {
  folder.write(
    "config.json",
    JSON.stringify({ auths: { [host]: { auth: Buffer.from(user).toString("base64") } } }),
  );
}

function push(...words: string[]): Promise<Ran> {
  return outrigger(["push", ...words], { env });
}

interface Inspected {
  digest: string;
  module: string;
  refused: string | null;
  referrers: { digest: string; artifactType: string }[];
}

async function inspect(url: string): Promise<Inspected> {
  const { status, stdout, stderr } = await outrigger(["inspect", "--json", url], { env });
  expect(stderr).toBe("");
  expect(status).toBe(0);
  return JSON.parse(stdout) as Inspected;
}

function sha256(file: string): string {
  return createHash("sha256").update(readFileSync(file)).digest("hex");
}

describe("Debian's docker-registry with passwords", { timeout: TIMEOUT }, () => {
  let registry: Registry;
  beforeAll(async () => {
    // Istio's fetcher takes the realm for the address of a token server, and refuses what is no URL or is on this machine.
    const auth = { htpasswd: { realm: "https://registry.test", path: "users" } };
    registry = await Registry.start({ auth, files: { users: USERS } });
  });
  afterAll(() => registry.stop());

  test("takes an image, which crane validates and Istio loads, with the digests that push told", async () => {
    login(registry.host, "ann:to-be-pushed");
    const name = `${registry.host}/filters/dark-launch:1.0`;
    const pushed = await push("--json", `oci://${name}`, MODULE);
    expect(pushed).toMatchObject({ status: 0 });
    const { digest } = JSON.parse(pushed.stdout) as { digest: string };
    expect(await crane(["digest", name], env)).toBe(digest);
    expect(await crane(["validate", "--remote", name], env)).toContain(`PASS: ${name}`);
    const fetched = await istioFetch(name, env);
    expect(fetched).toEqual<Fetched>({
      manifest: digest.slice(7),
      module: sha256(MODULE),
      bytes: readFileSync(MODULE).length,
    });
    // crane unpacks the image's files.
    const layer = join(folder.path, "image.tar");
    await crane(["export", name, layer], env);
    execFileSync("tar", ["-xf", layer, "-C", folder.path]);
    expect(sha256(join(folder.path, "plugin.wasm"))).toBe(sha256(MODULE));
  });

  test("lists SBOM and provenance under a tag, also when they are pushed again", async () => {
    login(registry.host, "ann:to-be-pushed");
    const url = `oci://${registry.host}/again/dark-launch:1.0`;
    expect((await push(url, MODULE, "--no-provenance")).status).toBe(0);
    const again = await push(url, MODULE, "--no-provenance");
    expect(again.stderr).toContain("all of it was there already");
    const { referrers, digest } = await inspect(url);
    expect(referrers.map(({ artifactType }) => artifactType)).toEqual(["application/vnd.cyclonedx+json"]);
    const list = await crane(
      ["manifest", `${url.slice("oci://".length, -":1.0".length)}:${digest.replace(":", "-")}`],
      env,
    );
    expect(JSON.parse(list)).toMatchObject({
      manifests: [{ artifactType: "application/vnd.cyclonedx+json" }],
    });
  });

  test("does not let in who is not known, and has nothing afterwards", async () => {
    const url = `oci://${registry.host}/denied/dark-launch:1.0`;
    const nobody = await push(url, MODULE);
    expect(nobody.status).toBe(1);
    expect(nobody.stderr).toContain(`log in: docker login ${registry.host}`);
    login(registry.host, "ann:wrong");
    const wrong = await push(url, MODULE);
    expect(wrong.status).toBe(1);
    expect(wrong.stderr).toContain(`does not let user "ann" of ${folder.path}/config.json push to`);
    login(registry.host, "ann:to-be-pushed");
    const none = await outrigger(["inspect", url], { env });
    expect(none).toMatchObject({ status: 1, stdout: "" });
    expect(none.stderr).toContain("there is no ");
  });
});

describe("Debian's docker-registry with a realm that is no URL", { timeout: TIMEOUT }, () => {
  test("takes an image, which Istio does not load: docs/publishing.md says so", async () => {
    const auth = { htpasswd: { realm: "our registry", path: "users" } };
    const registry = await Registry.start({ auth, files: { users: USERS } });
    try {
      login(registry.host, "ann:to-be-pushed");
      const name = `${registry.host}/dark-launch:1.0`;
      expect((await push(`oci://${name}`, MODULE)).status).toBe(0);
      expect((await istioFetch(name, env)).error).toContain("rejected unsafe bearer realm");
    } finally {
      await registry.stop();
    }
  });
});

describe("Debian's docker-registry with tokens", { timeout: TIMEOUT }, () => {
  let tokens: TokenServer;
  let registry: Registry;
  beforeAll(async () => {
    tokens = await TokenServer.start({
      writer: { password: "w", actions: ["pull", "push"] },
      reader: { password: "r", actions: ["pull"] },
    });
    registry = await Registry.start(tokens.auth);
  });
  afterAll(async () => {
    await registry.stop();
    await tokens.stop();
  });

  test("takes an image of who may push, and shows it to who may pull", async () => {
    login(registry.host, "writer:w");
    const url = `oci://${registry.host}/team/dark-launch:1.0`;
    const { status, stdout } = await push("--quiet", url, MODULE);
    expect(status).toBe(0);
    login(registry.host, "reader:r");
    expect((await inspect(url)).digest).toBe(stdout.trim());
    const refused = await push(`oci://${registry.host}/team/dark-launch:2.0`, "build/trace-propagation.wasm");
    expect(refused.status).toBe(1);
    expect(refused.stderr).toContain('does not let user "reader"');
    login(registry.host, "reader:wrong");
    const unknown = await push(url, MODULE);
    expect(unknown.status).toBe(1);
    expect(unknown.stderr).toContain('refuses user "reader"');
  });
});

describe("Istio's fetcher, by docs/publishing.md,", { timeout: TIMEOUT }, () => {
  test("goes on in plain HTTP by itself, also where a registry is not on this machine", async () => {
    const registry = await OciRegistry.start();
    try {
      const pushed = await push("--quiet", `oci://${registry.host}/dark-launch:1.0`, MODULE);
      // An address of this machine that its library takes for none of these.
      const host = registry.host.replace("127.0.0.1", "0.0.0.0");
      const fetched = await istioFetch(`${host}/dark-launch:1.0`);
      expect(fetched.manifest).toBe(pushed.stdout.trim().slice("sha256:".length));
    } finally {
      await registry.stop();
    }
  });

  test("takes a certificate of an own authority where WASM_INSECURE_REGISTRIES names the registry", async () => {
    const authority = new CertificateAuthority("registries of tests");
    const { certificate, key } = authority.issue({ commonName: "localhost", dnsNames: ["localhost"] });
    const registry = await RegistryServer.start(createTlsServer({ cert: certificate, key }));
    try {
      const host = registry.host.replace("127.0.0.1", "localhost");
      folder.write("ca.pem", authority.certificate);
      const pushed = await outrigger(
        ["push", "--quiet", "--no-plain-http", `oci://${host}/dark-launch:1.0`, MODULE],
        { env: { ...env, NODE_EXTRA_CA_CERTS: join(folder.path, "ca.pem") } },
      );
      expect(pushed.status).toBe(0);
      expect((await istioFetch(`${host}/dark-launch:1.0`)).error).toContain("certificate");
      const insecure = { WASM_INSECURE_REGISTRIES: host };
      expect(await istioFetch(`${host}/dark-launch:1.0`, insecure)).toMatchObject({
        manifest: pushed.stdout.trim().slice("sha256:".length),
        module: sha256(MODULE),
      });
    } finally {
      await registry.stop();
    }
  });

  test("takes no name that push refuses, or another image", async () => {
    expect((await istioFetch("registry.test/f:1.0")).error).toContain("could not parse");
    // Of Docker Hub, which is not asked for the image: it is named in what comes of asking nobody.
    const nowhere = { HTTPS_PROXY: "http://127.0.0.1:1", NO_PROXY: "" };
    expect((await istioFetch("localhost/filter:1.0", nowhere)).error).toContain("index.docker.io");
  });
});

describe("a registry that lists referrers", { timeout: TIMEOUT }, () => {
  let registry: OciRegistry;
  beforeAll(async () => (registry = await OciRegistry.start()));
  afterAll(() => registry.stop());

  test("lists what was pushed with an image", async () => {
    const name = `${registry.host}/dark-launch`;
    expect((await push(`oci://${name}:1.0`, MODULE)).status).toBe(0);
    const { referrers, digest } = await inspect(`oci://${name}:1.0`);
    // It tells the configuration's type of each, whatever their own.
    const manifest = await crane(["manifest", `${name}@${referrers[0]!.digest}`]);
    expect(JSON.parse(manifest)).toMatchObject({
      artifactType: "application/vnd.cyclonedx+json",
      subject: { digest },
    });
    expect((await crane(["ls", name])).split("\n")).toEqual(["1.0"]);
    expect((await istioFetch(`${name}:1.0`)).manifest).toBe(digest.slice(7));
  });

  test("holds lists for platforms, of which inspect says what Istio makes of them", async () => {
    const name = `${registry.host}/listed`;
    expect((await push("--no-sbom", "--no-provenance", `oci://${name}:1.0`, MODULE)).status).toBe(0);
    const { digest } = await inspect(`oci://${name}:1.0`);
    const manifestType = "application/vnd.oci.image.manifest.v1+json";
    const type = "application/vnd.oci.image.index.v1+json";
    const size = Buffer.byteLength(await crane(["manifest", `${name}@${digest}`]));
    const image = { mediaType: manifestType, digest, size };
    const lists = {
      wasm: { ...image, platform: { architecture: "wasm", os: "wasip1" } },
      amd64: { ...image, platform: { architecture: "amd64", os: "linux" } },
      none: image,
    };
    for (const [tag, listed] of Object.entries(lists)) {
      const put = await fetch(`http://${registry.host}/v2/listed/manifests/${tag}`, {
        method: "PUT",
        headers: { "content-type": type },
        body: JSON.stringify({ schemaVersion: 2, mediaType: type, manifests: [listed] }),
      });
      expect(put.status).toBe(201);
      const { error, manifest } = await istioFetch(`${name}:${tag}`);
      const { refused } = await inspect(`oci://${name}:${tag}`);
      if (tag === "wasm") {
        expect(error).toContain("no child with platform linux/amd64");
        expect(refused).toContain("Istio looks for linux/amd64 or none, and finds neither");
      } else {
        expect(manifest).toBe(digest.slice(7));
        expect(refused).toBeNull();
      }
    }
  });

  test("make publish brings all modules, as Istio loads them, and the same ones the second time", async () => {
    const words = [
      "run",
      "-s",
      "publish-modules",
      "--",
      registry.host + "/all",
      "--tag",
      "2.0",
      "--uncommitted",
    ];
    const answer = join(folder.path, "plugins.yaml");
    const publish = async (): Promise<string> => {
      const command = ["-c", 'answer=$1; shift; npm "$@" > "$answer"', "sh", answer, ...words];
      const { code, output } = await run("sh", command, { env: { ...process.env, ...env } });
      expect(output).not.toContain("error:");
      expect(code).toBe(0);
      return readFileSync(answer, "utf8");
    };
    const first = await publish();
    expect(await publish()).toBe(first);
    const plugins = parseAllDocuments(first).map(
      (document) => document.toJS() as { spec: { url: string; sha256: string } },
    );
    const modules = readdirSync("build").filter((file) => file.endsWith(".wasm"));
    expect(plugins).toHaveLength(modules.length);
    for (const [at, file] of modules.entries()) {
      const { url, sha256: manifest } = plugins[at]!.spec;
      expect(url).toBe(`oci://${registry.host}/all/${file.replace(".wasm", "")}:2.0`);
      expect(await istioFetch(url.slice("oci://".length))).toMatchObject({
        manifest,
        module: sha256(`build/${file}`),
      });
    }
  });
});

describe("all modules that are built again, in another folder,", () => {
  test("have the same bytes", { timeout: 900_000 }, () => {
    const clone = join(folder.path, "a clone", "elsewhere");
    buildElsewhere(clone, "modules");
    const sums = (root: string): string[] =>
      readdirSync(join(root, "build"))
        .filter((file) => file.endsWith(".wasm"))
        .map((file) => `${file} ${sha256(join(root, "build", file))}`);
    expect(sums(clone)).toEqual(sums("."));
    expect(sums(clone)).toHaveLength(FILTERS.length + 1);
  });
});

// Signing is the user's own choice of tool: without it there is nothing of ours to test.
const cosign = process.env.COSIGN_BIN ?? (await onPath("cosign"));
if (cosign !== undefined) {
  describe("an image that cosign signs", { timeout: TIMEOUT }, () => {
    test("is verified by its digest, as docs/publishing.md has it", async () => {
      const registry = await Registry.start();
      try {
        const name = `${registry.host}/dark-launch`;
        const { stdout } = await push("--quiet", `oci://${name}:1.0`, MODULE);
        const cosignEnv = { ...process.env, ...env, COSIGN_PASSWORD: "" };
        const call = async (...words: string[]): Promise<string> => {
          const { code, output } = await run(cosign, words, { env: cosignEnv, cwd: folder.path });
          expect(code, output).toBe(0);
          return output;
        };
        await call("generate-key-pair");
        const local = ["--allow-http-registry", "--allow-insecure-registry"];
        const image = `${name}@${stdout.trim()}`;
        await call(
          "sign",
          "--yes",
          "--key",
          "cosign.key",
          "--tlog-upload=false",
          "--use-signing-config=false",
          ...local,
          image,
        );
        expect(
          await call("verify", "--key", "cosign.pub", "--insecure-ignore-tlog", ...local, image),
        ).toContain(stdout.trim());
        // The image itself is as it was.
        expect((await inspect(`oci://${name}:1.0`)).digest).toBe(stdout.trim());
        expect((await istioFetch(`${name}:1.0`)).manifest).toBe(stdout.trim().slice(7));
      } finally {
        await registry.stop();
      }
    });
  });
}

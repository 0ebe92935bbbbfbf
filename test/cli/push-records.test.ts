/** What goes along with an image, SBOM and provenance, and how a registry lists it. */
import { readFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { digestOf } from "../../cli/oci/digest.ts";
import { INDEX_TYPE, MANIFEST_TYPE } from "../../cli/oci/media-types.ts";
import { Packages } from "../../tools/packages.ts";
import { provenanceOf } from "../../tools/provenance.ts";
import { Folder, outrigger } from "./command.ts";
import { RegistryServer } from "./registry-server.ts";

const MODULE = readFileSync("build/dark-launch.wasm");
const COMMIT = "0123456789abcdef0123456789abcdef01234567";

let registry: RegistryServer;
let folder: Folder;
beforeEach(async () => {
  registry = await RegistryServer.start();
  folder = new Folder();
  folder.write("dark-launch.wasm", MODULE);
  folder.write("sbom/dark-launch.json", readFileSync("build/sbom/dark-launch.json"));
  const revision = {
    commit: COMMIT,
    committed: "2026-11-26T10:00:00Z",
    source: "https://github.com/example/outrigger",
  };
  const build = {
    file: "dark-launch.wasm",
    binary: MODULE,
    entry: "filters/dark-launch/module.ts",
    revision,
    builder: "urn:test",
  };
  folder.write("provenance/dark-launch.json", JSON.stringify(provenanceOf(build, new Packages())));
});
afterEach(async () => {
  await registry.stop();
  folder.remove();
});

function push(...words: string[]): ReturnType<typeof outrigger> {
  const all = ["push", `oci://${registry.host}/dark-launch:1.0`, `${folder.path}/dark-launch.wasm`, ...words];
  return outrigger(all, { env: { DOCKER_CONFIG: folder.path } });
}

interface Referrer {
  artifactType: string;
  subject: { digest: string; size: number };
  layers: { mediaType: string; digest: string }[];
}

/** The manifests that refer to the image. */
function referrers(): Referrer[] {
  return [...registry.manifests.values()]
    .map(({ bytes }) => JSON.parse(bytes.toString()) as Referrer)
    .filter(({ subject }) => subject !== undefined);
}

const TYPES = ["application/vnd.cyclonedx+json", "application/vnd.in-toto+json"];

describe("a module is pushed with its records", { timeout: 30_000 }, () => {
  test("which say in annotations what it is and where it comes from", async () => {
    const { status, stderr } = await push();
    expect(status).toBe(0);
    expect(stderr).toContain("(SBOM: attached; provenance: attached)");
    const { version } = JSON.parse(readFileSync("package.json", "utf8")) as { version: string };
    expect(registry.manifest("dark-launch", "1.0").annotations).toEqual({
      "org.opencontainers.image.created": "2026-11-26T10:00:00Z",
      "org.opencontainers.image.description":
        "Chooses a variant for each request and says so in a header, which routes match on.",
      "org.opencontainers.image.licenses": "Apache-2.0",
      "org.opencontainers.image.revision": COMMIT,
      "org.opencontainers.image.source": "https://github.com/example/outrigger",
      "org.opencontainers.image.title": "dark-launch",
      "org.opencontainers.image.version": version,
    });
  });

  test("attached as they are, before the image has its tag", async () => {
    await push();
    const digest = registry.tags.get("dark-launch:1.0")!;
    expect(referrers().map(({ artifactType }) => artifactType)).toEqual(TYPES);
    for (const [at, { subject, layers }] of referrers().entries()) {
      expect(subject.digest).toBe(digest);
      expect(layers.map(({ mediaType }) => mediaType)).toEqual([TYPES[at]]);
      const file = at === 0 ? "sbom" : "provenance";
      expect(
        registry.blobs
          .get(layers[0]!.digest)!
          .equals(readFileSync(`${folder.path}/${file}/dark-launch.json`)),
      ).toBe(true);
    }
    expect(registry.writes.at(-1)).toBe("PUT /v2/dark-launch/manifests/1.0");
  });

  test("listed under a tag where the registry lists none itself, once however often it is pushed", async () => {
    registry.listsReferrers = false;
    expect((await push("--no-provenance")).status).toBe(0);
    const digest = registry.tags.get("dark-launch:1.0")!;
    expect((await push("--no-provenance")).status).toBe(0);
    const list = registry.manifest("dark-launch", digest.replace(":", "-")) as {
      mediaType: string;
      manifests: { digest: string; size: number; artifactType: string }[];
    };
    expect(list.mediaType).toBe("application/vnd.oci.image.index.v1+json");
    expect(list.manifests.map(({ artifactType }) => artifactType)).toEqual([TYPES[0]]);
    const [listed] = list.manifests;
    const { bytes } = registry.manifests.get(`dark-launch@${listed!.digest}`)!;
    expect(listed!.size).toBe(bytes.length);
  });

  test("listed under a tag beside what others have listed there, as they did", async () => {
    registry.listsReferrers = false;
    await push("--no-sbom", "--no-provenance");
    const digest = registry.tags.get("dark-launch:1.0")!;
    const tag = digest.replace(":", "-");
    const signature = {
      mediaType: MANIFEST_TYPE,
      digest: `sha512:${"1".repeat(128)}`,
      size: 7,
      data: "e30=",
    };
    const index = { schemaVersion: 2, annotations: { by: "another client" }, manifests: [signature] };
    const bytes = Buffer.from(JSON.stringify(index));
    registry.manifests.set(`dark-launch@${digestOf(bytes)}`, { type: INDEX_TYPE, bytes });
    registry.manifests.set(`dark-launch@${signature.digest}`, {
      type: MANIFEST_TYPE,
      bytes: Buffer.from("{}"),
    });
    registry.tags.set(`dark-launch:${tag}`, digestOf(bytes));
    expect(await push()).toMatchObject({ status: 0 });
    const ours = referrers().map(({ artifactType }) => expect.objectContaining({ artifactType }) as unknown);
    expect(ours).toHaveLength(2);
    expect(registry.manifest("dark-launch", tag)).toEqual({
      ...index,
      mediaType: INDEX_TYPE,
      manifests: [signature, ...ours],
    });
  });

  const pages: [string, string, string][] = [
    ["a page", "text/html", "<html>Welcome</html>"],
    ["other JSON", "application/json; charset=utf-8", '{"ok":true}'],
  ];
  test.each(pages)("listed under a tag where the registry answers %s", async (_name, type, body) => {
    registry.fault = ({ path }) =>
      path.includes("/referrers/") ? { status: 200, headers: { "content-type": type }, body } : undefined;
    expect(await push()).toMatchObject({ status: 0 });
    const digest = registry.tags.get("dark-launch:1.0")!;
    const list = registry.manifest("dark-launch", digest.replace(":", "-")) as { manifests: Referrer[] };
    expect(list.manifests.map(({ artifactType }) => artifactType)).toEqual(TYPES);
  });

  test("listed under a tag where the registry sends to somewhere else for the list, as GitHub's", async () => {
    registry.fault = ({ path }) =>
      path.includes("/referrers/")
        ? { status: 303, headers: { location: "/busy" } }
        : path === "/busy"
          ? { status: 429 }
          : undefined;
    expect(await push()).toMatchObject({ status: 0 });
    expect(registry.requests).not.toContain("GET /busy");
    const digest = registry.tags.get("dark-launch:1.0")!;
    const list = registry.manifest("dark-launch", digest.replace(":", "-")) as { manifests: Referrer[] };
    expect(list.manifests.map(({ artifactType }) => artifactType)).toEqual(TYPES);
  });

  test.each([
    ["[", "is no JSON"],
    ["null", "has no manifests"],
    ['{"manifests":{}}', "has no manifests"],
  ])("but where the list that the registry answers is %s", async (body, message) => {
    const headers = { "content-type": "application/vnd.oci.image.index.v1+json" };
    registry.fault = ({ path }) =>
      path.includes("/referrers/") ? { status: 200, headers, body } : undefined;
    const { status, stderr } = await push();
    expect(status).toBe(1);
    expect(stderr).toBe(
      `error: the list of what refers to an image of ${registry.host}/dark-launch ${message}\n`,
    );
    expect([...registry.tags.keys()]).toEqual([]);
  });

  test("but where the registry has neither a list of them nor a tag for one, as GitLab's", async () => {
    registry.listsReferrers = false;
    registry.takesTagsForDigests = true;
    const { status, stderr } = await push();
    expect(status).toBe(1);
    expect(stderr).toMatch(
      /^error: 127\.0\.0\.1:\d+\/dark-launch keeps no list of attached files under sha256-[0-9a-f]{64}: --no-sbom --no-provenance\n$/,
    );
    expect([...registry.tags.keys()]).toEqual([]);
    expect((await push("--no-sbom", "--no-provenance")).status).toBe(0);
    const url = `oci://${registry.host}/dark-launch:1.0`;
    const { stdout } = await outrigger(["inspect", "--json", url]);
    expect(JSON.parse(stdout)).toMatchObject({ filter: "dark-launch", referrers: null });
    expect((await outrigger(["inspect", url])).stdout).toContain(
      "referrers:   unknown, since the registry lists none\n",
    );
  });

  test("nor over what somebody has put under that tag", async () => {
    registry.listsReferrers = false;
    await push("--no-sbom", "--no-provenance");
    const digest = registry.tags.get("dark-launch:1.0")!;
    const tag = `dark-launch:${digest.replace(":", "-")}`;
    const bytes = Buffer.from('{"layers":[]}');
    const other = digestOf(bytes);
    registry.manifests.set(`dark-launch@${other}`, { type: MANIFEST_TYPE, bytes });
    registry.tags.set(tag, other);
    const { status, stderr } = await push();
    expect(stderr).toContain("keeps no list of attached files under sha256-");
    expect(status).toBe(1);
    expect(registry.tags.get(tag)).toBe(other);
  });

  test("both ways, inspect tells them", async () => {
    for (const listsReferrers of [true, false]) {
      registry.listsReferrers = listsReferrers;
      await push();
      const { stdout } = await outrigger(["inspect", "--json", `oci://${registry.host}/dark-launch:1.0`]);
      const found = JSON.parse(stdout) as { referrers: { artifactType: string; annotations?: object }[] };
      expect(found.referrers.map(({ artifactType }) => artifactType)).toEqual(TYPES);
      expect(found.referrers[1]!.annotations).toEqual({
        "in-toto.io/predicate-type": "https://slsa.dev/provenance/v1",
      });
      registry.manifests.clear();
      registry.tags.clear();
    }
  });

  test("of which what is not wanted stays here, and what it says of the module does not", async () => {
    await push();
    const { annotations } = registry.manifest("dark-launch", "1.0");
    const digest = registry.tags.get("dark-launch:1.0")!;
    registry.manifests.clear();
    for (const [word, types] of [
      ["--no-sbom", [TYPES[1]]],
      ["--no-provenance", [TYPES[0]]],
    ] as const) {
      expect((await push(word)).status).toBe(0);
      expect(referrers().map(({ artifactType }) => artifactType)).toEqual(types);
      registry.manifests.clear();
    }
    const { status, stdout, stderr } = await push("--no-sbom", "--no-provenance");
    expect(status).toBe(0);
    expect(stdout).toContain(`sha256: ${digest.slice(7)}`);
    expect(stderr).toContain("(SBOM: not attached; provenance: not attached)");
    expect(referrers()).toEqual([]);
    expect(registry.manifest("dark-launch", "1.0").annotations).toEqual(annotations);
  });

  test("and not with those of another module, or what are none", async () => {
    const cases: [string, string, RegExp][] = [
      [
        "sbom",
        readFileSync("build/sbom/trace-propagation.json", "utf8"),
        /sbom\/dark-launch\.json: it is of another module than .*; build again \(make build\), name another file \(--sbom FILE\), or remove it/,
      ],
      ["sbom", "{}", /it is no CycloneDX SBOM/],
      ["sbom", "{", /sbom\/dark-launch\.json: no JSON: /],
      [
        "provenance",
        JSON.stringify({
          _type: "https://in-toto.io/Statement/v1",
          predicateType: "https://slsa.dev/provenance/v1",
          subject: [{ digest: { sha256: "00" } }],
        }),
        /provenance\/dark-launch\.json: it is of another module/,
      ],
      ["provenance", "[]", /it is no in-toto statement/],
    ];
    for (const [kind, text, message] of cases) {
      const path = `${folder.path}/${kind}/dark-launch.json`;
      const before = readFileSync(path);
      folder.write(`${kind}/dark-launch.json`, text);
      // Its annotations would be of another module.
      for (const words of [[], [`--no-${kind}`]]) {
        const { status, stderr } = await push(...words);
        expect(status, text).toBe(2);
        expect(stderr).toMatch(message);
      }
      folder.write(`${kind}/dark-launch.json`, before);
    }
    expect(registry.requests).toEqual([]);
  });

  test("an artifact that the registry refuses leaves no tag, and the way without is told", async () => {
    const image = (await push("--json", "--no-sbom", "--no-provenance")).status;
    expect(image).toBe(0);
    registry.tags.clear();
    let manifests = 0;
    registry.fault = ({ method, path }) =>
      method === "PUT" && path.includes("/manifests/sha256:") && ++manifests === 2
        ? { status: 400, body: '{"errors":[{"code":"MANIFEST_INVALID","message":"unknown config"}]}' }
        : undefined;
    const { status, stderr } = await push();
    expect(status).toBe(1);
    expect(stderr).toContain(
      "400: MANIFEST_INVALID: unknown config; the registry takes no attached files: --no-sbom --no-provenance",
    );
    expect([...registry.tags.keys()]).toEqual([]);
  });

  test("an artifact that may not be put there is no reason to leave it out", async () => {
    let manifests = 0;
    registry.fault = ({ method, path }) =>
      method === "PUT" && path.includes("/manifests/sha256:") && ++manifests === 2
        ? { status: 403, body: "" }
        : undefined;
    const { status, stderr } = await push();
    expect(status).toBe(1);
    expect(stderr).toContain("have the right given");
    expect(stderr).not.toContain("--no-sbom");
  });
});

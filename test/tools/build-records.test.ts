/** What the build says of a module: of what it consists, where it comes from, and that it comes out the same elsewhere. */
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Ajv } from "ajv";
import { afterAll, describe, expect, test } from "vitest";
import { FILTERS } from "../../tools/filters.ts";
import { Packages } from "../../tools/packages.ts";
import { builderIn, provenanceOf } from "../../tools/provenance.ts";
import { type Revision, revisionOf, webAddress } from "../../tools/revision.ts";
import { buildElsewhere, gitIn } from "./elsewhere.ts";

const folder = mkdtempSync(join(tmpdir(), "outrigger-records-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Sbom {
  metadata: {
    tools: { components: { name: string; version: string }[] };
    component: { name: string; hashes: { content: string }[] };
  };
  components: { type: string; name: string; purl?: string; hashes: { alg: string; content: string }[] }[];
}

function sbom(name: string): Sbom {
  return JSON.parse(readFileSync(`build/sbom/${name}.json`, "utf8")) as Sbom;
}

const sha256 = (content: string | Uint8Array): string => createHash("sha256").update(content).digest("hex");

describe("the SBOM of a module", () => {
  test("is as CycloneDX's schema has it", () => {
    const schemas = "node_modules/@cyclonedx/cyclonedx-library/res/schema";
    const read = (name: string): object => JSON.parse(readFileSync(`${schemas}/${name}`, "utf8")) as object;
    // Formats are of URIs, times and addresses, which Ajv leaves to another package.
    const ajv = new Ajv({ strict: false, validateFormats: false });
    for (const part of ["spdx", "jsf-0.82", "cryptography-defs"]) {
      const file = `${part}.SNAPSHOT.schema.json`;
      // Referred to by file, next to the schema that does.
      ajv.addSchema(read(file), `http://cyclonedx.org/schema/${file}`);
    }
    const check = ajv.compile(read("bom-1.6.SNAPSHOT.schema.json"));
    for (const name of [...FILTERS, "outrigger"]) {
      check(sbom(name));
      expect(check.errors, name).toBeNull();
    }
    expect(check({ ...sbom("authz"), components: [{ type: "none" }] })).toBe(false);
  });

  test("names the module, each source file and each package by its hash", () => {
    const { metadata, components } = sbom("dark-launch");
    expect(metadata.component.hashes[0]!.content).toBe(sha256(readFileSync("build/dark-launch.wasm")));
    const files = components.filter(({ type }) => type === "file");
    const names = files.map(({ name }) => name);
    expect(names).toContain("filters/dark-launch/filter.ts");
    expect(names).toContain("assembly/abi/exports.ts");
    expect(names.filter((name) => /^filters\/(?!dark-launch\/)|node_modules|\.json$/.test(name))).toEqual([]);
    for (const { name, hashes } of files)
      expect(hashes, name).toEqual([{ alg: "SHA-256", content: sha256(readFileSync(name)) }]);
    const lock = JSON.parse(readFileSync("package-lock.json", "utf8")) as {
      packages: Record<string, { version: string; integrity: string }>;
    };
    const packages = components.filter(({ purl }) => purl !== undefined);
    expect(packages.map(({ name }) => name)).toEqual(["assemblyscript", "@solo-io/proxy-runtime"]);
    for (const { name, purl, hashes } of packages) {
      const { version, integrity } = lock.packages[`node_modules/${name}`]!;
      expect(purl).toBe(`pkg:npm/${name.replace("@", "%40")}@${version}`);
      expect(`sha512-${Buffer.from(hashes[0]!.content, "hex").toString("base64")}`).toBe(integrity);
    }
  });

  test("names what made it: the compiler, and both Binaryens", () => {
    const tools = sbom("dark-launch").metadata.tools.components.map(
      ({ name, version }) => `${name} ${version}`,
    );
    const version = (path: string): string =>
      (JSON.parse(readFileSync(`node_modules/${path}/package.json`, "utf8")) as { version: string }).version;
    expect(tools).toEqual([
      `assemblyscript ${version("assemblyscript")}`,
      `binaryen ${version("assemblyscript/node_modules/binaryen")}`,
      `long ${version("long")}`,
      `binaryen ${version("binaryen")}`,
    ]);
  });
});

describe("provenance", () => {
  const git = (...words: string[]): string => gitIn(folder, ...words);

  const revision = (): Revision => {
    const found = revisionOf(folder);
    if ("why" in found) throw new Error(found.why);
    return found;
  };

  test("is of a commit when nothing differs from it, and of none else, which says why", () => {
    expect(revisionOf(folder)).toEqual({
      why: expect.stringContaining("git fails: fatal: not a git repository") as string,
    });
    git("init", "--quiet");
    expect(revisionOf(folder)).toEqual({ why: expect.stringMatching(/^git fails: fatal: .*HEAD/) as string });
    writeFileSync(join(folder, "file"), "1");
    git("add", "file");
    git("commit", "--quiet", "--message", "one", "--date", "2026-01-02T03:04:05Z");
    git("remote", "add", "origin", "https://ann:secret@github.com/example/outrigger.git");
    const found = revision();
    expect(found.commit).toMatch(/^[0-9a-f]{40}$/);
    expect(found.committed).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    expect(found.source).toBe("https://github.com/example/outrigger");
    writeFileSync(join(folder, "file"), "2");
    expect(revisionOf(folder)).toEqual({ why: "file differs from the commit" });
    writeFileSync(join(folder, "more"), "");
    expect(revisionOf(folder)).toEqual({ why: "file and 1 more differ from the commit" });
    rmSync(join(folder, "more"));
    writeFileSync(join(folder, "file"), "1");
    expect(revision()).toEqual(found);
    // A folder of a clone is no clone.
    mkdirSync(join(folder, "part"));
    expect(revisionOf(join(folder, "part"))).toEqual({
      why: expect.stringMatching(/^this folder is no clone, but a part of /) as string,
    });
    const { PATH } = process.env;
    try {
      process.env.PATH = folder;
      expect(revisionOf(folder)).toEqual({ why: "there is no git on the PATH" });
    } finally {
      process.env.PATH = PATH;
    }
  });

  test("has the source of package.json where the clone has no remote, and none where neither has", () => {
    git("remote", "remove", "origin");
    expect(revision().source).toBeUndefined();
    const declare = (repository?: unknown): void => {
      writeFileSync(join(folder, "package.json"), JSON.stringify({ repository }));
      git("add", "package.json");
      git("commit", "--quiet", "--allow-empty", "--message", "declare");
    };
    declare({ type: "git", url: "git+https://github.com/example/declared.git" });
    expect(revision().source).toBe("https://github.com/example/declared");
    declare("https://example.com/declared");
    expect(revision().source).toBe("https://example.com/declared");
    declare("github:example/declared");
    expect(revision().source).toBeUndefined();
    declare();
    expect(revision().source).toBeUndefined();
  });

  test("tells where the source is as anybody may know it", () => {
    expect(webAddress("git@github.com:example/outrigger.git")).toBe("https://github.com/example/outrigger");
    expect(webAddress("ssh://git@example.com:2222/group/outrigger")).toBe(
      "https://example.com/group/outrigger",
    );
    expect(webAddress("https://token@example.com:8443/outrigger.git/")).toBe(
      "https://example.com:8443/outrigger",
    );
    expect(webAddress("/srv/git/outrigger.git")).toBeUndefined();
    expect(webAddress("../outrigger")).toBeUndefined();
    expect(webAddress("")).toBeUndefined();
  });

  test("names the builder that the environment does, if any", () => {
    expect(builderIn({ OUTRIGGER_BUILDER_ID: "https://ci.test/1" })).toBe("https://ci.test/1");
    for (const env of [{ OUTRIGGER_BUILDER_ID: "" }, {}])
      expect(builderIn(env)).toBe("urn:outrigger:builder:unnamed");
  });

  test("names module, commit and tools in SLSA's terms", () => {
    const revision = { commit: "a".repeat(40), committed: "2026-11-26T10:00:00Z", source: undefined };
    const build = {
      file: "x.wasm",
      binary: Buffer.from("x"),
      entry: "filters/x/module.ts",
      revision,
      builder: "https://ci.test/1",
    };
    expect(provenanceOf(build, new Packages())).toMatchObject({
      _type: "https://in-toto.io/Statement/v1",
      subject: [{ name: "x.wasm", digest: { sha256: sha256("x") } }],
      predicateType: "https://slsa.dev/provenance/v1",
      predicate: {
        buildDefinition: {
          externalParameters: { entry: "filters/x/module.ts" },
          resolvedDependencies: [
            { digest: { gitCommit: "a".repeat(40) } },
            { uri: /^pkg:npm\/assemblyscript@/ },
            {},
            {},
            {},
          ].map(
            (expected) =>
              expect.objectContaining(
                "uri" in expected ? { uri: expect.stringMatching(expected.uri) as string } : expected,
              ) as object,
          ),
        },
        runDetails: { builder: { id: "https://ci.test/1" } },
      },
    });
  });
});

describe("a module that is built again, in another folder,", () => {
  test("has the same bytes, and the same SBOM", { timeout: 300_000 }, () => {
    const clone = join(folder, "a clone", "elsewhere");
    buildElsewhere(clone, "trace-propagation", { ...process.env, TZ: "Pacific/Auckland", LC_ALL: "C" });
    for (const file of ["trace-propagation.wasm", "sbom/trace-propagation.json"]) {
      expect(sha256(readFileSync(join(clone, "build", file))), file).toBe(
        sha256(readFileSync(join("build", file))),
      );
    }
  });
});

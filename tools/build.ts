/**
 * Builds the modules: `build/<filter>.wasm` for each folder of `filters/`, and `build/outrigger.wasm` with all of them; and
 * beside them `build/schema/<filter>.json` and `suite.json`, the schemas of their configurations in one piece each, and the records
 * that go with a module into a registry, `build/sbom/` and `build/provenance/`; and the command,
 * `build/cli/outrigger.js` (`cli`), with what users' tests import; and what envoy/docker-compose.yaml mounts, `build/compose/` (`compose`). Arguments name the ones to build (`modules`: all modules with
 * their schemas); default all.
 */
import { readFileSync } from "node:fs";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { bundleCommand, bundleLibraries } from "./bundle.ts";
import { compile } from "./compile.ts";
import { FILTERS } from "./filters.ts";
import { Packages } from "./packages.ts";
import { builderIn, provenanceOf } from "./provenance.ts";
import { revisionOf } from "./revision.ts";
import { sbomOf } from "./sbom.ts";
import { bundleSchema } from "./schema.ts";

const entries = new Map(FILTERS.map((name) => [name, `filters/${name}/module.ts`]));
entries.set("outrigger", "filters/module.ts");

const project = JSON.parse(readFileSync("package.json", "utf8")) as { version: string; license: string };
const packages = new Packages();
// Before the build: what changes while it runs is not what it was asked for.
const revision = revisionOf(".");

const wanted = process.argv.slice(2);
const names = [...entries.keys()].filter(
  (name) => wanted.length === 0 || wanted.includes(name) || wanted.includes("modules"),
);
if (names.length > 0 && "why" in revision) console.log(`no provenance is written: ${revision.why}`);
for (const folder of ["schema", "sbom", "provenance"])
  await mkdir(join("build", folder), { recursive: true });
for (const name of names) {
  const entry = entries.get(name)!;
  const sources = new Map<string, string>();
  const binary = await compile(entry, undefined, sources);
  const file = `${name}.wasm`;
  const path = join("build", file);
  await writeFile(path, binary);
  console.log(`${path}  ${binary.length} bytes`);
  const isSuite = name === "outrigger";
  const schema = await bundleSchema(isSuite ? "filters/schema.json" : `filters/${name}/schema.json`);
  await writeJson(`build/schema/${isSuite ? "suite" : name}.json`, schema);
  const { description = "" } = schema as { description?: string };
  await writeJson(
    `build/sbom/${name}.json`,
    sbomOf({ ...project, name, description, binary, sources }, packages),
  );
  const provenance = `build/provenance/${name}.json`;
  if ("why" in revision) await rm(provenance, { force: true });
  else
    await writeJson(
      provenance,
      provenanceOf({ file, binary, entry, revision, builder: builderIn(process.env) }, packages),
    );
}
if (wanted.length === 0 || wanted.includes("cli")) {
  for (const path of [...(await bundleLibraries()), await bundleCommand()]) console.log(path);
}
if (wanted.length === 0 || wanted.includes("compose")) {
  // It brings in the local Envoy and its tests, of which modules know nothing.
  const { writeCompose } = await import("../envoy/compose.ts");
  for (const path of await writeCompose()) console.log(path);
}

function writeJson(path: string, value: unknown): Promise<void> {
  return writeFile(path, `${JSON.stringify(value, null, 2)}\n`);
}

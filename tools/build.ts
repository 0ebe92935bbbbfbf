/**
 * Builds the modules: `build/<filter>.wasm` for each folder of `filters/`, and `build/outrigger.wasm` with all of them; and
 * beside them `build/schema/<filter>.json` and `suite.json`, the schemas of their configurations in one piece each; and the command,
 * `build/cli/outrigger.js` (`cli`), with what users' tests import; and what envoy/docker-compose.yaml mounts, `build/compose/` (`compose`). Arguments name the ones to build (`modules`: all modules with
 * their schemas); default all.
 */
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { writeCompose } from "../envoy/compose.ts";
import { bundleCommand, bundleLibraries } from "./bundle.ts";
import { compile } from "./compile.ts";
import { bundleSchema } from "./schema.ts";

const entries = new Map<string, string>();
for (const folder of await readdir("filters", { withFileTypes: true })) {
  if (folder.isDirectory()) entries.set(folder.name, `filters/${folder.name}/module.ts`);
}
entries.set("outrigger", "filters/module.ts");

const wanted = process.argv.slice(2);
await mkdir("build/schema", { recursive: true });
for (const [name, entry] of entries) {
  if (wanted.length > 0 && !wanted.includes(name) && !wanted.includes("modules")) continue;
  const binary = await compile(entry);
  const path = join("build", `${name}.wasm`);
  await writeFile(path, binary);
  console.log(`${path}  ${binary.length} bytes`);
  const isSuite = name === "outrigger";
  const schema = await bundleSchema(isSuite ? "filters/schema.json" : `filters/${name}/schema.json`);
  await writeFile(`build/schema/${isSuite ? "suite" : name}.json`, `${JSON.stringify(schema, null, 2)}\n`);
}
if (wanted.length === 0 || wanted.includes("cli")) {
  for (const path of [...(await bundleLibraries()), await bundleCommand()]) console.log(path);
}
if (wanted.length === 0 || wanted.includes("compose")) {
  for (const path of await writeCompose()) console.log(path);
}

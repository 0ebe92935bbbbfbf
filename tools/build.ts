/**
 * Builds the modules: `build/<filter>.wasm` for each folder of `filters/`, and `build/outrigger.wasm` with all of them; and
 * the command, `build/cli/outrigger.js` (`cli`), with what users' tests import. Arguments name the ones to build (`modules`: all
 * modules); default all.
 */
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { bundleCommand, bundleLibraries } from "./bundle.ts";
import { compile } from "./compile.ts";

const entries = new Map<string, string>();
for (const folder of await readdir("filters", { withFileTypes: true })) {
  if (folder.isDirectory()) entries.set(folder.name, `filters/${folder.name}/module.ts`);
}
entries.set("outrigger", "filters/module.ts");

const wanted = process.argv.slice(2);
await mkdir("build", { recursive: true });
for (const [name, entry] of entries) {
  if (wanted.length > 0 && !wanted.includes(name) && !wanted.includes("modules")) continue;
  const binary = await compile(entry);
  const path = join("build", `${name}.wasm`);
  await writeFile(path, binary);
  console.log(`${path}  ${binary.length} bytes`);
}
if (wanted.length === 0 || wanted.includes("cli")) {
  for (const path of [...(await bundleLibraries()), await bundleCommand()]) console.log(path);
}

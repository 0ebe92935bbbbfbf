/** Bundles the `outrigger` command and what users' own tests import, into `build/`. */
import { chmod, readFile } from "node:fs/promises";
import { build, type BuildOptions } from "esbuild";

const COMMAND = "build/cli/outrigger.js";

/** Some of the libraries are CommonJS and ask for Node's modules by `require`. */
const REQUIRE = 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);';

const OPTIONS: BuildOptions = { bundle: true, platform: "node", format: "esm", target: "node20", logLevel: "warning" };

/** Bundles the command, and answers its path. */
export async function bundleCommand(): Promise<string> {
  const { version } = JSON.parse(await readFile("package.json", "utf8")) as { version: string };
  await build({
    ...OPTIONS,
    entryPoints: ["cli/index.ts"],
    outfile: COMMAND,
    banner: { js: REQUIRE },
    define: { OUTRIGGER_VERSION: JSON.stringify(version) },
  });
  await chmod(COMMAND, 0o755);
  return COMMAND;
}

/** What `exports` of `package.json` names. */
const LIBRARIES = { host: "test/host/index.ts", scenario: "test/scenario/index.ts" };

/** Bundles the libraries, and answers their paths. Their types are the sources'. */
export async function bundleLibraries(): Promise<string[]> {
  await build({
    ...OPTIONS,
    entryPoints: LIBRARIES,
    outdir: "build/lib",
    splitting: true,
    chunkNames: "[name]-[hash]",
    banner: { js: REQUIRE },
  });
  return Object.keys(LIBRARIES).map((name) => `build/lib/${name}.js`);
}

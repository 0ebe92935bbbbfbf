/** Bundles the `outrigger` command, and the host and the scenarios for users' own tests, into `build/`. */
import { chmod, readFile, rm } from "node:fs/promises";
import { resolve } from "node:path";
import { build, type BuildOptions } from "esbuild";
import ts from "typescript";

const COMMAND = "build/cli/outrigger.js";
/** What `exports` of `package.json` offers, by name. */
const LIBRARIES = { host: "test/host/index.ts", scenario: "test/scenario/index.ts" };
const LIBRARY_FOLDER = "build/lib";

const OPTIONS: BuildOptions = {
  bundle: true,
  platform: "node",
  format: "esm",
  target: "node20",
  logLevel: "warning",
  // Some of the libraries are CommonJS and ask for Node's modules by `require`. Others import `createRequire` under its own name.
  banner: {
    js: 'import { createRequire as requireFrom } from "node:module"; const require = requireFrom(import.meta.url);',
  },
};

/** Bundles the command, and answers its path. */
export async function bundleCommand(): Promise<string> {
  const { version } = JSON.parse(await readFile("package.json", "utf8")) as { version: string };
  await build({
    ...OPTIONS,
    entryPoints: ["cli/index.ts"],
    outfile: COMMAND,
    define: { OUTRIGGER_VERSION: JSON.stringify(version) },
  });
  await chmod(COMMAND, 0o755);
  return COMMAND;
}

/** Bundles the libraries, which share what both need, with their types; answers their paths. */
export async function bundleLibraries(): Promise<string[]> {
  await rm(LIBRARY_FOLDER, { recursive: true, force: true });
  await build({ ...OPTIONS, entryPoints: LIBRARIES, outdir: LIBRARY_FOLDER, splitting: true });
  emitTypes();
  return Object.keys(LIBRARIES).map((name) => `${LIBRARY_FOLDER}/${name}.js`);
}

/** Writes the declarations; whether the sources' types are right is for `npm run types`. */
function emitTypes(): void {
  const options: ts.CompilerOptions = {
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    lib: ["lib.es2023.d.ts", "lib.dom.d.ts"],
    types: ["node"],
    strict: true,
    exactOptionalPropertyTypes: true,
    allowImportingTsExtensions: true,
    skipLibCheck: true,
    declaration: true,
    emitDeclarationOnly: true,
    rootDir: resolve("."),
    outDir: resolve(LIBRARY_FOLDER, "types"),
  };
  const { emitSkipped, diagnostics } = ts.createProgram(Object.values(LIBRARIES), options).emit();
  if (!emitSkipped && diagnostics.length === 0) return;
  throw new Error(
    `no types: ${diagnostics.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, "\n")).join("\n")}`,
  );
}

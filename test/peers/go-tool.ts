/** Programs in Go that tests need, built once into the user's cache at an exact version. */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { cp, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { cached, run } from "./cache.ts";
import { PeerNotFound } from "./process.ts";

/**
 * The path of a program, in an environment (default this process's): of its PATH, and its cache. The first call on a machine builds it.
 * Throws {@link PeerNotFound}.
 */
export type Locate = (env?: NodeJS.ProcessEnv) => Promise<string>;

export interface GoTool {
  /** As it is called in messages and in the cache. */
  name: string;
  /** The package that is installed; its last part but for a major version (`/v5`) is the binary's name. */
  path: string;
  version: string;
  /** The `go` directive of its module's `go.mod`: an older Go fetches this one by itself, unless it is told not to. */
  go: string;
}

export function goTool(tool: GoTool): Locate {
  const { name, go, path, version } = tool;
  const what = `${path}@${version}`;
  const binary = basename(path.replace(/\/v\d+$/, ""));
  return (env = process.env) =>
    cached(
      `${name}-${version}`,
      binary,
      // Outside of any module, whose `go.mod` would have a say.
      (cwd) => compile({ name, go, what, words: ["install", what], cwd }, { ...env, GOBIN: cwd }),
      env,
    );
}

/** Programs of one Go module at one version. Built together, what they share is compiled once. */
export interface GoTools extends Pick<GoTool, "name" | "version" | "go"> {
  module: string;
  /** Packages of the module: `pilot/cmd/pilot-agent`. */
  packages: readonly string[];
  /** Files of the module that are kept beside the programs, by their own names. */
  files: readonly string[];
}

/** The folder with the programs and files; the first call on a machine builds them. Throws {@link PeerNotFound}. */
export async function goTools(tools: GoTools, env: NodeJS.ProcessEnv = process.env): Promise<string> {
  const { name, go, version } = tools;
  const what = `${tools.module}@${version}`;
  const make = async (folder: string): Promise<void> => {
    const packages = tools.packages.map((path) => `${tools.module}/${path}@${version}`);
    const words = ["install", "-p", "2", ...packages] as const;
    await compile({ name, go, what, words, cwd: folder }, { ...env, GOBIN: folder });
    const source = await goSource({ name, go, what, cwd: folder }, env);
    for (const file of tools.files) await cp(join(source, file), join(folder, basename(file)));
    await writeFile(join(folder, "complete"), `${what}\n`);
  };
  return dirname(await cached(`${name}-${version}`, "complete", make, env));
}

/**
 * A program in Go whose source is here, with its `go.mod` and `go.sum` in a folder of its name beside this file. It is made anew where a
 * file of it has changed.
 */
export function goProgram({ name, go }: Pick<GoTool, "name" | "go">): Locate {
  const cwd = fileURLToPath(new URL(name, import.meta.url));
  return (env = process.env) => {
    const hash = createHash("sha256");
    for (const file of readdirSync(cwd).sort())
      hash.update(`${file}\0`).update(readFileSync(join(cwd, file)));
    const make = (folder: string): Promise<void> =>
      compile({ name, go, what: name, words: ["build", "-p", "2", "-o", join(folder, name), "."], cwd }, env);
    return cached(`${name}-${hash.digest("hex").slice(0, 12)}`, name, make, env);
  };
}

/** A program of a module that `go install` refuses, since its `go.mod` has `exclude` or `replace`. */
export interface GoModule extends Pick<GoTool, "name" | "version" | "go"> {
  module: string;
  /** From the module's root: `./cmd`. */
  package: string;
}

/** Its binary has the tool's name. */
export function goModule(tool: GoModule): Locate {
  const { name, version, go } = tool;
  const what = `${tool.module}@${version}`;
  return (env = process.env) =>
    cached(
      `${name}-${version}`,
      name,
      async (folder) => {
        const cwd = await goSource({ name, go, what, cwd: folder }, env);
        // In its own folder it is the main module, whose `go.mod` may say anything.
        const words = ["build", "-p", "2", "-o", join(folder, name), tool.package] as const;
        await compile({ name, go, what, words, cwd }, env);
      },
      env,
    );
}

/** The folder of a module's source, `what` being `<module>@<version>`; fetched where it is not there. Throws {@link PeerNotFound}. */
export async function goSource(
  { name, go, what, cwd }: Omit<Compilation, "words">,
  env: NodeJS.ProcessEnv = process.env,
): Promise<string> {
  const { code, output } = await run("go", ["mod", "download", "-json", what], { env, cwd });
  if (code === "ENOENT") throw new PeerNotFound(name, "go is not installed", remedy(go));
  if (code !== 0)
    throw new PeerNotFound(name, `go mod download ${what} failed (${code}):\n${output.trim()}`, remedy(go));
  return (JSON.parse(output) as { Dir: string }).Dir;
}

interface Compilation extends Pick<GoTool, "name" | "go"> {
  /** As it is called while it is made. */
  what: string;
  /** Of the command `go`, the first one its subcommand. */
  words: readonly [string, ...string[]];
  cwd: string;
}

async function compile({ name, go, what, words, cwd }: Compilation, env: NodeJS.ProcessEnv): Promise<void> {
  const found = await run("go", ["version"], { env, cwd });
  if (found.code === "ENOENT") throw new PeerNotFound(name, "go is not installed", remedy(go));
  console.error(`Building ${what} (once, a few minutes) ...`);
  const [command, ...rest] = words;
  const { code, output } = await run("go", [command, "-ldflags", "-s -w", ...rest], {
    env: { ...env, CGO_ENABLED: "0", GOFLAGS: "-buildvcs=false" },
    cwd,
  });
  if (code !== 0)
    throw new PeerNotFound(name, `go ${words.join(" ")} failed (${code}):\n${output.trim()}`, remedy(go));
}

/** What to do where Go, of this version or later, is missing or fails. */
function remedy(go: string): string {
  return `Install Go ${go} or later: https://go.dev/dl (or apt-get install golang, where that is new enough).`;
}

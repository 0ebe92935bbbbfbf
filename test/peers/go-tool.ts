/** Programs in Go that tests need, built once into the user's cache at an exact version. */
import { spawn } from "node:child_process";
import { constants } from "node:fs";
import { access, mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import { homedir } from "node:os";
import { basename, join } from "node:path";
import { PeerNotFound } from "./process.ts";

export interface GoTool {
  /** As it is called in messages and in the cache. */
  name: string;
  /** The package that is installed; its last part is the binary's name. */
  path: string;
  version: string;
  /** The `go` directive of its module: an older Go fetches this one by itself, unless it is told not to. */
  go: string;
}

/** The path of the binary; the first call on a machine builds it. Throws {@link PeerNotFound}. */
export async function goTool(tool: GoTool, env: NodeJS.ProcessEnv = process.env): Promise<string> {
  // An empty variable counts as unset (XDG Base Directory Specification).
  const base = env.XDG_CACHE_HOME === "" ? undefined : env.XDG_CACHE_HOME;
  const cache = join(base ?? join(homedir(), ".cache"), "outrigger");
  const home = join(cache, `${tool.name}-${tool.version}`);
  const binary = join(home, basename(tool.path));
  if (!(await isExecutable(binary))) await build(tool, cache, home, env);
  return binary;
}

/** Builds beside the target and renames, so that an interrupted build never leaves half of one. */
async function build(tool: GoTool, cache: string, home: string, env: NodeJS.ProcessEnv): Promise<void> {
  const remedy = `Install Go ${tool.go} or later: https://go.dev/dl (or apt-get install golang, where that is new enough).`;
  await mkdir(cache, { recursive: true });
  const temporary = await mkdtemp(join(cache, `${tool.name}-${tool.version}.partial-`));
  try {
    const what = `${tool.path}@${tool.version}`;
    const found = await run("go", ["version"], env, temporary);
    if (found.code === "ENOENT") throw new PeerNotFound(tool.name, "go is not installed", remedy);
    console.error(`Building ${what} (once, a minute or two) ...`);
    const { code, output } = await run(
      "go",
      ["install", "-ldflags", "-s -w", what],
      { ...env, CGO_ENABLED: "0", GOBIN: temporary, GOFLAGS: "-buildvcs=false" },
      // Outside of any module, whose `go.mod` would have a say.
      temporary,
    );
    if (code !== 0)
      throw new PeerNotFound(tool.name, `go install ${what} failed (${code}):\n${output.trim()}`, remedy);
    await rm(home, { recursive: true, force: true }).catch(() => undefined);
    await rename(temporary, home).catch(async (error: unknown) => {
      // Another process was quicker: its build is as good.
      if (!(await isExecutable(join(home, basename(tool.path))))) throw error;
    });
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

function run(
  command: string,
  words: readonly string[],
  env: NodeJS.ProcessEnv,
  cwd: string,
): Promise<{ code: number | string; output: string }> {
  return new Promise((resolve) => {
    let output = "";
    const child = spawn(command, words, { env, cwd, stdio: ["ignore", "pipe", "pipe"] });
    child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (output += chunk.toString()));
    child.on("error", (error: NodeJS.ErrnoException) =>
      resolve({ code: error.code ?? error.message, output }),
    );
    child.on("close", (code, signal) => resolve({ code: code ?? signal ?? "unknown", output }));
  });
}

async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}

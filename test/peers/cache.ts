/** What tests need and fetch or build once, in the user's cache. */
import { spawn } from "node:child_process";
import { constants } from "node:fs";
import { access, mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";

/**
 * The path of the cache's file `folder/file`. When it is not there yet, `make` fills a folder with it. That one stands beside and is
 * renamed afterwards, so that what was interrupted never leaves half of one.
 */
export async function cached(
  folder: string,
  file: string,
  make: (folder: string) => Promise<void>,
  env: NodeJS.ProcessEnv = process.env,
): Promise<string> {
  // An empty variable counts as unset (XDG Base Directory Specification).
  const base = env.XDG_CACHE_HOME === "" ? undefined : env.XDG_CACHE_HOME;
  const cache = join(base ?? join(homedir(), ".cache"), "outrigger");
  const home = join(cache, folder);
  const path = join(home, file);
  if (await isReadable(path)) return path;
  await mkdir(cache, { recursive: true });
  const temporary = await mkdtemp(join(cache, `${folder}.partial-`));
  try {
    await make(temporary);
    await rm(home, { recursive: true, force: true }).catch(() => undefined);
    await rename(temporary, home).catch(async (error: unknown) => {
      // Another process was quicker: what it made is as good.
      if (!(await isReadable(path))) throw error;
    });
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
  return path;
}

/** The path of a program on the PATH; undefined where there is none. */
export async function onPath(
  name: string,
  env: NodeJS.ProcessEnv = process.env,
): Promise<string | undefined> {
  for (const folder of (env.PATH ?? "").split(delimiter)) {
    if (folder !== "" && (await isReadable(join(folder, name), constants.X_OK))) return join(folder, name);
  }
  return undefined;
}

/** Runs a command to its end. The code is `ENOENT` where there is no such program. */
export function run(
  command: string,
  words: readonly string[],
  options: { env?: NodeJS.ProcessEnv; cwd?: string } = {},
): Promise<{ code: number | string; output: string }> {
  return new Promise((resolve) => {
    let output = "";
    const child = spawn(command, words, { ...options, stdio: ["ignore", "pipe", "pipe"] });
    child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (output += chunk.toString()));
    child.on("error", (error: NodeJS.ErrnoException) =>
      resolve({ code: error.code ?? error.message, output }),
    );
    child.on("close", (code, signal) => resolve({ code: code ?? signal ?? "unknown", output }));
  });
}

function isReadable(path: string, mode = constants.R_OK): Promise<boolean> {
  return access(path, mode).then(
    () => true,
    () => false,
  );
}

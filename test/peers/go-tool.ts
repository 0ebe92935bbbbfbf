/** Programs in Go that tests need, built once into the user's cache at an exact version. */
import { basename } from "node:path";
import { cached, run } from "./cache.ts";
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
export function goTool(tool: GoTool, env: NodeJS.ProcessEnv = process.env): Promise<string> {
  const make = (folder: string): Promise<void> => build(tool, folder, env);
  return cached(`${tool.name}-${tool.version}`, basename(tool.path), make, env);
}

async function build(tool: GoTool, folder: string, env: NodeJS.ProcessEnv): Promise<void> {
  const remedy = `Install Go ${tool.go} or later: https://go.dev/dl (or apt-get install golang, where that is new enough).`;
  const what = `${tool.path}@${tool.version}`;
  const found = await run("go", ["version"], { env, cwd: folder });
  if (found.code === "ENOENT") throw new PeerNotFound(tool.name, "go is not installed", remedy);
  console.error(`Building ${what} (once, a minute or two) ...`);
  const { code, output } = await run("go", ["install", "-ldflags", "-s -w", what], {
    env: { ...env, CGO_ENABLED: "0", GOBIN: folder, GOFLAGS: "-buildvcs=false" },
    // Outside of any module, whose `go.mod` would have a say.
    cwd: folder,
  });
  if (code !== 0)
    throw new PeerNotFound(tool.name, `go install ${what} failed (${code}):\n${output.trim()}`, remedy);
}

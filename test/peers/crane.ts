/** go-containerregistry's `crane`: another client of registries, whose library is Istio's too. */
import { run } from "./cache.ts";
import { goTool } from "./go-tool.ts";

export const CRANE_VERSION = "v0.22.1";

/** The path of the binary, built when it is not yet: about a minute. Throws `PeerNotFound`. */
export function locateCrane(env: NodeJS.ProcessEnv = process.env): Promise<string> {
  return goTool(
    {
      name: "crane",
      path: "github.com/google/go-containerregistry/cmd/crane",
      version: CRANE_VERSION,
      go: "1.25.0",
    },
    env,
  );
}

/** What it answers. Throws with its output where it fails. */
export async function crane(words: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<string> {
  const { code, output } = await run(await locateCrane(), words, { env: { ...process.env, ...env } });
  if (code !== 0) throw new Error(`crane ${words.join(" ")} failed (${code}): ${output}`);
  return output.trim();
}

/** go-containerregistry's `crane`: another client of registries, whose library is Istio's too. */
import { run } from "./cache.ts";
import { goTool } from "./go-tool.ts";

/** The path of the binary: about a minute to build. */
export const locateCrane = goTool({
  name: "crane",
  path: "github.com/google/go-containerregistry/cmd/crane",
  version: "v0.22.1",
  go: "1.25.0",
});

/** What it answers. Throws with its output where it fails. */
export async function crane(words: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<string> {
  const { code, output } = await run(await locateCrane(), words, { env: { ...process.env, ...env } });
  if (code !== 0) throw new Error(`crane ${words.join(" ")} failed (${code}): ${output}`);
  return output.trim();
}

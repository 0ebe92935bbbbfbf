/** Puts modules into a registry, with the command that users have for it. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { outrigger } from "../cli/command.ts";

/** Answers the digest of the manifest: `sha256:...`. `repository` is `HOST/NAME`. */
export async function pushFile(repository: string, tag: string, file: string): Promise<string> {
  const { status, stdout, stderr } = await outrigger(["push", "--quiet", `oci://${repository}:${tag}`, file]);
  if (status !== 0) throw new Error(`outrigger push ${file}: exit code ${status}\n${stderr}`);
  return stdout.trim();
}

/** The same of a module that is not in a file. */
export async function pushImage(repository: string, tag: string, module: Uint8Array): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "outrigger-image-"));
  try {
    const file = join(folder, "module.wasm");
    writeFileSync(file, module);
    return await pushFile(repository, tag, file);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What a machine is to the tests of what cannot be had: the programs that a test puts there, and nothing else. */
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** A PATH with these programs (by name, a shell script each) in `folder` and nothing else on it, and an empty cache there. */
export function bareEnvironment(
  folder: string,
  programs: Readonly<Record<string, string>>,
): NodeJS.ProcessEnv {
  const bin = join(folder, "bin");
  mkdirSync(bin);
  for (const [name, script] of Object.entries(programs)) {
    writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`);
    chmodSync(join(bin, name), 0o755);
  }
  return { PATH: bin, XDG_CACHE_HOME: join(folder, "cache") };
}

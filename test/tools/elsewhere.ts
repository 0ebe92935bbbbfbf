/** A copy of the project's files in another folder, as somebody else would have them, to build it again. */
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, symlinkSync } from "node:fs";
import { join, resolve } from "node:path";

/**
 * Copies what git keeps here, or would with `git add`, as it is now into `folder`, and builds `modules` there (arguments of
 * tools/build.ts) with the packages that are installed here.
 */
export function buildElsewhere(folder: string, modules: string, env: NodeJS.ProcessEnv = process.env): void {
  const files = execFileSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], {
    encoding: "utf8",
  });
  for (const file of files.split("\0")) {
    // What has been removed is still in git's list.
    if (file !== "" && existsSync(file)) cpSync(file, join(folder, file));
  }
  symlinkSync(resolve("node_modules"), join(folder, "node_modules"));
  const tsx = resolve("node_modules/tsx/dist/cli.mjs");
  execFileSync(process.execPath, [tsx, "tools/build.ts", modules], { cwd: folder, env, stdio: "pipe" });
}

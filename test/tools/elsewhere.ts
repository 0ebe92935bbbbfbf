/** A copy of the project's files in another folder, as somebody else would have them, to build it again. */
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, symlinkSync } from "node:fs";
import { join, resolve } from "node:path";

/** Copies what git keeps here, or would with `git add`, as it is now into `folder`; the packages that are installed here are there too. */
export function copyProject(folder: string): void {
  const files = execFileSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], {
    encoding: "utf8",
  });
  for (const file of files.split("\0")) {
    // What has been removed is still in git's list.
    if (file !== "" && existsSync(file)) cpSync(file, join(folder, file));
  }
  symlinkSync(resolve("node_modules"), join(folder, "node_modules"));
}

/** Builds `modules` (arguments of tools/build.ts) of a copy in `folder`. */
export function buildElsewhere(folder: string, modules: string, env: NodeJS.ProcessEnv = process.env): void {
  copyProject(folder);
  const tsx = resolve("node_modules/tsx/dist/cli.mjs");
  execFileSync(process.execPath, [tsx, "tools/build.ts", modules], { cwd: folder, env, stdio: "pipe" });
}

/** git in `folder`, as somebody. Answers what it writes. */
export function gitIn(folder: string, ...words: string[]): string {
  const identity = ["user.name=Test", "user.email=test@example.com", "commit.gpgsign=false"];
  const all = [...identity.flatMap((setting) => ["-c", setting]), ...words];
  return execFileSync("git", all, { cwd: folder, encoding: "utf8", stdio: "pipe" }).trim();
}

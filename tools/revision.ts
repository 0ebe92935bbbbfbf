/** Which commit of which repository the working folder is. */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, realpathSync } from "node:fs";
import { join } from "node:path";

export interface Revision {
  /** 40 or 64 hexadecimal digits. */
  commit: string;
  /** When it was committed, in UTC: `2026-11-26T10:00:00Z`. */
  committed: string;
  /** Where it is kept, `https://github.com/example/outrigger`; undefined for a clone that does not say so. */
  source: string | undefined;
}

/** Why no commit says what a folder holds, for whoever wants one. */
export interface NoRevision {
  why: string;
}

/** None outside of a clone, where git fails, and where files differ from the commit: then no commit says what is here. */
export function revisionOf(folder: string): Revision | NoRevision {
  try {
    return revisionIn(folder);
  } catch (error) {
    const { code, stderr = "" } = error as NodeJS.ErrnoException & { stderr?: string };
    if (code === "ENOENT") return { why: "there is no git on the PATH" };
    const said = stderr.trim().split("\n")[0]!;
    return { why: `git fails: ${said === "" ? (error as Error).message : said}` };
  }
}

function revisionIn(folder: string): Revision | NoRevision {
  // git status would write to the index otherwise, at which others may be at work.
  const env = { ...process.env, GIT_OPTIONAL_LOCKS: "0", LC_ALL: "C" };
  const git = (...words: string[]): string =>
    execFileSync("git", words, { cwd: folder, env, encoding: "utf8", stdio: "pipe" }).trimEnd();
  const top = git("rev-parse", "--show-toplevel");
  if (realpathSync(top) !== realpathSync(folder)) {
    return { why: `this folder is no clone, but a part of ${top}, whose commits are of more` };
  }
  const changed = git("status", "--porcelain");
  if (changed !== "") {
    const [first = "", ...more] = changed.split("\n").map((line) => line.slice(3));
    return {
      why: `${first}${more.length === 0 ? " differs" : ` and ${more.length} more differ`} from the commit`,
    };
  }
  const [commit = "", seconds] = git("show", "-s", "--no-show-signature", "--format=%H %ct", "HEAD").split(
    " ",
  );
  const committed = new Date(Number(seconds) * 1000).toISOString().replace(".000Z", "Z");
  // Without output where there is none: that is no failure.
  const remote = git("config", "--default", "", "--get", "remote.origin.url");
  return { commit, committed, source: webAddress(remote) ?? webAddress(declaredRepository(folder)) };
}

/** The address that package.json has for the repository, as npm writes it there: `git+https://..`; empty without one. */
function declaredRepository(folder: string): string {
  const path = join(folder, "package.json");
  if (!existsSync(path)) return "";
  const { repository } = JSON.parse(readFileSync(path, "utf8")) as { repository?: string | { url?: string } };
  const url = typeof repository === "string" ? repository : repository?.url;
  // npm's short forms, as github:example/outrigger, are no addresses.
  return url?.includes("://") ? url.replace(/^git\+/, "") : "";
}

/** A repository's address as anybody may have it, without who somebody is there; undefined for a path. */
export function webAddress(remote: string): string | undefined {
  const scp = /^(?:[^@/\s]+@)?([A-Za-z0-9.-]+):(?!\/\/)([^\s]+)$/.exec(remote);
  if (scp !== null) return `https://${scp[1]}/${withoutSuffix(scp[2]!)}`;
  let url: URL;
  try {
    url = new URL(remote);
  } catch {
    return undefined;
  }
  if (!["https:", "http:", "ssh:", "git:"].includes(url.protocol)) return undefined;
  const host = url.protocol.startsWith("http") ? url.host : url.hostname;
  return `https://${host}/${withoutSuffix(url.pathname)}`;
}

function withoutSuffix(path: string): string {
  return path
    .replace(/^\/+/, "")
    .replace(/\/+$/, "")
    .replace(/\.git$/, "");
}

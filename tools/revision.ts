/** Which commit of which repository the working folder is. */
import { execFileSync } from "node:child_process";
import { realpathSync } from "node:fs";

export interface Revision {
  /** 40 or 64 hexadecimal digits. */
  commit: string;
  /** When it was committed, in UTC: `2026-11-26T10:00:00Z`. */
  committed: string;
  /** Where it is kept, `https://github.com/example/outrigger`; undefined for a clone that does not say so. */
  source: string | undefined;
}

/** Undefined outside of a clone, without git, and where files differ from the commit: then none says what is here. */
export function revisionOf(folder: string): Revision | undefined {
  const git = (...words: string[]): string | undefined => {
    try {
      // git status would write to the index otherwise, at which others may be at work.
      const env = { ...process.env, GIT_OPTIONAL_LOCKS: "0" };
      return execFileSync("git", words, {
        cwd: folder,
        env,
        encoding: "utf8",
        stdio: ["ignore", "pipe", "ignore"],
      }).trim();
    } catch {
      return undefined;
    }
  };
  // A folder within a clone of something else has no commit of its own.
  const top = git("rev-parse", "--show-toplevel");
  if (top === undefined || realpathSync(top) !== realpathSync(folder)) return undefined;
  const commit = git("rev-parse", "HEAD");
  const seconds = Number(git("show", "-s", "--format=%ct", "HEAD"));
  if (commit === undefined || Number.isNaN(seconds) || git("status", "--porcelain") !== "") return undefined;
  const committed = new Date(seconds * 1000).toISOString().replace(".000Z", "Z");
  return { commit, committed, source: webAddress(git("config", "--get", "remote.origin.url") ?? "") };
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

/**
 * A Docker daemon of the tests' own, in a folder that ends with it, and Docker Compose, which is built once. Nothing of a daemon that runs
 * already is asked or changed.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { onPath, run } from "./cache.ts";
import { goModule } from "./go-tool.ts";
import { PeerNotFound, PeerProcess } from "./process.ts";

export const COMPOSE_VERSION = "v2.40.3";

/** As its `go.mod` says. */
const COMPOSE_GO_VERSION = "1.24.9";

export class Docker {
  private constructor(
    private readonly folder: string,
    private readonly process: PeerProcess,
  ) {}

  /** Throws {@link PeerNotFound}; rejects with its output where it does not start. */
  static async start(): Promise<Docker> {
    const command = await locateDockerd();
    // Not below a longer path: that of a socket has 108 bytes at most.
    const folder = mkdtempSync(join(tmpdir(), "outrigger-docker-"));
    try {
      const process_ = await PeerProcess.start({
        command,
        arguments: [
          // The machine's firewall is not changed: ports are published by a process of Docker's.
          ...["--iptables=false", "--ip6tables=false", "--ip-masq=false"],
          // The bridge of that name outlives a daemon, and may be another one's.
          "--bridge=none",
          ...["--data-root", join(folder, "data"), "--exec-root", join(folder, "exec")],
          ...["--host", socketIn(folder), "--pidfile", join(folder, "pid")],
        ],
        isReady: async () => (await run("docker", ["version"], { env: environmentIn(folder) })).code === 0,
        readyWithin: 60_000,
      });
      return new Docker(folder, process_);
    } catch (error) {
      removeFolder(folder);
      throw error;
    }
  }

  /** That `docker` and Docker Compose need for asking this daemon. */
  get environment(): NodeJS.ProcessEnv {
    return environmentIn(this.folder);
  }

  /** Runs `docker` and answers what it wrote. Rejects with that where it fails. */
  async run(...words: readonly string[]): Promise<string> {
    const { code, output } = await run("docker", words, { env: this.environment });
    if (code !== 0) throw new Error(`docker ${words.join(" ")} failed (${code}):\n${output.trim()}`);
    return output;
  }

  /** Ends the daemon and what it runs, and removes its folder. */
  async stop(): Promise<void> {
    const containerd = processIn(join(this.folder, "exec", "containerd", "containerd.pid"));
    try {
      const ids = (await this.run("ps", "--all", "--quiet")).split("\n").filter((id) => id !== "");
      if (ids.length > 0) await this.run("rm", "--force", ...ids);
    } finally {
      await this.process.stop();
      await ended(containerd);
      removeFolder(this.folder);
    }
  }
}

function socketIn(folder: string): string {
  return `unix://${join(folder, "docker.sock")}`;
}

function environmentIn(folder: string): NodeJS.ProcessEnv {
  // The user's own settings name other daemons and ways to them.
  return { PATH: process.env.PATH, HOME: folder, DOCKER_HOST: socketIn(folder) };
}

function processIn(file: string): number | undefined {
  try {
    return Number(readFileSync(file, "utf8"));
  } catch {
    return undefined;
  }
}

/** Waits for a process that is no child of ours, five seconds at most, and ends it then. */
async function ended(pid: number | undefined): Promise<void> {
  if (pid === undefined) return;
  const isAlive = (signal: number | NodeJS.Signals): boolean => {
    try {
      return process.kill(pid, signal);
    } catch {
      return false;
    }
  };
  for (let waited = 0; waited < 5000 && isAlive(0); waited += 50) await sleep(50);
  isAlive("SIGKILL");
}

function removeFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
}

/** The path of the daemon, which `docker` is beside. Throws {@link PeerNotFound}. */
export async function locateDockerd(env: NodeJS.ProcessEnv = process.env): Promise<string> {
  const remedy =
    "Install it: apt-get install docker.io, and docker-cli where there is such a package (Debian 13) (or https://docs.docker.com/engine/install).";
  const paths = await Promise.all(["dockerd", "docker"].map((name) => onPath(name, env)));
  const [daemon] = paths;
  if (daemon === undefined) throw new PeerNotFound("Docker", "dockerd is not on the PATH", remedy);
  if (paths.includes(undefined)) throw new PeerNotFound("Docker", "docker is not on the PATH", remedy);
  if (process.getuid?.() !== 0)
    throw new PeerNotFound(
      "Docker",
      "the tests start a dockerd of their own, for root alone",
      "Run them as root.",
    );
  return daemon;
}

/** The path of Docker Compose as a program of its own; the first call on a machine builds it. Throws {@link PeerNotFound}. */
export function locateCompose(): Promise<string> {
  return goModule({
    name: "docker-compose",
    module: "github.com/docker/compose/v2",
    package: "./cmd",
    version: COMPOSE_VERSION,
    go: COMPOSE_GO_VERSION,
  });
}

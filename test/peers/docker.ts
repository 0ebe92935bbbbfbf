/**
 * A Docker daemon of the tests' own, in a folder that ends with it, and Docker Compose, which is built once. Nothing of a daemon that runs
 * already is asked or changed.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { onPath, run } from "./cache.ts";
import { goModule } from "./go-tool.ts";
import { PeerNotFound, PeerProcess } from "./process.ts";

/** What outlives its daemon, in the order in which it can be removed: containers as processes, networks as bridges of the machine. */
const OUTLIVING = [
  { list: ["ps", "--all", "--quiet"], remove: ["rm", "--force"] },
  { list: ["network", "ls", "--quiet", "--filter", "type=custom"], remove: ["network", "rm"] },
] as const;

/** Milliseconds that a command of {@link OUTLIVING} may take. */
const REMOVED_WITHIN = 20_000;
/** Milliseconds that the daemon may take to end. */
const ENDED_WITHIN = 10_000;

export class Docker {
  private constructor(
    private readonly folder: string,
    private readonly daemon: PeerProcess,
  ) {
    // Before the listeners that end the daemon, which is asked here.
    process.prependListener("exit", this.onExit);
  }

  /** Throws {@link PeerNotFound}; rejects with its output where it does not start. */
  static async start(): Promise<Docker> {
    const command = await locateDockerd();
    // Not below a longer path: that of a socket has 108 bytes at most.
    const folder = mkdtempSync(join(tmpdir(), "outrigger-docker-"));
    try {
      const daemon = await PeerProcess.start({
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
      return new Docker(folder, daemon);
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

  /** Ends the daemon and what it runs, and removes its networks and its folder. */
  async stop(): Promise<void> {
    const containerd = this.containerd();
    try {
      this.removeOutliving();
    } finally {
      await this.daemon.stop();
      await ended(containerd);
      removeFolder(this.folder);
      process.off("exit", this.onExit);
    }
  }

  /** The tests end before {@link stop}: nothing can be waited for any more. */
  private readonly onExit = (): void => {
    const containerd = this.containerd();
    try {
      this.removeOutliving();
    } catch (error) {
      console.error(error);
    }
    // One that is killed at once leaves its mounts.
    send(this.daemon.pid, "SIGTERM");
    const pidFile = join(this.folder, "pid");
    for (let waited = 0; existsSync(pidFile) && waited < ENDED_WITHIN; waited += 100) pause(100);
    if (this.daemon.exit === undefined) send(this.daemon.pid, "SIGKILL");
    if (containerd !== undefined) send(containerd, "SIGKILL");
    spawnSync("umount", ["--lazy", join(this.folder, "data")]);
    removeFolder(this.folder);
  };

  /** Throws what Docker says where something cannot be removed. */
  private removeOutliving(): void {
    const run = (words: readonly string[]): string[] => {
      const { status, stdout, stderr, error } = spawnSync("docker", words, {
        env: this.environment,
        encoding: "utf8",
        timeout: REMOVED_WITHIN,
      });
      if (status !== 0) throw new Error(`docker ${words.join(" ")} failed: ${error?.message ?? stderr}`);
      return stdout.split("\n").filter((id) => id !== "");
    };
    for (const { list, remove } of OUTLIVING) {
      const ids = run(list);
      if (ids.length > 0) run([...remove, ...ids]);
    }
  }

  private containerd(): number | undefined {
    return processIn(join(this.folder, "exec", "containerd", "containerd.pid"));
  }
}

/** Where nothing can be awaited. */
function pause(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
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
  for (let waited = 0; waited < 5000 && send(pid, 0); waited += 50) await sleep(50);
  send(pid, "SIGKILL");
}

/** False where there is no such process. */
function send(pid: number, signal: number | NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
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
export const locateCompose = goModule({
  name: "docker-compose",
  module: "github.com/docker/compose/v2",
  package: "./cmd",
  version: "v2.40.3",
  go: "1.24.9",
});

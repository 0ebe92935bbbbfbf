/** Servers that tests start beside Envoy: each is ended by its process id, and none outlives the tests. */
import { spawn, type ChildProcess } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";

/** A peer cannot be had here. The message says why, and what to install. */
export class PeerNotFound extends Error {
  constructor(what: string, reason: string, remedy: string) {
    super(`no ${what}: ${reason}\n${remedy}`);
    this.name = "PeerNotFound";
  }
}

export interface PeerOptions {
  command: string;
  arguments: readonly string[];
  env?: NodeJS.ProcessEnv;
  cwd?: string;
  /** Answers true as soon as the server can be asked; what it throws counts as not yet. */
  isReady: () => Promise<boolean>;
  /** In milliseconds; default 20,000. */
  readyWithin?: number;
}

export class PeerProcess {
  readonly pid: number;
  /** How it ended; undefined while it runs. */
  exit: string | undefined;
  private readonly exited: Promise<void>;
  private output = "";

  private constructor(private readonly child: ChildProcess) {
    this.pid = child.pid!;
    const take = (chunk: Buffer): void => {
      this.output = (this.output + chunk.toString()).slice(-8000);
    };
    child.stdout!.on("data", take);
    child.stderr!.on("data", take);
    this.exited = new Promise((resolve) => {
      child.once("close", (code, signal) => {
        this.exit = signal === null ? `exit code ${code}` : `signal ${signal}`;
        running.delete(child);
        resolve();
      });
    });
  }

  /** Starts it and waits until it is ready. Rejects with its output when it is not in time. */
  static async start(options: PeerOptions): Promise<PeerProcess> {
    const child = spawn(options.command, options.arguments, {
      env: options.env ?? process.env,
      cwd: options.cwd,
      stdio: ["ignore", "pipe", "pipe"],
    });
    if (child.pid === undefined)
      throw await new Promise<Error>((resolve) => child.once("error", (error) => resolve(error)));
    endWithUs(child);
    const peer = new PeerProcess(child);
    const end = Date.now() + (options.readyWithin ?? 20_000);
    while (peer.exit === undefined && Date.now() < end) {
      if (await options.isReady().catch(() => false)) return peer;
      await sleep(20);
    }
    const why = peer.exit ?? "it was not ready in time";
    await peer.kill();
    throw new Error(`${options.command} did not start: ${why}\n${peer.log()}`);
  }

  /** The end of what it wrote. */
  log(): string {
    return this.output;
  }

  /** SIGTERM, and SIGKILL for what has not ended after three seconds. */
  async stop(): Promise<void> {
    if (this.exit !== undefined) return;
    this.child.kill("SIGTERM");
    // A stopped process takes no other signal.
    this.child.kill("SIGCONT");
    const timer = setTimeout(() => this.child.kill("SIGKILL"), 3000);
    await this.exited;
    clearTimeout(timer);
  }

  /** As a machine that loses power. */
  async kill(): Promise<void> {
    if (this.exit !== undefined) return;
    this.child.kill("SIGKILL");
    await this.exited;
  }

  /** It keeps its connections and answers nothing, until {@link resume}. */
  pause(): void {
    this.child.kill("SIGSTOP");
  }

  resume(): void {
    this.child.kill("SIGCONT");
  }
}

const running = new Set<ChildProcess>();
let watching = false;

function endWithUs(child: ChildProcess): void {
  running.add(child);
  if (watching) return;
  watching = true;
  process.on("exit", () => {
    for (const one of running) one.kill("SIGKILL");
  });
}

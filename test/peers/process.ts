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
  /** It starts processes of its own, which end with it. */
  group?: boolean;
}

export class PeerProcess {
  readonly pid: number;
  /** How it ended; undefined while it runs. */
  exit: string | undefined;
  private readonly exited: Promise<void>;
  private output = "";

  private constructor(
    child: ChildProcess,
    private readonly send: (signal: NodeJS.Signals) => void,
  ) {
    this.pid = child.pid!;
    const take = (chunk: Buffer): void => {
      this.output = (this.output + chunk.toString()).slice(-8000);
    };
    child.stdout!.on("data", take);
    child.stderr!.on("data", take);
    this.exited = new Promise((resolve) => {
      child.once("close", (code, signal) => {
        this.exit = signal === null ? `exit code ${code}` : `signal ${signal}`;
        running.delete(send);
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
      detached: options.group ?? false,
    });
    if (child.pid === undefined)
      throw await new Promise<Error>((resolve) => child.once("error", (error) => resolve(error)));
    const { pid } = child;
    const send = options.group
      ? (signal: NodeJS.Signals) => signalGroup(pid, signal)
      : (signal: NodeJS.Signals) => void child.kill(signal);
    endWithUs(send);
    const peer = new PeerProcess(child, send);
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
    this.send("SIGTERM");
    // A stopped process takes no other signal.
    this.send("SIGCONT");
    const timer = setTimeout(() => this.send("SIGKILL"), 3000);
    await this.exited;
    clearTimeout(timer);
  }

  /** As a machine that loses power. */
  async kill(): Promise<void> {
    if (this.exit !== undefined) return;
    this.send("SIGKILL");
    await this.exited;
  }

  /** It keeps its connections and answers nothing, until {@link resume}. */
  pause(): void {
    this.send("SIGSTOP");
  }

  resume(): void {
    this.send("SIGCONT");
  }
}

/** To a process that leads a group, and all of the group that is left. */
function signalGroup(leader: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-leader, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

const running = new Set<(signal: NodeJS.Signals) => void>();
let watching = false;

function endWithUs(send: (signal: NodeJS.Signals) => void): void {
  running.add(send);
  if (watching) return;
  watching = true;
  process.on("exit", () => {
    for (const send of running) send("SIGKILL");
  });
}

/** Debian's `redis-server` on loopback, without anything on disk that outlives it. */
import { mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../envoy/process.ts";
import { PeerProcess } from "./process.ts";
import { locateProgram } from "./program.ts";

export class Redis {
  private readonly folder = mkdtempSync(join(tmpdir(), "outrigger-redis-"));
  private process: PeerProcess | undefined;

  private constructor(
    private readonly binary: string,
    readonly port: number,
  ) {}

  /** Throws {@link PeerNotFound}. */
  static async start(): Promise<Redis> {
    const redis = new Redis(await locateRedis(), (await freePort()).port);
    await redis.restart();
    return redis;
  }

  /** Of the process that was started last. */
  get pid(): number | undefined {
    return this.process?.pid;
  }

  /** Begins anew, empty, on the same port. */
  async restart(): Promise<void> {
    await this.kill();
    const settings = { port: this.port, bind: "127.0.0.1", save: "", appendonly: "no", dir: this.folder };
    this.process = await PeerProcess.start({
      command: this.binary,
      arguments: Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]),
      isReady: async () => (await this.ask("PING")) === "+PONG",
    });
  }

  /** Forgets all counters. */
  async flush(): Promise<void> {
    const answer = await this.ask("FLUSHALL");
    if (answer !== "+OK") throw new Error(`redis-server: ${answer}`);
  }

  async kill(): Promise<void> {
    await this.process?.kill();
  }

  /** It keeps its connections and answers nothing, until {@link resume}. */
  pause(): void {
    this.process?.pause();
  }

  resume(): void {
    this.process?.resume();
  }

  async stop(): Promise<void> {
    await this.process?.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** The first line of the answer to a command without arguments. */
  private ask(command: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const socket = connect({ port: this.port, host: "127.0.0.1" });
      socket.setTimeout(2000, () => socket.destroy(new Error("redis-server does not answer")));
      socket.on("error", reject);
      socket.on("connect", () => socket.write(`${command}\r\n`));
      socket.once("data", (chunk: Buffer) => {
        resolve(chunk.toString().split("\r\n")[0]!);
        socket.destroy();
      });
    });
  }
}

/** The path of `redis-server`. Throws {@link PeerNotFound}. */
export function locateRedis(env: NodeJS.ProcessEnv = process.env): Promise<string> {
  return locateProgram("redis-server", "redis-server", "https://redis.io/docs/latest/get-started", env);
}

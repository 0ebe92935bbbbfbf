/** Starts and ends the Envoys of the benchmark. */
import { spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { locateEnvoy } from "../test/envoy/locate.ts";
import type { Json } from "./configuration.ts";

/** Where configurations are written; removed at exit. */
export const directory = mkdtempSync(join(tmpdir(), "outrigger-bench-"));

/** Whoever still runs when this process ends is killed, by its id. */
const running = new Set<ChildProcess>();
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
  rmSync(directory, { recursive: true, force: true });
});
for (const [signal, code] of [
  ["SIGINT", 130],
  ["SIGTERM", 143],
  ["SIGHUP", 129],
] as const) {
  process.once(signal, () => process.exit(code));
}

/** Started by `npx`, this process outlives a parent that is killed: it notices within a second, and ends. */
const parent = process.ppid;
setInterval(() => {
  if (process.ppid !== parent) process.exit(1);
}, 1000).unref();

const given = new Set<number>();

/** A free port of the loopback, below the range from which the kernel takes those of clients (32768 on). */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 18000 + Math.floor(Math.random() * 14000);
    if (given.has(port)) continue;
    const free = await new Promise<boolean>((resolve) => {
      const server = createServer();
      server.once("error", () => resolve(false));
      server.listen({ host: "127.0.0.1", port, exclusive: true }, () => server.close(() => resolve(true)));
    });
    if (!free) continue;
    given.add(port);
    return port;
  }
}

export class Envoy {
  private constructor(
    readonly name: string,
    readonly pid: number,
    readonly adminPort: number,
    private readonly child: ChildProcess,
  ) {}

  /** Starts an Envoy with one worker and waits until it is ready; throws with what it said when it is not. */
  static async start(name: string, configure: (adminPort: number) => Json): Promise<Envoy> {
    const adminPort = await freePort();
    const file = join(directory, `${name}-${adminPort}.json`);
    await writeFile(file, JSON.stringify(configure(adminPort)));
    const child = spawn(
      await locateEnvoy(),
      [
        // Without hot restart there is no base id to collide on and nothing stays behind in /dev/shm.
        ...["-c", file, "--concurrency", "1", "--disable-hot-restart", "--log-level", "error"],
        // An old configuration goes one second after the new one came: updates are measured in minutes, not days.
        ...["--drain-time-s", "1", "--drain-strategy", "immediate"],
      ],
      { stdio: ["ignore", "ignore", "pipe"] },
    );
    running.add(child);
    let said = "";
    child.stderr.on("data", (chunk: Buffer) => (said = (said + chunk.toString()).slice(-4000)));
    const end = { why: "" };
    child.on("error", (error) => (end.why = error.message));
    child.on("exit", (code, signal) => {
      running.delete(child);
      end.why ||= `it ended with ${signal ?? code}`;
    });
    const deadline = Date.now() + 60_000;
    while (Date.now() < deadline && end.why === "") {
      const ready = await fetch(`http://127.0.0.1:${adminPort}/ready`).catch(() => null);
      if (ready?.ok && child.pid !== undefined) return new Envoy(name, child.pid, adminPort, child);
      await sleep(20);
    }
    child.kill("SIGKILL");
    throw new Error(`the Envoy of "${name}" is not ready: ${end.why || "60 s have passed"}\n${said}`);
  }

  /** The value of a counter or gauge; 0 where there is none. */
  stat(name: string): Promise<number> {
    return this.sum(`^${name.replaceAll(".", "\\.")}$`);
  }

  /** The sum of all counters and gauges that this expression finds (RE2). */
  async sum(expression: string): Promise<number> {
    const answer = await fetch(
      `http://127.0.0.1:${this.adminPort}/stats?filter=${encodeURIComponent(expression)}`,
    );
    const lines = (await answer.text()).matchAll(/: (\d+)$/gm);
    return [...lines].reduce((sum, [, value]) => sum + Number(value), 0);
  }

  /** Ends it and waits for its end. */
  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const end = new Promise((resolve) => this.child.once("exit", resolve));
    this.child.kill("SIGTERM");
    const killer = setTimeout(() => this.child.kill("SIGKILL"), 3000);
    await end;
    clearTimeout(killer);
  }
}

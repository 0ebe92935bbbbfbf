/** Runs one Envoy process: start it, wait until it is ready, read its log, stop it, never leave it behind. */
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { get as httpGet, Agent } from "node:http";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { locateEnvoy } from "./locate.ts";

/** One record of Envoy's log. A message of several lines is one record. */
export interface EnvoyLog {
  level: string;
  /** Envoy's component, e.g. `wasm` or `config`. */
  component: string;
  text: string;
}

export interface EnvoyOptions {
  /** The bootstrap as an object. `admin` is filled in when it has none. */
  bootstrap: Readonly<Record<string, unknown>>;
  /** Default: {@link locateEnvoy}. */
  binary?: string;
  /** Worker threads; default 1. */
  concurrency?: number;
  /** Default `warning`. */
  logLevel?: string;
  /** Levels of single components, as `--component-log-level` has it: `wasm:info,config:warning`. */
  componentLogLevel?: string;
  /** Seconds a removed listener or filter chain drains; default 1. */
  drainSeconds?: number;
  /** Default: the parent's. Relative file names in the bootstrap start here. */
  cwd?: string;
  /** Each log record as it comes. */
  onLog?: (log: EnvoyLog) => void;
  /** What Envoy writes to its standard output (access logs), in whole lines. */
  onOutput?: (line: string) => void;
  /** Milliseconds until `/ready` must answer; default 30,000. */
  readyWithin?: number;
}

export interface Port {
  port: number;
  /** The preferred port, when it was taken and another was chosen. */
  taken?: number;
}

/** Control characters around a record, since a message may have any number of lines. */
const LOG_FORMAT = "\x1e%l\x1f%n\x1f%v\x1d";

/** A free port on 127.0.0.1, below 32768 where the kernel's ephemeral ports begin. */
export async function freePort(preferred?: number): Promise<Port> {
  if (preferred !== undefined && (await isFree(preferred))) return { port: preferred };
  const taken = preferred === undefined ? {} : { taken: preferred };
  for (let attempt = 0; attempt < 200; attempt++) {
    const port = 12_000 + Math.floor(Math.random() * 20_000);
    // Whoever has got one may not have taken it yet.
    if (given.has(port) || !(await isFree(port))) continue;
    given.add(port);
    return { port, ...taken };
  }
  throw new Error("no free port on 127.0.0.1 between 12000 and 32000");
}

/** The ports that this process has given out. */
const given = new Set<number>();

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen({ host: "127.0.0.1", port, exclusive: true }, () => server.close(() => resolve(true)));
  });
}

export class EnvoyProcess {
  readonly pid: number;
  readonly adminPort: number;
  /** Resolves when the process has ended, with how. */
  readonly exited: Promise<string>;
  /** Set when the process has ended. */
  exit: string | undefined;
  readonly #child: ChildProcess;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 2 });
  readonly #log: EnvoyLog[] = [];

  private constructor(child: ChildProcess, adminPort: number, folder: string, options: EnvoyOptions) {
    this.#child = child;
    this.pid = child.pid!;
    this.adminPort = adminPort;
    this.exited = new Promise((resolve) => {
      child.once("close", (code, signal) => {
        this.exit = signal ? `signal ${signal}` : `exit code ${code}`;
        children.delete(child);
        this.#agent.destroy();
        rmSync(folder, { recursive: true, force: true });
        resolve(this.exit);
      });
    });
    readRecords(child, (log) => {
      this.#log.push(log);
      if (this.#log.length > 2000) this.#log.splice(0, 1000);
      options.onLog?.(log);
    });
    readLines(child, (line) => options.onOutput?.(line));
  }

  /** Starts an Envoy and waits until its admin interface says it is ready. */
  static async start(options: EnvoyOptions): Promise<EnvoyProcess> {
    const binary = options.binary ?? (await locateEnvoy());
    const given = options.bootstrap.admin as
      { address?: { socket_address?: { port_value?: number } } } | undefined;
    const adminPort = given?.address?.socket_address?.port_value ?? (await freePort()).port;
    const bootstrap = given
      ? options.bootstrap
      : {
          ...options.bootstrap,
          admin: { address: { socket_address: { address: "127.0.0.1", port_value: adminPort } } },
        };
    const folder = mkdtempSync(join(tmpdir(), "outrigger-envoy-"));
    const file = join(folder, "bootstrap.json");
    writeFileSync(file, JSON.stringify(bootstrap));
    const arguments_ = [
      "-c",
      file,
      "--use-dynamic-base-id",
      "--concurrency",
      String(options.concurrency ?? 1),
    ];
    arguments_.push("--log-level", options.logLevel ?? "warning", "--log-format", LOG_FORMAT);
    if (options.componentLogLevel) arguments_.push("--component-log-level", options.componentLogLevel);
    arguments_.push("--file-flush-interval-msec", "10", "--drain-strategy", "immediate");
    arguments_.push("--drain-time-s", String(options.drainSeconds ?? 1));
    const [command, prefix] = withDeathSignal(binary);
    const child = spawn(command, [...prefix, ...arguments_], {
      stdio: ["ignore", "pipe", "pipe"],
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    });
    if (child.pid === undefined) {
      const error = await new Promise<Error>((resolve) => child.once("error", resolve));
      rmSync(folder, { recursive: true, force: true });
      throw new Error(`cannot start ${binary}: ${error.message}`);
    }
    watchOver(child);
    const envoy = new EnvoyProcess(child, adminPort, folder, options);
    await envoy.#ready(options.readyWithin ?? 30_000);
    // It has been read; gone now, nobody has to remove it when this process is killed.
    rmSync(folder, { recursive: true, force: true });
    return envoy;
  }

  async #ready(within: number): Promise<void> {
    const end = Date.now() + within;
    while (this.exit === undefined) {
      const answer = await this.admin("/ready").catch(() => "");
      if (answer.startsWith("LIVE")) return;
      if (Date.now() > end) {
        await this.stop();
        throw new Error(`Envoy was not ready within ${within} ms\n${this.logText()}`);
      }
      await sleep(10);
    }
    throw new Error(`Envoy ended before it was ready (${this.exit})\n${this.logText()}`);
  }

  /** The body of an admin page. Throws when it cannot be had. */
  admin(path: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const options = { host: "127.0.0.1", port: this.adminPort, path, agent: this.#agent, timeout: 10_000 };
      const request = httpGet(options, (response) => {
        let text = "";
        response.setEncoding("utf8");
        response.on("data", (chunk: string) => (text += chunk));
        response.on("error", reject);
        response.on("end", () => resolve(text));
      });
      request.on("timeout", () => request.destroy(new Error(`admin ${path} timed out`)));
      request.on("error", reject);
    });
  }

  /** The last log records, for error messages. */
  logText(): string {
    return this.#log
      .slice(-60)
      .map((log) => `[${log.level}][${log.component}] ${log.text}`)
      .join("\n");
  }

  /** Ends the process: SIGTERM, and SIGKILL when it has not ended after `within` milliseconds. */
  async stop(within = 5000): Promise<void> {
    if (this.exit !== undefined) return;
    this.#child.kill("SIGTERM");
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), within);
    await this.exited;
    clearTimeout(timer);
  }
}

/** Splits standard error into records. What is not in the log format (a crash's backtrace) counts line by line. */
function readRecords(child: ChildProcess, take: (log: EnvoyLog) => void): void {
  let rest = "";
  // Latin-1, so that what a module logs stays a byte string as headers are.
  child.stderr!.setEncoding("latin1");
  child.stderr!.on("data", (chunk: string) => {
    rest += chunk;
    for (;;) {
      const start = rest.indexOf("\x1e");
      const plain = start < 0 ? rest.lastIndexOf("\n") + 1 : start;
      for (const line of rest.slice(0, plain).split("\n")) {
        if (line.trim()) take({ level: "critical", component: "stderr", text: line });
      }
      rest = rest.slice(plain);
      const end = rest.indexOf("\x1d");
      if (start < 0 || end < 0) return;
      const [level = "", component = "", ...text] = rest.slice(1, end).split("\x1f");
      rest = rest.slice(end + 1);
      take({ level, component, text: text.join("\x1f") });
    }
  });
}

function readLines(child: ChildProcess, take: (line: string) => void): void {
  let rest = "";
  child.stdout!.setEncoding("latin1");
  child.stdout!.on("data", (chunk: string) => {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop()!;
    for (const line of lines) take(line);
  });
}

// ---- No child is left behind ----

const children = new Set<ChildProcess>();
let watching = false;

function watchOver(child: ChildProcess): void {
  children.add(child);
  if (watching) return;
  watching = true;
  const killAll = (): void => {
    for (const one of children) one.kill("SIGKILL");
  };
  process.on("exit", killAll);
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    const onSignal = (): void => {
      // With another listener there is somebody who ends things in order (and `exit` is still ours).
      if (process.listenerCount(signal) > 1) return;
      killAll();
      process.removeListener(signal, onSignal);
      process.kill(process.pid, signal);
    };
    process.on(signal, onSignal);
  }
}

let deathSignal: boolean | undefined;

/** With util-linux's setpriv the kernel ends the child even when the parent is killed by SIGKILL. */
function withDeathSignal(binary: string): [string, string[]] {
  deathSignal ??= spawnSync("setpriv", ["--pdeathsig", "KILL", "true"], { stdio: "ignore" }).status === 0;
  return deathSignal ? ["setpriv", ["--pdeathsig", "KILL", binary]] : [binary, []];
}

/** The real envoyproxy/ratelimit, on loopback, against a Redis. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../envoy/process.ts";
import { goTool } from "./go-tool.ts";
import { PeerProcess } from "./process.ts";
import type { Redis } from "./redis.ts";

/** It has no releases: this is what its main branch was on 2026-01-23. */
export const RATELIMIT_VERSION = "v1.4.1-0.20260122083618-3fb702589d36";

/** As its `go.mod` says. */
const GO_VERSION = "1.25.6";

export interface RateLimitOptions {
  redis: Redis;
  /** The texts of its configuration files, each with a domain of its own. */
  configurations: readonly string[];
  /** Its own settings: `{SHADOW_MODE: "true"}`. */
  settings?: Readonly<Record<string, string>>;
  /** Milliseconds until it is given up; those of {@link PeerProcess} without it. */
  readyWithin?: number;
}

export class RateLimit {
  private process: PeerProcess | undefined;

  private constructor(
    private readonly binary: string,
    private readonly options: RateLimitOptions,
    private readonly folder: string,
    /** Where it answers gRPC. */
    readonly port: number,
    private readonly httpPort: number,
    private readonly debugPort: number,
  ) {}

  /** The first call on a machine builds it. Throws {@link PeerNotFound}; rejects where it refuses its configuration. */
  static async start(options: RateLimitOptions): Promise<RateLimit> {
    const binary = await locateRateLimit();
    const folder = mkdtempSync(join(tmpdir(), "outrigger-ratelimit-"));
    const configurations = join(folder, "ratelimit", "config");
    mkdirSync(configurations, { recursive: true });
    for (const [index, text] of options.configurations.entries())
      writeFileSync(join(configurations, `config-${index}.yaml`), text);
    const ports = new Set<number>();
    while (ports.size < 3) ports.add((await freePort()).port);
    const [port, httpPort, debugPort] = [...ports] as [number, number, number];
    const service = new RateLimit(binary, options, folder, port, httpPort, debugPort);
    await service.restart().catch((error: unknown) => {
      rmSync(folder, { recursive: true, force: true });
      throw error;
    });
    return service;
  }

  /** Of the process that was started last. */
  get pid(): number | undefined {
    return this.process?.pid;
  }

  /** How it ended; undefined while it runs. */
  get exit(): string | undefined {
    return this.process?.exit;
  }

  /** Begins anew on the same ports; what was counted is in Redis. */
  async restart(): Promise<void> {
    await this.kill();
    const { redis, settings, readyWithin } = this.options;
    this.process = await PeerProcess.start({
      command: this.binary,
      arguments: [],
      cwd: this.folder,
      env: {
        PATH: process.env.PATH,
        REDIS_SOCKET_TYPE: "tcp",
        REDIS_URL: `127.0.0.1:${redis.port}`,
        USE_STATSD: "false",
        RUNTIME_ROOT: this.folder,
        RUNTIME_SUBDIRECTORY: "ratelimit",
        RUNTIME_WATCH_ROOT: "false",
        RUNTIME_IGNOREDOTFILES: "true",
        HOST: "127.0.0.1",
        PORT: String(this.httpPort),
        GRPC_HOST: "127.0.0.1",
        GRPC_PORT: String(this.port),
        DEBUG_HOST: "127.0.0.1",
        DEBUG_PORT: String(this.debugPort),
        ...settings,
      },
      isReady: () => this.isHealthy(),
      ...(readyWithin === undefined ? {} : { readyWithin }),
    });
  }

  /** What its health check says. Rejects where it does not answer. */
  async isHealthy(): Promise<boolean> {
    const answer = await fetch(`http://127.0.0.1:${this.httpPort}/healthcheck`, {
      signal: AbortSignal.timeout(1000),
    });
    return answer.ok;
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
}

/** The path of its own check of configurations, `-config_dir FOLDER`. */
export const locateConfigurationCheck = goTool({
  name: "ratelimit-config-check",
  path: "github.com/envoyproxy/ratelimit/src/config_check_cmd",
  version: RATELIMIT_VERSION,
  go: GO_VERSION,
});

/** The path of the service. */
export const locateRateLimit = goTool({
  name: "ratelimit",
  path: "github.com/envoyproxy/ratelimit/src/service_cmd",
  version: RATELIMIT_VERSION,
  go: GO_VERSION,
});

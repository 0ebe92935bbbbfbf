/** The CNCF's registry, Debian's build of it, on loopback: what it holds is in a folder that ends with it. */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../envoy/process.ts";
import { cached, onPath, run } from "./cache.ts";
import { PeerNotFound, PeerProcess } from "./process.ts";

/** Debian 12's. */
const REGISTRY_VERSION = "2.8.2";

export interface RegistryOptions {
  /** That part of its configuration; without it everybody may do everything. */
  auth?: object;
  /** What its configuration names, in the folder that it runs in: by name, the text. */
  files?: Readonly<Record<string, string>>;
}

export class Registry {
  private process: PeerProcess | undefined;

  private constructor(
    private readonly binary: string,
    private readonly folder: string,
    readonly port: number,
  ) {}

  /** Throws {@link PeerNotFound}. */
  static async start(options: RegistryOptions = {}): Promise<Registry> {
    const binary = await locateRegistry();
    const folder = mkdtempSync(join(tmpdir(), "outrigger-registry-"));
    const { port } = await freePort();
    for (const [name, text] of Object.entries(options.files ?? {})) writeFileSync(join(folder, name), text);
    const configuration = {
      version: 0.1,
      log: { level: "warn", accesslog: { disabled: true } },
      storage: { filesystem: { rootdirectory: join(folder, "storage") }, delete: { enabled: true } },
      http: { addr: `127.0.0.1:${port}` },
      ...(options.auth === undefined ? {} : { auth: options.auth }),
    };
    writeFileSync(join(folder, "config.yaml"), JSON.stringify(configuration));
    const registry = new Registry(binary, folder, port);
    await registry.restart().catch((error: unknown) => {
      rmSync(folder, { recursive: true, force: true });
      throw error;
    });
    return registry;
  }

  /** As references to images name it. */
  get host(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** Begins anew on the same port, with what it held. */
  async restart(): Promise<void> {
    await this.process?.kill();
    this.process = await PeerProcess.start({
      command: this.binary,
      arguments: ["serve", join(this.folder, "config.yaml")],
      cwd: this.folder,
      env: { PATH: process.env.PATH, OTEL_TRACES_EXPORTER: "none" },
      isReady: async () => {
        const answer = await fetch(`http://${this.host}/v2/`, { signal: AbortSignal.timeout(1000) });
        return answer.ok || answer.status === 401;
      },
    });
  }

  log(): string {
    return this.process?.log() ?? "";
  }

  /** As a machine that loses power; {@link restart} brings it back. */
  async kill(): Promise<void> {
    await this.process?.kill();
  }

  async stop(): Promise<void> {
    await this.process?.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** The path of `docker-registry`: that on the PATH, or Debian's package, unpacked once into the cache. Throws {@link PeerNotFound}. */
export async function locateRegistry(env: NodeJS.ProcessEnv = process.env): Promise<string> {
  const path = await onPath("docker-registry", env);
  if (path !== undefined) return path;
  const remedy =
    "Install it: apt-get install docker-registry (or https://distribution.github.io/distribution).";
  return cached(
    `docker-registry-${REGISTRY_VERSION}`,
    "usr/bin/docker-registry",
    async (folder) => {
      const fetched = await run("apt-get", ["download", "docker-registry"], { env, cwd: folder });
      if (fetched.code !== 0)
        throw new PeerNotFound(
          "docker-registry",
          `it is not on the PATH, and apt-get download failed (${fetched.code}):\n${fetched.output.trim()}`,
          remedy,
        );
      const archive = readdirSync(folder).find((name) => name.endsWith(".deb"))!;
      const unpacked = await run("dpkg", ["-x", archive, "."], { env, cwd: folder });
      if (unpacked.code !== 0)
        throw new PeerNotFound("docker-registry", `dpkg -x failed:\n${unpacked.output.trim()}`, remedy);
      rmSync(join(folder, archive));
    },
    env,
  );
}

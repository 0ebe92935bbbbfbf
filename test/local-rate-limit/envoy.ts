/** A real Envoy whose listeners answer by themselves: with `local-rate-limit` before the answer, or with Envoy's own filter. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { PluginSpec } from "../driver.ts";
import { ListenerFile } from "../envoy/lds.ts";
import { listenerConfig } from "../envoy/listener.ts";
import { EnvoyProcess, freePort } from "../envoy/process.ts";

export class LimitingEnvoy {
  readonly envoy: EnvoyProcess;
  readonly #folder: string;
  readonly #file: ListenerFile;
  readonly #workers: number;
  readonly #listeners = new Map<string, object>();
  #revision = 0;

  private constructor(envoy: EnvoyProcess, folder: string, file: ListenerFile, workers: number) {
    this.envoy = envoy;
    this.#folder = folder;
    this.#file = file;
    this.#workers = workers;
  }

  static async start(workers: number): Promise<LimitingEnvoy> {
    const folder = await mkdtemp(join(tmpdir(), "outrigger-limits-"));
    const file = new ListenerFile(join(folder, "lds.json"));
    await file.write([]);
    try {
      const envoy = await EnvoyProcess.start({
        concurrency: workers,
        bootstrap: {
          node: { id: "limits", cluster: "limits" },
          dynamic_resources: { lds_config: file.source },
        },
      });
      return new LimitingEnvoy(envoy, folder, file, workers);
    } catch (error) {
      await rm(folder, { recursive: true, force: true });
      throw error;
    }
  }

  async stop(): Promise<void> {
    await this.envoy.stop();
    await rm(this.#folder, { recursive: true, force: true });
  }

  /** Adds a listener, which {@link apply} makes Envoy take. Answers its port. */
  async add(name: string, filters: { plugin: object } | { native: object }): Promise<number> {
    const { port } = await freePort();
    this.set(name, port, filters);
    return port;
  }

  /** Replaces a listener. */
  set(name: string, port: number, filters: { plugin: object } | { native: object }): void {
    const config = listenerConfig({
      name,
      port,
      revision: ++this.#revision,
      answer: 200,
      plugins: "plugin" in filters ? [pluginOf(name, filters.plugin)] : [],
      filters: "native" in filters ? [filters.native] : [],
    });
    // Connections are dealt out among the workers, and not left to who is fastest.
    this.#listeners.set(name, { ...config, connection_balance_config: { exact_balance: {} } });
  }

  /** Makes Envoy take the listeners, of which so many are new or changed. */
  async apply(changed: number): Promise<void> {
    const outcome = await this.#file.update(
      this.envoy,
      [...this.#listeners.values()],
      changed * this.#workers,
    );
    if (outcome === "rejected") throw new Error(`Envoy refused the listeners\n${this.envoy.logText()}`);
  }

  /** The connections that each worker has taken from this listener. */
  async connections(port: number): Promise<number[]> {
    const prefix = `listener.127.0.0.1_${port}.worker_`;
    const { stats } = JSON.parse(
      await this.envoy.admin(`/stats?format=json&filter=^listener\\.127\\.0\\.0\\.1_${port}\\.worker_`),
    ) as { stats: { name: string; value: number }[] };
    return stats
      .filter(({ name }) => name.startsWith(prefix) && name.endsWith(".downstream_cx_total"))
      .map(({ value }) => value);
  }
}

function pluginOf(name: string, configuration: object): PluginSpec {
  return {
    module: "build/local-rate-limit.wasm",
    name,
    rootId: "local-rate-limit",
    configuration: JSON.stringify(configuration),
  };
}

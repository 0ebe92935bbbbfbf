/** A real Envoy whose listeners answer by themselves: with a plugin that limits before the answer, or with a filter of Envoy's own. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { PluginSpec } from "../driver.ts";
import { ListenerFile } from "../envoy/lds.ts";
import { listenerConfig } from "../envoy/listener.ts";
import { EnvoyProcess, freePort } from "../envoy/process.ts";

interface Plugin {
  /** Its configuration. */
  plugin: object;
  filter?: "local-rate-limit" | "global-rate-limit";
}

/** What limits on a listener: a plugin of ours, or this filter of Envoy's own. */
export type Limiting = Plugin | { native: object };

/** Answers 200, passes on what was admitted to the cluster `upstream`, or does what these routes say. */
export type Then = "answer" | "forward" | { routes: RouteConfiguration };

/** Envoy's `RouteConfiguration`. */
export interface RouteConfiguration {
  virtual_hosts: object[];
}

export class LimitingEnvoy {
  readonly envoy: EnvoyProcess;
  readonly #folder: string;
  readonly #file: ListenerFile;
  readonly #workers: number;
  readonly #listeners = new Map<string, object>();
  readonly #ports = new Set<number>();
  #revision = 0;

  private constructor(envoy: EnvoyProcess, folder: string, file: ListenerFile, workers: number) {
    this.envoy = envoy;
    this.#folder = folder;
    this.#file = file;
    this.#workers = workers;
  }

  static async start(workers: number, clusters: readonly object[] = []): Promise<LimitingEnvoy> {
    const folder = await mkdtemp(join(tmpdir(), "outrigger-limits-"));
    const file = new ListenerFile(join(folder, "lds.json"));
    await file.write([]);
    try {
      const envoy = await EnvoyProcess.start({
        concurrency: workers,
        bootstrap: {
          node: { id: "limits", cluster: "limits" },
          dynamic_resources: { lds_config: file.source },
          static_resources: { clusters },
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
  async add(name: string, limiting: Limiting, then: Then = "answer"): Promise<number> {
    // Free is also a port that a listener before has, as long as Envoy has not been told of it.
    let { port } = await freePort();
    while (this.#ports.has(port)) ({ port } = await freePort());
    this.set(name, port, limiting, then);
    return port;
  }

  /** Adds a listener at this port, or replaces the one of this name. */
  set(name: string, port: number, limiting: Limiting | undefined, then: Then = "answer"): void {
    this.#ports.add(port);
    const config = listenerConfig({
      name,
      port,
      revision: ++this.#revision,
      ...(then === "answer" ? { answer: 200 } : {}),
      ...(typeof then === "object" ? { connectionManager: { route_config: then.routes } } : {}),
      plugins: limiting !== undefined && "plugin" in limiting ? [pluginOf(name, limiting)] : [],
      filters: limiting !== undefined && "native" in limiting ? [limiting.native] : [],
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

function pluginOf(name: string, { plugin, filter = "local-rate-limit" }: Plugin): PluginSpec {
  return {
    module: `build/${filter}.wasm`,
    name,
    rootId: filter,
    configuration: JSON.stringify(plugin),
  };
}

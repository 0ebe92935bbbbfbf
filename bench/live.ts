/** An Envoy whose listener comes from a file, to measure how a new configuration is taken up while it runs. */
import { rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { listenersFile, wasmFilter, watchingBootstrap } from "./configuration.ts";
import { directory, Envoy, freePort } from "./envoy.ts";
import { exchange } from "./load.ts";
import { probe } from "./requests.ts";
import { headerOf } from "./variants.ts";

/** Longest wait for a configuration to be taken up, in milliseconds. */
const PATIENCE = 60_000;

export class LiveEnvoy {
  private updates = 0;

  private constructor(
    readonly envoy: Envoy,
    private readonly port: number,
    private readonly file: string,
    private readonly module: string,
    private readonly configure: (header: string, label: string) => string,
  ) {}

  /** `configure` makes the plugin's configuration from the header it writes and a label that makes it new. */
  static async start(
    name: string,
    module: string,
    configure: (header: string, label: string) => string,
  ): Promise<LiveEnvoy> {
    const file = join(directory, `${name}-listeners.json`);
    await writeFile(file, JSON.stringify({ resources: [] }));
    const envoy = await Envoy.start(name, (admin) => watchingBootstrap(admin, file));
    return new LiveEnvoy(envoy, await freePort(), file, module, configure);
  }

  /**
   * Replaces the configuration; answers, in milliseconds, how long it took until requests were answered by
   * the new one. Even and odd configurations write different headers, so an answer tells which made it.
   */
  async update(): Promise<number> {
    const label = String(++this.updates);
    const header = headerOf(1 + (this.updates % 2));
    const configuration = this.configure(header, label);
    const content = JSON.stringify(
      listenersFile(label, {
        port: this.port,
        filters: [wasmFilter("live", this.module, "", configuration)],
        shown: [headerOf(1), headerOf(2)],
        variantRoute: { name: header, value: "v2" },
      }),
    );
    await writeFile(`${this.file}.new`, content);
    const start = performance.now();
    await rename(`${this.file}.new`, this.file);
    while (performance.now() - start < PATIENCE) {
      // Before the first listener is there, nobody answers.
      const answer = await exchange(this.port, probe(true)).catch(() => null);
      if (answer?.headers.get(`seen-${header}`) === "v2") return performance.now() - start;
      await sleep(2);
    }
    const rejected = await this.envoy.stat("listener_manager.lds.update_rejected");
    throw new Error(
      `update ${label} was not taken up in ${PATIENCE / 1000} s (${rejected} updates rejected)`,
    );
  }

  /** Waits until nothing of an earlier configuration is left. */
  async settle(): Promise<void> {
    const deadline = Date.now() + PATIENCE;
    while (Date.now() < deadline) {
      const listeners = await this.envoy.stat("listener_manager.total_listeners_draining");
      const chains = await this.envoy.stat("listener_manager.total_filter_chains_draining");
      if (listeners + chains === 0) return;
      await sleep(100);
    }
    throw new Error("old configurations are still draining");
  }

  stop(): Promise<void> {
    return this.envoy.stop();
  }
}

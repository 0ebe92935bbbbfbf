/** Listener discovery from a file: replaces Envoy's listeners while it runs, and tells whether it took them. */
import { rename, writeFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import type { EnvoyProcess } from "./process.ts";

export class ListenerFile {
  readonly path: string;
  #version = 0;

  constructor(path: string) {
    this.path = path;
  }

  /** `dynamic_resources.lds_config` of the bootstrap. */
  get source(): object {
    return { resource_api_version: "V3", path_config_source: { path: this.path } };
  }

  /** Writes the listeners that Envoy starts with. */
  async write(listeners: readonly object[]): Promise<void> {
    // Envoy watches for files that are moved into place, and so never reads half a one.
    await writeFile(
      `${this.path}.next`,
      JSON.stringify({ version_info: String(++this.#version), resources: listeners }),
    );
    await rename(`${this.path}.next`, this.path);
  }

  /**
   * Writes the listeners and waits until Envoy has them or refuses one. `created` is the number of listeners that
   * are new or changed, times the workers: each worker reports each of them, and from then on serves it.
   */
  async update(
    envoy: EnvoyProcess,
    listeners: readonly object[],
    created: number,
  ): Promise<"taken" | "rejected"> {
    const before = await counters(envoy);
    await this.write(listeners);
    const end = Date.now() + 20_000;
    for (;;) {
      const now = await counters(envoy);
      if (now.rejected > before.rejected) return "rejected";
      if (now.success > before.success && now.created >= before.created + created) return "taken";
      if (envoy.exit !== undefined) throw new Error(`Envoy ended (${envoy.exit})\n${envoy.logText()}`);
      if (Date.now() > end)
        throw new Error(`Envoy did not take a listener update within 20 s\n${envoy.logText()}`);
      await sleep(5);
    }
  }
}

async function counters(
  envoy: EnvoyProcess,
): Promise<{ success: number; rejected: number; created: number }> {
  const text = await envoy.admin("/stats?filter=^listener_manager\\.(lds\\.update|listener_create)");
  const value = (name: string): number =>
    Number(new RegExp(`^listener_manager\\.${name}: (\\d+)$`, "m").exec(text)?.[1] ?? 0);
  return {
    success: value("lds.update_success"),
    rejected: value("lds.update_rejected"),
    created: value("listener_create_success"),
  };
}

/** What the process offers to every VM in it. */
import type { Cluster } from "../driver.ts";
import type { LogLevel, WasmResult } from "./abi.ts";
import type { FakeClock } from "./clock.ts";
import type { ForeignFunctions } from "./foreign.ts";
import type { MetricStore } from "./metrics.ts";
import type { SharedData } from "./shared-data.ts";
import type { SharedQueues } from "./shared-queue.ts";
import type { Vm } from "./vm.ts";

/** Stands in for a host function: with its arguments (pointers and sizes unsigned), and `work`, which is the function itself. */
export type Replacement = (vm: Vm, args: readonly (number | bigint)[], work: () => number) => number;

export interface ProcessServices {
  readonly clock: FakeClock;
  readonly sharedData: SharedData;
  readonly sharedQueues: SharedQueues;
  /** What modules call, by name. */
  readonly clusters: ReadonlyMap<string, Cluster>;
  readonly metrics: MetricStore;
  readonly foreignFunctions: ForeignFunctions;
  /** What a host function answers instead of doing its work, by its name (`proxy_set_property`). */
  readonly faults: Map<string, WasmResult>;
  /** What a host function does instead of its work, or around it, by its name; asked after {@link faults}. */
  readonly replacements: Map<string, Replacement>;
  /** Calls of each host function over all VMs, by its name. */
  readonly hostCalls: Map<string, number>;
  /** The proxy's log level: what `proxy_get_log_level` answers; lines below it are dropped. */
  readonly logLevel: LogLevel;
  log(level: LogLevel, text: string, plugin: string): void;
  /** Fills `bytes` with random bytes. */
  random(bytes: Uint8Array): void;
}

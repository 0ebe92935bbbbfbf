/** A plugin of a chain, as the whole process knows it. What a worker makes of it is in `worker.ts`. */
import { encodeUtf8 } from "./bytes.ts";
import type { PluginModule } from "./module.ts";

/** What happens to streams when the VM has trapped (Envoy `wasm.proto`, `FailurePolicy`). */
export type FailurePolicy = "FAIL_RELOAD" | "FAIL_CLOSED" | "FAIL_OPEN";

/** A listener's `traffic_direction`, as `xds.listener_direction` and `listener_direction` give it. */
export const Direction = { unspecified: 0, inbound: 1, outbound: 2 } as const;
export type Direction = keyof typeof Direction;

export interface PluginOptions {
  module: PluginModule;
  name: string;
  rootId?: string;
  vmId?: string;
  /** The bytes the module reads; a string is taken as UTF-8. */
  configuration?: string | Uint8Array;
  vmConfiguration?: string | Uint8Array;
  /** Default FAIL_RELOAD. */
  failurePolicy?: FailurePolicy;
  /** `vm_config.environment_variables`. */
  environment?: Readonly<Record<string, string>>;
}

export class Plugin {
  readonly module: PluginModule;
  readonly name: string;
  readonly rootId: string;
  readonly vmId: string;
  readonly configuration: Uint8Array;
  readonly vmConfiguration: Uint8Array;
  readonly failurePolicy: FailurePolicy;
  readonly environment: Readonly<Record<string, string>>;
  /** Plugins with the same vmKey share one VM in each worker (`makeVmKey`). */
  readonly vmKey: string;
  /** Plugins with the same key share one root context in it, on whatever listeners they are (as tried). */
  readonly key: string;

  constructor(options: PluginOptions) {
    const bytes = (text: string | Uint8Array = "") => (typeof text === "string" ? encodeUtf8(text) : text);
    this.module = options.module;
    this.name = options.name;
    this.rootId = options.rootId ?? "";
    this.vmId = options.vmId ?? "";
    this.configuration = bytes(options.configuration);
    this.vmConfiguration = bytes(options.vmConfiguration);
    this.failurePolicy = options.failurePolicy ?? "FAIL_RELOAD";
    this.environment = options.environment ?? {};
    this.vmKey = [this.vmId, this.vmConfiguration.join(), this.module.codeKey].join("||");
    this.key = [this.rootId, this.configuration.join(), this.name].join("||");
  }
}

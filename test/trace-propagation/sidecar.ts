/**
 * A service with a real Envoy in its way, as a mesh has it: what comes to the service passes the inbound
 * listener, what the service calls passes the outbound one, and both have the plugin.
 */
import type { PluginSpec } from "../driver.ts";
import { upstreamCluster } from "../envoy/cds.ts";
import { listenerConfig } from "../envoy/listener.ts";
import { EnvoyProcess, freePort, type EnvoyLog } from "../envoy/process.ts";
import { ForwardingService } from "./forwarding-service.ts";

export interface SidecarOptions {
  /** The plugin's configuration on both listeners; left out: there is no plugin. */
  plugin?: object;
  /** Worker threads of Envoy; default 2, so that the requests of one trace also meet in different VMs. */
  workers?: number;
}

export class Sidecar {
  private constructor(
    readonly service: ForwardingService,
    readonly envoy: EnvoyProcess,
    /** Where the service is called. */
    readonly inboundPort: number,
    /** What Envoy has logged as an error, such as a plugin that trapped. */
    readonly errors: readonly EnvoyLog[],
  ) {}

  static async start({ plugin, workers = 2 }: SidecarOptions): Promise<Sidecar> {
    const inbound = (await freePort()).port;
    const outbound = (await freePort()).port;
    const service = await ForwardingService.start(outbound);
    const common = { revision: 1, plugins: plugin === undefined ? [] : [pluginOf(plugin)] };
    const errors: EnvoyLog[] = [];
    try {
      const envoy = await EnvoyProcess.start({
        concurrency: workers,
        bootstrap: {
          node: { id: "sidecar", cluster: "sidecar" },
          static_resources: {
            listeners: [
              listener({
                name: "inbound",
                port: inbound,
                direction: "inbound",
                cluster: "service",
                ...common,
              }),
              listener({
                name: "outbound",
                port: outbound,
                direction: "outbound",
                cluster: "called",
                ...common,
              }),
            ],
            clusters: [upstreamCluster("service", service.port), CALLED],
          },
        },
        onLog: (log) => {
          if (log.level === "error" || log.level === "critical") errors.push(log);
        },
      });
      return new Sidecar(service, envoy, inbound, errors);
    } catch (error) {
      await service.stop();
      throw error;
    }
  }

  async stop(): Promise<void> {
    await this.envoy.stop();
    await this.service.stop();
  }
}

/** Whoever the request names by address and port (`original_dst_lb_config`). */
const CALLED = {
  name: "called",
  type: "ORIGINAL_DST",
  lb_policy: "CLUSTER_PROVIDED",
  connect_timeout: "1s",
  original_dst_lb_config: { use_http_header: true, http_header_name: ":authority" },
};

/** The same on both listeners, as Istio has it: on each worker one VM and one root context for both. */
function pluginOf(configuration: object): PluginSpec {
  return {
    module: "build/trace-propagation.wasm",
    name: "trace-propagation",
    rootId: "trace-propagation",
    configuration: JSON.stringify(configuration),
  };
}

/** A listener of the bootstrap, which has no type with it as a discovered one has. */
function listener(spec: Parameters<typeof listenerConfig>[0]): object {
  return Object.fromEntries(Object.entries(listenerConfig(spec)).filter(([name]) => name !== "@type"));
}

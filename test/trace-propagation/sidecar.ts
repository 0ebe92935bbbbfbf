/**
 * A service with a real Envoy in its way, as a mesh has it: what comes to the service passes the inbound
 * listener, what the service calls passes the outbound one, and both have the plugin.
 */
import type { PluginSpec } from "../driver.ts";
import { upstreamCluster } from "../envoy/cds.ts";
import { staticListener, wasmFilter, type ListenerSpec } from "../envoy/listener.ts";
import { EnvoyProcess, freePort, type EnvoyLog } from "../envoy/process.ts";
import { SPANS_AT_ONCE } from "../envoy/tracing.ts";
import { ForwardingService } from "./forwarding-service.ts";

export interface SidecarOptions {
  /** The plugin's configuration on both listeners; left out: there is no plugin. */
  plugin?: object;
  /** What one of the listeners has of its own. */
  inbound?: Side;
  outbound?: Side;
  /** Where the cluster `collector` is, to which spans go; left out: there is none. */
  collectorPort?: number;
  /** Worker threads of Envoy; default 2, so that the requests of one trace also meet in different VMs. */
  workers?: number;
}

export interface Side {
  /** The plugin's configuration here; null: there is no plugin. */
  plugin?: object | null;
  /** The plugin is a filter of the cluster, behind the router, and not of the listener; inbound only. */
  behindRouter?: boolean;
  /** Envoy's own tracing (`HttpConnectionManager.tracing`); left out: it does not trace. */
  tracing?: object;
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

  static async start({ workers = 2, ...options }: SidecarOptions): Promise<Sidecar> {
    const inbound = (await freePort()).port;
    const outbound = (await freePort()).port;
    const service = await ForwardingService.start(outbound);
    const errors: EnvoyLog[] = [];
    const pluginsOf = ({ plugin = options.plugin ?? null }: Side): PluginSpec[] =>
      plugin === null ? [] : [pluginOf(plugin)];
    const side = (own: Side): Pick<ListenerSpec, "plugins" | "tracing"> => ({
      plugins: own.behindRouter ? [] : pluginsOf(own),
      ...(own.tracing ? { tracing: own.tracing } : {}),
    });
    const behindRouter = options.inbound?.behindRouter ? pluginsOf(options.inbound) : [];
    const serviceCluster = upstreamCluster(
      "service",
      service.port,
      false,
      behindRouter.map((plugin) => wasmFilter(plugin, "http")),
    );
    const collector =
      options.collectorPort === undefined ? [] : [upstreamCluster("collector", options.collectorPort)];
    try {
      const envoy = await EnvoyProcess.start({
        concurrency: workers,
        bootstrap: {
          node: { id: "sidecar", cluster: "sidecar" },
          layered_runtime: SPANS_AT_ONCE,
          static_resources: {
            listeners: [
              staticListener({
                name: "inbound",
                port: inbound,
                revision: 1,
                direction: "inbound",
                cluster: "service",
                ...side(options.inbound ?? {}),
              }),
              staticListener({
                name: "outbound",
                port: outbound,
                revision: 1,
                direction: "outbound",
                cluster: "called",
                ...side(options.outbound ?? {}),
              }),
            ],
            clusters: [serviceCluster, CALLED, ...collector],
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

/** A real Envoy in which global-rate-limit stands on several listeners, each with a configuration and a cluster of its own. */
import { createServer, type Server } from "node:http";
import { upstreamCluster } from "../envoy/cds.ts";
import { staticListener } from "../envoy/listener.ts";
import { linearMemories } from "../envoy/proc.ts";
import { EnvoyProcess, freePort } from "../envoy/process.ts";

export interface ProxyOptions {
  /**
   * The filter's configurations, each with the name of its listener. Where one names the cluster `ratelimit`, the listener has
   * one of its own instead, so that its calls can be told from others.
   */
  configurations: Readonly<Record<string, object>>;
  /** Where the rate limit service is. */
  servicePort: number;
  upstreamPort: number;
}

export class LimitedProxy {
  private constructor(
    private readonly envoy: EnvoyProcess,
    private readonly ports: ReadonlyMap<string, number>,
    /** What Envoy has said of a plugin that trapped, and of errors. */
    readonly complaints: readonly string[],
  ) {}

  static async start({ configurations, servicePort, upstreamPort }: ProxyOptions): Promise<LimitedProxy> {
    const ports = new Map<string, number>();
    const listeners: object[] = [];
    const clusters = [upstreamCluster("upstream", upstreamPort)];
    for (const [name, configuration] of Object.entries(configurations)) {
      const { port } = await freePort();
      ports.set(name, port);
      const own = `ratelimit-${name}`;
      clusters.push(upstreamCluster(own, servicePort, true));
      const plugin = {
        module: "build/global-rate-limit.wasm",
        name,
        rootId: "global-rate-limit",
        configuration: JSON.stringify(configuration).replaceAll('"ratelimit"', JSON.stringify(own)),
      };
      listeners.push(staticListener({ name, port, revision: 1, plugins: [plugin], properties: [] }));
    }
    const complaints: string[] = [];
    const envoy = await EnvoyProcess.start({
      concurrency: 2,
      bootstrap: {
        node: { id: "limited", cluster: "limited" },
        static_resources: { listeners, clusters },
      },
      onLog: ({ level, component, text }) => {
        if (["error", "critical"].includes(level)) complaints.push(`[${level}][${component}] ${text}`);
      },
      // The access log has the details of each response.
      onOutput: (line) => {
        if (line.includes("wasm_fail_stream")) complaints.push(line);
      },
    });
    return new LimitedProxy(envoy, ports, complaints);
  }

  port(listener: string): number {
    return this.ports.get(listener)!;
  }

  /** Calls to the service so far, by listener. Those count too for which there was no connection. */
  async calls(): Promise<Map<string, number>> {
    const calls = new Map<string, number>();
    for (const [name, value] of await this.counters("^cluster\\.ratelimit-")) {
      const listener = /^cluster\.ratelimit-(.+)\.upstream_rq_(?:total|pending_failure_eject)$/.exec(
        name,
      )?.[1];
      if (listener !== undefined) calls.set(listener, (calls.get(listener) ?? 0) + value);
    }
    return calls;
  }

  /** The plugins' metrics so far, as of the last tick: those that have all of these in their names, added up. */
  async counted(...parts: readonly string[]): Promise<number> {
    let sum = 0;
    for (const [name, value] of await this.counters("^wasmcustom\\.")) {
      if (parts.every((part) => name.includes(part))) sum += value;
    }
    return sum;
  }

  /** The VMs: how many there are, how many were made, and their linear memories in bytes. */
  async vms(): Promise<{ active: number; created: number; memory: number[] }> {
    const stats = await this.envoy.admin("/stats?filter=^wasm\\.envoy\\.wasm\\.runtime\\.v8\\.");
    const value = (name: string): number => Number(new RegExp(`\\.${name}: (\\d+)`).exec(stats)?.[1] ?? 0);
    return { active: value("active"), created: value("created"), memory: linearMemories(this.envoy.pid) };
  }

  async stop(): Promise<void> {
    await this.envoy.stop();
  }

  private async counters(filter: string): Promise<Map<string, number>> {
    const path = `/stats?format=json&type=Counters&filter=${encodeURIComponent(filter)}`;
    const { stats } = JSON.parse(await this.envoy.admin(path)) as {
      stats: { name: string; value: number }[];
    };
    return new Map(stats.map(({ name, value }) => [name, value]));
  }
}

/** What proxies pass requests on to. */
export class Upstream {
  private constructor(
    private readonly server: Server,
    readonly port: number,
  ) {}

  static async start(): Promise<Upstream> {
    const server = createServer((_, outgoing) => outgoing.end("hello"));
    const { port } = await freePort();
    await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
    return new Upstream(server, port);
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
  }
}

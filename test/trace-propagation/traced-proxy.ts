/** A real Envoy with the filter on inbound listeners, each with a collector of its own for the spans, and one listener without it. */
import { upstreamCluster } from "../envoy/cds.ts";
import { staticListener } from "../envoy/listener.ts";
import { linearMemories } from "../envoy/proc.ts";
import { EnvoyProcess, freePort } from "../envoy/process.ts";

/** The listener without the filter. */
export const PLAIN = "plain";

export interface TracedProxyOptions {
  /** The ports of the collectors, by the names of the listeners; null for a collector whose cluster the proxy does not have. */
  collectors: Readonly<Record<string, number | null>>;
  upstreamPort: number;
  /** Milliseconds that the filter waits for a collector. */
  timeout: number;
}

export class TracedProxy {
  private constructor(
    private readonly envoy: EnvoyProcess,
    private readonly ports: ReadonlyMap<string, number>,
    /** What Envoy has said of a plugin that trapped, and of errors. */
    readonly complaints: readonly string[],
  ) {}

  static async start({ collectors, upstreamPort, timeout }: TracedProxyOptions): Promise<TracedProxy> {
    const ports = new Map<string, number>();
    const listeners: object[] = [];
    const clusters = [upstreamCluster("upstream", upstreamPort)];
    for (const name of [PLAIN, ...Object.keys(collectors)]) {
      const { port } = await freePort();
      ports.set(name, port);
      const configuration = {
        sampling: { default: 100 },
        correlate: {},
        report: { zipkin: { cluster: `collector-${name}`, timeout: `${timeout}ms` } },
      };
      const plugin = {
        module: "build/trace-propagation.wasm",
        name,
        rootId: "trace-propagation",
        configuration: JSON.stringify(configuration),
      };
      const plugins = name === PLAIN ? [] : [plugin];
      listeners.push(
        staticListener({ name, port, revision: 1, direction: "inbound", plugins, properties: [] }),
      );
    }
    for (const [name, port] of Object.entries(collectors)) {
      if (port !== null) clusters.push(upstreamCluster(`collector-${name}`, port));
    }
    const complaints: string[] = [];
    const envoy = await EnvoyProcess.start({
      concurrency: 2,
      bootstrap: {
        node: { id: "traced-1", cluster: "traced" },
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
    return new TracedProxy(envoy, ports, complaints);
  }

  port(listener: string): number {
    return this.ports.get(listener)!;
  }

  /** Spans that no collector has taken, of all listeners, as of the last tick: for whatever reason, or for one. */
  async dropped(reason?: "busy" | "failed" | "no_cluster"): Promise<number> {
    const filter = encodeURIComponent("outrigger_trace_propagation_dropped_spans");
    const { stats } = JSON.parse(await this.envoy.admin(`/stats?format=json&filter=${filter}`)) as {
      stats: { name: string; value: number }[];
    };
    const counted = stats.filter(
      ({ name }) => reason === undefined || name.includes(`reason=.=${reason};.;`),
    );
    return counted.reduce((sum, { value }) => sum + value, 0);
  }

  /** Bytes of the linear memories of all VMs together. */
  memory(): number {
    return linearMemories(this.envoy.pid).reduce((sum, size) => sum + size, 0);
  }

  async stop(): Promise<void> {
    await this.envoy.stop();
  }
}

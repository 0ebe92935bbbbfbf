/**
 * A mesh in small: three services, each behind an Envoy of its own, which all its requests pass on the way in and on the way out, as
 * Istio's sidecars do it. `productpage` calls `reviews` and `ratings` at the same time, and `reviews` calls `ratings`. The services
 * forward `x-request-id` and nothing else of what tracing needs.
 */
import {
  Agent,
  createServer,
  request as httpRequest,
  type IncomingHttpHeaders,
  type Server,
} from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import type { PluginSpec } from "../driver.ts";
import { upstreamCluster } from "../envoy/cds.ts";
import { staticListener } from "../envoy/listener.ts";
import { EnvoyProcess, freePort } from "../envoy/process.ts";
import { SPANS_AT_ONCE, zipkinTracing } from "../envoy/tracing.ts";

/** Whom each service calls. */
const CALLS = {
  productpage: ["reviews", "ratings"],
  reviews: ["ratings"],
  ratings: [],
} as const;

export type ServiceName = keyof typeof CALLS;

/** A request's: those of the servers (`ratings` twice), and those of the three calls between them. */
export const SPANS = 7;

export interface MeshOptions {
  /** Who traces: the plugin, or Envoy by itself, or Envoy on the way in and the plugin on the way out. */
  tracing: "plugin" | "native" | "both";
  /** Where Zipkin is. */
  zipkinPort: number;
  /** Milliseconds that each service works before it calls others; default 0. */
  work?: number;
}

export class Mesh {
  private constructor(
    private readonly services: Readonly<Record<ServiceName, Service>>,
    private readonly sidecars: readonly Sidecar[],
  ) {}

  static async start(options: MeshOptions): Promise<Mesh> {
    const names = Object.keys(CALLS) as ServiceName[];
    const inbound = {} as Record<ServiceName, number>;
    for (const name of names) inbound[name] = (await freePort()).port;
    const services = {} as Record<ServiceName, Service>;
    const sidecars: Sidecar[] = [];
    const mesh = new Mesh(services, sidecars);
    try {
      for (const name of names) {
        const outboundPort = (await freePort()).port;
        services[name] = await Service.start(name, outboundPort, options.work ?? 0);
        sidecars.push(await Sidecar.start(services[name], inbound, outboundPort, options));
      }
    } catch (error) {
      await mesh.stop();
      throw error;
    }
    return mesh;
  }

  /**
   * Asks `productpage`, as a client outside of the mesh does. Answers the request's `x-request-id`, which its first Envoy made, or changed: where Envoy
   * traces by itself, it writes its sampling decision into the id that came. Throws unless all services answered.
   */
  async ask(headers: Readonly<Record<string, string>> = {}): Promise<string> {
    const { status, body } = await ask(this.sidecars[0]!.inboundPort, "productpage", headers, false);
    if (status !== 200) throw new Error(`the mesh answers ${status}\n${this.complaints.join("\n")}`);
    return body;
  }

  /** The headers of the requests that have reached a service with this id, in order. */
  arrived(service: ServiceName, requestId: string): IncomingHttpHeaders[] {
    return this.services[service].arrived.filter((headers) => headers["x-request-id"] === requestId);
  }

  /** What the Envoys have said of plugins that trapped, and of errors. */
  get complaints(): string[] {
    return this.sidecars.flatMap(({ complaints }) => complaints);
  }

  async stop(): Promise<void> {
    await Promise.all(this.sidecars.map((sidecar) => sidecar.stop()));
    await Promise.all(Object.values(this.services).map((service) => service.stop()));
  }
}

class Service {
  readonly arrived: IncomingHttpHeaders[] = [];
  private readonly agent = new Agent({ keepAlive: true });

  private constructor(
    readonly name: ServiceName,
    private readonly server: Server,
    readonly port: number,
  ) {}

  /** `outboundPort` is where its sidecar takes the requests that it makes. */
  static async start(name: ServiceName, outboundPort: number, work: number): Promise<Service> {
    const { port } = await freePort();
    const server = createServer();
    const service = new Service(name, server, port);
    server.on("request", (request, response) => {
      service.arrived.push(request.headers);
      const requestId = String(request.headers["x-request-id"]);
      void service.callOthers(requestId, outboundPort, work).then((answered) => {
        response.statusCode = answered ? 200 : 502;
        response.end(requestId);
      });
    });
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(port, "127.0.0.1", resolve);
    });
    return service;
  }

  /** Whether all have answered as they should. */
  private async callOthers(requestId: string, outboundPort: number, work: number): Promise<boolean> {
    if (work > 0) await sleep(work);
    const headers = { "x-request-id": requestId };
    const calls = CALLS[this.name].map((other) => ask(outboundPort, other, headers, this.agent));
    const answers = await Promise.all(calls).catch(() => null);
    return answers?.every(({ status }) => status === 200) ?? false;
  }

  async stop(): Promise<void> {
    this.agent.destroy();
    this.server.closeAllConnections();
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
  }
}

class Sidecar {
  readonly complaints: string[] = [];
  private envoy: EnvoyProcess | undefined;

  private constructor(readonly inboundPort: number) {}

  static async start(
    service: Service,
    inbound: Readonly<Record<ServiceName, number>>,
    outboundPort: number,
    { tracing, zipkinPort }: MeshOptions,
  ): Promise<Sidecar> {
    const sidecar = new Sidecar(inbound[service.name]);
    const tracers = TRACERS[tracing];
    const others = Object.keys(CALLS).filter((name) => name !== service.name) as ServiceName[];
    const listeners = [
      staticListener({
        ...tracers.inbound,
        name: "inbound",
        port: sidecar.inboundPort,
        direction: "inbound",
        revision: 1,
        properties: [],
      }),
      staticListener({
        ...tracers.outbound,
        name: "outbound",
        port: outboundPort,
        direction: "outbound",
        revision: 1,
        properties: [],
        routes: Object.fromEntries(others.map((name) => [name, name])),
      }),
    ];
    sidecar.envoy = await EnvoyProcess.start({
      // The request that a service makes is often another worker's than the one that it answers.
      concurrency: 2,
      bootstrap: {
        node: { id: `${service.name}-1`, cluster: service.name },
        layered_runtime: SPANS_AT_ONCE,
        static_resources: {
          listeners,
          clusters: [
            upstreamCluster("upstream", service.port),
            upstreamCluster("zipkin", zipkinPort),
            ...others.map((name) => upstreamCluster(name, inbound[name])),
          ],
        },
      },
      onLog: ({ level, component, text }) => {
        if (["error", "critical"].includes(level))
          sidecar.complaints.push(`[${level}][${component}] ${text}`);
      },
      // The access log has the details of each response.
      onOutput: (line) => {
        if (line.includes("wasm_fail_stream")) sidecar.complaints.push(line);
      },
    });
    return sidecar;
  }

  async stop(): Promise<void> {
    await this.envoy?.stop();
  }
}

/** Without spans it tells services and calls the context that came in. */
const CONFIGURATION = { correlate: {}, sampling: { default: 100 } };

/** Services are called as the cluster of their proxy's node. Envoy's own spans have the same tag. */
const REPORT = {
  zipkin: { cluster: "zipkin" },
  tags: { "guid:x-request-id": [{ header: "x-request-id" }] },
};

function plugin(configuration: object): PluginSpec {
  return {
    module: "build/trace-propagation.wasm",
    name: "traces",
    rootId: "trace-propagation",
    configuration: JSON.stringify(configuration),
  };
}

interface Tracers {
  plugins: readonly PluginSpec[];
  tracing?: object;
}

const BY_PLUGIN: Tracers = { plugins: [plugin({ ...CONFIGURATION, report: REPORT })] };
const BY_ENVOY: Tracers = { plugins: [], tracing: zipkinTracing("zipkin") };

const TRACERS: Readonly<Record<MeshOptions["tracing"], { inbound: Tracers; outbound: Tracers }>> = {
  plugin: { inbound: BY_PLUGIN, outbound: BY_PLUGIN },
  native: { inbound: BY_ENVOY, outbound: BY_ENVOY },
  both: { inbound: { ...BY_ENVOY, plugins: [plugin(CONFIGURATION)] }, outbound: BY_PLUGIN },
};

interface Answer {
  status: number;
  body: string;
}

/** Without an agent, on a connection of its own. */
function ask(
  port: number,
  authority: string,
  headers: Readonly<Record<string, string>>,
  agent: Agent | false,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const options = { host: "127.0.0.1", port, path: `/${authority}`, agent, timeout: 20_000 };
    const outgoing = httpRequest({ ...options, headers: { ...headers, host: authority } }, (answer) => {
      let body = "";
      answer.setEncoding("utf8");
      answer.on("data", (chunk: string) => (body += chunk));
      answer.on("error", reject);
      answer.on("end", () => resolve({ status: answer.statusCode ?? 0, body }));
    });
    outgoing.on("timeout", () => outgoing.destroy(new Error(`${authority} does not answer`)));
    outgoing.on("error", reject);
    outgoing.end();
  });
}

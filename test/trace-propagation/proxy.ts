/** A proxy on the V8 host with `trace-propagation` on the ways into and out of an application. */
import type { CallAnswer, Fault, Header, HttpRequest, UpstreamReply, UpstreamRequest } from "../driver.ts";
import { loadModule } from "../host/driver.ts";
import { FakeClock, Host, type Listener, type PluginModule } from "../host/index.ts";

export interface ProxyOptions {
  workers?: number;
  /** What collects spans, the cluster `zipkin`. */
  collector?: (request: UpstreamRequest) => CallAnswer | Fault;
  /** It runs in a suite, with these filters behind it. */
  suite?: readonly object[];
  module?: PluginModule;
  host?: Host;
  inbound?: object;
  outbound?: object;
}

/** The application: asked with the request that reached it, it may send some of its own. */
export type Application = (request: UpstreamRequest) => UpstreamReply | void;

export class Proxy {
  readonly host: Host;
  private readonly inbound: Listener;
  private readonly outbound: Listener;
  application: Application = () => undefined;
  /** What other services answer. */
  upstream: (request: UpstreamRequest) => UpstreamReply = () => ({});

  constructor(config: object, options: ProxyOptions = {}) {
    this.host =
      options.host ?? new Host({ workers: options.workers ?? 1, logLevel: 3, clock: new FakeClock() });
    if (options.collector) this.host.clusters.set("zipkin", { http: options.collector });
    const listen = (direction: "inbound" | "outbound", own: object): Listener =>
      this.host.listen({
        direction,
        plugins: [
          {
            module:
              options.module ?? loadModule(`build/${options.suite ? "outrigger" : "trace-propagation"}.wasm`),
            name: `traces-${direction}`,
            rootId: options.suite ? "suite" : "trace-propagation",
            configuration: JSON.stringify(
              options.suite
                ? { filters: [{ tracePropagation: { ...config, ...own } }, ...options.suite] }
                : { ...config, ...own },
            ),
          },
        ],
        reply: (request) =>
          direction === "inbound" ? (this.application(request) ?? {}) : this.upstream(request),
      });
    this.inbound = listen("inbound", options.inbound ?? {});
    this.outbound = listen("outbound", options.outbound ?? {});
  }

  /** A request to the application; what of it reached it. */
  enter(headers: readonly Header[], request: Partial<HttpRequest> = {}): Headers {
    return sent(this.inbound, headers, request);
  }

  /** A request of the application's; what of it reached the other service. */
  leave(headers: readonly Header[], request: Partial<HttpRequest> = {}): Headers {
    return sent(this.outbound, headers, request);
  }

  advance(seconds: number): void {
    this.host.clock.advance(BigInt(Math.round(seconds * 1e9)));
  }

  /** The shared values in which contexts are remembered. */
  sets(): Uint8Array[] {
    const { sharedData } = this.host;
    const keys = sharedData.keys("").filter((key) => key.startsWith("outrigger/trace-propagation/contexts/"));
    return keys.map((key) => sharedData.get("", key)!.value);
  }

  /** How often the module has called the host so. */
  calls(name: string): number {
    return this.host.hostCalls.get(name) ?? 0;
  }

  /** A counter, by the parts of its name, after they were flushed. */
  metric(...parts: readonly string[]): number {
    this.advance(1.1);
    let sum = 0;
    for (const [metric, value] of Object.entries(this.host.metrics.values())) {
      if (parts.every((part) => metric.includes(part))) sum += value;
    }
    return sum;
  }
}

/** The values of headers by name in lower case, joined where they are several. */
export type Headers = Readonly<Record<string, string>>;

function sent(listener: Listener, headers: readonly Header[], request: Partial<HttpRequest>): Headers {
  const { upstream, response, info } = listener.run({ method: "GET", path: "/", ...request, headers });
  if (!upstream) throw new Error(`did not reach the upstream: ${response?.status}, ${info.details}`);
  return headersOf(upstream);
}

export function headersOf(request: Pick<UpstreamRequest, "headers">): Headers {
  const found: Record<string, string> = {};
  for (const [name, value] of request.headers) {
    found[name] = name in found ? `${found[name]},${value}` : value;
  }
  return found;
}

/** A proxy on the V8 host with the filter in its way, and a count of what it admits. */
import type { Header, UpstreamReply } from "../driver.ts";
import { loadModule } from "../host/driver.ts";
import { FakeClock, Host, type Listener, type PluginModule } from "../host/index.ts";
import type { Direction } from "../host/plugin.ts";

export interface Rate {
  requests: number;
  per: "second" | "minute" | "hour" | "day";
  burst?: number;
}

export interface ProxyOptions {
  workers?: number;
  module?: PluginModule;
  /** The proxy in which this is one listener more. */
  host?: Host;
  direction?: Direction;
  /** The plugin's name. */
  name?: string;
  /** The configuration is a suite's. */
  suite?: boolean;
}

export interface Answer {
  status: number;
  headers: Readonly<Record<string, string>>;
}

export class Proxy {
  readonly clock: FakeClock;
  readonly host: Host;
  private readonly listener: Listener;
  /** What the upstream answers. */
  reply: UpstreamReply = {};

  constructor(config: object, options: ProxyOptions = {}) {
    const { suite = false, name = "limits", direction = "unspecified" } = options;
    this.host =
      options.host ?? new Host({ workers: options.workers ?? 1, logLevel: 3, clock: new FakeClock() });
    this.clock = this.host.clock;
    this.listener = this.host.listen({
      direction,
      plugins: [
        {
          module: options.module ?? loadModule(`build/${suite ? "outrigger" : "local-rate-limit"}.wasm`),
          name,
          rootId: suite ? "suite" : "local-rate-limit",
          configuration: JSON.stringify(suite ? config : { responseHeaders: "off", ...config }),
        },
      ],
      reply: () => this.reply,
    });
  }

  send(...headers: Header[]): Answer {
    const { response } = this.listener.run({ method: "GET", path: "/", headers });
    if (!response) throw new Error("not answered");
    return { status: response.status, headers: Object.fromEntries(response.headers.entries()) };
  }

  /** Whether a request with this key passes. */
  admits(key?: string): boolean {
    const { status } = key === undefined ? this.send() : this.send(["x-key", key]);
    if (status !== 200 && status !== 429) throw new Error(`status ${status}`);
    return status === 200;
  }

  advance(seconds: number): void {
    this.clock.advance(BigInt(Math.round(seconds * 1e9)));
  }

  /** The keys of shared data that hold buckets. */
  sets(): number {
    return this.host.sharedData.keys("").filter((key) => key.includes("\0")).length;
  }

  metric(name: string): number {
    this.advance(1.1);
    let sum = 0;
    for (const [metric, value] of Object.entries(this.host.metrics.values())) {
      if (metric.includes(name)) sum += value;
    }
    return sum;
  }
}

/** A limit by the header `x-key`. */
export function byKey(limit: Rate, more: object = {}): object {
  return { limits: [{ name: "by-key", key: [{ header: "x-key" }], limit, ...more }] };
}

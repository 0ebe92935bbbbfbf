/** Proxies with leases, some workers each, before one rate limit service: all on one clock. */
import { readFileSync } from "node:fs";
import { readConfiguration } from "../../cli/ratelimit-service/config.ts";
import { encodeResponse } from "../../cli/ratelimit-service/messages.ts";
import { RateLimitService } from "../../cli/ratelimit-service/service.ts";
import { FakeClock, Host, type HttpStream, type Listener, PluginModule } from "../host/index.ts";
import { ScriptedService } from "./service.ts";

export interface FleetOptions {
  proxies: number;
  workers: number;
  /** The service's limit a minute. */
  limit: number;
  /** Milliseconds that a call takes. */
  latency: number;
  /** Of the one limit in the filter's configuration. */
  more: object;
}

let module: PluginModule | null = null;

export class Fleet {
  readonly clock = new FakeClock();
  /** Calls that the service was sent. */
  calls = 0;
  /** Requests that were admitted, by the minute in which they were. */
  readonly admitted = new Map<number, number>();
  sent = 0;
  refused = 0;
  /** Requests that were not answered at once. */
  waited = 0;
  private readonly listeners: Listener[] = [];
  private readonly hosts: Host[] = [];
  private waiting: HttpStream[] = [];

  constructor({ proxies, workers, limit, latency, more }: FleetOptions) {
    const { configuration } = readConfiguration([
      {
        file: "config.yaml",
        text: `domain: test\ndescriptors: [{key: all, rate_limit: {unit: minute, requests_per_unit: ${limit}}}]`,
      },
    ]);
    const core = new RateLimitService(configuration, () => Number(this.clock.wall / 1_000_000n));
    module ??= PluginModule.compile(readFileSync("build/global-rate-limit.wasm"));
    for (let at = 0; at < proxies; at++) {
      const service = new ScriptedService((request) => (exchange) => {
        this.calls++;
        // Half of the time to the service, half of it back.
        exchange.after(latency / 2, () => {
          const response = core.shouldRateLimit(request);
          exchange.after(latency / 2, () => {
            exchange.send(encodeResponse(response));
            exchange.end(0);
          });
        });
      });
      const host = new Host({ workers, clock: this.clock, logLevel: 3 });
      host.clusters.set("ratelimit", service.cluster);
      this.hosts.push(host);
      const configuration = JSON.stringify({
        domain: "test",
        service: { cluster: "ratelimit", timeout: "1s" },
        responseHeaders: "off",
        limits: [{ name: "all", descriptor: [{ key: "all", value: "1" }], ...more }],
      });
      const plugins = [{ module, name: "leases", rootId: "global-rate-limit", configuration }];
      this.listeners.push(host.listen({ plugins }));
    }
  }

  /** Sends so many requests a second to each proxy for so many seconds, evenly, and waits for the answers that are still out. */
  play(seconds: number, rate: number): void {
    const step = BigInt(Math.round(1e9 / rate));
    for (let at = 0; at < seconds * rate; at++) {
      for (const listener of this.listeners) {
        this.sent++;
        const stream = listener.open({ method: "GET", path: "/", headers: [] });
        if (!stream.response) this.waited++;
        this.waiting.push(stream);
      }
      this.clock.advance(step);
      this.collect();
    }
    this.clock.advance(1_100_000_000n);
    this.collect();
    if (this.waiting.length > 0) throw new Error(`${this.waiting.length} requests hang`);
  }

  metric(name: string): number {
    let sum = 0;
    for (const host of this.hosts) {
      for (const [metric, value] of Object.entries(host.metrics.values())) {
        if (metric.includes(name)) sum += value;
      }
    }
    return sum;
  }

  /** Of those that were answered in this step: counted at its end, but for a step's length at the end of a minute, exactly. */
  private collect(): void {
    const minute = Number(this.clock.wall / 60_000_000_000n);
    this.waiting = this.waiting.filter((stream) => {
      const { response } = stream;
      if (!response) return true;
      if (response.status === 200) this.admitted.set(minute, (this.admitted.get(minute) ?? 0) + 1);
      else this.refused++;
      return false;
    });
  }
}

/**
 * A fleet of proxies on the V8 host with `global-rate-limit` in their way, one rate limit service, one clock, and clients that come at
 * random: what is admitted in each window of the service, what is lost, and how many calls it takes.
 */
import { readFileSync } from "node:fs";
import { random as seeded } from "../../bench/statistics.ts";
import { readConfiguration } from "../../cli/ratelimit-service/config.ts";
import { decodeRequest, encodeResponse } from "../../cli/ratelimit-service/messages.ts";
import { RateLimitService } from "../../cli/ratelimit-service/service.ts";
import type { Cluster } from "../driver.ts";
import { FakeClock, Host, PluginModule, type Listener } from "../host/index.ts";

export interface Fleet {
  proxies: number;
  workers: number;
  /** Units a minute. */
  limit: number;
  /** Requests a minute that all clients send, as a share of the limit. */
  load: number;
  /** How uneven: proxy number n of N gets a share by 1 / n^skew. */
  skew: number;
  /** The largest lease; 0 for none. */
  lease: number;
  /** Milliseconds from a call to its answer: an even spread between the two. */
  latency: readonly [least: number, most: number];
  /** Windows that are counted, after one to warm up. */
  windows: number;
  seed: number;
}

export interface Outcome {
  requests: number;
  calls: number;
  /** Requests that a call has held. */
  waited: number;
  /** Of each window that was counted. */
  admitted: readonly number[];
  wanted: readonly number[];
}

const MINUTE = 60_000;

export function play(fleet: Fleet): Outcome {
  const random = seeded(fleet.seed);
  const clock = new FakeClock();
  const millis = (): number => Number(clock.wall / 1_000_000n);
  const file = { file: "config.yaml", text: configYaml(fleet.limit) };
  const { configuration, problems } = readConfiguration([file]);
  if (problems.length > 0) throw new Error(JSON.stringify(problems));
  const service = new RateLimitService(configuration, millis);
  let calls = 0;
  const cluster: Cluster = {
    grpc: (exchange) => ({
      onMessage: (message) => {
        calls++;
        const [least, most] = fleet.latency;
        const there = (least + random() * (most - least)) / 2;
        exchange.after(there, () => {
          const answer = encodeResponse(service.shouldRateLimit(decodeRequest(message)));
          exchange.after(there, () => {
            exchange.send(answer);
            exchange.end(0);
          });
        });
      },
    }),
  };
  const module = PluginModule.compile(readFileSync("build/global-rate-limit.wasm"));
  const listeners = Array.from({ length: fleet.proxies }, (): Listener => {
    const host = new Host({ workers: fleet.workers, clock, logLevel: 5 });
    host.clusters.set("ratelimit", cluster);
    return host.listen({
      plugins: [
        { module, name: "limits", rootId: "global-rate-limit", configuration: configurationOf(fleet.lease) },
      ],
    });
  });
  const shares = listeners.map((_, at) => 1 / (at + 1) ** fleet.skew);
  const sum = shares.reduce((a, b) => a + b, 0);
  const perMinute = fleet.limit * fleet.load;
  /** When each proxy's next request comes, in milliseconds from the start. */
  const next = shares.map((share) => pause((perMinute * share) / sum));
  function pause(rate: number): number {
    return (-Math.log(1 - random()) * MINUTE) / rate;
  }
  const windows = fleet.windows + 1;
  const admitted = new Array<number>(windows).fill(0);
  const wanted = new Array<number>(windows).fill(0);
  const start = clock.monotonic;
  const end = windows * MINUTE;
  let before = 0;
  let waited = 0;
  while (true) {
    let proxy = 0;
    for (let at = 1; at < next.length; at++) if (next[at]! < next[proxy]!) proxy = at;
    const time = next[proxy]!;
    if (time >= end) break;
    next[proxy] = time + pause((perMinute * shares[proxy]!) / sum);
    const due = start + BigInt(Math.round(time * 1e6));
    if (due > clock.monotonic) clock.advance(due - clock.monotonic);
    const window = Math.floor(time / MINUTE);
    // The first window warms up.
    if (window >= 1 && before === 0) before = calls;
    wanted[window]!++;
    const stream = listeners[proxy]!.open({ method: "GET", path: "/" });
    const finished = (): void => {
      // The window in which it passes: those of the service begin with the clock's minutes, as the run does.
      const now = Math.floor(Number((clock.monotonic - start) / 1_000_000n) / MINUTE);
      if (stream.response?.status === 200 && now < windows) admitted[now]!++;
    };
    if (stream.finished) finished();
    else {
      stream.onFinish = finished;
      if (window >= 1) waited++;
    }
  }
  clock.advance(1_000_000_000n);
  const requests = wanted.slice(1).reduce((a, b) => a + b, 0);
  return { requests, calls: calls - before, waited, admitted: admitted.slice(1), wanted: wanted.slice(1) };
}

/** The share of what could have been admitted that was not, over all windows. */
export function lostShare({ limit }: Fleet, { admitted, wanted }: Outcome): number {
  const possible = wanted.reduce((all, count) => all + Math.min(count, limit), 0);
  return 1 - admitted.reduce((a, b) => a + b, 0) / possible;
}

function configYaml(limit: number): string {
  return `domain: fleet\ndescriptors:\n  - key: all\n    rate_limit: { unit: minute, requests_per_unit: ${limit} }\n`;
}

function configurationOf(lease: number): string {
  return JSON.stringify({
    domain: "fleet",
    service: { cluster: "ratelimit", timeout: "100ms" },
    failureMode: "deny",
    responseHeaders: "off",
    limits: [
      {
        name: "all",
        descriptor: [{ key: "all", value: "x" }],
        cacheDenials: true,
        ...(lease === 0 ? {} : { lease: { max: lease } }),
      },
    ],
  });
}

/**
 * What a limit over a fleet costs: latency, CPU of Envoy and of the rate limit service, and calls, of `global-rate-limit`
 * with and without leases beside Envoy's own filter, which asks the same service.
 */
import { existsSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { cpuTime } from "../test/envoy/proc.ts";
import { root } from "./build.ts";
import { cluster, rateLimitFilter, staticBootstrap, wasmFilter, type Json } from "./configuration.ts";
import { Envoy, freePort } from "./envoy.ts";
import { LoadGenerator } from "./load.ts";
import { startService, type Service } from "./rate-limit-service.ts";
import { hit } from "./requests.ts";
import { quantile, random, shuffled, spread, type Spread } from "./statistics.ts";
import { chain } from "./variants.ts";

export interface GlobalOptions {
  rounds: number;
  /** Requests of each row in a round. */
  burst: number;
  /** Requests that each Envoy answers before, as fast as it can: V8 optimises what is hot. */
  warmUp: number;
  /** Steady, so that no row's latency is that of a queue. */
  perSecond: number;
  seed: number;
  progress: (text: string) => void;
}

export interface GlobalRow {
  title: string;
  /** Milliseconds; of the row without a limit all of it, of the others what they add to it in the same round. */
  median: Spread;
  p99: Spread;
  /** µs a request of Envoy, likewise. */
  envoy: Spread;
  /** µs a request of the service and what it stores in. */
  service: Spread;
  /** Calls to the service for each request. */
  calls: Spread;
}

export interface GlobalResult {
  /** The service that was asked. */
  service: string;
  perSecond: number;
  /** The first is the one without a limit. */
  rows: GlobalRow[];
}

const DOMAIN = "bench";
/** Of the filters' limits. Longer than any call takes on a busy machine: a failed call would be a cheap one. */
const TIMEOUT = "1s";
const CONNECTIONS = 32;
/** The most that a lease may be: a request in so many waits for a call at best. */
const MOST_LEASED = 100;

const globalModule = `${root}build/global-rate-limit.wasm`;

/** Each row has a counter of its own; none is ever full. */
const configuration = `domain: ${DOMAIN}
descriptors:
  - key: row
    rate_limit: { unit: hour, requests_per_unit: 1000000000 }
`;

interface Row {
  title: string;
  filters: readonly Json[];
  rateLimits?: readonly Json[];
}

function ours(row: string, limit: Readonly<Record<string, Json>>): readonly Json[] {
  const text = JSON.stringify({
    domain: DOMAIN,
    service: { cluster: "service", timeout: TIMEOUT },
    failureMode: "deny",
    limits: [{ name: "all", descriptor: [{ key: "row", value: row }], ...limit }],
    responseHeaders: "off",
  });
  return [wasmFilter("global-rate-limit", globalModule, "", text, "")];
}

const rows: readonly Row[] = [
  { title: "no limit", filters: [] },
  {
    title: "Envoy ratelimit",
    filters: [rateLimitFilter(DOMAIN, "service", TIMEOUT)],
    rateLimits: [{ actions: [{ generic_key: { descriptor_key: "row", descriptor_value: "envoy" } }] }],
  },
  { title: "global-rate-limit, no lease", filters: ours("asking", {}) },
  {
    title: `global-rate-limit, leases to ${MOST_LEASED}`,
    filters: ours("leasing", { lease: { max: MOST_LEASED } }),
  },
];

interface Runner {
  envoy: Envoy;
  generator: LoadGenerator;
}

/** What one burst of a row was. */
interface Burst {
  median: number;
  p99: number;
  envoy: number;
  service: number;
  calls: number;
}

export async function measureGlobal(options: GlobalOptions): Promise<GlobalResult> {
  if (!existsSync(globalModule)) throw new Error(`${globalModule} is missing: npm run build`);
  const service = await startService(DOMAIN, configuration);
  const envoys: Envoy[] = [];
  const runners: Runner[] = [];
  try {
    // Envoy's own filter looks at requests that are routed to a cluster only.
    const upstream = await freePort();
    envoys.push(await Envoy.start("upstream", (admin) => staticBootstrap(admin, chain(upstream, 1, null))));
    for (const row of rows) {
      const port = await freePort();
      const envoy = await Envoy.start("global", (admin) =>
        staticBootstrap(
          admin,
          {
            ...chain(port, 1, null),
            filters: row.filters,
            upstream: "upstream",
            rateLimits: row.rateLimits ?? [],
          },
          { clusters: [cluster("upstream", upstream, "http1"), cluster("service", service.port, "http2")] },
        ),
      );
      envoys.push(envoy);
      runners.push({ envoy, generator: await LoadGenerator.open(port, CONNECTIONS) });
    }
    options.progress(`${envoys.length} Envoys and ${service.name} are up; warm-up`);
    for (const [at, runner] of runners.entries()) {
      await runner.generator.run(hit(5, "v1"), options.warmUp);
      const { calls } = await burst(runner, service, options);
      if (calls > 0 !== at > 0)
        throw new Error(`"${rows[at]?.title}" does not do its job: ${calls} calls a request`);
    }
    const bursts: Burst[][] = runners.map(() => []);
    const next = random(options.seed);
    for (let round = 0; round < options.rounds; round++) {
      for (const [at, runner] of shuffled([...runners.entries()], next)) {
        bursts[at]?.push(await burst(runner, service, options));
      }
      options.progress(`rate limit service: round ${round + 1} of ${options.rounds}`);
    }
    return { service: service.name, perSecond: options.perSecond, rows: summary(bursts) };
  } finally {
    for (const { generator } of runners) generator.close();
    await Promise.all(envoys.map((envoy) => envoy.stop()));
    await service.stop();
  }
}

async function burst(
  { envoy, generator }: Runner,
  service: Service,
  { burst: count, perSecond }: GlobalOptions,
): Promise<Burst> {
  const calls = await envoy.stat("cluster.service.upstream_rq_total");
  const before = { envoy: cpuTime(envoy.pid), service: serviceTime(service) };
  const times = await generator.pace(hit(5, "v1"), count, perSecond);
  // The last lease that was asked for in the background, and the last log of a thread's time.
  await sleep(20);
  return {
    median: quantile(times, 0.5),
    p99: quantile(times, 0.99),
    envoy: (cpuTime(envoy.pid) - before.envoy) / 1000 / count,
    service: (serviceTime(service) - before.service) / 1000 / count,
    calls: ((await envoy.stat("cluster.service.upstream_rq_total")) - calls) / count,
  };
}

const serviceTime = ({ pids }: Service): number => pids.reduce((sum, pid) => sum + cpuTime(pid), 0);

function summary(bursts: readonly (readonly Burst[])[]): GlobalRow[] {
  return bursts.map((own, at) => {
    const of = (name: keyof Burst, above: boolean): Spread =>
      spread(
        own.map((one, round) => one[name] - (above && at > 0 ? (bursts[0]?.[round]?.[name] ?? NaN) : 0)),
      );
    return {
      title: rows[at]?.title ?? "",
      median: of("median", true),
      p99: of("p99", true),
      envoy: of("envoy", true),
      service: of("service", true),
      calls: of("calls", false),
    };
  });
}

/**
 * CPU of a request. All Envoys are alive side by side and take turns in short bursts, in another order each
 * round: what the machine does meanwhile (another tenant, a clock that changes) hits all rows alike, and what
 * is left of it falls out of medians and of ratios inside a round.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { cpuTime } from "../test/envoy/proc.ts";
import { staticBootstrap } from "./configuration.ts";
import { Envoy, freePort } from "./envoy.ts";
import { LoadGenerator, type LoadRequest } from "./load.ts";
import { headerCounts, hit, type HeaderCount, type Users } from "./requests.ts";
import { random, shuffled } from "./statistics.ts";
import type { Variant } from "./variants.ts";
import { verify } from "./verify.ts";

export interface RoundsOptions {
  rounds: number;
  /** Requests of one burst. */
  burst: number;
  /** Requests that each Envoy answers before, for each number of headers: V8 optimises what is hot. */
  warmUp: number;
  /** Requests in flight. */
  connections: number;
  /** Of the order of the bursts. */
  seed: number;
  progress: (text: string) => void;
}

/** Cost of one request, in µs of Envoy's CPU, as it was in each round. */
export interface RowTimes {
  /** All of it. */
  gross: number[];
  /** Above the Envoy without filters in the same round, per copy of the filter. */
  net: number[];
}

export type Times = ReadonlyMap<Variant["name"], Readonly<Record<HeaderCount, RowTimes>>>;

interface Runner {
  variant: Variant;
  envoy: Envoy;
  generator: LoadGenerator;
  /** What each burst goes through before. */
  feeder: LoadGenerator | null;
  requests: Readonly<Record<HeaderCount, LoadRequest>>;
}

async function start(variant: Variant, options: RoundsOptions): Promise<Runner> {
  const port = await freePort();
  const feedPort = variant.feed ? await freePort() : null;
  const feed = variant.feed && feedPort !== null ? { feed: variant.feed(feedPort) } : {};
  const envoy = await Envoy.start(variant.name, (admin) =>
    staticBootstrap(admin, variant.spec(port), { ...variant.surroundings, ...feed }),
  );
  await verify(variant, envoy, port, feedPort);
  const [first, ...more] = variant.users;
  // One order for all rounds; the first is as good as any.
  const users: Users = [first, ...shuffled(more, random(options.seed))];
  const requests = (headers: HeaderCount): LoadRequest =>
    variant.requests?.(headers, variant.expected) ?? hit(headers, variant.expected, users);
  return {
    variant,
    envoy,
    generator: await LoadGenerator.open(port, options.connections),
    feeder: feedPort === null ? null : await LoadGenerator.open(feedPort, options.connections),
    requests: { 5: requests(5), 20: requests(20) },
  };
}

/** µs of CPU for one request of a burst. */
async function burst(
  { variant, envoy, generator, feeder, requests }: Runner,
  headers: HeaderCount,
  count: number,
): Promise<number> {
  await feeder?.run(requests[headers], count);
  const before = cpuTime(envoy.pid);
  await generator.run(requests[headers], count);
  await variant.settled?.(count);
  // The worker writes its last log of time when it goes to sleep.
  await sleep(2);
  return (cpuTime(envoy.pid) - before) / 1000 / count;
}

export async function measureRounds(rows: readonly Variant[], options: RoundsOptions): Promise<Times> {
  const runners: Runner[] = [];
  try {
    for (const row of rows) runners.push(await start(row, options));
    options.progress(
      `${runners.length} Envoys are up and do their job; warm-up of ${options.warmUp} requests`,
    );
    for (const runner of runners) {
      for (const headers of headerCounts) {
        // In bursts: what a feed leaves behind is forgotten after some seconds.
        for (let left = options.warmUp; left > 0; left -= options.burst) {
          await burst(runner, headers, Math.min(left, options.burst));
        }
      }
    }
    const next = random(options.seed);
    const empty = (): RowTimes => ({ gross: [], net: [] });
    const times = new Map(rows.map(({ name }) => [name, { 5: empty(), 20: empty() }]));
    const turns = runners.flatMap((runner) => headerCounts.map((headers) => ({ runner, headers })));
    for (let round = 0; round < options.rounds; round++) {
      for (const { runner, headers } of shuffled(turns, next)) {
        times.get(runner.variant.name)?.[headers].gross.push(await burst(runner, headers, options.burst));
      }
      for (const { name, divisor } of rows) {
        for (const headers of headerCounts) {
          const row = times.get(name)?.[headers];
          const gross = row?.gross[round] ?? NaN;
          const base = times.get("baseline")?.[headers].gross[round] ?? NaN;
          row?.net.push((gross - base) / divisor);
        }
      }
      options.progress(`round ${round + 1} of ${options.rounds}`);
    }
    return times;
  } finally {
    for (const { generator, feeder } of runners) {
      generator.close();
      feeder?.close();
    }
    await Promise.all(runners.map(({ envoy }) => envoy.stop()));
  }
}

/** Sizes: modules, resident memory, linear memory under load, and the time that a big configuration takes. */
import { existsSync, statSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { BenchModule } from "./build.ts";
import { staticBootstrap, wasmFilter } from "./configuration.ts";
import { linearMemories, residentBytes } from "../test/envoy/proc.ts";
import { Envoy, freePort } from "./envoy.ts";
import { LiveEnvoy } from "./live.ts";
import { LoadGenerator } from "./load.ts";
import { hit } from "./requests.ts";
import { median, spread, type Spread } from "./statistics.ts";
import { bigConfiguration, chain, darkLaunchConfiguration, darkLaunchModule } from "./variants.ts";

export interface MemoryOptions {
  /** Requests over which linear memory must not grow. */
  requests: number;
  /** How often each Envoy is started, for the median of its resident memory. */
  starts: number;
  /** How often the big configuration is loaded. */
  loads: number;
  connections: number;
  progress: (text: string) => void;
}

export interface MemoryResult {
  /** Why dark-launch's numbers are another module's; null when they are its own. */
  missing: string | null;
  modules: { name: string; bytes: number }[];
  /** Bytes of Envoy at one worker, after its first 2,000 requests. */
  resident: { none: number; barest: number; darkLaunch: number };
  /** Bytes before and after `count` requests. */
  requests: {
    count: number;
    residentBefore: number;
    residentAfter: number;
    linearBefore: number[];
    linearAfter: number[];
  };
  load: { rules: number; users: number; bytes: number; milliseconds: Spread; floor: Spread };
}

/** The configuration whose loading is measured. */
export const bigRules = 1000;
export const bigUsers = 100_000;

/** The same bytes for a hand-written module, which reads the first line and skips the rest. */
const ballast = (header: string, label: string): string =>
  `${header}\n${bigConfiguration(header, label, bigUsers, bigRules)}`;

/** dark-launch, or same-calls in its place while it is not built. */
export function darkLaunchOr(sameCalls: string): {
  module: string;
  missing: string | null;
  configuration: (header: string) => string;
  bigConfiguration: (header: string, label: string) => string;
} {
  return existsSync(darkLaunchModule)
    ? {
        module: darkLaunchModule,
        missing: null,
        configuration: (header) => darkLaunchConfiguration(header),
        bigConfiguration: (header, label) => bigConfiguration(header, label, bigUsers, bigRules),
      }
    : {
        module: sameCalls,
        missing: `${darkLaunchModule} is missing`,
        configuration: (header) => header,
        bigConfiguration: ballast,
      };
}

/** Runs one Envoy with one copy of `module` (null: none) under some load and hands it to `measure`. */
async function withEnvoy<T>(
  module: string | null,
  configuration: (header: string) => string,
  connections: number,
  measure: (envoy: Envoy, send: (count: number) => Promise<void>) => Promise<T>,
): Promise<T> {
  const port = await freePort();
  const filter = module
    ? (copy: number) => wasmFilter(`copy-${copy}`, module, "", configuration(`x-variant-${copy}`))
    : null;
  const envoy = await Envoy.start("memory", (admin) => staticBootstrap(admin, chain(port, 1, filter)));
  try {
    const generator = await LoadGenerator.open(port, connections);
    const send = (count: number): Promise<void> => generator.run(hit(20, module ? "v2" : "v1"), count);
    try {
      await send(2000);
      await sleep(500);
      return await measure(envoy, send);
    } finally {
      generator.close();
    }
  } finally {
    await envoy.stop();
  }
}

async function loadTimes(
  name: string,
  module: string,
  configure: (header: string, label: string) => string,
  loads: number,
): Promise<Spread> {
  const live = await LiveEnvoy.start(name, module, configure);
  try {
    const times: number[] = [];
    for (let i = 0; i < loads; i++) {
      times.push(await live.update());
      await live.settle();
    }
    return spread(times);
  } finally {
    await live.stop();
  }
}

export async function measureMemory(
  built: Record<BenchModule, string>,
  options: MemoryOptions,
): Promise<MemoryResult> {
  const ours = darkLaunchOr(built.sameCalls);
  const plain = (header: string): string => header;

  const resident = { none: [] as number[], barest: [] as number[], darkLaunch: [] as number[] };
  for (let i = 0; i < options.starts; i++) {
    options.progress(`resident memory, start ${i + 1} of ${options.starts}`);
    const rss = (envoy: Envoy): Promise<number> => Promise.resolve(residentBytes(envoy.pid));
    resident.none.push(await withEnvoy(null, plain, options.connections, rss));
    resident.barest.push(await withEnvoy(built.barest, plain, options.connections, rss));
    resident.darkLaunch.push(await withEnvoy(ours.module, ours.configuration, options.connections, rss));
  }

  options.progress(`linear memory over ${options.requests} requests`);
  const requests = await withEnvoy(
    ours.module,
    ours.configuration,
    options.connections,
    async (envoy, send) => {
      const residentBefore = residentBytes(envoy.pid);
      const linearBefore = linearMemories(envoy.pid);
      await send(options.requests);
      return {
        count: options.requests,
        residentBefore,
        residentAfter: residentBytes(envoy.pid),
        linearBefore,
        linearAfter: linearMemories(envoy.pid),
      };
    },
  );

  options.progress("loading of a big configuration");
  const load = {
    rules: bigRules,
    users: bigUsers,
    bytes: bigConfiguration("x-variant-1", "1", bigUsers, bigRules).length,
    milliseconds: await loadTimes("load", ours.module, ours.bigConfiguration, options.loads),
    floor: await loadTimes("load-floor", built.sameCalls, ballast, options.loads),
  };

  const modules = [
    { name: "barest", file: built.barest },
    { name: "same-calls", file: built.sameCalls },
    ...(ours.missing ? [] : [{ name: "dark-launch", file: darkLaunchModule }]),
    { name: "gcore", file: built.gcore },
  ].map(({ name, file }) => ({ name, bytes: statSync(file).size }));

  return {
    missing: ours.missing,
    modules,
    resident: {
      none: median(resident.none),
      barest: median(resident.barest),
      darkLaunch: median(resident.darkLaunch),
    },
    requests,
    load,
  };
}

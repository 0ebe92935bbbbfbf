/**
 * `make bench`: what a request costs in Envoy's CPU with our filter in its way, beside the least that a Wasm
 * filter can cost, Envoy's own means and another SDK; and what a filter takes in memory. See README.md.
 */
import { execFileSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { availableParallelism, cpus, loadavg } from "node:os";
import { parseArgs } from "node:util";
import { authzNames, authzVariants } from "./authz.ts";
import { judge, type BarResult } from "./bars.ts";
import { buildModules } from "./build.ts";
import { locateEnvoy } from "../test/envoy/locate.ts";
import { measureGlobal } from "./global.ts";
import { measureMemory } from "./memory.ts";
import { traceNames, traceVariants } from "./trace.ts";
import { rateLimitNames, rateLimitVariants } from "./rate-limits.ts";
import { barsTable, costs, drift, globalTable, memoryTable, updatesTable } from "./report.ts";
import { measureRounds, type Times } from "./rounds.ts";
import { measureUpdates } from "./updates.ts";

import { variantNames, variants, type Variant } from "./variants.ts";

/** The parts of the report: their rows never share a round. */
const rowNames: readonly string[] = [
  ...variantNames,
  ...rateLimitNames,
  ...traceNames,
  ...authzNames,
  "global",
];

/** Names for all rows of a part. */
const parts = new Map<string, readonly string[]>([
  ["rate-limits", rateLimitNames],
  ["trace", traceNames],
  ["authz", authzNames],
]);

const usage = `Usage: npx tsx bench/index.ts [flags]
  --rounds N         rounds, each with one burst of each row and number of headers (default 25)
  --burst N          requests of a burst (default 2000)
  --warm-up N        requests per row and number of headers before the first round (default 20000)
  --connections N    requests in flight (default 16)
  --only NAMES       rows, comma separated, of ${variantNames.join(", ")};
                     of rate limits ${rateLimitNames.join(", ")}, or rate-limits for all of these;
                     of traces ${traceNames.join(", ")}, or trace for all of these;
                     of authorization ${authzNames.join(", ")}, or authz for all of these;
                     and global: latency and calls of global-rate-limit
  --separate-vms     a VM for each copy of a Wasm filter, instead of one for all of them
  --quick            9 rounds, short warm-up, one start: to see that it works, not to quote
  --skip-memory      without the second section (memory and loading)
  --updates          also RSS over configuration updates (takes long)
  --update-count N   how many (default 1000)
  --seed N           of the order of the bursts (default: from the clock; it is printed)
  --json FILE        all that was measured, each round of it
`;

function flags() {
  const { values } = parseArgs({
    options: {
      rounds: { type: "string" },
      burst: { type: "string", default: "2000" },
      "warm-up": { type: "string" },
      connections: { type: "string", default: "16" },
      only: { type: "string" },
      "separate-vms": { type: "boolean", default: false },
      quick: { type: "boolean", default: false },
      "skip-memory": { type: "boolean", default: false },
      updates: { type: "boolean", default: false },
      "update-count": { type: "string", default: "1000" },
      seed: { type: "string", default: String(Date.now() % 1_000_000) },
      json: { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  const positive = (name: string, value: string): number => {
    if (!/^[1-9]\d{0,8}$/.test(value))
      throw new Error(`--${name}: expected a positive number, got "${value}"`);
    return Number(value);
  };
  const asked = values.only?.split(",") ?? rowNames;
  const only = asked.flatMap((name) => parts.get(name) ?? [name]);
  for (const name of only) {
    if (!rowNames.includes(name)) {
      throw new Error(`--only: no row is called "${name}"; rows: ${rowNames.join(", ")}`);
    }
  }
  return {
    help: values.help,
    only: new Set(only),
    separateVms: values["separate-vms"],
    quick: values.quick,
    rounds: positive("rounds", values.rounds ?? (values.quick ? "9" : "25")),
    burst: positive("burst", values.burst),
    warmUp: positive("warm-up", values["warm-up"] ?? (values.quick ? "3000" : "20000")),
    connections: positive("connections", values.connections),
    memory: !values["skip-memory"],
    updates: values.updates ? positive("update-count", values["update-count"]) : 0,
    seed: Number(values.seed),
    json: values.json,
  };
}

/** Milliseconds that a fixed loop takes: by it, absolute figures of two machines (or two hours) compare. */
function calibrate(): number {
  const times = Array.from({ length: 5 }, () => {
    const start = performance.now();
    let mixed = 1;
    for (let i = 0; i < 20_000_000; i++) mixed = (Math.imul(mixed, 48271) + i) | 0;
    return performance.now() - start + (mixed === 0 ? 1e-9 : 0);
  });
  return Math.min(...times);
}

/** One line that is overwritten, on a terminal; nothing in a log. */
function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
}

function section(title: string, text: string): void {
  progress("");
  console.log(`\n## ${title}\n\n${text}`);
}

type Flags = ReturnType<typeof flags>;

/** A table of costs, and what it says of the bars; nothing of a baseline alone. */
async function measureCosts(
  title: string,
  rows: readonly Variant[],
  options: Flags,
  columns: Parameters<typeof costs>[2],
): Promise<{ times: Times; bars: BarResult[] }> {
  if (rows.length < 2) return { times: new Map(), bars: [] };
  const times = await measureRounds(rows, { ...options, progress });
  section(title, `${costs(times, rows, columns)}\n${drift(times)}`);
  const bars = judge(times, rows);
  if (bars.length > 0) section("Bars", barsTable(bars));
  return { times, bars };
}

async function main(): Promise<void> {
  const options = flags();
  if (options.help) {
    console.log(usage);
    return;
  }
  const environment = {
    date: new Date().toISOString(),
    envoy:
      execFileSync(await locateEnvoy(), ["--version"])
        .toString()
        .trim()
        .split("version: ")[1] ?? "unknown",
    node: process.version,
    cpu: `${availableParallelism()} × ${cpus()[0]?.model.trim() ?? "unknown"}`,
    loadAverage: loadavg(),
    calibrationMs: calibrate(),
  };
  console.log(`Envoy ${environment.envoy}`);
  console.log(
    `${environment.cpu}, load ${environment.loadAverage.map((load) => load.toFixed(2)).join(" ")}, ` +
      `fixed loop ${environment.calibrationMs.toFixed(0)} ms; ${options.rounds} rounds of ${options.burst} requests, ` +
      `seed ${options.seed}${options.separateVms ? "; a VM for each copy" : ""}`,
  );
  const built = await buildModules();
  const rows = variants(built, options.only, options.separateVms);
  const missing = rows.flatMap((row) => row.missing ?? []);
  if (missing.length > 0)
    console.log(`\nMISSING: ${missing.join(", ")}; rows on it are left out or stand-ins.`);

  const limits = rateLimitVariants(built, options.only, options.separateVms);
  const traces = await traceVariants(built, options.only, options.separateVms);
  const launch = await measureCosts("Cost of a request: dark-launch", rows, options, [
    ["barest", "× barest"],
    ["same-calls", "× same calls"],
  ]);
  const limit = await measureCosts("Cost of a request: local-rate-limit", limits, options, [
    ["local-same-calls", "× same calls"],
    ["envoy-local-1", "× Envoy's, 1"],
  ]);
  const trace = await measureCosts("Cost of a request: trace-propagation", traces, options, [
    ["trace-inbound-same-calls", "× same, inbound"],
    ["trace-outbound-same-calls", "× same, new"],
  ]);
  const policies = await authzVariants(built, options.only, options.separateVms);
  const authz = await measureCosts("Cost of a request: authz", policies, options, [
    ["authz-same-calls", "× same, 20"],
    ["rbac-20", "× RBAC, 20"],
    ["rbac-1000", "× RBAC, 1,000"],
  ]);
  const bars = [...launch.bars, ...limit.bars, ...trace.bars, ...authz.bars];

  const global = options.only.has("global")
    ? await measureGlobal({
        rounds: options.quick ? 3 : 15,
        burst: options.quick ? 500 : 2000,
        warmUp: options.warmUp,
        perSecond: 1000,
        seed: options.seed,
        progress,
      })
    : null;
  if (global) section("Limits over a fleet: global-rate-limit", globalTable(global));

  const memory = options.memory
    ? await measureMemory(built, {
        requests: options.quick ? 20_000 : 100_000,
        starts: options.quick ? 1 : 3,
        loads: options.quick ? 3 : 7,
        connections: options.connections,
        progress,
      })
    : null;
  if (memory) section("Memory and loading", memoryTable(memory));

  const updates = options.updates > 0 ? await measureUpdates(built, options.updates, progress) : null;
  if (updates) section("Updates", updatesTable(updates));

  if (options.json !== undefined) {
    const result = {
      environment,
      options: { ...options, only: [...options.only] },
      bars,
      global,
      memory,
      updates,
    };
    const times = {
      ...Object.fromEntries(launch.times),
      rateLimits: Object.fromEntries(limit.times),
      trace: Object.fromEntries(trace.times),
      authz: Object.fromEntries(authz.times),
    };
    await writeFile(options.json, JSON.stringify({ ...result, times }, null, 2));
  }
}

try {
  await main();
  process.exit(0);
} catch (error) {
  progress("");
  console.error(`bench: ${(error as Error).message}\n`);
  process.exit(1);
}

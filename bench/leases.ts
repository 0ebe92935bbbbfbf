/**
 * What leases cost and save over a fleet: simulated on the V8 host, with the built module. Writes the table and the plot of `docs/leases.md`.
 *
 *     npx tsx bench/leases.ts [--check]
 *
 * `--check` runs a few of the fleets and writes nothing.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { lostShare, play, type Fleet, type Outcome } from "../test/global-rate-limit/simulation.ts";
import { plot, type Series } from "./plot.ts";

const PAGE = "docs/leases.md";
const PLOT = "docs/leases.svg";
const BEGIN = "<!-- by bench/leases.ts -->";
const END = "<!-- end -->";

const { values: flags } = parseArgs({ options: { check: { type: "boolean", default: false } } });

const FLEET: Fleet = {
  proxies: 100,
  workers: 1,
  limit: 20_000,
  load: 1,
  skew: 1,
  lease: 50,
  latency: [0.5, 3],
  windows: 3,
  seed: 1,
};

const KINDS: readonly [name: string, of: Partial<Fleet>][] = [
  ["20,000 a minute, even load", { skew: 0 }],
  ["20,000 a minute, uneven load", {}],
  ["2,000 a minute, even load", { limit: 2_000, skew: 0 }],
  ["2,000 a minute, uneven load", { limit: 2_000 }],
];
const LOADS = flags.check ? [1.05] : [0.5, 0.8, 0.9, 0.95, 1, 1.05, 1.1, 1.25, 1.5, 2, 3];

interface Result {
  fleet: Fleet;
  outcome: Outcome;
}

const results = new Map<string, Result[]>();
for (const [name, of] of KINDS) {
  const row = LOADS.map((load) => {
    const fleet = { ...FLEET, ...of, load };
    const outcome = play(fleet);
    const over = outcome.admitted.filter((count) => count > fleet.limit);
    if (over.length > 0) throw new Error(`${name}, load ${load}: ${over.join()} of ${fleet.limit} admitted`);
    return { fleet, outcome };
  });
  results.set(name, row);
  console.log(name, row.map((one) => `${percent(lostShare(one.fleet, one.outcome))} %`).join(" "));
}

if (!flags.check) {
  const page = readFileSync(PAGE, "utf8");
  const before = page.slice(0, page.indexOf(BEGIN) + BEGIN.length);
  writeFileSync(PAGE, `${before}\n\n${table()}\n\n${page.slice(page.indexOf(END))}`);
  writeFileSync(PLOT, picture());
}

function table(): string {
  const head = ["load", ...KINDS.map(([name]) => name)];
  const rows = LOADS.map((load, at) => [
    `${load} × the limit`,
    ...[...results.values()].map((row) => {
      const { fleet, outcome } = row[at]!;
      const most = Math.max(...outcome.admitted);
      const perCall = (outcome.requests / outcome.calls).toFixed(1);
      return `${Math.max(0, most - fleet.limit)}; ${percent(lostShare(fleet, outcome))} %; ${perCall}`;
    }),
  ]);
  return [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

function picture(): string {
  const series = (of: (result: Result) => number): Series[] =>
    [...results].map(([name, row]) => ({
      name,
      points: row.map((one) => [one.fleet.load, of(one)] as const),
    }));
  return plot([
    {
      title: "Lost share of what could have been admitted, in %",
      x: "load, in limits",
      series: series(({ fleet, outcome }) => Math.max(0, lostShare(fleet, outcome) * 100)),
    },
    {
      title: "Requests for each call",
      x: "load, in limits",
      series: series(({ outcome }) => outcome.requests / outcome.calls),
    },
  ]);
}

function percent(share: number): string {
  return Math.max(0, share * 100).toFixed(2);
}

/** The measurements as text tables. */
import type { BarResult } from "./bars.ts";
import type { GlobalResult } from "./global.ts";
import type { MemoryResult } from "./memory.ts";
import { headerCounts } from "./requests.ts";
import type { Times } from "./rounds.ts";
import { median, ratios, spread, type Spread } from "./statistics.ts";
import type { UpdatesResult } from "./updates.ts";
import type { Variant } from "./variants.ts";

const MIB = 1024 * 1024;

function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const lines = rows.map((row) =>
    row
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join("  ")
      .trimEnd(),
  );
  lines.splice(1, 0, widths.map((width) => "-".repeat(width)).join("  "));
  return lines.join("\n");
}

const range = ({ median, q1, q3 }: Spread, digits: number): string =>
  `${median.toFixed(digits)} [${q1.toFixed(digits)}..${q3.toFixed(digits)}]`;

/** µs per request and copy, above no filter, with the ratios to some of the rows, by their name and what the column is called. */
export function costs(
  times: Times,
  rows: readonly Variant[],
  others: readonly (readonly [name: Variant["name"], column: string])[],
): string {
  const out = [
    [
      "CPU µs per request and copy",
      ...headerCounts.flatMap((headers) => [`${headers} headers`, ...others.map(([, column]) => column)]),
      "divided by",
    ],
  ];
  for (const row of rows) {
    const cells = headerCounts.flatMap((headers) => {
      const own = times.get(row.name)?.[headers];
      if (!own) return ["", ...others.map(() => "")];
      if (row.name === "baseline") return [`(${range(spread(own.gross), 1)})`, ...others.map(() => "")];
      const against = others.map(([name]) => {
        const other = times.get(name)?.[headers].net;
        return other ? median(ratios(own.net, other)).toFixed(2) : "";
      });
      return [range(spread(own.net), 2), ...against];
    });
    out.push([row.title, ...cells, row.name === "baseline" ? "" : String(row.divisor)]);
  }
  return [
    table(out),
    "median [first..third quartile]; the baseline in brackets is a whole request, the others are above it;",
    "ratios are the median of the rounds' ratios.",
  ].join("\n");
}

/**
 * How much dearer the last third of the rounds was than the first, beyond what befell all rows: a row that
 * still gets cheaper was measured before V8 had optimised it.
 */
export function drift(times: Times): string {
  const base = times.get("baseline")?.[5].gross ?? [];
  const lines: string[] = [];
  for (const [name, { 5: row }] of times) {
    const relative = ratios(row.gross, base);
    const third = Math.floor(relative.length / 3);
    if (third < 3 || name === "baseline") continue;
    const change = median(relative.slice(-third)) / median(relative.slice(0, third)) - 1;
    if (Math.abs(change) > 0.1) lines.push(`${name} ${(100 * change).toFixed(0)} %`);
  }
  return lines.length === 0
    ? "No row drifted by more than 10 % from the first to the last third of the rounds."
    : `DRIFT from the first to the last third of the rounds, against no filter: ${lines.join(", ")}.`;
}

export function barsTable(results: readonly BarResult[]): string {
  const out = [["bar", "headers", "at most", "median of the rounds", "of medians", ""]];
  for (const { name, headers, most, unit, perRound, ofMedians, verdict } of results) {
    const measured = [most?.toFixed(2) ?? "", range(perRound, 2), ofMedians.toFixed(2)];
    const cells = measured.map((cell) => (unit === "" || cell === "" ? cell : `${cell} ${unit}`));
    out.push([name, String(headers), ...cells, verdict]);
  }
  return [table(out), "The verdict is on the median of the rounds' ratios (or differences)."].join("\n");
}

/** Latency, CPU and calls of limits that a service counts. */
export function globalTable(result: GlobalResult): string {
  const out = [["above no limit", "median ms", "p99 ms", "Envoy µs", "service µs", "calls"]];
  for (const [at, row] of result.rows.entries()) {
    const cells = [
      range(row.median, 2),
      range(row.p99, 2),
      range(row.envoy, 1),
      range(row.service, 1),
      range(row.calls, 3),
    ];
    out.push([row.title, ...cells.map((cell) => (at === 0 ? `(${cell})` : cell))]);
  }
  return [
    table(out),
    `Asked: ${result.service}; ${result.perSecond} requests a second. CPU and calls are for each request; the row in`,
    "brackets is all that a request takes, and what the service takes when nobody asks it. Median [first..third",
    "quartile] of the rounds' differences.",
  ].join("\n");
}

const mib = (bytes: number): string => `${(bytes / MIB).toFixed(1)} MiB`;

export function memoryTable(result: MemoryResult): string {
  const out = [["memory and loading", "measured", "bar", ""]];
  for (const { name, bytes } of result.modules) out.push([`${name}: module`, `${bytes} bytes`, "", ""]);
  const verdict = (passes: boolean): string => (result.missing ? "missing" : passes ? "pass" : "miss");
  const { resident, requests, load } = result;
  out.push(
    ["RSS without a filter", mib(resident.none), "", ""],
    ["RSS of the smallest module, above none", mib(resident.barest - resident.none), "", ""],
    [
      "RSS of dark-launch, above none",
      mib(resident.darkLaunch - resident.none),
      "20 MiB",
      verdict(resident.darkLaunch - resident.none <= 20 * MIB),
    ],
    ["RSS of dark-launch, above the smallest module", mib(resident.darkLaunch - resident.barest), "", ""],
    [
      `linear memories after ${requests.count} requests`,
      `${requests.linearBefore.join(" + ")} → ${requests.linearAfter.join(" + ")} bytes`,
      "same",
      requests.linearBefore.length === 0
        ? "not visible"
        : verdict(requests.linearBefore.join() === requests.linearAfter.join()),
    ],
    [
      `RSS after ${requests.count} requests`,
      `${requests.residentAfter >= requests.residentBefore ? "+" : ""}${mib(requests.residentAfter - requests.residentBefore)}`,
      "",
      "",
    ],
    [
      `load: ${load.rules} rules and ${load.users} users (${mib(load.bytes)})`,
      `${range(load.milliseconds, 0)} ms`,
      "1000 ms",
      verdict(load.milliseconds.median < 1000),
    ],
    ["load: the same bytes, hand-written module that skips them", `${range(load.floor, 0)} ms`, "", ""],
  );
  return [
    table(out),
    "Load: from the rename of the listener's file until a request is answered by the new configuration, with",
    "Envoy's own reading of the file.",
  ].join("\n");
}

export function updatesTable(result: UpdatesResult): string {
  const out = [["RSS over updates", "RSS", "linear memories"]];
  for (const { update, resident, linear } of result.samples) {
    out.push([`after ${update}`, mib(resident), linear.map(mib).join(" + ")]);
  }
  return [
    table(out),
    `From the second fifth to the last: ${(100 * (result.growth - 1)).toFixed(1)} % (bar: at most 5 %): ${
      result.missing ? "missing" : result.growth <= 1.05 ? "pass" : "miss"
    }`,
  ].join("\n");
}

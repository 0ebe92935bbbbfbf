/** What the project promises of a request's cost, held against what was measured. */
import type { Times } from "./rounds.ts";
import { headerCounts, type HeaderCount } from "./requests.ts";
import { median, ratios, spread, type Spread } from "./statistics.ts";
import type { Variant, VariantName } from "./variants.ts";

/** One row may cost at most `most` times the other. */
interface Bar {
  row: VariantName;
  against: VariantName;
  most: number;
}

const bars: readonly Bar[] = [
  { row: "dark-launch", against: "same-calls", most: 1.15 },
  { row: "dark-launch", against: "barest", most: 1.35 },
  { row: "dark-launch", against: "lua", most: 1.0 },
  { row: "dark-launch", against: "gcore", most: 0.5 },
  { row: "rules-1000", against: "rules-1", most: 1.5 },
];

export interface BarResult extends Bar {
  headers: HeaderCount;
  /** Of the ratios of each round: its median is what is held against the bar. */
  perRound: Spread;
  /** The ratio of the two rows' medians: another estimate, which tells how far to trust the first. */
  ofMedians: number;
  verdict: "pass" | "miss" | "missing";
}

/** The bars whose rows were asked for; a row that is not what it says gives the verdict "missing". */
export function judge(times: Times, rows: readonly Variant[]): BarResult[] {
  const isReal = (name: VariantName): boolean =>
    rows.some((row) => row.name === name && row.missing === null);
  return bars.flatMap((bar) =>
    headerCounts.flatMap((headers): BarResult[] => {
      const row = times.get(bar.row)?.[headers].net;
      const against = times.get(bar.against)?.[headers].net;
      if (!row || !against) return [];
      const perRound = spread(ratios(row, against));
      const real = isReal(bar.row) && isReal(bar.against);
      return [
        {
          ...bar,
          headers,
          perRound,
          ofMedians: median(row) / median(against),
          verdict: !real ? "missing" : perRound.median <= bar.most ? "pass" : "miss",
        },
      ];
    }),
  );
}

/** What the project promises of a request's cost, held against what was measured. */
import type { Times } from "./rounds.ts";
import { headerCounts, type HeaderCount } from "./requests.ts";
import { differences, median, ratios, spread, type Spread } from "./statistics.ts";
import type { Variant } from "./variants.ts";

type RowName = Variant["name"];

interface Bar {
  row: RowName;
  against: RowName;
  /** One row may cost at most so many times the other, or so many µs more: a number, or what two other rows differ by. */
  most:
    | { times: number }
    | { microseconds: number }
    | { difference: readonly [RowName, RowName] }
    /** Nothing is promised: the difference is shown. */
    | null;
}

const bars: readonly Bar[] = [
  { row: "dark-launch", against: "same-calls", most: { times: 1.15 } },
  { row: "dark-launch", against: "barest", most: { times: 1.35 } },
  { row: "dark-launch", against: "lua", most: { times: 1.0 } },
  { row: "dark-launch", against: "gcore", most: { times: 0.5 } },
  { row: "rules-1000", against: "rules-1", most: { times: 1.5 } },
  { row: "hash", against: "rules-1", most: { microseconds: 0.3 } },
  { row: "local", against: "local-same-calls", most: { times: 1.2 } },
  { row: "local-keys-10000", against: "local-key", most: { times: 1.5 } },
  { row: "regex", against: "rules-1", most: { difference: ["one-more-call", "same-calls"] } },
  { row: "trace-inbound", against: "trace-inbound-same-calls", most: { times: 1.3 } },
  { row: "trace-outbound", against: "trace-outbound-same-calls", most: { times: 1.3 } },
  { row: "trace-correlate-inbound", against: "trace-inbound-apart", most: null },
  { row: "trace-correlate-outbound", against: "trace-outbound-apart", most: null },
  { row: "authz-20", against: "rbac-20", most: { times: 1.1 } },
  { row: "authz-20", against: "authz-same-calls", most: null },
  { row: "authz-same-calls", against: "rbac-20", most: null },
  { row: "authz-1000", against: "authz-10", most: { times: 1.3 } },
  { row: "authz-1000", against: "rbac-1000", most: { times: 1 / 25 } },
  { row: "authz-jwt-cached", against: "jwt-authn-cached", most: { times: 1.0 } },
  { row: "authz-jwt", against: "jwt-authn", most: null },
  { row: "authz-api-key", against: "jwt-authn-cached", most: null },
  { row: "trace-report", against: "trace-inbound", most: { microseconds: 3 } },
  { row: "trace-report-lean", against: "trace-inbound", most: { microseconds: 3 } },
];

export interface BarResult {
  /** `dark-launch / lua`, `hash - rules-1`. */
  name: string;
  headers: HeaderCount;
  most: number | null;
  unit: "" | "µs";
  /** Of the ratios (or differences) of each round: its median is what is held against the bar. */
  perRound: Spread;
  /** The ratio (or difference) of the two rows' medians: another estimate, which tells how far to trust the first. */
  ofMedians: number;
  verdict: "pass" | "miss" | "missing" | "shown";
}

/** The bars whose rows were asked for; a row that is not what it says gives the verdict "missing". */
export function judge(times: Times, rows: readonly Variant[]): BarResult[] {
  const isReal = (name: RowName): boolean => rows.some((row) => row.name === name && row.missing === null);
  return bars.flatMap((bar) =>
    headerCounts.flatMap((headers): BarResult[] => {
      const net = (name: RowName): number[] => times.get(name)?.[headers].net ?? [];
      const row = net(bar.row);
      const against = net(bar.against);
      const limit = bar.most && "difference" in bar.most ? bar.most.difference.map(net) : [];
      if ([row, against, ...limit].some(({ length }) => length === 0)) return [];
      const isRatio = bar.most !== null && "times" in bar.most;
      const perRound = spread(isRatio ? ratios(row, against) : differences(row, against));
      const [dearer = [], cheaper = []] = limit;
      const mostOf = (most: NonNullable<Bar["most"]>): number =>
        "times" in most
          ? most.times
          : "microseconds" in most
            ? most.microseconds
            : median(differences(dearer, cheaper));
      const most = bar.most && mostOf(bar.most);
      const real = isReal(bar.row) && isReal(bar.against);
      return [
        {
          name: `${bar.row} ${isRatio ? "/" : "-"} ${bar.against}`,
          headers,
          most,
          unit: isRatio ? "" : "µs",
          perRound,
          ofMedians: isRatio ? median(row) / median(against) : median(row) - median(against),
          verdict: !real ? "missing" : most === null ? "shown" : perRound.median <= most ? "pass" : "miss",
        },
      ];
    }),
  );
}

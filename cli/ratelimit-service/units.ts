/** The units of a limit, by the numbers of `RateLimitResponse.RateLimit.Unit` (Envoy's `rls.proto`). */
export const Unit = {
  Unknown: 0,
  Second: 1,
  Minute: 2,
  Hour: 3,
  Day: 4,
  Month: 5,
  Year: 6,
  Week: 7,
} as const;

const UNITS = new Map<string, number>(
  Object.entries(Unit).map(([name, number]) => [name.toLowerCase(), number] as const),
);

/** A month has 30 days and a year 365 for ratelimit (`src/utils/utilities.go`). */
const SECONDS = new Map<number, number>([
  [Unit.Second, 1],
  [Unit.Minute, 60],
  [Unit.Hour, 3600],
  [Unit.Day, 86_400],
  [Unit.Week, 7 * 86_400],
  [Unit.Month, 30 * 86_400],
  [Unit.Year, 365 * 86_400],
]);

/** Names as a configuration has them, from short to long. */
export const UNIT_NAMES = ["second", "minute", "hour", "day", "week", "month", "year"] as const;

/** The number of a unit's name, in capitals or not; `Unit.Unknown` for what is none. */
export function unitNamed(name: string): number {
  return UNITS.get(name.toLowerCase()) ?? Unit.Unknown;
}

/** The length of the unit's window in seconds; null for a number that is no unit. */
export function secondsOf(unit: number): number | null {
  return SECONDS.get(unit) ?? null;
}

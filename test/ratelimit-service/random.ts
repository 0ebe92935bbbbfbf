/** Random configurations of ratelimit, and requests that mostly find something in them. */
import fc from "fast-check";
import type { RateLimitDescriptor, RateLimitRequest } from "../../cli/ratelimit-service/messages.ts";
import { Unit } from "../../cli/ratelimit-service/units.ts";

/** Few, and such that some keys and values are joined to the same. */
const KEYS = ["a", "a", "a_x", "b*"];
const VALUES = ["x", "y", "x_y", "x*", "*", "x_*"];
const ASKED_VALUES = ["x", "y", "z", "x_y", "xx", "x_z", "", "*"];
const NAMES = ["one", "two", "three"];
/** Not the second, whose end would come between two questions. */
const UNITS = ["minute", "hour", "DAY", "week", "month", "Year"];

interface Descriptor {
  key: string;
  value?: string;
  share_threshold?: boolean;
  descriptors?: Descriptor[];
}

const limit: fc.Arbitrary<object> = fc.oneof(
  { weight: 2, arbitrary: fc.constant({ unlimited: true }) },
  {
    weight: 6,
    arbitrary: fc
      .record(
        {
          unit: fc.constantFrom(...UNITS),
          requests_per_unit: fc.oneof(fc.nat(8), fc.constant(2 ** 32 - 1)),
          name: fc.constantFrom(...NAMES),
          replaces: fc.uniqueArray(fc.constantFrom(...NAMES), { maxLength: 2 }),
        },
        { requiredKeys: ["unit", "requests_per_unit"] },
      )
      .map(({ replaces, ...rest }) => ({
        ...rest,
        replaces: (replaces ?? []).filter((name) => name !== rest.name).map((name) => ({ name })),
      })),
  },
);

const mostlyNot = fc.integer({ min: 0, max: 3 }).map((number) => number === 0);

function level(depth: number): fc.Arbitrary<Descriptor[]> {
  const descriptor = fc
    .record(
      {
        key: fc.constantFrom(...KEYS),
        value: fc.constantFrom(...VALUES),
        rate_limit: limit,
        shadow_mode: mostlyNot,
        quota_mode: mostlyNot,
        detailed_metric: mostlyNot,
        value_to_metric: mostlyNot,
        share_threshold: fc.boolean(),
        ...(depth > 1 ? { descriptors: level(depth - 1) } : {}),
      },
      { requiredKeys: ["key"] },
    )
    .map(({ share_threshold: share = false, ...rest }): Descriptor => ({
      ...rest,
      share_threshold: share && joined(rest).endsWith("*"),
    }));
  return fc.uniqueArray(descriptor, { minLength: 2, maxLength: 6, selector: joined });
}

function joined({ key, value }: Descriptor): string {
  return value === undefined ? key : `${key}_${value}`;
}

/** One configuration file with this domain, as JSON, which is YAML too. */
export function configurationOf(domain: string): fc.Arbitrary<string> {
  return level(3).map((descriptors) => JSON.stringify({ domain, descriptors }));
}

/** The arbitrary in one of so many. */
function seldom<T>(arbitrary: fc.Arbitrary<T>, oneOf: number): fc.Arbitrary<T | null> {
  return fc.oneof({ weight: 1, arbitrary }, { weight: oneOf - 1, arbitrary: fc.constant(null) });
}

const asked: fc.Arbitrary<RateLimitDescriptor> = fc.record({
  entries: fc.array(fc.record({ key: fc.constantFrom(...KEYS), value: fc.constantFrom(...ASKED_VALUES) }), {
    minLength: 1,
    maxLength: 3,
  }),
  limit: seldom(
    fc.record({
      requestsPerUnit: fc.nat(5),
      unit: fc.constantFrom(...Object.values(Unit).filter((unit) => unit > Unit.Second)),
    }),
    20,
  ),
  hitsAddend: fc.oneof(
    { weight: 20, arbitrary: fc.constant(null) },
    { weight: 10, arbitrary: fc.bigInt(0n, 3n) },
    { weight: 1, arbitrary: fc.constantFrom(2n ** 32n, 2n ** 63n - 1n, 2n ** 63n, 2n ** 64n - 1n) },
  ),
});

export function requestOf(domains: readonly string[]): fc.Arbitrary<RateLimitRequest> {
  return fc.record({
    domain: fc.constantFrom(...domains, "unknown"),
    descriptors: fc.array(asked, { minLength: 1, maxLength: 4 }),
    hitsAddend: fc.nat(3),
  });
}

/** Where YAML 1.1 and 1.2 differ, and what is wrong nearly everywhere. */
const TOKENS = [
  "1", "-1", "+1", "-0", "1.5", "1e3", ".inf", "0x10", "010", "08", "0o17", "0b11", "1_000", "1__0", "_1", "0x",
  "4294967296", "99999999999999999999", "-99999999999999999999", "1:30", "2026-11-26", "~", "null", "on", "No",
  "y", "True", "tRUE", "day", "SECOND", "unknown", "x", "*x", "'*'", '"x"', '""', "[]", "{}", "[{}]", "[x]",
  // No merge key: where both sides have the same nested mapping, Go adds up its fields, and ours takes one of them (docs/cli.md).
  "{key: a}", "{unit: day}", "=", "!!str 5", "!!int 5", "domain", "name",
]; // prettier-ignore

/** A configuration with one of its names or values replaced, which may make it wrong. */
export const changedConfiguration: fc.Arbitrary<string> = fc
  .record({
    text: configurationOf("d"),
    at: fc.nat(10_000),
    token: fc.constantFrom(...TOKENS),
  })
  .map(({ text, at, token }) => {
    const places = [...text.matchAll(/"[^"]*"|\d+|true|false/g)];
    const place = places[at % places.length]!;
    // YAML wants a space where JSON does not.
    const after = text.slice(place.index + place[0].length).replace(/^:/, " : ");
    return `${text.slice(0, place.index)} ${token}${after}`;
  });

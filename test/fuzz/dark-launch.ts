/** Random configurations of `dark-launch`. */
import fc from "fast-check";
import type { DarkLaunch, Rule } from "./dark-launch-model.ts";
import { matches, memberName, word } from "./matches.ts";

/** One with `%`, which baggage escapes. */
export const variant = fc.constantFrom("v1", "v2", "v3", "beta", "50%");
const mode = fc.constantFrom<"enforce" | "shadow">("enforce", "enforce", "shadow");

export function configuration(): fc.Arbitrary<DarkLaunch> {
  const { simpleMatch, requestMatch, key } = matches();
  const match = fc.oneof(simpleMatch, simpleMatch, requestMatch);
  const weight = fc.oneof(fc.constantFrom(0, 1, 1, 99, 0.5, 1_000_000), fc.integer({ min: 0, max: 100 }));
  const variants = fc
    .uniqueArray(fc.record({ name: variant, weight }), {
      minLength: 1,
      maxLength: 4,
      selector: ({ name }) => name,
    })
    .filter((list) => list.some(({ weight }) => weight > 0));
  const rule: fc.Arbitrary<Omit<Rule, "name">> = fc.oneof(
    fc.record({ variant, mode, match }, { requiredKeys: ["variant"] }),
    fc.record({ variants, by: key, salt: word, mode, match }, { requiredKeys: ["variants", "by"] }),
  );
  const rules: fc.Arbitrary<Omit<Rule, "name">[]> = fc.oneof(
    { weight: 9, arbitrary: fc.array(rule, { maxLength: 12 }) },
    // Many on trial: of a request, eight are told.
    {
      weight: 1,
      arbitrary: fc
        .array(rule, { minLength: 8, maxLength: 12 })
        .map((list) => list.map((one): typeof one => ({ ...one, mode: "shadow", match: {} }))),
    },
  );
  const cookie = fc.record(
    {
      name: fc.constantFrom("a", "session", "variant"),
      ttl: fc.constantFrom("1s", "1500ms", "1.5h", "9600h"),
      path: fc.constantFrom("/", "/a?b"),
      secure: fc.boolean(),
      httpOnly: fc.boolean(),
      sameSite: fc.constantFrom("Strict", "Lax"),
    },
    { requiredKeys: ["name"] },
  );
  return fc
    .record(
      {
        header: fc.constantFrom("x-variant", "X-Release", "x-a"),
        trustInbound: fc.boolean(),
        default: variant,
        disabled: fc.constantFrom(false, false, false, false, true),
        // The host's clock begins with 2026; most launches go on.
        expires: fc.oneof(
          { weight: 3, arbitrary: fc.constantFrom("2027-01-01T00:00:00Z", "2030-06-30T12:00:00-12:00") },
          fc.constantFrom("2025-12-31T23:59:59Z", "2026-01-01T00:00:00.001Z"),
          fc.constantFrom("2026-01-01T00:00:01.5Z", "2026-01-01T02:00:03+02:00"),
        ),
        mode: fc.constantFrom<"enforce" | "shadow">("enforce", "enforce", "enforce", "shadow"),
        annotate: fc.constantFrom<"decisions" | "always">("decisions", "always"),
        rules,
        sticky: cookie.map((one) => ({ cookie: one })),
        baggage: memberName,
        exposeResponse: fc.boolean(),
      },
      { requiredKeys: ["rules"] },
    )
    .map(({ rules: list, ...rest }) => ({
      ...rest,
      rules: list.map((one, at) => ({ name: `rule-${at}`, ...one })),
    }));
}

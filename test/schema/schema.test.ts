import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { bundleSchema } from "../../tools/schema.ts";
import { type Json, rightConfiguration, smallConfiguration } from "./configurations.ts";
import { shownConfigurations } from "./documents.ts";
import { mutation } from "./mutations.ts";
import { UNSAID } from "./unsaid.ts";
import { compiled, emptyValidator, Reader, readSchema, validator } from "./verdicts.ts";

const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);
const ajv = validator();
const schema = compiled(ajv, "filters/dark-launch/schema.json");
const reader = new Reader("build/dark-launch.wasm", "dark-launch");
const vocabulary = readSchema("assembly/schema.json").$defs as Record<string, Schema>;
const ruled = (rule: object): Json => ({ rules: [{ name: "a", variant: "v", ...rule }] });

interface Schema {
  properties?: Record<string, Schema>;
  [keyword: string]: unknown;
}

/** All fields. */
const fields = [
  ...new Set([...fieldsOf(schema.schema as Schema), ...Object.values(vocabulary).flatMap(fieldsOf)]),
];

/** What is wrong with the agreement of schema and reader about a configuration; empty where they agree. */
function disagreement(configuration: unknown): string {
  const taken = schema(configuration);
  const errors = ajv.errorsText(schema.errors);
  const problems = reader.problems(configuration);
  if (!taken) return problems.length > 0 ? "" : `the reader takes what the schema refuses: ${errors}`;
  return problems
    .filter((problem) => !UNSAID.some(({ message }) => message.test(problem)))
    .map((problem) => `the schema takes what the reader refuses: ${problem}`)
    .join("\n");
}

describe(`schema and reader, SEED=${seed}`, () => {
  test("take the same right configurations, of which every field is seen", { timeout: 60_000 }, () => {
    const seen = new Set<string>();
    const property = fc.property(rightConfiguration(), (configuration) => {
      expect(reader.problems(configuration)).toEqual([]);
      expect(schema(configuration), ajv.errorsText(schema.errors)).toBe(true);
      noteNames(configuration, seen);
    });
    fc.assert(property, { seed, numRuns: 2000 });
    expect(fields.filter((field) => !seen.has(field))).toEqual([]);
  });

  test("say the same of configurations that were changed", { timeout: 60_000 }, () => {
    const changed = fc
      .tuple(
        fc.oneof(rightConfiguration(), smallConfiguration()),
        fc.array(mutation(fields), { minLength: 1, maxLength: 2 }),
      )
      .map(([configuration, mutations]) => mutations.reduce((json, mutate) => mutate(json), configuration));
    let taken = 0;
    let refused = 0;
    const property = fc.property(changed, (configuration) => {
      expect(disagreement(configuration)).toBe("");
      if (schema(configuration)) taken++;
      else refused++;
    });
    fc.assert(property, { seed, numRuns: 5_000 });
    expect(taken).toBeGreaterThan(250);
    expect(refused).toBeGreaterThan(1000);
  });

  test("know the same fields, everywhere", () => {
    const key = (part: Json): Json => ruled({ match: { percentage: { value: 1, by: [part] } } });
    const { properties: match = {} } = vocabulary.requestMatch!;
    const [, stringMatch] = vocabulary.stringMatch!.oneOf as Schema[];
    const { remoteAddress, path } = vocabulary.keyPart!.properties!;
    const { $defs, properties } = schema.schema as Schema & { $defs: Record<string, Schema> };
    const places: [string, Record<string, Schema> | undefined, Json][] = [
      ["the filter", properties, { zzz: 1 }],
      ["a rule", $defs.rule?.properties, ruled({ zzz: 1 })],
      [
        "one of variants",
        $defs.weightedVariant?.properties,
        { rules: [{ name: "a", variants: [{ zzz: 1 }] }] },
      ],
      ["the cookie", $defs.cookie?.properties, { sticky: { cookie: { zzz: 1 } } }],
      ["sticky", properties?.sticky?.properties, { sticky: { zzz: 1 } }],
      ["RequestMatch", match, ruled({ match: { zzz: 1 } })],
      ["StringMatch", stringMatch?.properties, ruled({ match: { path: { zzz: 1 } } })],
      ["source", vocabulary.source?.properties, ruled({ match: { source: { zzz: 1 } } })],
      ["percentage", vocabulary.percentage?.properties, ruled({ match: { percentage: { zzz: 1 } } })],
      ["Key", vocabulary.keyPart?.properties, key({ zzz: 1 })],
      ["remoteAddress", remoteAddress?.properties, key({ remoteAddress: { zzz: 1 } })],
      ["path", path?.properties, key({ path: { zzz: 1 } })],
    ];
    for (const [place, fields, configuration] of places) {
      const text = reader
        .problems(configuration)
        .find((problem) => problem.includes("zzz: unknown field; expected "));
      const told = text?.split("; expected ")[1]?.split(/, | or /) ?? [];
      const said = Object.keys(fields ?? {});
      expect(told.sort(), place).toEqual(said.sort());
    }
  });

  test.each(UNSAID)("differ in $what alone where a schema cannot say it", ({ message, example }) => {
    expect(schema(example), ajv.errorsText(schema.errors)).toBe(true);
    expect(reader.problems(example)).toEqual([expect.stringMatching(message)]);
  });
});

describe("configurations that this project shows", () => {
  const shown = shownConfigurations();
  const suite = compiled(ajv, "filters/schema.json");
  const suiteReader = new Reader("build/outrigger.wasm", "suite");

  test("are found in scenarios, in pages and in Envoy's files", () => {
    for (const part of [
      "scenarios/beta-users",
      "scenarios/update.yaml, step",
      "README.md",
      "docs/",
      "envoy/envoy.yaml",
    ]) {
      expect(shown.filter(({ where }) => where.includes(part)).length, part).toBeGreaterThan(0);
    }
  });

  test.each(shown)("$where: schema and reader agree", ({ filter, configuration, where }) => {
    if (filter === "suite") {
      expect(suiteReader.problems(configuration).length === 0, where).toBe(suite(configuration));
    } else {
      expect(filter).toBe("dark-launch");
      expect(disagreement(configuration)).toBe("");
      if (!where.includes("scenarios/")) expect(reader.problems(configuration)).toEqual([]);
    }
  });
});

describe("the schema of a suite", () => {
  const suite = compiled(ajv, "filters/schema.json");
  const suiteReader = new Reader("build/outrigger.wasm", "suite");
  const cases: [string, Json][] = [
    ["two of a kind", { filters: [{ darkLaunch: {} }, { darkLaunch: { header: "x-other" } }] }],
    ["none", { filters: [] }],
    ["no list", { filters: {} }],
    ["nothing", {}],
    ["an unknown filter", { filters: [{ darkLunch: {} }] }],
    ["two in one entry", { filters: [{ darkLaunch: {}, authz: {} }] }],
    ["an entry without a filter", { filters: [{}] }],
    ["a wrong configuration", { filters: [{ darkLaunch: { header: "host" } }] }],
    ["a field too many", { filters: [], mode: "shadow" }],
  ];
  test.each(cases)("says of %s what the reader says", (_, configuration) => {
    expect(suite(configuration)).toBe(suiteReader.problems(configuration).length === 0);
  });
});

describe("the bundled schemas", () => {
  test.each(["filters/dark-launch/schema.json", "filters/schema.json"])(
    "of %s says the same in one piece",
    { timeout: 60_000 },
    async (file) => {
      const bundle = await bundleSchema(file);
      expect(JSON.stringify(bundle)).not.toMatch(/"\$ref":"[^#]/);
      const validate = emptyValidator().compile(bundle);
      const whole = compiled(ajv, file);
      const isSuite = file === "filters/schema.json";
      const property = fc.property(
        rightConfiguration(),
        mutation(["rules", "match", "not", "by"]),
        (right, mutate) => {
          for (const one of [right, mutate(right)]) {
            const configuration = isSuite ? { filters: [{ darkLaunch: one }] } : one;
            expect(validate(configuration)).toBe(whole(configuration));
          }
        },
      );
      fc.assert(property, { seed, numRuns: 300 });
    },
  );
});

describe("editors", () => {
  test("are told what every field is", () => {
    const mute: string[] = [];
    const files = ["assembly/schema.json", "filters/schema.json", "filters/dark-launch/schema.json"];
    for (const file of files) {
      const document = readSchema(file) as Schema & { $defs?: Record<string, Schema> };
      const local = document.$defs ?? {};
      const walk = (part: unknown, path: string): void => {
        if (typeof part !== "object" || part === null) return;
        for (const [name, value] of Object.entries(part)) {
          if (name === "properties" && !path.endsWith("/if") && !path.endsWith("/then")) {
            for (const [field, one] of Object.entries(value as Record<string, Schema>)) {
              const name = /\$defs\/(\w+)$/.exec(String(one.$ref))?.[1] ?? "";
              const described = one.description ?? (local[name] ?? vocabulary[name])?.description;
              if (typeof described !== "string") mute.push(`${file}${path}/${field}`);
            }
          }
          walk(value, `${path}/${name}`);
        }
      };
      walk(document, "");
    }
    expect(mute).toEqual([]);
  });
});

/** The names of all fields in a schema, at any depth. */
function fieldsOf(part: Schema): string[] {
  const fields: string[] = [];
  const walk = (value: unknown): void => {
    if (typeof value !== "object" || value === null) return;
    for (const [keyword, inner] of Object.entries(value)) {
      if (keyword === "properties") fields.push(...Object.keys(inner as object));
      if (keyword !== "examples") walk(inner);
    }
  };
  walk(part);
  return [...new Set(fields)];
}

/** Notes all names of members in a configuration. */
function noteNames(json: unknown, names: Set<string>): void {
  if (typeof json !== "object" || json === null) return;
  for (const [name, value] of Object.entries(json)) {
    if (!Array.isArray(json)) names.add(name);
    noteNames(value, names);
  }
}

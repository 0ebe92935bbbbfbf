import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { bundleSchema } from "../../tools/schema.ts";
import { shownConfigurations } from "./documents.ts";
import { mutation } from "./mutations.ts";
import { type Schema, SUBJECTS, type Subject } from "./subjects.ts";
import { UNSAID } from "./unsaid.ts";
import { compiled, emptyValidator, Reader, readSchema, validator, SCHEMAS } from "./verdicts.ts";
import type { Json } from "./vocabulary.ts";

const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);
const ajv = validator();
/** What several filters share. */
const SHARED = SCHEMAS.filter((file) => file.startsWith("assembly/"));
const vocabulary = SHARED.reduce<Record<string, Schema>>(
  (all, file) => ({ ...all, ...(readSchema(file).$defs as Record<string, Schema>) }),
  {},
);

/** A filter's schema and its reader. */
class Pair {
  readonly schema;
  readonly reader;

  constructor(readonly subject: Subject) {
    this.schema = compiled(ajv, `filters/${subject.filter}/schema.json`);
    this.reader = new Reader(`build/${subject.filter}.wasm`, subject.filter);
  }

  /** All fields. */
  get fields(): string[] {
    const own = fieldsOf(this.schema.schema as Schema);
    const used = Object.entries(vocabulary).filter(([name]) => !this.subject.without.includes(name));
    return [...new Set([...own, ...used.flatMap(([, part]) => fieldsOf(part))])];
  }

  /** What is wrong with the agreement of schema and reader about a configuration; empty where they agree. */
  disagreement(configuration: unknown): string {
    const taken = this.schema(configuration);
    const errors = ajv.errorsText(this.schema.errors);
    const problems = this.reader.problems(configuration);
    if (!taken) return problems.length > 0 ? "" : `the reader takes what the schema refuses: ${errors}`;
    return problems
      .filter((problem) => ![...UNSAID, ...this.subject.unsaid].some(({ message }) => message.test(problem)))
      .map((problem) => `the schema takes what the reader refuses: ${problem}`)
      .join("\n");
  }
}

const pairs = new Map(SUBJECTS.map((subject) => [subject.filter, new Pair(subject)]));

describe.each([...pairs])(`schema and reader of %s, SEED=${seed}`, (_, pair) => {
  const { subject, schema, reader, fields } = pair;

  test("take the same right configurations, of which every field is seen", { timeout: 60_000 }, () => {
    const seen = new Set<string>();
    const property = fc.property(subject.right(), (configuration) => {
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
        fc.oneof(subject.right(), subject.small()),
        fc.array(mutation(fields), { minLength: 1, maxLength: 2 }),
      )
      .map(([configuration, mutations]) => mutations.reduce((json, mutate) => mutate(json), configuration));
    let taken = 0;
    let refused = 0;
    const property = fc.property(changed, (configuration) => {
      expect(pair.disagreement(configuration)).toBe("");
      if (schema(configuration)) taken++;
      else refused++;
    });
    fc.assert(property, { seed, numRuns: 5_000 });
    expect(taken).toBeGreaterThan(250);
    expect(refused).toBeGreaterThan(1000);
  });

  test("know the same fields, everywhere", () => {
    for (const { place, fields, configuration } of subject.places(schema.schema as Schema, vocabulary)) {
      const text = reader
        .problems(configuration)
        .find((problem) => problem.includes("zzz: unknown field; expected "));
      const told = text?.split("; expected ")[1]?.split(/, | or /) ?? [];
      expect(told.sort(), place).toEqual(fields.sort());
    }
  });

  test.each(subject.unsaid)("differ in $what alone where a schema cannot say it", ({ message, example }) => {
    expect(schema(example), ajv.errorsText(schema.errors)).toBe(true);
    expect(reader.problems(example)).toEqual([expect.stringMatching(message)]);
  });
});

test.each(UNSAID)(
  "schema and reader differ in $what where a schema cannot say it",
  ({ message, example }) => {
    const { schema, reader } = pairs.get("dark-launch")!;
    expect(schema(example), ajv.errorsText(schema.errors)).toBe(true);
    expect(reader.problems(example)).toEqual([expect.stringMatching(message)]);
  },
);

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
      const pair = pairs.get(filter);
      expect(pair, filter).toBeDefined();
      expect(pair?.disagreement(configuration)).toBe("");
      if (!where.includes("scenarios/")) expect(pair?.reader.problems(configuration)).toEqual([]);
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
  const cases = SUBJECTS.flatMap((subject): [string, Subject][] => [
    [`filters/${subject.filter}/schema.json`, subject],
    ["filters/schema.json", subject],
  ]);
  test.each(cases)("of %s says the same in one piece", { timeout: 60_000 }, async (file, subject) => {
    const bundle = await bundleSchema(file);
    expect(JSON.stringify(bundle)).not.toMatch(/"\$ref":"[^#]/);
    const validate = emptyValidator().compile(bundle);
    const whole = compiled(ajv, file);
    const isSuite = file === "filters/schema.json";
    const field = subject.filter.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
    const property = fc.property(
      subject.right(),
      mutation(["rules", "limits", "match", "not", "by"]),
      (right, mutate) => {
        for (const one of [right, mutate(right)]) {
          const configuration = isSuite ? { filters: [{ [field]: one }] } : one;
          expect(validate(configuration)).toBe(whole(configuration));
        }
      },
    );
    fc.assert(property, { seed, numRuns: 300 });
  });
});

describe("editors", () => {
  test("are told what every field is", () => {
    const mute: string[] = [];
    for (const file of SCHEMAS) {
      const document = readSchema(file) as Schema & { $defs?: Record<string, Schema> };
      const local = document.$defs ?? {};
      const walk = (part: unknown, path: string): void => {
        if (typeof part !== "object" || part === null) return;
        for (const [name, value] of Object.entries(part)) {
          if (name === "properties" && !/\/(if|then|else|not)$/.test(path)) {
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

/** The names of all fields in a schema, at any depth, but for those that are refused whatever they are. */
function fieldsOf(part: Schema): string[] {
  const fields: string[] = [];
  const walk = (value: unknown): void => {
    if (typeof value !== "object" || value === null) return;
    for (const [keyword, inner] of Object.entries(value)) {
      if (keyword === "properties") {
        for (const [field, one] of Object.entries(inner as Record<string, Schema>))
          if (JSON.stringify(one.not) !== "{}") fields.push(field);
      }
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

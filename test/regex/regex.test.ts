import { createContext, Script } from "node:vm";
import { RE2JS } from "re2js";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { Engine } from "./engine.ts";
import { commonPattern, re2Pattern, value } from "./patterns.ts";

let engine: Engine;
beforeAll(async () => {
  engine = await Engine.load();
}, 60_000);

/** Says the seed of a failure, which `SEED` in the environment plays again. */
const parameters = (numRuns: number): fc.Parameters<unknown> =>
  process.env.SEED === undefined ? { numRuns } : { numRuns, seed: Number(process.env.SEED) };

/** The pattern as RE2 in JavaScript compiles it, or why it does not. */
function re2(pattern: string): RE2JS | string {
  try {
    return RE2JS.compile(pattern);
  } catch (error) {
    return String(error);
  }
}

const scope: { pattern?: RegExp; values?: readonly string[] } = {};
const context = createContext(scope);
const testAll = new Script("values.map((text) => pattern.test(text))");

/** What JavaScript's RegExp says of each value; undefined where its way back takes longer than a second: for some patterns it takes years. */
function testedByJavaScript(pattern: RegExp, values: readonly string[]): readonly boolean[] | undefined {
  Object.assign(scope, { pattern, values });
  try {
    return testAll.runInContext(context, { timeout: 1000 }) as readonly boolean[];
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ERR_SCRIPT_EXECUTION_TIMEOUT") return undefined;
    throw error;
  }
}

describe("the regex engine", () => {
  test("answers as JavaScript's RegExp does for what both have", { timeout: 120_000 }, () => {
    let answered = 0;
    fc.assert(
      fc.property(commonPattern, fc.array(value, { minLength: 5, maxLength: 20 }), (pattern, values) => {
        expect(engine.compile(pattern)).toBe("");
        const ours = values.map((text) => engine.matches(text));
        const theirs = testedByJavaScript(new RegExp(`^(?:${pattern})$`, "u"), values);
        if (theirs === undefined) return;
        answered++;
        for (const [at, text] of values.entries()) {
          if (ours[at] !== theirs[at]) throw new Error(JSON.stringify([pattern, text]));
        }
      }),
      // Before this one JavaScript stands still.
      {
        ...parameters(4000),
        examples: [["(?:(?:a?)*b?){30}c", Array.from({ length: 5 }, () => "a".repeat(40))]],
      },
    );
    expect(answered).toBeGreaterThan(3950);
  });

  test("takes and refuses what RE2 does, and answers as it does", { timeout: 120_000 }, () => {
    let taken = 0;
    fc.assert(
      fc.property(re2Pattern, fc.array(value, { minLength: 5, maxLength: 20 }), (pattern, values) => {
        const theirs = re2(pattern);
        const problem = engine.compile(pattern);
        if (typeof theirs === "string") {
          if (problem === "" && !isLargerThere(theirs))
            throw new Error(`${JSON.stringify(pattern)}: ${theirs}`);
          return;
        }
        if (problem !== "") {
          if (!isOurs(problem)) throw new Error(`${JSON.stringify(pattern)}: ${problem}`);
          return;
        }
        taken++;
        for (const text of values) {
          if (engine.matches(text) !== theirs.matches(text)) throw new Error(JSON.stringify([pattern, text]));
        }
      }),
      parameters(20_000),
    );
    expect(taken).toBeGreaterThan(4000);
  });

  test("bears any bytes as a pattern and as a value", { timeout: 120_000 }, () => {
    const syntax = fc.constantFrom(..."()[]{}|*+?^$.\\-,:<>=!PQEipsmU0179abdwxé\n");
    const garbage = fc.oneof(
      fc.uint8Array({ maxLength: 60 }),
      fc.array(syntax, { maxLength: 60 }).map((characters) => Buffer.from(characters.join(""))),
    );
    fc.assert(
      fc.property(garbage, fc.uint8Array({ maxLength: 40 }), fc.boolean(), (pattern, bytes, ignoreCase) => {
        if (engine.compile(pattern, ignoreCase) === "") engine.matches(bytes);
      }),
      parameters(20_000),
    );
  });

  test("ignores case as RE2 does for what is in lower case", { timeout: 120_000 }, () => {
    fc.assert(
      fc.property(commonPattern, value, (pattern, text) => {
        const ascii = pattern.replace(/[^\0-\x7f]/gu, "e");
        const lower = text
          .toLowerCase()
          .replace(/[^\0-\x7f]/gu, "E")
          .toLowerCase();
        const theirs = re2(`(?i)(?:${ascii})`);
        if (typeof theirs === "string") throw new Error(theirs);
        expect(engine.compile(ascii, true)).toBe("");
        if (engine.matches(lower) !== theirs.matches(lower)) throw new Error(JSON.stringify([ascii, lower]));
      }),
      parameters(3000),
    );
  });
});

/** RE2 counts what is repeated within one another to 1000 itself, and knows when a name comes twice; we do not mind. */
function isLargerThere(problem: string): boolean {
  return /invalid repeat count|duplicate/.test(problem);
}

/** What we refuse and RE2 does not. */
function isOurs(problem: string): boolean {
  return /no back-reference or class of Unicode|for ASCII only|too large|nested too deep/.test(problem);
}

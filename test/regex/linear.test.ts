import { beforeAll, expect, test } from "vitest";
import { ALLOCATIONS, ALLOCATORS, compileCounted } from "../modules/counted.ts";
import { Engine, MODULE } from "./engine.ts";

/** What steps of the automaton and looks at an instruction take part in: the work beside the walk over the bytes. */
const WORK = "work";
const WORKERS = ["assembly/regex/regex/visit", "assembly/regex/code-points/countUpTo"];
/** Twice the instructions of the largest program: each is visited and tested once a step. */
const MOST_WORK_PER_BYTE = 4000;

/** Bytes of the shortest value; the longest is all that Envoy takes of a request's headers. */
const LENGTH = 15 * 1024;

/** Patterns that take a backtracking engine exponential or high polynomial time, and values that make them. */
const CASES: readonly (readonly [pattern: string, value: (length: number) => string])[] = [
  ["(a+)+$", (length) => "a".repeat(length - 1) + "!"],
  ["(a|a)*b", (length) => "a".repeat(length)],
  ["(a|aa)+", (length) => "a".repeat(length - 1) + "!"],
  ["(.*)(.*)(.*)(.*)x", (length) => "a".repeat(length)],
  ["(?:a?){30}a{30}", (length) => "a".repeat(length)],
  ["(x+x+)+y", (length) => "x".repeat(length)],
  ["((a{0,9}){0,9}){0,9}b", (length) => "a".repeat(length)],
  ["(([a-z])+.)+[A-Z]([a-z])+$", (length) => "a".repeat(length)],
  ["^(([a-z0-9])+.)+@(.+)\\.$", (length) => "a0".repeat(length / 2)],
  // A state for nearly each byte: the cache is emptied again and again.
  ["[ab]*a[ab]{20}", random],
  ["[ab]*a[ab]{900}c?", random],
  ["(?:.*a.{99}|[^b]*\\b){9}", random],
];

let engine: Engine;
beforeAll(async () => {
  engine = await Engine.load(await compileCounted(MODULE, { [WORK]: WORKERS, [ALLOCATIONS]: ALLOCATORS }));
}, 60_000);

test("time grows no faster than the value, and nothing is allocated", { timeout: 300_000 }, () => {
  const table: string[] = [];
  for (const [pattern, value] of CASES) {
    const runs = [1, 2, 4].map((times) => run(pattern, value(times * LENGTH)));
    const [once = MISSING, , fourfold = MISSING] = runs;
    for (const { work, length } of runs) expect(work / length).toBeLessThan(MOST_WORK_PER_BYTE);
    expect(fourfold.work).toBeLessThan(4.4 * once.work + 10_000);
    const cells = runs.flatMap(({ ms, work }) => [`${ms.toFixed(2)} ms`, String(work)]);
    table.push([`\`${pattern}\``, ...cells].join(" | "));
  }
  console.log(`pattern | 15 KiB | work | 30 KiB | work | 60 KiB | work\n${table.join("\n")}`);
});

interface Run {
  length: number;
  ms: number;
  work: number;
}

const MISSING: Run = { length: 0, ms: NaN, work: NaN };

/** The shortest time of three, each with an empty cache. */
function run(pattern: string, value: string): Run {
  let ms = Infinity;
  let work = 0;
  for (let round = 0; round < 3; round++) {
    expect(engine.compile(pattern)).toBe("");
    const allocations = engine.counted(ALLOCATIONS);
    const before = engine.counted(WORK);
    const start = performance.now();
    engine.matches(value);
    ms = Math.min(ms, performance.now() - start);
    work = engine.counted(WORK) - before;
    expect(engine.counted(ALLOCATIONS)).toBe(allocations);
  }
  return { length: value.length, ms, work };
}

/** Letters `a` and `b` in an order without a period. */
function random(length: number): string {
  let seed = 1;
  let text = "";
  for (let at = 0; at < length; at++) {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    text += seed >>> 31 === 1 ? "a" : "b";
  }
  return text;
}

test("a regex of ordinary size on 100 bytes costs a walk over them, once its states are there", () => {
  expect(engine.compile("Mozilla/5\\.0 \\([^)]*\\) .*Chrome/1[0-9]{2}\\..*")).toBe("");
  const agent =
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36";
  expect(engine.matches(agent)).toBe(true);
  const work = engine.counted(WORK);
  expect(engine.matches(agent)).toBe(true);
  // All states are there: nothing but the walk over the bytes is left.
  expect(engine.counted(WORK)).toBe(work);
  let best = Infinity;
  for (let round = 0; round < 20; round++) {
    const start = performance.now();
    for (let at = 0; at < 1000; at++) engine.exports.matches(agent.length);
    best = Math.min(best, performance.now() - start);
  }
  // Told, not judged: what it costs beside a host call is measured by `make bench`.
  console.log(`${agent.length} bytes: ${best.toFixed(3)} µs`);
});

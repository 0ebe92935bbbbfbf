import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { chosen, fraction, hash, isWithin, type Weighted } from "../cohorts.ts";
import type { Header } from "../driver.ts";
import { Host } from "../host/index.ts";
import { loadModule } from "../host/driver.ts";

const module = loadModule("build/dark-launch.wasm");
const VARIANTS = (v2: number): Weighted[] => [
  { name: "v2", weight: v2 },
  { name: "v1", weight: 100 - v2 },
];

type Decide = (key: string) => string | undefined;

/** What the built module decides for a key, whose parts (joined by NUL) are sent in headers. */
function decider(rule: object, parts = 1): Decide {
  const by = Array.from({ length: parts }, (_, i) => ({ header: `x-${i}` }));
  const configuration = JSON.stringify(
    { default: "out", rules: [{ name: "r", ...rule }] },
    (_, value: unknown) => (value === "BY" ? by : value),
  );
  const listener = new Host().listen({ plugins: [{ module, name: "dark-launch", configuration }] });
  return (key) => {
    const headers = key
      .split("\0")
      .map((part, i): Header => [`x-${i}`, Buffer.from(part, "utf8").toString("latin1")]);
    const { upstream } = listener.run({ method: "GET", path: "/", headers });
    return upstream?.headers.find(([name]) => name === "x-variant")?.[1];
  };
}

const percentage = (value: number, salt: string, parts?: number): Decide =>
  decider({ variant: "in", match: { percentage: { value, by: "BY", salt } } }, parts);
const weighted = (variants: readonly Weighted[], salt: string, parts?: number): Decide =>
  decider({ variants, by: "BY", salt }, parts);

/** The rows of the page's tables with so many columns: cells without their backquotes, texts read. */
function vectors(columns: number): string[][] {
  const rows = readFileSync("docs/cohorts.md", "utf8").split("\n");
  return rows
    .filter((row) => row.startsWith('| `"'))
    .map((row) => row.split("|").slice(1, -1))
    .filter(({ length }) => length === columns)
    .map((cells) => cells.map((cell) => cell.trim().replace(/^`(.*)`$/, "$1")))
    .map((cells) => cells.map((cell) => (cell.startsWith('"') ? (JSON.parse(cell) as string) : cell)));
}

const users = Array.from({ length: 5000 }, (_, i) => `user-${i}`);

describe("the vectors of docs/cohorts.md", () => {
  test.for(vectors(4))("the fraction of %j under the salt %j", ([salt = "", key = "", hex, part]) => {
    const seed = hash(salt);
    expect(hash(key, seed).toString(16).padStart(16, "0")).toBe(hex);
    expect(String(fraction(key, seed))).toBe(part);
    const percent = Number(part) * 100;
    const parts = key.split("\0").length;
    expect(percentage(percent * 1.0000001, salt, parts)(key)).toBe("in");
    expect(percentage(percent * 0.9999999, salt, parts)(key)).toBe("out");
  });

  test.for(vectors(5))("the variant of %j under the salt %j", ([salt = "", key = "", ...expected]) => {
    const parts = key.split("\0").length;
    const decided = [10, 20, 50].map((v2) => weighted(VARIANTS(v2), salt, parts)(key));
    expect(decided).toEqual(expected);
  });
});

describe("a cohort", () => {
  test("is what the specification says, for thousands of users", () => {
    const within = percentage(12.5, "a");
    const three = [...VARIANTS(20), { name: "v3", weight: 33.3 }];
    const variant = weighted(three, "b");
    for (const user of users) {
      expect(within(user)).toBe(isWithin(user, 12.5, "a") ? "in" : "out");
      expect(variant(user)).toBe(chosen(user, three, "b"));
    }
  });

  test("has about its share of users", () => {
    for (const v2 of [1, 10, 50, 90]) {
      const decide = weighted(VARIANTS(v2), "share");
      const share = users.filter((user) => decide(user) === "v2").length / users.length;
      // Five standard deviations.
      expect(Math.abs(share - v2 / 100)).toBeLessThan(
        5 * Math.sqrt((0.01 * v2 * (1 - v2 / 100)) / users.length),
      );
    }
  });

  test("keeps its users when it grows", () => {
    const at10 = weighted(VARIANTS(10), "s");
    const at20 = weighted(VARIANTS(20), "s");
    const in10 = percentage(10, "s");
    const in20 = percentage(20, "s");
    for (const user of users) {
      if (at10(user) === "v2") expect(at20(user)).toBe("v2");
      if (in10(user) === "in") expect(in20(user)).toBe("in");
    }
  });

  test("moves users only to or from the variant whose weight changed", () => {
    const before = weighted([...VARIANTS(30), { name: "v3", weight: 10 }], "s");
    const after = weighted([...VARIANTS(30), { name: "v3", weight: 25 }], "s");
    for (const user of users) {
      if (after(user) !== before(user)) expect(after(user)).toBe("v3");
    }
  });

  test("is another one for another salt", () => {
    const one = percentage(50, "one");
    const other = percentage(50, "other");
    const same = users.filter((user) => one(user) === other(user)).length;
    expect(Math.abs(same / users.length - 0.5)).toBeLessThan(0.05);
  });

  test("takes nobody at 0 and everybody at 100", () => {
    const none = percentage(0, "");
    const all = percentage(100, "");
    for (const user of users.slice(0, 500)) {
      expect(none(user)).toBe("out");
      expect(all(user)).toBe("in");
    }
  });

  test("takes nobody who has no key", () => {
    const decide = percentage(100, "", 2);
    expect(decide("a\0b")).toBe("in");
    expect(decide("a")).toBe("out");
  });
});

import { describe, expect, test } from "vitest";
import { readConfiguration, type Problem } from "../../cli/ratelimit-service/config.ts";
import { ACCEPTED, REFUSED } from "./configurations.ts";

const read = (text: string): ReturnType<typeof readConfiguration> =>
  readConfiguration([{ file: "c.yaml", text }]);
const shown = (problems: readonly Problem[]): string[] =>
  problems.map(({ line, column, path, message }) => `${line}:${column} ${path}: ${message}`);

describe("what ratelimit takes", () => {
  test.each(Object.entries(ACCEPTED))("%s", (_name, text) => {
    expect(shown(read(text).problems)).toEqual([]);
  });
});

describe("what ratelimit refuses", () => {
  test.each(Object.entries(REFUSED))("%s", (_name, text) => {
    expect(read(text).problems).not.toEqual([]);
  });
});

test("all that is wrong is told, each with its place and path", () => {
  const { problems } = read(`domain: d
descriptors:
- key: a
  rate_limit: {unit: fortnight, requests_per_unit: -1}
- value: x
- key: a
  shadowmode: true
  descriptors:
  - key: b
    share_threshold: true
    rate_limit: {unlimited: true, unit: day, replaces: [{name: ""}]}
`);
  expect(shown(problems)).toEqual([
    '4:22 descriptors[0].rate_limit.unit: expected second, minute, hour, day, week, month or year, got "fortnight"',
    "4:52 descriptors[0].rate_limit.requests_per_unit: expected a whole number from 0 to 4294967295, got -1",
    "5:3 descriptors[1].key: expected a key that is not empty",
    "7:3 descriptors[2].shadowmode: unknown field; expected key, value, rate_limit, descriptors, shadow_mode, quota_mode, detailed_metric, value_to_metric, share_threshold",
    '6:3 descriptors[2]: duplicate descriptor "d.a" (keys and values are joined by _)',
    '10:22 descriptors[2].descriptors[0].share_threshold: only for a value that ends with *, and this is "b"',
    "11:41 descriptors[2].descriptors[0].rate_limit.unit: expected no unit where unlimited is true",
    "11:64 descriptors[2].descriptors[0].rate_limit.replaces[0].name: expected the name of another limit",
  ]);
});

test("a domain stands in one file", () => {
  const { problems } = readConfiguration([
    { file: "a.yaml", text: "domain: d" },
    { file: "b.yaml", text: "domain: d" },
  ]);
  expect(problems).toMatchObject([{ file: "b.yaml", path: "domain", line: 1, column: 9 }]);
});

test("a field of another place is told, since it does nothing", () => {
  const { problems, warnings } = read("domain: d\ndescriptors:\n- key: a\n  unit: day\n");
  expect(problems).toEqual([]);
  expect(shown(warnings)).toEqual([expect.stringMatching(/^4:3 descriptors\[0\]\.unit: means nothing here/)]);
});

test("aliases of aliases are not followed without end", () => {
  const levels = Array.from({ length: 30 }, (_, at) => `- &a${at + 1} {descriptors: [*a${at}, *a${at}]}`);
  const { problems } = read(`domain: d\ndescriptors:\n- &a0 {key: a}\n${levels.join("\n")}\n`);
  expect(problems).toMatchObject([{ message: "more than 500000 values" }]);
});

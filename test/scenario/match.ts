/** Compares what came of a step with what the scenario expects of it. */
import type { Exchange, Header } from "../driver.ts";
import type { Expected, ExpectedHeader, ExpectedMessage, Step } from "./format.ts";

/** One thing that is not as expected, both sides as text for a person. */
export interface Mismatch {
  /** Where, as in the file: `upstream.headers.x-variant`. */
  path: string;
  expected: string;
  seen: string;
}

interface Message {
  headers: readonly Header[];
  body: Uint8Array;
  trailers: readonly Header[];
}

/** Everything in the exchange which the step expects otherwise. */
export function compareExchange(step: Step, exchange: Exchange): Mismatch[] {
  const found: Mismatch[] = [];
  const { upstream, response } = exchange;
  if (step.upstream === null) {
    if (upstream !== null) {
      const [method, path] = [":method", ":path"].map((name) => valuesOf(upstream.headers, name)[0] ?? "");
      found.push({ path: "upstream", expected: "not reached", seen: `reached: ${method} ${path}` });
    }
  } else if (step.upstream !== undefined) {
    if (upstream === null) {
      const seen = `not reached; the response is ${response.status} (${exchange.details})`;
      found.push({ path: "upstream", expected: "reached", seen });
    } else {
      for (const name of ["method", "path", "authority"] as const) {
        const expected = step.upstream[name];
        if (expected)
          compareValue(found, `upstream.${name}`, expected, valuesOf(upstream.headers, `:${name}`)[0] ?? "");
      }
      compareMessage(found, "upstream", step.upstream, upstream);
    }
  }
  if (step.response) {
    const { status } = step.response;
    if (status !== undefined && status !== response.status) {
      found.push({
        path: "response.status",
        expected: String(status),
        seen: `${response.status} (${exchange.details})`,
      });
    }
    compareMessage(found, "response", step.response, response);
  }
  if (step.details) compareValue(found, "details", step.details, exchange.details);
  for (const [name, expected] of step.properties) {
    const value = exchange.properties[name];
    compareHeader(found, `property.${name}`, expected && [expected], value === undefined ? [] : [value]);
  }
  return found;
}

/** Metrics since the session began. What was never counted is 0. */
export function compareMetrics(step: Step, metrics: Readonly<Record<string, number>>): Mismatch[] {
  return step.metrics
    .filter(([name, value]) => (metrics[name] ?? 0) !== value)
    .map(([name, value]) => ({
      path: `metrics.${name}`,
      expected: String(value),
      seen: String(metrics[name] ?? 0),
    }));
}

/** The calls that have reached clusters in this step. */
export function compareCalls(step: Step, taken: (cluster: string) => number): Mismatch[] {
  return step.calls.flatMap(([cluster, count]) => {
    const seen = taken(cluster);
    return seen === count ? [] : [{ path: `calls.${cluster}`, expected: String(count), seen: String(seen) }];
  });
}

/** Mismatches as a person reads them: the path, then both sides below each other. */
export function showMismatches(mismatches: readonly Mismatch[]): string {
  return mismatches
    .map(({ path, expected, seen }) => `${path}\n  - expected ${expected}\n  + seen     ${seen}`)
    .join("\n");
}

function compareMessage(found: Mismatch[], path: string, expected: ExpectedMessage, seen: Message): void {
  const compareAll = (part: "headers" | "trailers"): void => {
    for (const [name, values] of expected[part] satisfies readonly ExpectedHeader[]) {
      compareHeader(found, `${path}.${part}.${name}`, values, valuesOf(seen[part], name));
    }
  };
  compareAll("headers");
  if (expected.body)
    compareValue(found, `${path}.body`, expected.body, Buffer.from(seen.body).toString("latin1"));
  compareAll("trailers");
}

function compareHeader(
  found: Mismatch[],
  path: string,
  expected: readonly Expected[] | null,
  seen: readonly string[],
): void {
  const holds = (one: Expected, i: number): boolean => seen[i] !== undefined && matches(one, seen[i]);
  if (expected === null ? seen.length === 0 : seen.length === expected.length && expected.every(holds))
    return;
  found.push({ path, expected: list(expected?.map(showExpected)), seen: list(seen.map(showBytes)) });
}

function compareValue(found: Mismatch[], path: string, expected: Expected, seen: string): void {
  if (!matches(expected, seen)) found.push({ path, expected: showExpected(expected), seen: showBytes(seen) });
}

function matches(expected: Expected, seen: string): boolean {
  return "exact" in expected ? expected.exact === seen : expected.matches.test(utf8(seen) ?? seen);
}

function valuesOf(headers: readonly Header[], name: string): string[] {
  return headers.filter(([other]) => other.toLowerCase() === name).map(([, value]) => value);
}

function list(values: readonly string[] | undefined): string {
  if (!values?.length) return "absent";
  return values.length === 1 ? values[0]! : `[${values.join(", ")}]`;
}

function showExpected(expected: Expected): string {
  return "exact" in expected
    ? showBytes(expected.exact)
    : `a match of ${expected.matches.source.slice(4, -2)}`;
}

/** A byte string as quoted text where it is UTF-8, else with `\x..` for what is not ASCII. */
export function showBytes(bytes: string): string {
  const text = utf8(bytes) ?? bytes;
  const escape = (c: string): string => `\\x${c.charCodeAt(0).toString(16).padStart(2, "0")}`;
  return `"${text.replace(text === bytes ? /[^\x20-\x7e]/g : /[\x00-\x1f\x7f]/g, escape)}"`;
}

function utf8(bytes: string): string | null {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(Buffer.from(bytes, "latin1"));
  } catch {
    return null;
  }
}

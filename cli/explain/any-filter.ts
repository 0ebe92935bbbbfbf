/** What comes of a request, for filters that nobody has written an explanation for: not why, but what. */
import type { Header } from "../../test/driver.ts";
import { printable } from "../terminal.ts";
import { quoted } from "./conditions.ts";
import type { Explanation } from "./dark-launch.ts";
import type { Oracle } from "./oracle.ts";

export function explainAnyFilter(filter: string, oracle: Oracle, config: unknown): Explanation {
  const { before } = oracle;
  const notes: string[] = [];
  const explanation: Explanation = { filter, unexplained: true, rules: [], notes };
  if (before.upstream === null) {
    notes.push(
      `The request does not reach the filter: it is answered with ${before.response?.status} before (${before.details}).`,
    );
    return explanation;
  }
  const { upstream, response, details, properties } = oracle.run(config);
  if (upstream === null) notes.push(`It answers the request itself: ${response?.status} (${details}).`);
  else notes.push("It lets the request go on.", ...changes(before.upstream.headers, upstream.headers));
  for (const [name, value] of properties) {
    if (before.properties.get(name) !== value)
      notes.push(`It sets the property ${name} to ${quoted(value)}.`);
  }
  return explanation;
}

function changes(before: readonly Header[], after: readonly Header[]): string[] {
  const valuesOf = (headers: readonly Header[], name: string): string =>
    headers
      .filter(([other]) => other === name)
      .map(([, value]) => printable(value))
      .join(", ");
  // Each run has a request id of its own.
  const names = new Set(
    [...before, ...after].map(([name]) => name).filter((name) => name !== "x-request-id"),
  );
  return [...names].flatMap((name) => {
    const [old, now] = [valuesOf(before, name), valuesOf(after, name)];
    if (old === now) return [];
    if (now === "") return [`It removes the header ${name}.`];
    return [`It sets the header ${name} to ${quoted(now)}.`];
  });
}

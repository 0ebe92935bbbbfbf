/** Failures of scenarios, with what differs. */
import { diffArrays, diffWordsWithSpace } from "diff";
import type { Failure } from "../test/scenario/run.ts";
import type { Mismatch } from "../test/scenario/match.ts";
import { printable, type Output } from "./terminal.ts";

export function showFailure(output: Output, file: string, failure: Failure): void {
  const { bold, yellow } = output.colors;
  const { line, step, mismatches, text, logs } = failure;
  if (line !== null) output.line(`  ${bold(printable(`${file}:${line}:`))} ${printable(`step "${step}"`)}`);
  const which = /^request \d+ of \d+$/m.exec(text)?.[0];
  if (mismatches.length > 0 && which !== undefined) output.line(`    ${which}`);
  if (mismatches.length === 0) for (const one of text.split("\n")) output.line(`    ${printable(one)}`);
  for (const mismatch of mismatches) showMismatch(output, mismatch);
  for (const log of logs) output.line(`    ${yellow("logged")} ${printable(log)}`);
}

/** Unchanged lines that are shown around a change. */
const CONTEXT = 3;

function showMismatch(output: Output, { path, expected, seen }: Mismatch): void {
  const { cyan, green, red } = output.colors;
  output.line(`    ${cyan(printable(path))}`);
  const [before, after] = [expected, seen].map((text) => printable(text).split(/\\x0d\\x0a|\\x0a|\n/)) as [
    string[],
    string[],
  ];
  if (before.length > 1 || after.length > 1) {
    showLines(output, before, after);
    return;
  }
  const [removed, added] = marked(output, before[0]!, after[0]!);
  output.line(`      ${red("- expected")} ${removed}`);
  output.line(`      ${green("+ seen    ")} ${added}`);
}

/** Both texts, with what only one of them has marked where there are colours. */
function marked(output: Output, before: string, after: string): [string, string] {
  const { green, inverse, isColorSupported, red } = output.colors;
  if (!isColorSupported) return [before, after];
  const parts = diffWordsWithSpace(before, after);
  const common = parts.some(({ added, removed, value }) => !added && !removed && /\w/.test(value));
  const side = (
    own: "added" | "removed",
    other: "added" | "removed",
    color: (text: string) => string,
  ): string =>
    parts
      .flatMap((part) => (part[other] ? [] : [color(part[own] && common ? inverse(part.value) : part.value)]))
      .join("");
  return [side("removed", "added", red), side("added", "removed", green)];
}

/** The lines of texts of several, as `diff -u` shows them. */
function showLines(output: Output, before: readonly string[], after: readonly string[]): void {
  const { dim, green, red } = output.colors;
  const changes = diffArrays([...before], [...after]);
  for (const [at, { added, removed, value }] of changes.entries()) {
    if (added) for (const line of value) output.line(`      ${green(`+ ${line}`)}`);
    else if (removed) for (const line of value) output.line(`      ${red(`- ${line}`)}`);
    else {
      const head = at === 0 ? 0 : CONTEXT;
      const tail = at === changes.length - 1 ? 0 : CONTEXT;
      const hidden = value.length - head - tail;
      for (const [index, line] of value.entries()) {
        if (hidden <= 1 || index < head || index >= value.length - tail) output.line(`        ${line}`);
        else if (index === head) output.line(dim(`        ... ${hidden} lines`));
      }
    }
  }
}

/** Explanations for a person. */
import type { HttpRequest } from "../../test/driver.ts";
import { printable, type Output } from "../terminal.ts";
import type { ExplainedPolicyRule } from "./authz.ts";
import { quoted, type Condition } from "./conditions.ts";
import type { ExplainedRule, Explanation } from "./dark-launch.ts";

export function showExplanation(
  output: Output,
  request: HttpRequest,
  explanations: readonly Explanation[],
): void {
  const { bold, dim } = output.colors;
  const path = printable(Buffer.from(request.path, "latin1").toString());
  output.line(`${bold(`${request.method} ${path}`)} ${dim(`to ${printable(request.authority ?? "")}`)}`);
  for (const explanation of explanations) {
    output.line();
    showFilter(output, explanation);
  }
}

function showFilter(
  output: Output,
  { filter, path, unexplained, decision, rules, judgement, policies = [], notes }: Explanation,
): void {
  const { bold, dim, green, red } = output.colors;
  if (path !== undefined && path !== "") output.line(bold(path));
  if (unexplained === true) output.line(`${bold(filter)}, of which only what it does can be told`);
  if (decision !== undefined) {
    const { reason, variant, header, shadow } = decision;
    const sent = variant === null ? "no variant" : `variant ${green(variant)}`;
    const how = variant === null ? "" : dim(shadow ? " (shadow: not sent)" : ` (${header}: ${variant})`);
    output.line(`${sent}${how}, decided by ${bold(reason)}`);
  }
  if (judgement !== undefined) {
    const { allowed, reason, status, grpcStatus, trial = [] } = judgement;
    const answer = grpcStatus === undefined ? status : `gRPC status ${grpcStatus}`;
    const verdict = allowed ? green("allowed") : red(`denied with ${answer}`);
    output.line(
      `${verdict}, ${reason === null ? "no policy denies it, and none has to allow it" : `decided by ${bold(reason)}`}`,
    );
    for (const one of trial) output.line(`on trial: would be denied by ${bold(one)}`);
  }
  for (const rule of policies) showPolicyRule(output, rule);
  const width = Math.min(Math.max(0, ...rules.map(({ name }) => name.length)), 30);
  const decider = rules.find(({ result }) => result === "decided")?.name ?? "";
  for (const rule of rules) showRule(output, rule, width, decider);
  for (const note of notes) output.line(dim(printable(note)));
}

function showPolicyRule(output: Output, rule: ExplainedPolicyRule): void {
  const { dim, green, red, yellow } = output.colors;
  const { policy, namespace, rule: number, action, mode, matches, failing, unknown } = rule;
  const title = `${namespace === undefined ? policy : `${namespace}/${policy}`} ${dim(`rule ${number}, ${action}${mode === "shadow" ? ", on trial" : ""}`)}`;
  if (matches) output.line(`  ${green("✓")} ${title}  matches`);
  else if (unknown) output.line(`  ${yellow("?")} ${title}  asks for the direct peer, which nobody has told`);
  else output.line(`  ${red("✗")} ${title}  fails at ${failing.join(", ")}`);
}

function showRule(output: Output, rule: ExplainedRule, width: number, decider: string): void {
  const { dim, green, red, yellow } = output.colors;
  const name = rule.name.padEnd(width);
  const { variant, matches } = rule;
  const would = matches ? `it would choose ${variant}` : "it would not match";
  const trial = rule.mode === "shadow" ? dim(" (on trial)") : "";
  switch (rule.result) {
    case "decided":
      output.line(`  ${green("✓")} ${name}  decided: ${variant}`);
      break;
    case "tried":
      output.line(`  ${yellow("~")} ${name}  matched, and would choose ${variant}${trial}`);
      break;
    case "unmatched":
      output.line(`  ${red("✗")} ${name}  did not match${trial}`);
      break;
    case "unreached":
      output.line(`  ${dim("·")} ${name}  not reached: ${decider} decided; ${would}${trial}`);
      break;
    case "unasked":
      output.line(`  ${dim("·")} ${name}  not asked; ${would}${trial}`);
  }
  if (matches) return;
  for (const line of failedLines(rule.conditions, false)) output.line(printable(`      ${line}`));
}

/** Those conditions that keep a match from holding; under a `not`, those that make it hold. */
function failedLines(conditions: readonly Condition[], wanted: boolean): string[] {
  return conditions
    .filter(({ holds }) => holds === wanted)
    .flatMap(({ path, expected, actual, detail, groups = [] }) => {
      const has = detail ?? describeActual(actual);
      const text = wanted ? `holds: ${expected}` : `expected ${expected}`;
      // What is behind an `anyOf` that fails are failing matches; behind a `not` that fails, one that holds.
      const nested = path === "not" ? !wanted : wanted;
      const below = groups
        .filter((group) => group.every((one) => one.holds) === nested)
        .flatMap((group) => {
          const lines = failedLines(group, nested);
          return lines.map((line, at) => `${groups.length === 1 ? "" : at === 0 ? "- " : "  "}${line}`);
        });
      return [`${path}: ${text}${has === "" ? "" : `, ${has}`}`, ...below.map((line) => `  ${line}`)];
    });
}

function describeActual(actual: string | null | undefined): string {
  if (actual === undefined) return "";
  return actual === null ? "the request has none" : `the request has ${quoted(actual)}`;
}

/** Why `dark-launch` decides as it does. */
import type { ExplainedPolicyRule, Judgement } from "./authz.ts";
import { conditionsOf, describeKeyPart, keyConditions, Questions, quoted } from "./conditions.ts";
import type { Condition, RequestMatch } from "./conditions.ts";
import { Facts } from "./facts.ts";
import type { Oracle, Outcome } from "./oracle.ts";

/** What a filter decides about a request, and why. */
export interface Explanation {
  filter: string;
  /** Where in a suite: `filters[0].darkLaunch`. */
  path?: string;
  /** Nobody has written how to explain this filter: the notes tell what it does, not why. */
  unexplained?: true;
  /** Left out where the request does not reach the filter. */
  decision?: Decision;
  rules: ExplainedRule[];
  /** Of `authz`: what comes of the request, and what each rule of a policy makes of it. */
  judgement?: Judgement;
  policies?: ExplainedPolicyRule[];
  /** What else is to be known, a sentence each. */
  notes: string[];
}

export interface Decision {
  /** `dark-launch:beta-users`. */
  reason: string;
  /** Null where none is sent. */
  variant: string | null;
  /** The header that says so. */
  header: string;
  /** The filter changes nothing (`mode: shadow`). */
  shadow: boolean;
}

/**
 * `decided`; `tried`: on trial, it matched and was told, and changed nothing; `unmatched`; `unreached`: a rule before it decided;
 * `unasked`: no rule was asked.
 */
export type RuleResult = "decided" | "tried" | "unmatched" | "unreached" | "unasked";

export interface ExplainedRule {
  name: string;
  mode: "enforce" | "shadow";
  result: RuleResult;
  /** Whether the request is what the rule asks for, be it reached or not. */
  matches: boolean;
  /** What it chooses or would choose; null where it does not match. */
  variant: string | null;
  conditions: Condition[];
  /** In the file. */
  line?: number;
}

interface Rule {
  name: string;
  mode?: "enforce" | "shadow";
  variants?: { name: string; weight: number }[];
  by?: Record<string, unknown>[];
  match?: RequestMatch;
}

interface Config {
  header?: string;
  default?: string;
  mode?: "enforce" | "shadow";
  disabled?: boolean;
  trustInbound?: boolean;
  expires?: string;
  rules?: Rule[];
  sticky?: { cookie: { name: string } };
  baggage?: string;
}

const FILTER = "dark-launch";

export function explainDarkLaunch(oracle: Oracle, given: unknown): Explanation {
  // The module has taken it, so that its form is known.
  const config = given as Config;
  const { upstream, response, details } = oracle.before;
  if (upstream === null) {
    const status = response?.status ?? 0;
    const note = `The request does not reach the filter: it is answered with ${status} before (${details}).`;
    return { filter: FILTER, rules: [], notes: [note] };
  }
  const facts = new Facts(upstream);
  const rules = config.rules ?? [];
  const outcome = oracle.run({ ...config, annotate: "always" });
  const trials = new Set(rules.filter(({ mode }) => mode === "shadow").map(({ name }) => name));
  const decided = decisionsIn(outcome, config.default).find(({ rule }) => !trials.has(rule));
  if (decided === undefined) throw new Error("the module counted no decision");
  const header = config.header ?? "x-variant";
  const shadow = config.mode === "shadow" && decided.rule !== "inbound";
  const decision: Decision = {
    reason: `${FILTER}:${decided.rule}`,
    variant: decided.variant,
    header,
    shadow,
  };
  const explained = explainRules(oracle, facts, rules);
  const at = rules.findIndex(({ name }) => name === decided.rule);
  const unasked = ["inbound", "disabled", "expired"].includes(decided.rule);
  for (const [index, rule] of explained.entries()) {
    if (index === at) Object.assign(rule, { result: "decided", variant: decided.variant });
    else if (unasked) rule.result = "unasked";
    else if (at >= 0 && index > at) rule.result = "unreached";
    else rule.result = rule.matches ? "tried" : "unmatched";
  }
  const alone = at < 0 ? null : explainedVariant(oracle, rules[at]!);
  return {
    filter: FILTER,
    decision,
    rules: explained,
    notes: notesOn(config, decision, alone, facts, outcome),
  };
}

/** Each rule by itself, and each of its conditions. */
function explainRules(oracle: Oracle, facts: Facts, rules: readonly Rule[]): ExplainedRule[] {
  const chosen = chosenBy(oracle, rules);
  const questions = new Questions();
  const explained = rules.map((rule, at): ExplainedRule => {
    const conditions = conditionsOf(rule.match ?? {}, facts, questions);
    if (rule.by !== undefined) conditions.push(...keyConditions(rule.by, "by", facts, questions));
    const variant = chosen[at] ?? null;
    const mode = rule.mode ?? "enforce";
    return { name: rule.name, mode, result: "unmatched", matches: variant !== null, variant, conditions };
  });
  const ask = (matches: readonly RequestMatch[]): boolean[] =>
    chosenBy(
      oracle,
      matches.map((match) => ({ name: "", variant: "yes", match })),
    ).map((variant) => variant !== null);
  // What is asked follows from what was answered, three times at most: has the key, whole per cent, tenths.
  for (let round = 0; round < 4; round++) questions.answer(ask);
  return explained;
}

/** What a rule chooses where no cookie has a say. */
function explainedVariant(oracle: Oracle, rule: Rule): string | null {
  return chosenBy(oracle, [rule])[0] ?? null;
}

/** How much configuration the module is given at once, in characters. */
const BATCH = 2_000_000;

/**
 * The variant that each rule would choose, null where it does not match. All are asked in one request: a rule on trial is counted
 * when it matches, and the next ones are tried.
 */
function chosenBy(oracle: Oracle, rules: readonly object[]): (string | null)[] {
  const variants: (string | null)[] = [];
  let batch: object[] = [];
  let size = 0;
  const flush = (): void => {
    const first = variants.length;
    variants.push(...batch.map(() => null));
    if (batch.length === 0) return;
    for (const { rule, variant } of decisionsIn(oracle.run({ rules: batch }))) {
      const trial = /^trial-(\d+)$/.exec(rule);
      if (trial) variants[first + Number(trial[1])] = variant;
    }
    batch = [];
    size = 0;
  };
  for (const rule of rules) {
    const trial = { ...rule, name: `trial-${batch.length}`, mode: "shadow" };
    batch.push(trial);
    size += JSON.stringify(trial).length;
    if (size > BATCH) flush();
  }
  flush();
  return variants;
}

interface Counted {
  rule: string;
  variant: string | null;
}

/** Decisions that were counted: `rule=.=beta;.;variant=.=v2;.;mode=.=enforce;.;outrigger_dark_launch_decisions`. */
function decisionsIn({ counted }: Outcome, fallback?: string): Counted[] {
  return [...counted.keys()]
    .filter((name) => name.endsWith(";.;outrigger_dark_launch_decisions"))
    .map((name) => {
      const label = (of: string): string =>
        new RegExp(`(?:^|;\\.;)${of}=\\.=(.*?);\\.;`).exec(name)?.[1] ?? "";
      const rule = label("rule");
      const variant = label("variant");
      // A variant can have this name, too; only these decisions can be without one.
      const mayBeNone = ["none", "disabled", "expired"].includes(rule) && fallback === undefined;
      return { rule, variant: mayBeNone && variant === "none" ? null : variant };
    });
}

function notesOn(
  config: Config,
  { reason, variant, header, shadow }: Decision,
  alone: string | null,
  facts: Facts,
  { response }: Outcome,
): string[] {
  const notes: string[] = [];
  const inbound = facts.header(header);
  if (reason.endsWith(":inbound")) notes.push(`trustInbound: the variant came in with the request.`);
  else if (inbound !== null) {
    const why = config.trustInbound !== true ? "trustInbound is off" : "it is not one of the variants";
    notes.push(`The ${header} that came in (${quoted(inbound)}) does not count: ${why}.`);
  }
  if (reason.endsWith(":disabled")) notes.push("disabled: every request gets the default.");
  if (reason.endsWith(":expired")) notes.push(`expires: the launch ended at ${config.expires}.`);
  if (shadow) notes.push("mode: shadow: the decision is counted and told, and the request gets no variant.");
  if (alone !== null && alone !== variant && config.sticky !== undefined) {
    notes.push(
      `sticky: the cookie ${config.sticky.cookie.name} keeps ${variant}; without it the rule chooses ${alone}.`,
    );
  }
  const rule = config.rules?.find(({ name }) => reason === `${FILTER}:${name}`);
  if (rule?.variants !== undefined) {
    const weights = rule.variants.map(({ name, weight }) => `${name} ${weight}`).join(", ");
    notes.push(`${rule.name} chooses among ${weights} by ${rule.by?.map(describeKeyPart).join(", ")}.`);
  }
  const cookie = response?.headers.getFirst("set-cookie") ?? null;
  if (cookie !== null) notes.push(`The response sets a cookie: ${cookie}`);
  return notes;
}

/** Why `authz` decides as it does: the module says itself, in its log at debug, of each rule whether it matches and what fails. */
import type { Explanation } from "./dark-launch.ts";
import type { Oracle } from "./oracle.ts";

/** A rule of a policy, and what it makes of the request. */
export interface ExplainedPolicyRule {
  policy: string;
  /** Its position in the policy. */
  rule: number;
  action: string;
  mode: "enforce" | "shadow";
  matches: boolean;
  /** Where it does not match: the clauses that fail, as paths in the rule, like `to[0].operation.paths`. */
  failing: string[];
  /** It asks for the address of the direct peer, which only the network companion knows. */
  unknown: boolean;
  /** In the file. */
  line?: number;
}

/** What comes of the request. */
export interface Judgement {
  /** `authz:reviews-allow`; null where no policy decides, since there is none that could. */
  reason: string | null;
  allowed: boolean;
  /** Of the answer, where it is not allowed. */
  status?: number;
}

interface Policy {
  name: string;
  action?: string;
  mode?: "enforce" | "shadow";
  rules?: unknown[];
}

const FILTER = "authz";
const LINE = /^authz: (.+)\[(\d+)\] (matches|fails at |is denied for want of the direct peer, )(.*)$/;
/** Decides without a call of another service, which is not there to be asked. */
const EXTERNAL = "a CUSTOM policy matches: its provider is asked first, and may deny the request";

export function explainAuthz(oracle: Oracle, given: unknown): Explanation {
  const config = given as { mode?: "enforce" | "shadow"; policies?: Policy[] };
  const { before } = oracle;
  const notes: string[] = [];
  if (before.upstream === null) {
    notes.push(
      `The request does not reach the filter: it is answered with ${before.response?.status} before (${before.details}).`,
    );
    return { filter: FILTER, rules: [], notes };
  }
  const policies = config.policies ?? [];
  const enforced = policies.filter(({ action }) => action !== "CUSTOM");
  const custom = policies.filter(({ action }) => action === "CUSTOM");
  // Its providers cannot be asked here; of its rules can be told whether they match as if they were AUDIT's.
  const outcome = oracle.run({
    ...config,
    annotate: "always",
    policies: [
      ...enforced,
      ...custom.map(({ name, mode, rules }) => ({ name, mode, rules, action: "AUDIT" })),
    ].map((policy) => JSON.parse(JSON.stringify(policy)) as Policy),
  });
  const lines = outcome.logs.flatMap((line): ExplainedPolicyRule[] => {
    const [, policy, rule, verdict, failing = ""] = LINE.exec(line) ?? [];
    if (policy === undefined) return [];
    const of = policies.find(({ name }) => name === policy);
    return [
      {
        policy,
        rule: Number(rule),
        action: of?.action ?? "ALLOW",
        mode: config.mode === "shadow" ? "shadow" : (of?.mode ?? "enforce"),
        matches: verdict === "matches",
        failing: failing === "" ? [] : failing.split(", "),
        unknown: verdict?.startsWith("is denied") === true,
      },
    ];
  });
  if (lines.some(({ action, matches }) => action === "CUSTOM" && matches)) notes.push(EXTERNAL);
  if (lines.length === 0 && policies.length > 0 && outcome.upstream === null)
    notes.push("The credentials are refused before any policy is asked.");
  const told = outcome.upstream === null ? outcome.details : outcome.properties.get("outrigger.authz");
  const reason = told?.split(",").at(-1) ?? null;
  return {
    filter: FILTER,
    rules: [],
    notes,
    judgement: {
      reason: reason === "authz:allowed" ? null : reason,
      allowed: outcome.upstream !== null,
      ...(outcome.upstream === null ? { status: outcome.response?.status ?? 0 } : {}),
    },
    policies: lines,
  };
}

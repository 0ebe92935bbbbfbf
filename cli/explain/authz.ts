/** Why `authz` decides as it does: the module says itself, in its log at debug, of each rule whether it matches and what fails. */
import type { Claims } from "../../test/driver.ts";
import { isOfCredentials } from "../authz-reasons.ts";
import type { Explanation } from "./dark-launch.ts";
import type { Oracle, Outcome } from "./oracle.ts";

/** A rule of a policy, and what it makes of the request. */
export interface ExplainedPolicyRule {
  policy: string;
  namespace?: string;
  /** The policy's position in `policies`. */
  position: number;
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
  /** Of the same to a gRPC request, whose HTTP status says nothing. */
  grpcStatus?: number;
  /** Reasons by which what is on trial would deny it. */
  trial?: string[];
}

interface Policy {
  name: string;
  namespace?: string;
  action?: string;
  mode?: "enforce" | "shadow";
  rules?: unknown[];
}

interface JwtRule {
  issuer?: string;
  spaceDelimitedClaims?: string[];
}

interface Config {
  mode?: "enforce" | "shadow";
  policies?: Policy[];
  jwtRules?: JwtRule[];
}

const FILTER = "authz";
const LINE = /^authz: (.+)\[(\d+)\] (matches|fails at |is denied for want of the direct peer, )(.*)$/;
/** Decides without a call of another service, which is not there to be asked. */
const EXTERNAL = "a CUSTOM policy matches: its provider is asked first, and may deny the request";
const VERIFIED =
  "--claims are taken for those of a verified token: jwtRules are not asked, and headers that they write are those of --header.";
const REMOTE = "Remote keys are not asked here: give --claims.";

export function explainAuthz(oracle: Oracle, given: unknown): Explanation {
  const { jwtRules, ...rest } = given as Config;
  const { claims } = oracle.request;
  const isToldWho = jwtRules !== undefined && claims !== undefined;
  const config: Config = isToldWho || jwtRules === undefined ? rest : { ...rest, jwtRules };
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
  const asked = {
    ...config,
    annotate: "always",
    policies: [
      ...enforced,
      ...custom.map(({ name, namespace, mode, rules }) => ({
        name,
        namespace,
        mode,
        rules,
        action: "AUDIT",
      })),
    ].map((policy) => JSON.parse(JSON.stringify(policy)) as Policy),
  };
  const outcome = oracle.run(asked, isToldWho ? { claims: withWords(claims, jwtRules) } : {});
  const lines = outcome.logs.flatMap((line): ExplainedPolicyRule[] => {
    const [, policy, rule, verdict, failing = ""] = LINE.exec(line) ?? [];
    if (policy === undefined) return [];
    const position = policies.findIndex((one) => titleOf(one) === policy);
    const of = policies[position];
    return [
      {
        policy: of?.name ?? policy,
        ...(of?.namespace === undefined ? {} : { namespace: of.namespace }),
        position,
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
  const told = outcome.upstream === null ? outcome.details : outcome.properties.get("outrigger.authz");
  const reasons = told?.split(",") ?? [];
  const reason = reasons.at(-1) ?? null;
  // A policy without rules denies without a line of its own.
  const isRefused = outcome.upstream === null && reason !== null && isRefusal(reason);
  if (isRefused && policies.length > 0) {
    notes.push("The credentials are refused before any policy is asked.");
  }
  if (isToldWho) notes.push(VERIFIED);
  if (reasons.includes("authz:jwt-keys-unavailable")) notes.push(REMOTE);
  const trial = [...reasons.slice(0, -1).filter(isRefusal), ...(isRefused ? [] : tried(config, lines))];
  return {
    filter: FILTER,
    rules: [],
    notes,
    judgement: {
      reason: reason === "authz:allowed" ? null : reason,
      allowed: outcome.upstream !== null,
      ...(outcome.upstream === null ? statusOf(outcome) : {}),
      ...(trial.length === 0 ? {} : { trial }),
    },
    policies: lines,
  };
}

function statusOf({ response }: Outcome): Pick<Judgement, "status" | "grpcStatus"> {
  const grpcStatus = response?.headers.getFirst("grpc-status") ?? null;
  return {
    status: response?.status ?? 0,
    ...(grpcStatus === null ? {} : { grpcStatus: Number(grpcStatus) }),
  };
}

/** Whether it is the reason of a refusal of credentials. */
function isRefusal(reason: string): boolean {
  return isOfCredentials(reason.replace(/^authz:/, ""));
}

/** As the module names it: unique in a configuration. */
function titleOf({ name, namespace }: Policy): string {
  return namespace === undefined ? name : `${namespace}/${name}`;
}

/** The reason by which policies on trial would deny the request, if they would. */
function tried({ mode, policies = [] }: Config, lines: readonly ExplainedPolicyRule[]): string[] {
  const matching = (wanted: string): ExplainedPolicyRule | undefined =>
    lines.find((line) => line.mode === "shadow" && line.action === wanted && line.matches);
  const denying = matching("DENY");
  if (denying !== undefined) return [`authz:${denying.policy}`];
  const isAllowList = policies.some(
    (policy) => (policy.action ?? "ALLOW") === "ALLOW" && (mode === "shadow" || policy.mode === "shadow"),
  );
  return isAllowList && matching("ALLOW") === undefined ? ["authz:no-allow"] : [];
}

/**
 * The claims with texts that the issuer's rule takes for lists of words as such lists. `scope` and `permission` are ones always. A rule without an
 * issuer takes all tokens before the others.
 */
function withWords(claims: Claims, rules: readonly JwtRule[]): Claims {
  const rule =
    rules.find(({ issuer = "" }) => issuer === "") ?? rules.find(({ issuer }) => issuer === claims.iss);
  const names = rule?.spaceDelimitedClaims ?? [];
  const words = names.flatMap((name) => {
    const text = claims[name];
    return typeof text === "string" ? [[name, text.split(" ").filter((word) => word !== "")] as const] : [];
  });
  return { ...claims, ...Object.fromEntries(words.filter(([, list]) => list.length > 0)) };
}

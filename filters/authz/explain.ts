import { logByteString, LogLevelValues } from "../../assembly/host/log";
import { RequestView } from "../../assembly/request-view";
import { AuthzConfig } from "./config";
import { doubt } from "./policy/attributes";
import { RuleSet } from "./policy/rule-set";

/**
 * Logs for each rule whether it matches the request, and which of its clauses fail: `outrigger explain` reads it, and whoever looks for the reason of a
 * denial with the log at debug. It names what the configuration says, and nothing that a client sent. It allocates, and walks all rules.
 */
export function explainRules(config: AuthzConfig, request: RequestView): void {
  for (let at = 0; at < config.custom.length; at++) explainSet(config.custom[at], request);
  explainSet(config.deny, request);
  explainSet(config.allow, request);
  explainSet(config.audit, request);
  explainSet(config.shadowDeny, request);
  explainSet(config.shadowAllow, request);
  explainSet(config.shadowOthers, request);
}

function explainSet(rules: RuleSet, request: RequestView): void {
  for (let at = 0; at < rules.size; at++) {
    const rule = rules.rule(at);
    doubt.begin();
    const matches = rule.matches(request);
    const start = doubt.unknown ? "is denied for want of the direct peer, " : "fails at ";
    const verdict = matches ? "matches" : start + rule.failures(request);
    logByteString(LogLevelValues.debug, `authz: ${rule.title()} ${verdict}`);
  }
}

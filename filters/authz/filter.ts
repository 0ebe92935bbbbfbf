import { Annotate } from "../../assembly/annotate";
import { ABSENT, Bytes, literal } from "../../assembly/bytes/bytes";
import { Filter, keepAnsweringFailures, reply, Verdict } from "../../assembly/filter";
import { logBytes, LogLevelValues, logs } from "../../assembly/host/log";
import { Counter, count, defineCounter } from "../../assembly/host/metrics";
import { setProperty } from "../../assembly/host/properties";
import { Mode } from "../../assembly/mode";
import { ConfigReader } from "../../assembly/json/config-reader";
import { JsonNode } from "../../assembly/json/node";
import { sourceAddress } from "../../assembly/properties";
import { joinReasons } from "../../assembly/reason";
import { RequestView } from "../../assembly/request-view";
import { ResponseView } from "../../assembly/response-view";
import { CallAnswer } from "../../assembly/waiting";
import { AuthzConfig } from "./config";
import { explainRules } from "./explain";
import { Checked } from "./custom/providers";
import { Authentication, identity, Rejection } from "./identity";
import { doubt } from "./policy/attributes";
import { Policy } from "./policy/policy";
import { RuleSet } from "./policy/rule-set";
import { DIRECT_ADDRESS } from "./policy/vocabulary";
import { UnnormalizedPaths } from "./unnormalized";
import { Denial } from "./denial";

const PROPERTY = literal("outrigger.authz");
const ERROR = literal("authz:error");
/** How many shadowed decisions about one request the property tells. */
const MAX_TOLD = 8;

/** Decides who may do what, as Istio's policies say. */
@final
export class Authz extends Filter {
  private config: AuthzConfig = new AuthzConfig();
  private readonly paths: UnnormalizedPaths = new UnnormalizedPaths();
  private errors: Counter = 0;
  private denied: Counter = 0;
  private companionless: Counter = 0;
  /** That the network companion is missing was said. */
  private warned: bool = false;
  /** Reasons of decisions that were shadowed for this request, of the first {@link MAX_TOLD} of them. */
  private shadowed: Bytes = ABSENT;
  private told: i32 = 0;

  configure(config: JsonNode, reader: ConfigReader): void {
    this.config.read(config, reader);
    if (reader.failed) return;
    keepAnsweringFailures();
    this.config.define();
    this.paths.define();
    this.errors = defineCounter("outrigger_authz_errors");
    this.denied = defineCounter("outrigger_authz_not_allowed");
    this.companionless = defineCounter("outrigger_authz_missing_companion");
  }

  onRequest(request: RequestView): Verdict {
    this.begin(request);
    this.paths.look(request.path());
    return this.askProviders(request, 0);
  }

  onAnswer(request: RequestView, answer: CallAnswer): Verdict {
    this.begin(request);
    if (answer.woken) return this.authenticate(request, !answer.timedOut);
    // That of the provider whose number and one it is.
    const number = <i32>answer.memo - 1;
    const config = this.config;
    if (number < 0 || number >= config.custom.length) return this.fail();
    const provider = config.providers.at(number);
    const checked = provider.answered(request, answer);
    if (checked == Checked.Allowed) return this.askProviders(request, number + 1);
    const rule = config.custom[number].first(request);
    return rule == null ? this.fail() : this.refuseAsProvider(checked, rule.policy);
  }

  onResponse(response: ResponseView, note: u32): void {
    this.config.providers.applyTo(response, note);
  }

  onForgotten(note: u32): void {
    this.config.providers.forget(note);
  }

  onTick(): void {
    const tokens = this.config.tokens;
    if (tokens != null) tokens.onTick();
  }

  onParked(): void {
    const tokens = this.config.tokens;
    if (tokens != null) tokens.onParked();
  }

  onBackground(answer: CallAnswer): void {
    const tokens = this.config.tokens;
    if (tokens != null) tokens.onBackground(answer);
  }

  /** Where a request cannot be decided it is denied. */
  onFailure(): bool {
    if (this.config.mode == Mode.Shadow) return false;
    this.shadowed = ABSENT;
    this.fail();
    return true;
  }

  /** As a network plugin on the same listener: hands the address of the connection's peer to what decides about its requests. */
  onConnection(): void {
    const address = sourceAddress();
    if (address != ABSENT) setProperty(DIRECT_ADDRESS, address);
  }

  private begin(request: RequestView): void {
    identity.begin(request);
    identity.claims = this.config.verified;
    this.shadowed = ABSENT;
    this.told = 0;
    doubt.begin();
  }

  /** Asks the providers from number `from` on whose CUSTOM policies match, one after another, and then goes on. */
  private askProviders(request: RequestView, from: i32): Verdict {
    const config = this.config;
    const custom = config.custom;
    for (let at = from; at < custom.length; at++) {
      // What a provider's policies could not know, and did not need to, is no doubt of the next one's.
      doubt.begin();
      const rule = unchecked(custom[at]).first(request);
      if (doubt.failed) return this.fail();
      if (rule == null) {
        if (doubt.unknown) return this.failWithoutCompanion();
        continue;
      }
      const checked = config.providers.at(at).check(request, at + 1);
      if (checked == Checked.Waits) return Verdict.Wait;
      if (checked != Checked.Allowed) return this.refuseAsProvider(checked, rule.policy);
    }
    return this.authenticate(request, true);
  }

  /** The provider has filled the reply. */
  private refuseAsProvider(checked: Checked, policy: Policy): Verdict {
    count(policy.counter);
    if (checked == Checked.Denied) reply.details = policy.reason;
    this.tell(reply.details);
    return Verdict.Reply;
  }

  /** Finds out who calls, and asks the other policies. In shadow mode the request has afterwards the headers that it came with. */
  private authenticate(request: RequestView, mayWait: bool): Verdict {
    const headers = request.headers;
    const state = headers.state;
    const verdict = this.judge(request, mayWait);
    if (this.config.mode == Mode.Shadow) headers.restore(state);
    return verdict;
  }

  private judge(request: RequestView, mayWait: bool): Verdict {
    const config = this.config;
    const credentials = config.credentials;
    if (
      credentials.authenticate(request) == Authentication.Refused &&
      this.reject(request, credentials.rejection)
    ) {
      return Verdict.Reply;
    }
    const tokens = config.tokens;
    if (tokens != null) {
      const authentication = tokens.authenticate(request, mayWait);
      if (authentication == Authentication.Waits) return Verdict.Wait;
      if (authentication == Authentication.Refused && this.reject(request, tokens.rejection)) {
        return Verdict.Reply;
      }
    }
    return this.decide(request);
  }

  /** Refuses credentials; false in shadow mode, in which the request goes on as nobody's. */
  private reject(request: RequestView, rejection: Rejection): bool {
    rejection.tally();
    if (this.config.mode == Mode.Shadow) {
      this.note(rejection.reason);
      return false;
    }
    this.tell(rejection.reason);
    rejection.toReply(request);
    reply.details = rejection.reason;
    return true;
  }

  /** Asks the policies, when it is known who calls. */
  private decide(request: RequestView): Verdict {
    const config = this.config;
    if (logs(LogLevelValues.debug)) explainRules(config, request);
    doubt.begin();
    this.lookAside(request);
    // What policies on trial, or for the log alone, could not know is nobody's trouble; attributes that failed are asked for again.
    doubt.begin();
    const denying = config.deny.first(request);
    if (doubt.failed) return this.fail();
    if (denying != null) return this.deny(denying.policy);
    if (doubt.unknown) return this.failWithoutCompanion();
    if (!config.isAllowList) return this.pass(request, ABSENT);
    const allowing = config.allow.first(request);
    if (doubt.failed) return this.fail();
    if (allowing != null) {
      count(allowing.policy.counter);
      return this.pass(request, allowing.policy.reason);
    }
    if (doubt.unknown) return this.failWithoutCompanion();
    count(this.denied);
    return this.refuse(config.noAllowReason, config.denial);
  }

  /** Counts and tells what policies on trial and AUDIT policies say. */
  private lookAside(request: RequestView): void {
    const config = this.config;
    this.tellAll(config.audit, request, false);
    this.tellAll(config.shadowOthers, request, true);
    if (config.shadowDeny.size > 0) {
      const denying = config.shadowDeny.first(request);
      if (denying != null) {
        this.shadow(denying.policy);
        return;
      }
    }
    if (!config.isShadowAllowList) return;
    const allowing = config.shadowAllow.first(request);
    if (allowing != null) count(allowing.policy.counter);
    else this.note(config.noAllowReason);
  }

  /** All policies of a set whose rules match, each once. */
  private tellAll(rules: RuleSet, request: RequestView, shadowed: bool): void {
    if (rules.size == 0) return;
    let last: Policy | null = null;
    rules.findAll(request);
    for (let at = rules.foundFrom(0); at >= 0; at = rules.foundFrom(at + 1)) {
      const policy = rules.rule(at).policy;
      if (policy == last) continue;
      last = policy;
      if (shadowed) this.shadow(policy);
      else {
        count(policy.counter);
        this.note(policy.reason);
      }
    }
  }

  private pass(request: RequestView, reason: Bytes): Verdict {
    if (this.config.mode == Mode.Enforce) this.config.credentials.strip(request);
    const isTold = this.config.annotate == Annotate.Always;
    if (this.shadowed != ABSENT || isTold) {
      this.tell(!isTold ? ABSENT : reason == ABSENT ? this.config.allowedReason : reason);
    }
    return Verdict.Continue;
  }

  private deny(policy: Policy): Verdict {
    count(policy.counter);
    const own = policy.denial;
    return this.refuse(policy.reason, own == null ? this.config.denial : own);
  }

  private refuse(reason: Bytes, denial: Denial): Verdict {
    this.tell(reason);
    denial.toReply(reason);
    return Verdict.Reply;
  }

  /** Something that must be known could not be had. */
  private fail(): Verdict {
    count(this.errors);
    return this.refuse(ERROR, this.config.denial);
  }

  private failWithoutCompanion(): Verdict {
    count(this.companionless);
    if (!this.warned) {
      this.warned = true;
      logBytes(LogLevelValues.warn, NO_COMPANION);
    }
    return this.fail();
  }

  private shadow(policy: Policy): void {
    count(policy.counter);
    this.note(policy.reason);
    if (logs(LogLevelValues.info)) logBytes(LogLevelValues.info, policy.shadowMessage);
  }

  private note(reason: Bytes): void {
    if (this.told++ < MAX_TOLD) this.shadowed = joinReasons(this.shadowed, reason);
  }

  /** Writes the property: the shadowed decisions, and then `reason`, if there is one. */
  private tell(reason: Bytes): void {
    setProperty(PROPERTY, reason == ABSENT ? this.shadowed : joinReasons(this.shadowed, reason));
  }
}

// @ts-ignore: decorator
@lazy const NO_COMPANION = literal(
  "authz: a policy asks for the direct peer (ipBlocks, source.ip), which nobody has left here: load this module as a network plugin on the listener too. Denied",
);

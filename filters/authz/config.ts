import { Annotate, readAnnotate } from "../../assembly/annotate";
import { ABSENT, Bytes, indexOfByte, lengthOf } from "../../assembly/bytes/bytes";
import { ConfigReader } from "../../assembly/json/config-reader";
import { JsonKind, JsonNode } from "../../assembly/json/node";
import { emptyList } from "../../assembly/list";
import { Mode, readMode } from "../../assembly/mode";
import { reasonOf } from "../../assembly/reason";
import { ClaimPaths, Claims } from "./claims";
import { Denial } from "./denial";
import { NAME, NOBODY } from "./identity";
import { Credentials } from "./identity/credentials";
import { JwtAuthenticator } from "./jwt/authenticator";
import { MetadataClaims } from "./metadata-claims";
import { Providers } from "./custom/providers";
import { Action, Policy } from "./policy/policy";
import { PolicyList, readPolicies } from "./policy/read-policies";
import { Rule } from "./policy/rule";
import { RuleSet } from "./policy/rule-set";
import { TrustDomains } from "./policy/trust-domains";
import { Vocabulary } from "./policy/vocabulary";

/** The configuration of `authz`; `schema.json` describes its JSON form. */
@final
export class AuthzConfig {
  mode: Mode = Mode.Enforce;
  annotate: Annotate = Annotate.Decisions;
  denial: Denial = new Denial();
  readonly claims: ClaimPaths = new ClaimPaths();
  readonly credentials: Credentials = new Credentials();
  /** Null without `jwtRules`: what Envoy's own filter has verified counts then. */
  tokens: JwtAuthenticator | null = null;
  verified: Claims = NOBODY;
  providers: Providers = new Providers();
  policies: StaticArray<Policy> = new StaticArray<Policy>(0);
  /** Whether a request needs an ALLOW policy's leave, and whether it would. */
  isAllowList: bool = false;
  isShadowAllowList: bool = false;
  /** The rules of CUSTOM policies, by their provider's number. */
  custom: StaticArray<RuleSet> = new StaticArray<RuleSet>(0);
  deny: RuleSet = new RuleSet(emptyList<Rule>());
  allow: RuleSet = new RuleSet(emptyList<Rule>());
  audit: RuleSet = new RuleSet(emptyList<Rule>());
  /** Of the policies in shadow mode; CUSTOM and AUDIT among the others are told as they match. */
  shadowDeny: RuleSet = new RuleSet(emptyList<Rule>());
  shadowAllow: RuleSet = new RuleSet(emptyList<Rule>());
  shadowOthers: RuleSet = new RuleSet(emptyList<Rule>());
  allowedReason: Bytes = ABSENT;
  noAllowReason: Bytes = ABSENT;

  /** Reads all of it; what is wrong goes to the reader, and the configuration is then not to be used. */
  read(config: JsonNode, reader: ConfigReader): void {
    if (!reader.object(config, FIELDS)) return;
    this.mode = readMode(reader, config);
    this.annotate = readAnnotate(reader, config);
    const denial = Denial.read(reader, config);
    if (denial != null) this.denial = denial;
    this.allowedReason = reasonOf(reader.keeper, NAME, "allowed");
    this.noAllowReason = reasonOf(reader.keeper, NAME, "no-allow");
    this.credentials.read(reader, config);
    this.providers = Providers.read(reader, config);
    const vocabulary = new Vocabulary(reader, this.claims, readTrustDomains(reader, config));
    const found = readPolicies(vocabulary, config, this.mode, this.providers);
    const rules = reader.member(config, "jwtRules");
    if (rules != null) this.tokens = JwtAuthenticator.read(reader, rules);
    if (reader.failed) return;
    const tokens = this.tokens;
    if (tokens == null) this.verified = new MetadataClaims(reader, this.claims);
    else tokens.prepare(this.claims, this.mode == Mode.Enforce);
    this.index(found);
  }

  /** Defines the metrics: only for a configuration that is taken. */
  define(): void {
    this.credentials.define();
    this.providers.define();
    const tokens = this.tokens;
    if (tokens != null) tokens.define();
    for (let at = 0; at < this.policies.length; at++) this.policies[at].define();
  }

  private index(found: PolicyList): void {
    this.policies = StaticArray.fromArray(found.policies);
    for (let at = 0; at < this.policies.length; at++) {
      const policy = this.policies[at];
      if (policy.action != Action.Allow) continue;
      if (policy.mode == Mode.Enforce) this.isAllowList = true;
      else this.isShadowAllowList = true;
    }
    this.custom = new StaticArray<RuleSet>(this.providers.size);
    for (let at = 0; at < this.custom.length; at++) this.custom[at] = customSetOf(found.rules, at);
    this.deny = setOf(found.rules, Action.Deny, Mode.Enforce);
    this.allow = setOf(found.rules, Action.Allow, Mode.Enforce);
    this.audit = setOf(found.rules, Action.Audit, Mode.Enforce);
    this.shadowDeny = setOf(found.rules, Action.Deny, Mode.Shadow);
    this.shadowAllow = setOf(found.rules, Action.Allow, Mode.Shadow);
    this.shadowOthers = setOf(found.rules, Action.Custom, Mode.Shadow, Action.Audit);
  }
}

const FIELDS =
  "mode annotate trustDomain trustDomainAliases jwtRules apiKeys basicAuth extensionProviders policies deny";
const MOST_ALIASES: u32 = 100;

function setOf(rules: Rule[], action: Action, mode: Mode, orElse: Action = action): RuleSet {
  const found = emptyList<Rule>();
  for (let at = 0; at < rules.length; at++) {
    const policy = rules[at].policy;
    if (policy.mode == mode && (policy.action == action || policy.action == orElse)) found.push(rules[at]);
  }
  return new RuleSet(found);
}

function customSetOf(rules: Rule[], provider: i32): RuleSet {
  const found = emptyList<Rule>();
  for (let at = 0; at < rules.length; at++) {
    const policy = rules[at].policy;
    if (policy.mode == Mode.Enforce && policy.provider == provider) found.push(rules[at]);
  }
  return new RuleSet(found);
}

function readTrustDomains(reader: ConfigReader, config: JsonNode): TrustDomains {
  const domains = emptyList<Bytes>();
  const node = reader.member(config, "trustDomain");
  domains.push(node == null ? reader.keeper.keepText("cluster.local") : readTrustDomain(reader, node));
  const aliases = reader.list(config, "trustDomainAliases");
  if (aliases != null) {
    if (aliases.count > MOST_ALIASES) reader.problem(aliases, "more than 100 aliases");
    let item = aliases.first;
    while (item != null) {
      domains.push(readTrustDomain(reader, item));
      item = item.next;
    }
  }
  return new TrustDomains(reader.keeper, StaticArray.fromArray(domains));
}

function readTrustDomain(reader: ConfigReader, node: JsonNode): Bytes {
  const text = node.kind == JsonKind.String ? node.text : ABSENT;
  const isRight = lengthOf(text) > 0 && indexOfByte(text, 0x2a) < 0 && indexOfByte(text, 0x2f) < 0;
  if (!isRight) reader.unexpected(node, "a trust domain, like cluster.local");
  return reader.keeper.keep(text);
}

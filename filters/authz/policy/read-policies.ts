import { ByteMap } from "../../../assembly/bytes/byte-map";
import { concatenate } from "../../../assembly/bytes/arena";
import { decimalText } from "../../../assembly/bytes/decimal";
import { ABSENT, Bytes, literal } from "../../../assembly/bytes/bytes";
import { JsonKind, JsonNode } from "../../../assembly/json/node";
import { emptyList } from "../../../assembly/list";
import { positionAmong } from "../../../assembly/json/words";
import { Mode, readMode } from "../../../assembly/mode";
import { Providers } from "../custom/providers";
import { Denial } from "../denial";
import { Clause } from "./clause";
import { Action, ACTIONS, Policy } from "./policy";
import { readCondition } from "./read-condition";
import { readOperation } from "./read-operation";
import { readSource } from "./read-source";
import { Alternative, Rule } from "./rule";
import { Vocabulary } from "./vocabulary";

/** As many as take some 500 MiB of the VM's 1 GiB while they are read. */
const MOST_POLICIES: u32 = 50000;
const POLICY_FIELDS = "name namespace action mode provider rules deny selector targetRef targetRefs";
/** Reasons of the filter's own, which a policy's could not be told from. */
const OWN_NAMES =
  "error allowed no-allow api-key basic custom-error jwt-issuer jwt-malformed jwt-algorithm jwt-expired jwt-not-yet jwt-audience jwt-signature " +
  "jwt-unknown-key jwt-keys-unavailable jwt-duplicate";

/** The policies of a configuration and their rules, in their order. */
@final
export class PolicyList {
  readonly policies: Policy[] = emptyList<Policy>();
  readonly rules: Rule[] = emptyList<Rule>();
}

/** Reads `policies`. `mode` is that of the whole filter. */
export function readPolicies(
  vocabulary: Vocabulary,
  config: JsonNode,
  mode: Mode,
  providers: Providers,
): PolicyList {
  const reader = vocabulary.reader;
  const found = new PolicyList();
  const list = reader.list(config, "policies");
  if (list == null) return found;
  if (list.count > MOST_POLICIES) {
    reader.problem(list, "more than 50000 policies");
    return found;
  }
  const names = new ByteMap(list.count);
  let item = list.first;
  while (item != null) {
    if (reader.object(item, POLICY_FIELDS)) readPolicy(vocabulary, item, mode, providers, names, found);
    item = item.next;
  }
  return found;
}

function readPolicy(
  vocabulary: Vocabulary,
  node: JsonNode,
  filterMode: Mode,
  providers: Providers,
  names: ByteMap,
  found: PolicyList,
): void {
  const reader = vocabulary.reader;
  const nameNode = reader.required(node, "name", "a name");
  const name = nameNode == null ? ABSENT : reader.name(nameNode);
  const namespaceNode = reader.member(node, "namespace");
  const namespace = namespaceNode == null ? ABSENT : reader.name(namespaceNode);
  if (nameNode != null && name != ABSENT) {
    if (positionAmong(name, OWN_NAMES) >= 0) {
      reader.problem(nameNode, "a reason of the filter's own; expected another name");
    }
    const whole = concatenate(namespace, SLASH, name);
    if (names.has(whole)) reader.problem(nameNode, "another policy of this namespace has this name");
    names.set(whole, 0);
  }
  const action: Action = reader.choice(node, "action", ACTIONS, Action.Allow);
  const ownMode = readMode(reader, node);
  const mode = filterMode == Mode.Shadow ? Mode.Shadow : ownMode;
  const denial = Denial.read(reader, node);
  const denyNode = reader.member(node, "deny");
  if (denyNode != null && action != Action.Deny) {
    reader.problem(denyNode, "of a policy that denies nothing by itself; expected action DENY with it");
  }
  const policy = new Policy(reader.keeper, name == ABSENT ? SLASH : name, namespace, action, mode, denial);
  readProvider(vocabulary, node, policy, providers);
  found.policies.push(policy);
  readRules(vocabulary, node, policy, namespace, found.rules);
}

function readProvider(vocabulary: Vocabulary, node: JsonNode, policy: Policy, providers: Providers): void {
  const reader = vocabulary.reader;
  const provider = reader.member(node, "provider");
  if (policy.action != Action.Custom) {
    if (provider != null) reader.problem(provider, "only with action CUSTOM");
    return;
  }
  if (provider == null) {
    reader.missing(node, "provider", "who is asked, like {name: my-provider}");
    return;
  }
  if (!reader.object(provider, "name")) return;
  const nameNode = reader.required(provider, "name", "the name of one of `extensionProviders`");
  if (nameNode == null) return;
  const name = reader.text(nameNode);
  if (name == ABSENT) return;
  policy.provider = providers.indexOf(name);
  if (policy.provider < 0) reader.unexpected(nameNode, "the name of one of `extensionProviders`");
}

function readRules(
  vocabulary: Vocabulary,
  node: JsonNode,
  policy: Policy,
  namespace: Bytes,
  rules: Rule[],
): void {
  const reader = vocabulary.reader;
  const list = reader.list(node, "rules");
  if (list == null || list.count == 0) {
    // An ALLOW policy without rules is one that allows nothing, and is needed for that.
    if (policy.action == Action.Deny || policy.action == Action.Custom) {
      reader.missing(node, "rules", "at least one rule, {} for every request");
    }
    return;
  }
  const isCustom = policy.action == Action.Custom;
  let number = 0;
  let item = list.first;
  while (item != null) {
    if (reader.object(item, "from to when")) {
      const from = readAlternatives(vocabulary, item, "from", namespace, isCustom);
      const to = readAlternatives(vocabulary, item, "to", namespace, isCustom);
      const when = readWhen(vocabulary, item, namespace, isCustom);
      rules.push(new Rule(policy, number, from, to, when));
    }
    number++;
    item = item.next;
  }
}

/** Reads `from: [{source: {..}}]` or `to: [{operation: {..}}]`. */
function readAlternatives(
  vocabulary: Vocabulary,
  rule: JsonNode,
  field: string,
  namespace: Bytes,
  isCustom: bool,
): StaticArray<Alternative> {
  const reader = vocabulary.reader;
  const isFrom = field == "from";
  const inner = isFrom ? "source" : "operation";
  const alternatives = emptyList<Alternative>();
  const list = reader.list(rule, field);
  if (list != null) {
    let item = list.first;
    while (item != null) {
      if (reader.object(item, inner)) {
        const object = reader.required(item, inner, "an object with at least one field");
        if (object != null) {
          const clauses = isFrom
            ? readSource(vocabulary, object, namespace, isCustom)
            : readOperation(vocabulary, object);
          alternatives.push(new Alternative(inOrder(clauses)));
        }
      }
      item = item.next;
    }
  }
  return StaticArray.fromArray(alternatives);
}

function readWhen(vocabulary: Vocabulary, rule: JsonNode, namespace: Bytes, isCustom: bool): Alternative {
  const reader = vocabulary.reader;
  const clauses = emptyList<Clause>();
  const list = reader.list(rule, "when");
  if (list != null && list.kind == JsonKind.Array) {
    let number = 0;
    let item = list.first;
    while (item != null) {
      const place = "when[" + decimalText(number++) + "]";
      readCondition(vocabulary, item, namespace, isCustom, place, clauses);
      item = item.next;
    }
  }
  return new Alternative(inOrder(StaticArray.fromArray(clauses)));
}

/** The same with the cheap ones first. */
function inOrder(clauses: StaticArray<Clause>): StaticArray<Clause> {
  for (let at = 1; at < clauses.length; at++) {
    const clause = clauses[at];
    let to = at;
    for (; to > 0 && clauses[to - 1].cost > clause.cost; to--) clauses[to] = clauses[to - 1];
    clauses[to] = clause;
  }
  return clauses;
}

// @ts-ignore: decorator
@lazy const SLASH = literal("/");

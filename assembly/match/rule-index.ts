import { lowerCase } from "../bytes/arena";
import { ByteMap } from "../bytes/byte-map";
import { ABSENT, Bytes, lengthOf, slice } from "../bytes/bytes";
import { RequestView } from "../request-view";
import { Attribute } from "./attributes";
import { Condition, RequestMatcher } from "./request-match";
import { StringMatcher, StringMatchKind } from "./string-match";

/** Up to this many rules, walking them costs less than looking them up. */
const WALKED = 4;
/** Sets of `in` above this size are not copied into the index: looking into one is one lookup anyway. */
const INDEXED_SET: u32 = 1024;

/**
 * Finds the first of many matches that holds, by looking rules up rather than walking them: each rule that demands
 * an exact value, one of a set or a prefix of some attribute is filed under that value, and a request looks only at
 * the rules filed under what it carries. The rest are walked in their order. Answers exactly what walking all of
 * them would.
 */
@final
export class RuleIndex {
  /** Rules that are filed nowhere, ascending. */
  private readonly walked: StaticArray<i32>;
  private readonly groups: StaticArray<Group>;
  private readonly rules: StaticArray<RequestMatcher>;

  constructor(rules: RequestMatcher[]) {
    const groups: Group[] = [];
    const walked: i32[] = [];
    const looked = rules.length > WALKED;
    for (let rule = 0; looked && rule < rules.length; rule++) countCrowds(rules[rule], groups);
    for (let rule = 0; rule < rules.length; rule++) {
      const condition = looked ? leastCrowded(rules[rule], groups) : null;
      if (condition == null) walked.push(rule);
      else groupOf(condition, groups).file(condition.matcher, rule);
    }
    this.rules = StaticArray.fromArray(rules);
    this.walked = StaticArray.fromArray(walked);
    this.groups = StaticArray.fromArray(groups.filter((group) => group.hasRules));
  }

  /** The first rule at or behind `from` that holds for the request, or -1. */
  next(request: RequestView, from: i32): i32 {
    const rules = this.rules;
    const groups = this.groups;
    if (groups.length == 0) {
      for (let rule = from, count = rules.length; rule < count; rule++) {
        if (unchecked(rules[rule]).matches(request)) return rule;
      }
      return -1;
    }
    let best = i32.MAX_VALUE;
    for (let at = 0, count = groups.length; at < count; at++) {
      best = unchecked(groups[at]).next(request, rules, from, best);
    }
    const walked = this.walked;
    for (let at = 0, count = walked.length; at < count; at++) {
      const rule = unchecked(walked[at]);
      if (rule >= best) break;
      if (rule >= from && unchecked(rules[rule]).matches(request)) return rule;
    }
    return best == i32.MAX_VALUE ? -1 : best;
  }
}

/** The rules filed under values of one attribute. */
@final
class Group {
  /** From a value to the first of its postings, and from a prefix. */
  private readonly exact: ByteMap = new ByteMap();
  private readonly prefix: ByteMap = new ByteMap();
  /** The lengths of the prefixes that are filed, each once. */
  private readonly prefixLengths: u32[] = [];
  /** Postings: a rule, and the next posting of the same value or -1. Rules ascend along a chain. */
  private readonly postings: i32[] = [];
  private readonly nextPosting: i32[] = [];
  /** The last posting of each chain, while filing; by the first one. */
  private readonly lastPosting: i32[] = [];

  /** How many rules could be filed under each value, while the index is built. */
  private readonly crowds: ByteMap = new ByteMap();

  constructor(
    readonly attribute: Attribute,
    /** Values are compared in lower case. */
    readonly ignoreCase: bool,
  ) {}

  get hasRules(): bool {
    return this.postings.length > 0;
  }

  countCrowd(matcher: StringMatcher): void {
    for (let value = firstValue(matcher); value != ABSENT; value = valueAfter(matcher, value)) {
      this.crowds.set(value, max(this.crowds.get(value), 0) + 1);
    }
  }

  /** The size of the largest crowd that a rule with this matcher would join. */
  crowdOf(matcher: StringMatcher): i32 {
    let largest = 0;
    for (let value = firstValue(matcher); value != ABSENT; value = valueAfter(matcher, value)) {
      largest = max(largest, this.crowds.get(value));
    }
    return largest;
  }

  file(matcher: StringMatcher, rule: i32): void {
    if (matcher.kind == StringMatchKind.Prefix) {
      const length = lengthOf(matcher.operand);
      if (!this.prefixLengths.includes(length)) this.prefixLengths.push(length);
      this.post(this.prefix, matcher.operand, rule);
      return;
    }
    for (let value = firstValue(matcher); value != ABSENT; value = valueAfter(matcher, value)) {
      this.post(this.exact, value, rule);
    }
  }

  private post(map: ByteMap, value: Bytes, rule: i32): void {
    const posting = this.postings.length;
    this.postings.push(rule);
    this.nextPosting.push(-1);
    this.lastPosting.push(posting);
    const first = map.get(value);
    if (first < 0) {
      map.set(value, posting);
      return;
    }
    this.nextPosting[this.lastPosting[first]] = posting;
    this.lastPosting[first] = posting;
  }

  /** The first rule from `from` up to `best` (exclusive) that is filed here and holds, or `best`. */
  next(request: RequestView, rules: StaticArray<RequestMatcher>, from: i32, best: i32): i32 {
    let value = this.attribute.read(request);
    if (value == ABSENT) return best;
    if (this.ignoreCase) value = lowerCase(value);
    if (this.exact.size > 0) best = this.follow(this.exact.get(value), request, rules, from, best);
    const lengths = this.prefixLengths;
    for (let at = 0, count = lengths.length; at < count; at++) {
      const length = unchecked(lengths[at]);
      if (length > lengthOf(value)) continue;
      best = this.follow(this.prefix.get(slice(value, 0, length)), request, rules, from, best);
    }
    return best;
  }

  private follow(
    posting: i32,
    request: RequestView,
    rules: StaticArray<RequestMatcher>,
    from: i32,
    best: i32,
  ): i32 {
    for (; posting >= 0; posting = unchecked(this.nextPosting[posting])) {
      const rule = unchecked(this.postings[posting]);
      if (rule >= best) break;
      if (rule >= from && unchecked(rules[rule]).matches(request)) return rule;
    }
    return best;
  }
}

/** The first value under which a rule with this matcher is filed. */
function firstValue(matcher: StringMatcher): Bytes {
  const set = matcher.set;
  return set == null ? matcher.operand : set.firstKey();
}

/** The next such value, or {@link ABSENT}. */
function valueAfter(matcher: StringMatcher, value: Bytes): Bytes {
  const set = matcher.set;
  return set == null ? ABSENT : set.keyAfter(value);
}

/** The group for the condition's attribute; made when there is none yet. */
function groupOf(condition: Condition, groups: Group[]): Group {
  const ignoreCase = condition.matcher.ignoreCase;
  for (let at = 0; at < groups.length; at++) {
    if (groups[at].ignoreCase == ignoreCase && groups[at].attribute.isSameAs(condition.attribute))
      return groups[at];
  }
  const group = new Group(condition.attribute, ignoreCase);
  groups.push(group);
  return group;
}

/** Whether rules can be filed under what the condition demands. */
function canFile(condition: Condition): bool {
  const matcher = condition.matcher;
  if (matcher.not) return false;
  if (matcher.kind == StringMatchKind.In) {
    const set = matcher.set;
    return set != null && set.size <= INDEXED_SET;
  }
  return matcher.kind == StringMatchKind.Exact || matcher.kind == StringMatchKind.Prefix;
}

/** Counts for each condition of `rule` how many rules could be filed under the same value. */
function countCrowds(rule: RequestMatcher, groups: Group[]): void {
  for (let at = 0; at < rule.conditions.length; at++) {
    const condition = rule.conditions[at];
    if (!canFile(condition)) continue;
    groupOf(condition, groups).countCrowd(condition.matcher);
  }
}

/** The condition of a rule under which the fewest rules would be filed, or null when there is none to file under. */
function leastCrowded(rule: RequestMatcher, groups: Group[]): Condition | null {
  let best: Condition | null = null;
  let smallest = i32.MAX_VALUE;
  for (let at = 0; at < rule.conditions.length; at++) {
    const condition = rule.conditions[at];
    if (!canFile(condition)) continue;
    const crowd = groupOf(condition, groups).crowdOf(condition.matcher);
    if (crowd < smallest) {
      smallest = crowd;
      best = condition;
    }
  }
  return best;
}

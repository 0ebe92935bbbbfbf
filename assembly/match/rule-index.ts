import { ByteMap } from "../bytes/byte-map";
import { ABSENT, Bytes, lengthOf, slice } from "../bytes/bytes";
import { RequestView } from "../request-view";
import { Attribute } from "./attribute";
import { Comparison } from "./condition";
import { RequestMatcher } from "./request-match";
import { StringMatcher, StringMatchKind } from "./string-match";
import { emptyList } from "../list";

/** Up to this many rules, walking them costs less than looking them up. */
const WALKED = 4;
/** Sets of `in` above this size are not copied into the index: looking into one is one lookup anyway. */
const INDEXED_SET: u32 = 1024;
/** Prefixes of an attribute may have so many lengths in the index: each is a lookup for a request. */
const PREFIX_LENGTHS = 16;

/**
 * Finds the first of many matches that holds, by looking rules up rather than walking them: each rule that demands
 * an exact value, one of a set or a prefix of some attribute is filed under that value, and a request looks only at
 * the rules filed under what it carries. The rest are walked in their order. Answers exactly what walking all of
 * them would; {@link all} finds every one that holds.
 */
@final
export class RuleIndex {
  /** Rules that are filed nowhere, ascending. */
  private readonly walked: StaticArray<i32>;
  private readonly groups: StaticArray<Group>;
  private readonly rules: StaticArray<RequestMatcher>;

  constructor(rules: RequestMatcher[]) {
    const walked = emptyList<i32>();
    const groups = new Groups();
    const looked = rules.length > WALKED;
    for (let rule = 0; looked && rule < rules.length; rule++) groups.countCrowds(rules[rule]);
    for (let rule = 0; rule < rules.length; rule++) {
      const condition = looked ? groups.leastCrowded(rules[rule]) : null;
      if (condition == null || !groups.of(condition).file(condition.matcher, rule)) walked.push(rule);
    }
    this.rules = StaticArray.fromArray(rules);
    this.walked = StaticArray.fromArray(walked);
    this.groups = groups.finish();
  }

  /** The first rule that holds for the request, or -1. */
  // @ts-ignore: decorator
  @inline
  first(request: RequestView): i32 {
    const rules = this.rules;
    const groups = this.groups;
    if (groups.length == 0) {
      for (let rule = 0, count = rules.length; rule < count; rule++) {
        if (unchecked(rules[rule]).matches(request)) return rule;
      }
      return -1;
    }
    let best = i32.MAX_VALUE;
    for (let at = 0, count = groups.length; at < count; at++) {
      best = unchecked(groups[at]).first(request, rules, best);
    }
    const walked = this.walked;
    for (let at = 0, count = walked.length; at < count; at++) {
      const rule = unchecked(walked[at]);
      if (rule >= best) break;
      if (unchecked(rules[rule]).matches(request)) return rule;
    }
    return best == i32.MAX_VALUE ? -1 : best;
  }

  /** All rules that hold for the request, ascending, into `found`, which has room for all rules; answers how many. */
  all(request: RequestView, found: StaticArray<i32>): i32 {
    const rules = this.rules;
    const groups = this.groups;
    let count = 0;
    const walked = this.walked;
    for (let at = 0, length = walked.length; at < length; at++) {
      const rule = unchecked(walked[at]);
      if (unchecked(rules[rule]).matches(request)) unchecked((found[count++] = rule));
    }
    const inOrder = count;
    for (let at = 0, length = groups.length; at < length; at++) {
      count = unchecked(groups[at]).all(request, rules, found, count);
    }
    if (count > inOrder) sort(found, count);
    return count;
  }
}

/** Puts the first `count` numbers in order. By insertion: they are few, or runs that are in order already. */
function sort(numbers: StaticArray<i32>, count: i32): void {
  for (let at = 1; at < count; at++) {
    const number = unchecked(numbers[at]);
    let to = at;
    for (; to > 0 && unchecked(numbers[to - 1]) > number; to--) {
      unchecked((numbers[to] = unchecked(numbers[to - 1])));
    }
    unchecked((numbers[to] = number));
  }
}

/** The groups of an index that is being built. */
@final
class Groups {
  private readonly groups: Group[] = emptyList<Group>();
  /** A group's position in {@link groups}, or -1, by its attribute's number and whether case is ignored. */
  private readonly positions: i32[] = emptyList<i32>();

  /** Counts for each condition of `rule` how many rules could be filed under the same value. */
  countCrowds(rule: RequestMatcher): void {
    for (let at = 0; at < rule.comparisons.length; at++) {
      const condition = rule.comparisons[at];
      if (canFile(condition)) this.of(condition).countCrowd(condition.matcher);
    }
  }

  /** The condition of a rule under which the fewest rules would be filed, or null when there is none to file under. */
  leastCrowded(rule: RequestMatcher): Comparison | null {
    let best: Comparison | null = null;
    let smallest = i32.MAX_VALUE;
    for (let at = 0; at < rule.comparisons.length; at++) {
      const condition = rule.comparisons[at];
      if (!canFile(condition)) continue;
      const crowd = this.of(condition).crowdOf(condition.matcher);
      if (crowd < smallest) {
        smallest = crowd;
        best = condition;
      }
    }
    return best;
  }

  /** The group for the condition's attribute; made when there is none yet. */
  of(condition: Comparison): Group {
    const attribute = condition.attribute;
    const ignoreCase = condition.matcher.ignoreCase;
    const key = attribute.number * 2 + <i32>ignoreCase;
    while (this.positions.length <= key) this.positions.push(-1);
    if (this.positions[key] < 0) {
      this.positions[key] = this.groups.length;
      this.groups.push(new Group(attribute, ignoreCase));
    }
    return this.groups[this.positions[key]];
  }

  /** The groups in which rules are filed, without what was needed to build them. */
  finish(): StaticArray<Group> {
    const filled = emptyList<Group>();
    for (let at = 0; at < this.groups.length; at++) {
      const group = this.groups[at];
      group.finish();
      if (group.hasRules) filled.push(group);
    }
    return StaticArray.fromArray(filled);
  }
}

/** The rules filed under values of one attribute. */
@final
class Group {
  /** From a value to the first of its postings, and from a prefix. */
  private readonly exact: ByteMap = new ByteMap();
  private readonly prefix: ByteMap = new ByteMap();
  /** The lengths of the prefixes that are filed, each once. */
  private readonly prefixLengths: u32[] = emptyList<u32>();
  /** Postings: a rule, and the next posting of the same value or -1. Rules ascend along a chain. */
  private readonly postings: i32[] = emptyList<i32>();
  private readonly nextPosting: i32[] = emptyList<i32>();
  /** The last posting of each chain, while filing; by the first one. */
  private lastPosting: i32[] = emptyList<i32>();

  /** How many rules could be filed under each value, while the index is built. */
  private crowds: ByteMap = new ByteMap();

  constructor(
    readonly attribute: Attribute,
    /** Values are compared in lower case. */
    readonly ignoreCase: bool,
  ) {}

  get hasRules(): bool {
    return this.postings.length > 0;
  }

  /** Drops what only building needed. */
  finish(): void {
    this.lastPosting = emptyList<i32>();
    this.crowds = new ByteMap(0);
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

  /** Files a rule under what `matcher` demands. False when it has to be walked. */
  file(matcher: StringMatcher, rule: i32): bool {
    if (matcher.kind == StringMatchKind.Prefix) {
      const length = lengthOf(matcher.operand);
      if (!this.prefixLengths.includes(length)) {
        if (this.prefixLengths.length == PREFIX_LENGTHS) return false;
        this.prefixLengths.push(length);
      }
      this.post(this.prefix, matcher.operand, rule);
      return true;
    }
    for (let value = firstValue(matcher); value != ABSENT; value = valueAfter(matcher, value)) {
      this.post(this.exact, value, rule);
    }
    return true;
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

  /** The first rule before `best` that is filed here and holds, or `best`. */
  first(request: RequestView, rules: StaticArray<RequestMatcher>, best: i32): i32 {
    const value = this.ignoreCase ? this.attribute.readFolded(request) : this.attribute.read(request);
    if (value == ABSENT) return best;
    if (this.exact.size > 0) best = this.follow(this.exact.get(value), request, rules, best);
    const lengths = this.prefixLengths;
    for (let at = 0, count = lengths.length; at < count; at++) {
      const length = unchecked(lengths[at]);
      if (length > lengthOf(value)) continue;
      best = this.follow(this.prefix.get(slice(value, 0, length)), request, rules, best);
    }
    return best;
  }

  /** All rules that are filed here and hold, behind the first `count` of `found`; answers how many there are then. */
  all(request: RequestView, rules: StaticArray<RequestMatcher>, found: StaticArray<i32>, count: i32): i32 {
    const value = this.ignoreCase ? this.attribute.readFolded(request) : this.attribute.read(request);
    if (value == ABSENT) return count;
    if (this.exact.size > 0) count = this.gather(this.exact.get(value), request, rules, found, count);
    const lengths = this.prefixLengths;
    for (let at = 0, length = lengths.length; at < length; at++) {
      const size = unchecked(lengths[at]);
      if (size > lengthOf(value)) continue;
      count = this.gather(this.prefix.get(slice(value, 0, size)), request, rules, found, count);
    }
    return count;
  }

  private gather(
    posting: i32,
    request: RequestView,
    rules: StaticArray<RequestMatcher>,
    found: StaticArray<i32>,
    count: i32,
  ): i32 {
    for (; posting >= 0; posting = unchecked(this.nextPosting[posting])) {
      const rule = unchecked(this.postings[posting]);
      if (unchecked(rules[rule]).matches(request)) unchecked((found[count++] = rule));
    }
    return count;
  }

  private follow(posting: i32, request: RequestView, rules: StaticArray<RequestMatcher>, best: i32): i32 {
    for (; posting >= 0; posting = unchecked(this.nextPosting[posting])) {
      const rule = unchecked(this.postings[posting]);
      if (rule >= best) break;
      if (unchecked(rules[rule]).matches(request)) return rule;
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

/** Whether rules can be filed under what the condition demands. */
function canFile(condition: Comparison): bool {
  const matcher = condition.matcher;
  if (matcher.not) return false;
  if (matcher.kind == StringMatchKind.In) {
    const set = matcher.set;
    return set != null && set.size <= INDEXED_SET;
  }
  return matcher.kind == StringMatchKind.Exact || matcher.kind == StringMatchKind.Prefix;
}

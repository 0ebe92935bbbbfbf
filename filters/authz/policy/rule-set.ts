import { ByteMap } from "../../../assembly/bytes/byte-map";
import { ABSENT, Bytes } from "../../../assembly/bytes/bytes";
import { beginValues, nextValue } from "../../../assembly/header-values";
import { emptyList } from "../../../assembly/list";
import { Attribute } from "../../../assembly/match/attribute";
import { RequestView } from "../../../assembly/request-view";
import { Cost, Filing } from "./clause";
import { Prefixes } from "./prefixes";
import { Rule } from "./rule";

/** Up to this many rules, walking them costs less than looking them up. */
const WALKED = 3;
/** A rule with more values than this is not filed under them: it would be filed a hundred times to be looked at a little less. */
const MOST_VALUES = 1024;
/** Attributes by which a set looks rules up: each is a lookup for every request. */
const MOST_GROUPS = 8;
/** How many more rules may be looked at for it not to ask the host for a property. */
const PROPERTY_PRICE = 16;

/**
 * The rules of all policies with one action. A rule that demands values of some attribute is filed under them, and a request looks only at the rules
 * that are filed under what it carries, and at those that are filed nowhere. Answers exactly what walking all of them would.
 */
@final
export class RuleSet {
  /** Rules that are filed nowhere, ascending. */
  private readonly walked: StaticArray<Rule>;
  private readonly walkedNumbers: StaticArray<i32>;
  private readonly groups: StaticArray<Group>;
  private readonly rules: StaticArray<Rule>;
  /** A bit for each rule: those that {@link findAll} has found. */
  private readonly found: StaticArray<u64>;

  constructor(rules: Rule[]) {
    const groups = new Groups();
    const filings = emptyList<Filing[]>();
    const looked = rules.length > WALKED;
    for (let at = 0; looked && at < rules.length; at++) {
      const found = rules[at].filings();
      filings.push(found);
      groups.countCrowds(found);
    }
    const numbers = emptyList<i32>();
    const walked = emptyList<Rule>();
    for (let at = 0; at < rules.length; at++) {
      if (looked && groups.file(filings[at], at)) continue;
      numbers.push(at);
      walked.push(rules[at]);
    }
    this.rules = StaticArray.fromArray(rules);
    this.walkedNumbers = StaticArray.fromArray(numbers);
    this.walked = StaticArray.fromArray(walked);
    this.groups = groups.finish();
    this.found = new StaticArray<u64>((rules.length + 63) >> 6);
  }

  get size(): i32 {
    return this.rules.length;
  }

  /** The first rule that matches the request, or null. */
  first(request: RequestView): Rule | null {
    const best = this.search(request, 0);
    return best == i32.MAX_VALUE ? null : unchecked(this.rules[best]);
  }

  /** Finds all rules that match the request, looking at each once: {@link foundFrom} tells them. */
  findAll(request: RequestView): void {
    const found = changetype<usize>(this.found);
    memory.fill(found, 0, (<usize>this.found.length) << 3);
    this.search(request, found);
  }

  /** The number of the first rule from number `from` on that was found, or -1. */
  foundFrom(from: i32): i32 {
    const found = this.found;
    const end = found.length;
    let word = from >> 6;
    if (word >= end) return -1;
    let bits = unchecked(found[word]) & (u64.MAX_VALUE << (from & 63));
    while (bits == 0) {
      if (++word == end) return -1;
      bits = unchecked(found[word]);
    }
    return (word << 6) + <i32>ctz(bits);
  }

  /** The number of the first rule that matches, or `i32.MAX_VALUE`; with `found`, that always, and all that match are marked there. */
  private search(request: RequestView, found: usize): i32 {
    const rules = this.rules;
    const groups = this.groups;
    let best = i32.MAX_VALUE;
    for (let at = 0, count = groups.length; at < count; at++) {
      best = unchecked(groups[at]).first(request, rules, best, found);
    }
    const walked = this.walked;
    const numbers = this.walkedNumbers;
    for (let at = 0, count = walked.length; at < count; at++) {
      const number = unchecked(numbers[at]);
      if (number >= best) break;
      if (!unchecked(walked[at]).matches(request)) continue;
      if (found == 0) return number;
      mark(found, number);
    }
    return best;
  }

  rule(number: i32): Rule {
    return this.rules[number];
  }
}

/** The groups of a set that is being built. */
@final
class Groups {
  private readonly groups: Group[] = emptyList<Group>();

  /** Counts for each value how many rules could be filed under it. */
  countCrowds(filings: Filing[]): void {
    for (let at = 0; at < filings.length; at++) {
      if (isFew(filings[at])) {
        const group = this.of(filings[at]);
        if (group != null) group.countCrowd(filings[at]);
      }
    }
  }

  /** Files a rule where the fewest others are. False when it has to be walked. */
  file(filings: Filing[], rule: i32): bool {
    let best: Filing | null = null;
    let smallest = i32.MAX_VALUE;
    for (let at = 0; at < filings.length; at++) {
      const filing = filings[at];
      const group = isFew(filing) ? this.of(filing) : null;
      if (group == null) continue;
      const crowd = group.crowdOf(filing) + (filing.cost == Cost.Property ? PROPERTY_PRICE : 0);
      if (crowd >= smallest) continue;
      smallest = crowd;
      best = filing;
    }
    if (best == null) return false;
    const group = this.of(best);
    if (group == null) return false;
    group.file(best, rule);
    return true;
  }

  /** The group for the filing's attribute; made when there is none yet, null when there are too many. */
  private of(filing: Filing): Group | null {
    for (let at = 0; at < this.groups.length; at++) {
      const group = this.groups[at];
      if (group.isFor(filing)) return group;
    }
    if (this.groups.length == MOST_GROUPS) return null;
    const group = new Group(filing.attribute, filing.fold, filing.header);
    this.groups.push(group);
    return group;
  }

  /** The groups in which rules are filed, without what was needed to build them. */
  finish(): StaticArray<Group> {
    const filled = emptyList<Group>();
    for (let at = 0; at < this.groups.length; at++) {
      this.groups[at].finish();
      if (this.groups[at].hasRules) filled.push(this.groups[at]);
    }
    return StaticArray.fromArray(filled);
  }
}

function isFew(filing: Filing): bool {
  return filing.exact.length + filing.prefixes.length <= MOST_VALUES;
}

/** The rules filed under values of one attribute. */
@final
class Group {
  /** From a value to the first of its postings. */
  private readonly exact: ByteMap = new ByteMap();
  private readonly prefixes: Prefixes = new Prefixes();
  /** Postings: a rule, and the next posting of the same value or -1. Rules ascend along a chain. */
  private readonly postings: i32[] = emptyList<i32>();
  private readonly nextPosting: i32[] = emptyList<i32>();
  /** While filing: the last posting of each chain, by the first one; the chain of each prefix; how many rules could be under each value. */
  private lastPosting: i32[] = emptyList<i32>();
  private prefixChains: ByteMap = new ByteMap();
  private exactCrowds: ByteMap = new ByteMap();
  private prefixCrowds: ByteMap = new ByteMap();

  constructor(
    private readonly attribute: Attribute,
    /** Values are compared in lower case. */
    private readonly fold: bool,
    /** See {@link Filing}. */
    private readonly header: Bytes,
  ) {}

  isFor(filing: Filing): bool {
    return this.attribute == filing.attribute && this.fold == filing.fold && this.header == filing.header;
  }

  get hasRules(): bool {
    return this.postings.length > 0;
  }

  countCrowd(filing: Filing): void {
    addCrowds(this.exactCrowds, filing.exact);
    addCrowds(this.prefixCrowds, filing.prefixes);
  }

  /** The size of the largest crowd that the rule would join. */
  crowdOf(filing: Filing): i32 {
    return max(
      largestCrowd(this.exactCrowds, filing.exact),
      largestCrowd(this.prefixCrowds, filing.prefixes),
    );
  }

  file(filing: Filing, rule: i32): void {
    for (let at = 0; at < filing.exact.length; at++) this.post(this.exact, filing.exact[at], rule);
    for (let at = 0; at < filing.prefixes.length; at++) {
      this.post(this.prefixChains, filing.prefixes[at], rule);
    }
  }

  private post(map: ByteMap, value: Bytes, rule: i32): void {
    const posting = this.postings.length;
    const first = map.get(value);
    const last = first < 0 ? -1 : this.lastPosting[first];
    // A rule that names a value twice.
    if (last >= 0 && this.postings[last] == rule) return;
    this.postings.push(rule);
    this.nextPosting.push(-1);
    this.lastPosting.push(posting);
    if (first < 0) {
      map.set(value, posting);
      return;
    }
    this.nextPosting[last] = posting;
    this.lastPosting[first] = posting;
  }

  /** Puts the prefixes in order, and drops what only building needed. */
  finish(): void {
    const chains = this.prefixChains;
    for (let key = chains.firstKey(); key != ABSENT; key = chains.keyAfter(key)) {
      this.prefixes.add(key, chains.get(key));
    }
    this.prefixes.finish();
    this.lastPosting = emptyList<i32>();
    this.exactCrowds = new ByteMap(0);
    this.prefixCrowds = new ByteMap(0);
  }

  /** The first rule before `best` that is filed here and matches, or `best`; with `found`, `best`, and all that match are marked there. */
  first(request: RequestView, rules: StaticArray<Rule>, best: i32, found: usize): i32 {
    const header = this.header;
    if (header == ABSENT || !request.headers.mayRepeat(header)) {
      const value = this.fold ? this.attribute.readFolded(request) : this.attribute.read(request);
      return value == ABSENT ? best : this.look(value, request, rules, best, found);
    }
    // The rules that are looked at walk over values of their own.
    const count = countValues(request, header);
    for (let at = 0; at < count; at++) {
      best = this.look(valueAt(request, header, at), request, rules, best, found);
    }
    return best;
  }

  // @ts-ignore: decorator
  @inline
  private look(value: Bytes, request: RequestView, rules: StaticArray<Rule>, best: i32, found: usize): i32 {
    if (this.exact.size > 0) best = this.follow(this.exact.get(value), request, rules, best, found);
    const prefixes = this.prefixes;
    if (prefixes.size == 0) return best;
    for (let at = prefixes.longest(value); at >= 0; at = prefixes.shorter(at)) {
      best = this.follow(prefixes.valueOf(at), request, rules, best, found);
    }
    return best;
  }

  private follow(posting: i32, request: RequestView, rules: StaticArray<Rule>, best: i32, found: usize): i32 {
    for (; posting >= 0; posting = unchecked(this.nextPosting[posting])) {
      const rule = unchecked(this.postings[posting]);
      if (rule >= best) break;
      // It may be filed under several of the values at hand.
      if ((found != 0 && isMarked(found, rule)) || !unchecked(rules[rule]).matches(request)) continue;
      if (found == 0) return rule;
      mark(found, rule);
    }
    return best;
  }
}

/** The byte of a rule, in a table of bits. */
// @ts-ignore: decorator
@inline
function byteOf(found: usize, rule: i32): usize {
  return found + <usize>(rule >> 3);
}

/** Its bit in that byte. */
function bitOf(rule: i32): i32 {
  return 1 << (rule & 7);
}

function isMarked(found: usize, rule: i32): bool {
  return ((<i32>load<u8>(byteOf(found, rule))) & bitOf(rule)) != 0;
}

function mark(found: usize, rule: i32): void {
  const byte = byteOf(found, rule);
  const bits = (<i32>load<u8>(byte)) | bitOf(rule);
  store<u8>(byte, <u8>bits);
}

function countValues(request: RequestView, header: Bytes): i32 {
  let count = 0;
  beginValues(request.headers, header);
  while (nextValue(request.headers, header) != ABSENT) count++;
  return count;
}

/** A value of a header that has as many. */
function valueAt(request: RequestView, header: Bytes, position: i32): Bytes {
  beginValues(request.headers, header);
  for (let at = 0; at < position; at++) nextValue(request.headers, header);
  return nextValue(request.headers, header);
}

function addCrowds(crowds: ByteMap, values: Bytes[]): void {
  for (let at = 0; at < values.length; at++) {
    crowds.set(values[at], max(crowds.get(values[at]), 0) + 1);
  }
}

function largestCrowd(crowds: ByteMap, values: Bytes[]): i32 {
  let largest = 0;
  for (let at = 0; at < values.length; at++) largest = max(largest, crowds.get(values[at]));
  return largest;
}

import { resetArena } from "../../assembly/bytes/arena";
import { readRequestMatch, RequestMatcher } from "../../assembly/match/request-match";
import { RuleIndex } from "../../assembly/match/rule-index";
import { RequestView } from "../../assembly/request-view";
import { hostHasHeaders, resetHost } from "./mock-host";
import { Random } from "./random";
import { newReader, parsed } from "./reading";
import { same } from "./same";
import { bytes } from "./texts";

const request = new RequestView();

function rulesOf(matches: string): RequestMatcher[] {
  const reader = newReader();
  const rules: RequestMatcher[] = [];
  let item = parsed(bytes(matches)).first;
  while (item != null) {
    rules.push(readRequestMatch(reader, item));
    item = item.next;
  }
  same(reader.report(), "", matches);
  return rules;
}

function arrives(lines: string): void {
  resetArena();
  hostHasHeaders(lines);
  same(request.load(), true, lines);
}

/** The first rule at or behind `from` that holds, by walking all of them. */
function walk(rules: RequestMatcher[], from: i32): i32 {
  for (let rule = from; rule < rules.length; rule++) if (rules[rule].matches(request)) return rule;
  return -1;
}

/** Random rules and requests out of so few words that they meet often. */
class Generator {
  private readonly words: string[] = ["a", "b", "ab", "aB", "abc", "Abcdefgh", "abcdefghi", "b-a", ""];

  constructor(readonly random: Random) {}

  rules(count: i32): string {
    const rules: string[] = [];
    for (let at = 0; at < count; at++) rules.push(this.match(2));
    return "[" + rules.join(",") + "]";
  }

  private match(depth: i32): string {
    const random = this.random;
    const fields: string[] = [];
    if (random.once(4)) fields.push('"methods":["GET"' + (random.once(2) ? ',"POST"]' : "]"));
    if (random.once(3)) fields.push('"path":' + this.stringMatch("/"));
    if (random.once(4)) fields.push('"host":' + this.stringMatch(""));
    if (random.once(2)) fields.push('"headers":' + this.named(["x-a", "X-B"]));
    if (random.once(4)) fields.push('"queryParams":' + this.named(["p", "q"]));
    if (random.once(4)) fields.push('"cookies":' + this.named(["c", "d"]));
    if (depth > 0 && random.once(6)) {
      fields.push(
        '"anyOf":[' + this.match(depth - 1) + (random.once(2) ? "," + this.match(depth - 1) + "]" : "]"),
      );
    }
    if (depth > 0 && random.once(8)) fields.push('"not":' + this.match(depth - 1));
    return "{" + fields.join(",") + "}";
  }

  private named(names: string[]): string {
    const first = `"${names[0]}":` + this.stringMatch("");
    const second = `"${names[1]}":` + this.stringMatch("");
    const which = this.random.below(3);
    return "{" + (which == 0 ? first : which == 1 ? second : first + "," + second) + "}";
  }

  private stringMatch(start: string): string {
    const random = this.random;
    if (random.once(5)) return `"${start}${random.pick(this.words)}"`;
    let match = "";
    const kind = random.below(7);
    if (kind <= 1) match = `"exact":"${start}${random.pick(this.words)}"`;
    else if (kind == 2) match = `"prefix":"${this.operand(start)}"`;
    else if (kind == 3) match = `"suffix":"${this.operand("")}"`;
    else if (kind == 4) match = `"contains":"${this.operand("")}"`;
    else if (kind == 5) {
      match = `"in":["${start}${random.pick(this.words)}"`;
      for (let more = random.below(4); more > 0; more--) match += `,"${start}${random.pick(this.words)}"`;
      match += "]";
    } else match = '"present":true';
    if (random.once(3)) match += ',"ignoreCase":true';
    if (random.once(5)) match += ',"not":true';
    return "{" + match + "}";
  }

  /** Never empty. */
  private operand(start: string): string {
    const word = start + this.random.pick(this.words);
    return word.length > 0 ? word : "a";
  }

  request(): string {
    const random = this.random;
    let lines = ":method=" + (random.once(2) ? "GET" : random.once(2) ? "POST" : "PUT");
    lines += "\n:path=/" + random.pick(this.words);
    if (random.once(2)) lines += "?p=" + random.pick(this.words) + "&q=" + random.pick(this.words);
    if (!random.once(4)) lines += "\n:authority=" + random.pick(this.words) + (random.once(2) ? ":80" : "");
    if (!random.once(3)) lines += "\nx-a=" + random.pick(this.words);
    if (random.once(6)) lines += "\nx-a=" + random.pick(this.words);
    if (!random.once(3)) lines += "\nx-b=" + random.pick(this.words);
    if (random.once(2)) lines += "\ncookie=c=" + random.pick(this.words) + "; d=" + random.pick(this.words);
    return lines;
  }
}

/** The index finds all that a walk finds, in its order. */
function sameAll(rules: RequestMatcher[], index: RuleIndex, what: string): void {
  const found = new StaticArray<i32>(rules.length);
  const count = index.all(request, found);
  let number = 0;
  for (let rule = walk(rules, 0); rule >= 0; rule = walk(rules, rule + 1)) {
    if (number >= count || found[number] != rule) same(number < count ? found[number] : -1, rule, what);
    number++;
  }
  if (number != count) same(count, number, what);
}

/** How often the index and the walk agreed on a rule, in a run over random rule sets. */
function agreements(seed: u64, sets: i32, requests: i32, least: i32, most: i32): i32 {
  const generator = new Generator(new Random(seed));
  let agreed = 0;
  for (let set = 0; set < sets; set++) {
    const matches = generator.rules(least + generator.random.below(most - least + 1));
    const rules = rulesOf(matches);
    const index = new RuleIndex(rules);
    for (let i = 0; i < requests; i++) {
      const lines = generator.request();
      arrives(lines);
      const expected = walk(rules, 0);
      const found = index.first(request);
      if (found != expected) same(found, expected, `seed ${seed}: ${matches}\n${lines}`);
      if (found >= 0) agreed++;
      sameAll(rules, index, `seed ${seed}: ${matches}\n${lines}`);
    }
  }
  return agreed;
}

describe("the index of rules", () => {
  beforeEach(() => {
    resetHost();
  });

  it("finds nothing among no rules", () => {
    const index = new RuleIndex([]);
    arrives(":method=GET");
    expect(index.first(request)).toBe(-1);
  });

  it("finds the first rule that holds, filed or walked", () => {
    const text =
      '[{"headers":{"x":"1"}},{"headers":{"x":"2"}},{"path":{"prefix":"/a"}},{"headers":{"x":{"in":["1","2"]}}},{},' +
      '{"headers":{"x":"1"}}]';
    const rules = rulesOf(text);
    arrives(":method=GET\n:path=/abc\nx=2");
    expect(new RuleIndex(rules).first(request)).toBe(1);
    arrives(":method=GET\n:path=/abc\nx=3");
    expect(new RuleIndex(rules).first(request)).toBe(2);
    arrives(":method=GET\n:path=/\nx=3");
    expect(new RuleIndex(rules).first(request)).toBe(4);
  });

  it("walks prefixes of more lengths than it files", () => {
    const matches: string[] = [];
    for (let at = 0; at < 40; at++) matches.push(`{"path":{"prefix":"/${"a".repeat(40 - at)}"}}`);
    const index = new RuleIndex(rulesOf("[" + matches.join(",") + "]"));
    for (let at = 0; at < 40; at++) {
      arrives(":method=GET\n:path=/" + "a".repeat(40 - at) + "b");
      same(index.first(request), at);
    }
  });

  it("asks nothing of rules that are filed under other values", () => {
    // 20,000 rules, 20,000 look-ups: a walk would take 400 million comparisons.
    const matches: string[] = [];
    for (let at = 0; at < 20000; at++) matches.push(`{"headers":{"x-user":"user-${at}"}}`);
    const index = new RuleIndex(rulesOf("[" + matches.join(",") + "]"));
    for (let at = 0; at < 20000; at += 1000) {
      arrives(`:method=GET\nx-user=user-${at}`);
      for (let i = 0; i < 1000; i++) same(index.first(request), at);
    }
    arrives(":method=GET\nx-user=user-20000");
    expect(index.first(request)).toBe(-1);
  });

  it("finds rules with sets that are too large to be filed", () => {
    const names: string[] = [];
    for (let at = 0; at < 1025; at++) names.push(`"n${at}"`);
    const set = names.join(",");
    const rules = rulesOf(
      `[{"headers":{"x":{"in":[${set}]}},"methods":["PUT"]},{"headers":{"x":"n1"}},{"headers":{"x":"n2"}},` +
        `{"headers":{"x":"n3"}},{"headers":{"x":"n4"}},{"headers":{"x":{"in":[${set},"n1024"]}}}]`,
    );
    const index = new RuleIndex(rules);
    arrives(":method=GET\nx=n1024");
    expect(index.first(request)).toBe(5);
    arrives(":method=GET\nx=n3");
    expect(index.first(request)).toBe(3);
    arrives(":method=PUT\nx=n3");
    expect(index.first(request)).toBe(0);
  });

  it("answers what a walk over all rules answers: few rules (seed 101)", () => {
    expect(agreements(101, 1000, 4, 0, 6) > 1300).toBe(true);
  });

  it("answers what a walk over all rules answers: as many as are looked up (seed 202)", () => {
    expect(agreements(202, 1000, 4, 5, 20) > 2600).toBe(true);
  });

  it("answers what a walk over all rules answers: many rules (seed 303)", () => {
    expect(agreements(303, 40, 20, 100, 200) > 600).toBe(true);
  });
});

import { lowerCase } from "../../assembly/bytes/arena";
import { ABSENT, Bytes } from "../../assembly/bytes/bytes";
import { readStringMatch, StringMatcher } from "../../assembly/match/string-match";
import { newReader, parsed } from "./reading";
import { same } from "./same";
import { bytes } from "./texts";

/** What is wrong with a `StringMatch`; empty when nothing is. */
function problems(match: string): string {
  const reader = newReader();
  const matcher = readStringMatch(reader, parsed(bytes(`{"a":${match}}`)).first!);
  if (matcher == null) same(reader.failed, true, match);
  return reader.report();
}

function matcherOf(match: string, folded: bool = false): StringMatcher {
  const reader = newReader();
  const matcher = readStringMatch(reader, parsed(bytes(`{"a":${match}}`)).first!, folded);
  if (matcher == null) {
    expect(reader.report()).toBe("", match);
    unreachable();
  }
  return matcher!;
}

/** Whether `match` holds for the value; `-` stands for an absent one. */
function holds(match: string, value: string): bool {
  return holdsFor(matcherOf(match), valueOf(value));
}

/** As `Condition` asks: in lower case where case is ignored. */
function holdsFor(matcher: StringMatcher, value: Bytes): bool {
  return matcher.matches(matcher.ignoreCase && value != ABSENT ? lowerCase(value) : value);
}

function valueOf(value: string): Bytes {
  return value == "-" ? ABSENT : bytes(value);
}

/** `y` or `n` for each of the values. */
function verdicts(match: string, values: string[]): string {
  const matcher = matcherOf(match);
  let verdicts = "";
  for (let at = 0; at < values.length; at++) verdicts += holdsFor(matcher, valueOf(values[at])) ? "y" : "n";
  return verdicts;
}

const VALUES = ["-", "", "ab", "AB", "abc", "xab", "xabc", "xABc", "a"];

describe("a StringMatch", () => {
  it("that is a bare string is exact, and the empty string too", () => {
    expect(verdicts('"ab"', VALUES)).toBe("nnynnnnnn");
    expect(verdicts('""', VALUES)).toBe("nynnnnnnn");
  });

  it("compares in each of its ways", () => {
    expect(verdicts('{"exact":"ab"}', VALUES)).toBe("nnynnnnnn");
    expect(verdicts('{"exact":""}', VALUES)).toBe("nynnnnnnn");
    expect(verdicts('{"prefix":"ab"}', VALUES)).toBe("nnynynnnn");
    expect(verdicts('{"suffix":"ab"}', VALUES)).toBe("nnynnynnn");
    expect(verdicts('{"contains":"ab"}', VALUES)).toBe("nnynyyynn");
    expect(verdicts('{"regex":"x?a[b]"}', VALUES)).toBe("nnynnynnn");
    expect(verdicts('{"in":["ab","a",""]}', VALUES)).toBe("nyynnnnny");
    expect(verdicts('{"present":true}', VALUES)).toBe("nyyyyyyyy");
  });

  it("compares in each of its ways without case", () => {
    expect(verdicts('{"exact":"aB","ignoreCase":true}', VALUES)).toBe("nnyynnnnn");
    expect(verdicts('{"prefix":"aB","ignoreCase":true}', VALUES)).toBe("nnyyynnnn");
    expect(verdicts('{"suffix":"aB","ignoreCase":true}', VALUES)).toBe("nnyynynnn");
    expect(verdicts('{"contains":"aB","ignoreCase":true}', VALUES)).toBe("nnyyyyyyn");
    expect(verdicts('{"regex":"X?a(?-i)[B]","ignoreCase":true}', VALUES)).toBe("nnyynynnn");
    expect(verdicts('{"in":["aB","A"],"ignoreCase":true}', VALUES)).toBe("nnyynnnny");
    expect(verdicts('{"present":true,"ignoreCase":true}', VALUES)).toBe("nyyyyyyyy");
  });

  it("with `not` holds for what is absent, whatever the way", () => {
    expect(verdicts('{"exact":"ab","not":true}', VALUES)).toBe("yynyyyyyy");
    expect(verdicts('{"prefix":"ab","not":true}', VALUES)).toBe("yynynyyyy");
    expect(verdicts('{"suffix":"ab","not":true}', VALUES)).toBe("yynyynyyy");
    expect(verdicts('{"contains":"ab","not":true}', VALUES)).toBe("yynynnnyy");
    expect(verdicts('{"regex":"x?a[b]","not":true}', VALUES)).toBe("yynyynyyy");
    expect(verdicts('{"in":["ab","a",""],"not":true}', VALUES)).toBe("ynnyyyyyn");
    expect(verdicts('{"present":true,"not":true}', VALUES)).toBe("ynnnnnnnn");
  });

  it("with `not` and without case is the opposite of the one without `not`", () => {
    const ways = [
      '"exact":"aB"',
      '"prefix":"aB"',
      '"suffix":"aB"',
      '"contains":"aB"',
      '"regex":".?aB"',
      '"in":["aB","A"]',
      '"present":true',
    ];
    for (let way = 0; way < ways.length; way++) {
      for (let at = 0; at < VALUES.length; at++) {
        const plain = holds("{" + ways[way] + ',"ignoreCase":true,"not":false}', VALUES[at]);
        const not = holds("{" + ways[way] + ',"ignoreCase":true,"not":true}', VALUES[at]);
        same(plain, !not, ways[way] + " " + VALUES[at]);
      }
    }
  });

  it("folds the case of ASCII letters only", () => {
    expect(holds('{"exact":"É","ignoreCase":true}', "é")).toBe(false);
    expect(holds('{"exact":"É","ignoreCase":true}', "É")).toBe(true);
    expect(holds('{"exact":"[","ignoreCase":true}', "{")).toBe(false);
    expect(holds('{"exact":"@","ignoreCase":true}', "`")).toBe(false);
  });

  it("of an attribute in lower case may be written in any case", () => {
    expect(matcherOf('"API.Example.com"', true).matches(bytes("api.example.com"))).toBe(true);
    expect(matcherOf('{"suffix":".Example.com"}', true).matches(bytes("api.example.com"))).toBe(true);
    expect(matcherOf('{"in":["A.com","B.com"]}', true).matches(bytes("b.com"))).toBe(true);
    expect(matcherOf('{"regex":"API\\\\..*"}', true).matches(bytes("api.example.com"))).toBe(true);
    expect(matcherOf('"API.Example.com"').matches(bytes("api.example.com"))).toBe(false);
  });

  it("compares bytes beyond eight and values that differ late", () => {
    expect(holds('{"prefix":"/api/v1/users/"}', "/api/v1/users/7")).toBe(true);
    expect(holds('{"prefix":"/api/v1/users/"}', "/api/v1/userz/7")).toBe(false);
    expect(holds('{"contains":"needle-in-hay"}', "a haystack with needle-in-hay.")).toBe(true);
    expect(holds('{"contains":"needle-in-hay"}', "a haystack with needle-in-haz.")).toBe(false);
  });
});

describe("a set of 100,000 names", () => {
  it("holds each of them, in any case when asked to, and no other", () => {
    const names = new Array<string>(100000);
    for (let at = 0; at < names.length; at++) names[at] = `"User-${at}@example.com"`;
    const list = "[" + names.join(",") + "]";
    const matcher = matcherOf(`{"in":${list}}`);
    const folding = matcherOf(`{"in":${list},"ignoreCase":true}`);
    for (let at = 0; at < names.length; at += 7) {
      const name = names[at].slice(1, -1);
      same(matcher.matches(bytes(name)), true, name);
      same(matcher.matches(bytes(name.toLowerCase())), false, name);
      same(holdsFor(folding, bytes(name.toUpperCase())), true, name);
      same(holdsFor(folding, bytes("x" + name)), false, name);
    }
    expect(matcher.matches(bytes("User-100000@example.com"))).toBe(false);
    expect(matcher.matches(bytes("User-99999@example.com"))).toBe(true);
    expect(matcher.set!.size).toBe(100000);
  });
});

describe("a StringMatch that is wrong", () => {
  it("is neither a string nor an object", () => {
    const expected =
      "a: expected a string, or an object with one of exact, prefix, suffix, contains, regex, in or present, got ";
    expect(problems("1")).toBe(expected + "1");
    expect(problems("true")).toBe(expected + "true");
    expect(problems("null")).toBe(expected + "null");
    expect(problems('["x"]')).toBe(expected + "a list");
  });

  it("has no comparison or more than one", () => {
    const none =
      "a: has no comparison; expected one of exact, prefix, suffix, contains, regex, in or present";
    expect(problems("{}")).toBe(none);
    expect(problems('{"not":true,"ignoreCase":true}')).toBe(none);
    expect(problems('{"exact":null}')).toBe("a.exact: expected a string, got null");
    expect(problems('{"prefix":"a","exact":"b"}')).toBe(
      "a: has both prefix and exact; expected exactly one comparison",
    );
    expect(problems('{"in":["a"],"present":true}')).toBe(
      "a: has both in and present; expected exactly one comparison",
    );
  });

  it("has a field that is unknown, each of which is told", () => {
    const known =
      ": unknown field; expected exact, prefix, suffix, contains, regex, in, present, ignoreCase or not";
    expect(problems('{"exact":"a","Exact":"b","regexp":"c"}')).toBe(`a.Exact${known}\na.regexp${known}`);
  });

  it("has an operand of the wrong type", () => {
    expect(problems('{"exact":1}')).toBe("a.exact: expected a string, got 1");
    expect(problems('{"prefix":["a"]}')).toBe("a.prefix: expected a string, got a list");
    expect(problems('{"in":"a"}')).toBe('a.in: expected a list of at least one string, got "a"');
    expect(problems('{"in":[]}')).toBe("a.in: expected a list of at least one string, got an empty list");
    expect(problems('{"in":["a",1,null]}')).toBe(
      "a.in[1]: expected a string, got 1\na.in[2]: expected a string, got null",
    );
    expect(problems('{"present":false}')).toBe(
      "a.present: expected true (with `not: true` for absence), got false",
    );
    expect(problems('{"present":"true"}')).toBe(
      'a.present: expected true (with `not: true` for absence), got "true"',
    );
    expect(problems('{"exact":"a","not":"x"}').startsWith("a.not: expected true or false")).toBe(true);
    expect(problems('{"exact":"a","ignoreCase":1}').startsWith("a.ignoreCase: expected true or false")).toBe(
      true,
    );
  });

  it("has a text to look for that is too long", () => {
    expect(problems(`{"contains":"${"x".repeat(256)}"}`)).toBe("");
    expect(problems(`{"contains":"${"x".repeat(257)}"}`)).toBe("a.contains: longer than 256 bytes");
  });

  it("has a regex that is none", () => {
    expect(problems('{"regex":"(?=v2).*"}')).toBe(
      "a.regex: (?=v is not supported: no look-around, atomic or conditional group, at 1",
    );
    expect(problems('{"regex":"[a"}')).toBe("a.regex: missing ], at 1");
    expect(problems('{"regex":1}')).toBe("a.regex: expected a string, got 1");
    expect(problems('{"regex":""}')).toBe(
      "a.regex: empty; expected at least one character (or `present: true`)",
    );
  });

  it("has an operand that every value would match", () => {
    const empty = "empty; expected at least one character (or `present: true`)";
    expect(problems('{"prefix":""}')).toBe("a.prefix: " + empty);
    expect(problems('{"suffix":""}')).toBe("a.suffix: " + empty);
    expect(problems('{"contains":""}')).toBe("a.contains: " + empty);
  });
});

import { Bytes } from "../../assembly/bytes/bytes";
import { compileRegex, regexProblem } from "../../assembly/regex/compile";
import { Regex } from "../../assembly/regex/regex";
import { same } from "./same";
import { bytes, raw } from "./texts";

function compiled(pattern: string, ignoreCase: bool = false): Regex {
  const regex = compileRegex(bytes(pattern), ignoreCase);
  if (regex == null) {
    expect(regexProblem).toBe("", pattern);
    unreachable();
  }
  return regex!;
}

/** `y` or `n` for each of the values. */
function verdicts(pattern: string, values: string[], ignoreCase: bool = false): string {
  const regex = compiled(pattern, ignoreCase);
  let verdicts = "";
  for (let at = 0; at < values.length; at++) verdicts += regex.matches(bytes(values[at])) ? "y" : "n";
  return verdicts;
}

function matches(pattern: string, value: Bytes): bool {
  return compiled(pattern).matches(value);
}

/** What is wrong with a pattern; empty when nothing is. */
function problem(pattern: string): string {
  const regex = compileRegex(bytes(pattern));
  same(regex == null, regexProblem.length > 0, pattern);
  return regexProblem;
}

describe("a regex", () => {
  it("matches the whole value only", () => {
    expect(verdicts("ab", ["ab", "abc", "xab", "a", ""])).toBe("ynnnn");
    expect(verdicts("a|ab", ["a", "ab", "abc"])).toBe("yyn");
    expect(verdicts("(a|ab)(c|bcd)", ["ac", "abc", "abcd", "abbcd", "a"])).toBe("yyyyn");
  });

  it("repeats, greedy or not", () => {
    expect(verdicts("a*", ["", "a", "aa", "b"])).toBe("yyyn");
    expect(verdicts("a+?b??", ["", "a", "aab", "b"])).toBe("nyyn");
    expect(verdicts("a{2}", ["a", "aa", "aaa"])).toBe("nyn");
    expect(verdicts("a{2,}", ["a", "aa", "aaa"])).toBe("nyy");
    expect(verdicts("a{1,2}?", ["", "a", "aa", "aaa"])).toBe("nyyn");
    expect(verdicts("(?:ab){0,2}c", ["c", "abc", "ababc", "abababc", "ac"])).toBe("yyynn");
    expect(verdicts("a{0}b", ["b", "ab"])).toBe("yn");
    expect(verdicts("(|a)+(b*)*", ["", "a", "aab", "c"])).toBe("yyyn");
    expect(verdicts("a{,2}", ["a{,2}", "aa"])).toBe("yn");
  });

  it("has classes, of characters and with names", () => {
    expect(verdicts("[a-c]", ["a", "c", "d", "-"])).toBe("yynn");
    expect(verdicts("[^a-c]", ["a", "d", "é", "\n"])).toBe("nyyy");
    expect(verdicts("[]a-]", ["]", "a", "-", "b"])).toBe("yyyn");
    expect(verdicts("\\d\\D\\w\\W\\s\\S", ["1a_- x", "aa_- x", "1a_-xx"])).toBe("ynn");
    expect(verdicts("\\s", [" ", "\t", "\x0b", "\f"])).toBe("yyny");
    expect(verdicts("[[:alpha:][:^word:]]", ["a", "-", "1", "_"])).toBe("yynn");
    expect(verdicts("[\\W\\d]", ["-", "1", "a", "é"])).toBe("yyny");
  });

  it("takes characters beyond ASCII as one", () => {
    expect(verdicts(".", ["é", "日", "😀", "éé", ""])).toBe("yyynn");
    expect(verdicts("[à-ü]x", ["éx", "ßx", "ex", "ýx"])).toBe("ynnn");
    expect(verdicts("\\x{1F600}|\\xe9", ["😀", "é", "😁"])).toBe("yyn");
    expect(verdicts("[^é]", ["é", "è", "x"])).toBe("nyy");
  });

  it("has a dot for all but the line feed, or with a flag for all", () => {
    expect(verdicts("a.b", ["axb", "a\nb"])).toBe("yn");
    expect(verdicts("(?s)a.b", ["axb", "a\nb"])).toBe("yy");
    expect(verdicts("(?s:a.b).", ["a\nbx", "a\nb\n"])).toBe("yn");
  });

  it("ignores case where a flag says so, until the group ends", () => {
    expect(verdicts("(?i)aB-[c-d]", ["AB-C", "ab-D", "ab-e"])).toBe("yyn");
    expect(verdicts("(?i:a)b", ["Ab", "aB"])).toBe("yn");
    expect(verdicts("(a(?i)b|c)d", ["aBd", "Cd", "cD", "Abd"])).toBe("yynn");
    expect(verdicts("(?i)k|s", ["K", "\u212a", "ſ", "S"])).toBe("yyyy");
    expect(verdicts("(?i)[^k]", ["k", "K", "\u212a", "j"])).toBe("nnny");
  });

  it("that is to ignore case does so for ASCII letters, whatever its flags", () => {
    expect(verdicts("aB", ["AB", "ab"], true)).toBe("yy");
    expect(verdicts("(?-i)aB", ["AB", "ab"], true)).toBe("yy");
    expect(verdicts("É|k", ["É", "é", "K", "\u212a"], true)).toBe("ynyn");
  });

  it("asserts the ends of text, lines and words", () => {
    expect(verdicts("^a$", ["a", "a\n"])).toBe("yn");
    expect(verdicts("a\\A", ["a"])).toBe("n");
    expect(verdicts("(?m)a$\n^b\\z", ["a\nb", "ab"])).toBe("yn");
    expect(verdicts("a$\nb", ["a\nb"])).toBe("n");
    expect(verdicts("a\\b.c", ["a-c", "abc"])).toBe("yn");
    expect(verdicts("a\\B.c", ["a-c", "abc"])).toBe("ny");
    expect(verdicts("\\b", [""])).toBe("n");
    expect(verdicts("\\B", [""])).toBe("y");
    expect(verdicts("(\\b.)*", ["a-b-", "ab"])).toBe("yn");
  });

  it("has escapes and quotations", () => {
    expect(verdicts("\\n\\t\\r\\f\\v\\a", ["\n\t\r\x0c\x0b\x07"])).toBe("y");
    expect(verdicts("\\x41\\101\\07\\.\\_", ["AA\x07._"])).toBe("y");
    expect(verdicts("\\Qa.b*\\E+|\\Q(", ["a.b**", "axb*", "("])).toBe("yny");
  });

  it("has groups with names", () => {
    expect(verdicts("(?P<one>a)(?<two>b)", ["ab", "a"])).toBe("yn");
  });

  it("judges bytes that are no UTF-8 as RE2 does: none matches, but for forms that are too long", () => {
    expect(matches(".*", raw([0x61, 0xff]))).toBe(false);
    expect(matches("[^a]", raw([0x80]))).toBe(false);
    expect(matches("[^a]", raw([0xc3]))).toBe(false);
    expect(matches("a|.", raw([0xc3, 0xa9]))).toBe(true);
    expect(matches(".", raw([0xc0, 0x80]))).toBe(false);
    expect(matches(".", raw([0xe0, 0x80, 0x80]))).toBe(true);
    expect(matches("\\x00", raw([0xe0, 0x80, 0x80]))).toBe(false);
    expect(matches("[^é]", raw([0xe0, 0x80, 0x80]))).toBe(false);
    expect(matches(".", raw([0xf4, 0x90, 0x80, 0x80]))).toBe(true);
    expect(matches(".", raw([0xf5, 0x80, 0x80, 0x80]))).toBe(false);
  });

  it("gives the same answers when its cache is emptied again and again", () => {
    // A state for each set of places at which an `a` was in the last 14 characters: more than there is room for.
    const regex = compiled("[ab]*a[ab]{13}");
    let seed: u32 = 1;
    for (let round = 0; round < 200; round++) {
      let value = "";
      for (let at = 0; at < 40; at++) {
        seed = seed * 1664525 + 1013904223;
        value += seed >>> 31 ? "a" : "b";
      }
      same(regex.matches(bytes(value)), value.charAt(26) == "a", value);
    }
  });
});

describe("a regex that is refused says what is wrong with it, and where:", () => {
  it("what takes more than linear time, or a table of all of Unicode", () => {
    const group = " is not supported: no look-around, atomic or conditional group, at ";
    expect(problem("v(?=a)")).toBe("(?=a" + group + "2");
    expect(problem("(?!a)")).toBe("(?!a" + group + "1");
    expect(problem("(?<=a)")).toBe("(?<=" + group + "1");
    expect(problem("(?<!a)")).toBe("(?<!" + group + "1");
    expect(problem("(?>a)")).toBe("(?>a" + group + "1");
    expect(problem("(?(1)a)")).toBe("(?(1" + group + "1");
    expect(problem("(?P=n)")).toBe("(?P=" + group + "1");
    expect(problem("(?#a)")).toBe("(?#a" + group + "1");
    expect(problem("(?")).toBe("(?" + group + "1");
    const escape = " is not supported: no back-reference or class of Unicode, at ";
    expect(problem("(a)\\1")).toBe("\\1" + escape + "4");
    expect(problem("\\8")).toBe("\\8" + escape + "1");
    expect(problem("\\pN")).toBe("\\p" + escape + "1");
    expect(problem("[\\P{Greek}]")).toBe("\\P" + escape + "2");
    expect(problem("\\C")).toBe("\\C" + escape + "1");
    expect(problem("a\\Z")).toBe("\\Z" + escape + "2");
    expect(problem("\\G")).toBe("\\G" + escape + "1");
    expect(problem("(?i)é")).toBe("(?i) is for ASCII only, at 5");
    expect(problem("a*+")).toBe("possessive or doubled repetition is not supported, at 3");
    expect(problem("a**")).toBe("possessive or doubled repetition is not supported, at 3");
    expect(problem("a{2}{3}")).toBe("possessive or doubled repetition is not supported, at 5");
  });

  it("brackets and groups that do not end, or never began", () => {
    expect(problem("(a")).toBe("missing ), at 3");
    expect(problem("a)")).toBe("unexpected ), at 2");
    expect(problem("x[a")).toBe("missing ], at 2");
    expect(problem("[]")).toBe("missing ], at 1");
    expect(problem("(?i-)").startsWith("(?i- is not supported")).toBe(true);
    expect(problem("(?i-s-m)").startsWith("(?i- is not supported")).toBe(true);
  });

  it("repetitions of nothing, and impossible ones", () => {
    expect(problem("*")).toBe("missing argument to repetition, at 1");
    expect(problem("a|+")).toBe("missing argument to repetition, at 3");
    expect(problem("(?i)?")).toBe("missing argument to repetition, at 5");
    expect(problem("a{1001}")).toBe("expected counts up to 1000, the lesser first, at 2");
    expect(problem("a{4294967297}")).toBe("expected counts up to 1000, the lesser first, at 2");
    expect(problem("a{2,1}")).toBe("expected counts up to 1000, the lesser first, at 2");
  });

  it("escapes and classes that are none", () => {
    expect(problem("\\q").startsWith("\\q is not supported")).toBe(true);
    expect(problem("[a-\\d]").startsWith("\\d is not supported")).toBe(true);
    expect(problem("a\\")).toBe("a backslash at the end, at 2");
    expect(problem("\\x4")).toBe("expected \\x7F or \\x{10FFFF}, at 1");
    expect(problem("\\x{110000}")).toBe("expected \\x7F or \\x{10FFFF}, at 1");
    expect(problem("[b-a]")).toBe("a range from high to low, at 2");
    expect(problem("[[:alfa:]]")).toBe("unknown class; expected one like [:alpha:], at 2");
    expect(problem("[[:s:]]")).toBe("unknown class; expected one like [:alpha:], at 2");
  });

  it("what is too large, or nested too deep", () => {
    expect(problem("a".repeat(4096)).startsWith("too large")).toBe(true);
    expect(problem(" ".repeat(4097)).startsWith("too large")).toBe(true);
    expect(problem("a{1000}b{999}")).toBe("");
    expect(problem("a{1000}b{1000}").startsWith("too large")).toBe(true);
    expect(problem("((a{100}){100}){100}").startsWith("too large")).toBe(true);
    expect(problem("(".repeat(100) + "a" + ")".repeat(100))).toBe("");
    expect(problem("(".repeat(101) + "a" + ")".repeat(101))).toBe("nested too deep, at 101");
    let characters = "";
    for (let at = 0; at < 600; at++) characters += String.fromCharCode(0x4000 + 2 * at);
    expect(problem(characters).startsWith("too large")).toBe(true);
    expect(problem("[" + characters.slice(0, 400) + "]")).toBe("");
  });

  it("a pattern that is no UTF-8", () => {
    expect(compileRegex(raw([0x61, 0xff])) == null).toBe(true);
    expect(regexProblem).toBe("not UTF-8, at 2");
  });
});

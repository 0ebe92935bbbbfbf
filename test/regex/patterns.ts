/** Patterns and values for the differential tests. */
import fc from "fast-check";

const LETTERS = ["a", "b", "c", "A", "1", "_", "-", " ", "é", "😀"] as const;

/** A value that the patterns below have a chance to match. */
export const value: fc.Arbitrary<string> = fc
  .array(fc.constantFrom(...LETTERS, "\n", "k", "K", "\u212a", "ſ", "è", "0"), { maxLength: 8 })
  .map((characters) => characters.join(""));

/** What JavaScript and RE2 mean the same by, with the flag `u`. */
export const commonPattern: fc.Arbitrary<string> = pattern([
  ...LETTERS.map((letter) => letter.replace("-", "\\x2d")),
  // JavaScript's dot excludes three more line ends, and its \s more spaces: the values have none of them.
  ...[".", "\\d", "\\D", "\\w", "\\W", "\\s", "\\S", "\\n", "\\x41", "\\.", "^", "$", "\\b", "\\B"],
  ...["[ab]", "[^ab]", "[a-c_]", "[\\w\\x2d]", "[^\\d]", "[é-ü]", "[^é]", "[\\s\\S]", "[^\\n]"],
]);

/** All of RE2's syntax, and much that is none. */
export const re2Pattern: fc.Arbitrary<string> = fc.oneof(
  pattern(
    [
      ...LETTERS,
      ...[
        "K",
        "k",
        "s",
        ".",
        "\\d",
        "\\D",
        "\\w",
        "\\W",
        "\\s",
        "\\S",
        "\\n",
        "\\t",
        "\\x41",
        "\\x{e9}",
        "\\101",
        "\\.",
      ],
      ...[
        "^",
        "$",
        "\\A",
        "\\z",
        "\\b",
        "\\B",
        "\\Qa.\\E",
        "\\Q*",
        "\\Q\\E",
        "(?i)",
        "(?-i)",
        "(?s)",
        "(?m)",
        "(?U)",
      ],
      ...[
        "[ab]",
        "[^ab]",
        "[]a]",
        "[^]a]",
        "[a-]",
        "[[:alpha:]]",
        "[[:^space:]_]",
        "[\\D1]",
        "[^\\W]",
        "[à-ü]",
        "[^é]",
      ],
      ...[
        "[[:a]",
        "[\\x{1F600}-\\x{1F64F}]",
        "{",
        "}",
        "]",
        "a{,2}",
        "(?P<n>a)",
        "(?<m>b)",
        "(?i:a|B)",
        "(?s:.)",
        "(?m:^|$)",
      ],
    ],
    ["*?", "+?", "??", "{2}?", "{0}", "{1,}", "{0,1}"],
  ),
  fc
    .array(
      fc.constantFrom(
        ..."()[]{}|*+?^$.\\-,:é\n".split(""),
        ..."a b 1 2 i s m U - Q E d w W b B A z x41 P<n> <n> [:alpha:] [:^digit:] {2} {2,} {1,2} {01} (?i) (?i: (?-s: (?: \\Q \\E \\x{41}".split(
          " ",
        ),
      ),
      { maxLength: 12 },
    )
    .map((pieces) => pieces.join("")),
);

/** Patterns out of these atoms: in a row, in groups, as alternatives, repeated. */
function pattern(atoms: readonly string[], repetitions: readonly string[] = []): fc.Arbitrary<string> {
  const counts = ["*", "+", "?", "{2}", "{1,2}", "{2,}", "{0,3}", ...repetitions];
  const assertions = /^(\^|\$|\\[bBAz]|\(\?[-a-zA-Z]*\))$/;
  return fc.letrec<{ row: string; part: string; group: string }>((tie) => ({
    row: fc.array(tie("part"), { maxLength: 4 }).map((parts) => parts.join("")),
    part: fc.oneof(
      { maxDepth: 4 },
      { weight: 4, arbitrary: fc.constantFrom(...atoms) },
      {
        weight: 2,
        arbitrary: fc
          .tuple(
            fc.constantFrom(...atoms.filter((atom) => !assertions.test(atom))),
            fc.constantFrom(...counts),
          )
          .map(([atom, count]) => `(?:${atom})${count}`),
      },
      { weight: 2, arbitrary: tie("group") },
    ),
    group: fc
      .tuple(
        fc.array(tie("row"), { minLength: 1, maxLength: 3 }),
        fc.constantFrom("", ...counts),
        fc.boolean(),
      )
      .map(([rows, count, captures]) => `(${captures ? "" : "?:"}${rows.join("|")})${count}`),
  })).row;
}

/** Random headers of the trace formats: in order, nearly in order, of several formats that contradict each other, doubled, too long, hostile. */
import fc from "fast-check";
import type { Header } from "../driver.ts";
import { type Format, FORMATS, HEADERS, inject, type TraceContext } from "./model.ts";

const MAX_64 = (1n << 64n) - 1n;
const id = fc.oneof(
  { weight: 8, arbitrary: fc.bigInt({ min: 1n, max: MAX_64 }) },
  { weight: 2, arbitrary: fc.constantFrom(1n, 0xffn, 1n << 63n, MAX_64) },
);
const trace = fc
  .tuple(
    fc.oneof(id, fc.constant(0n)),
    fc.oneof({ weight: 12, arbitrary: id }, { weight: 1, arbitrary: fc.constant(0n) }),
  )
  .map(([high, low]) => (high << 64n) | low || 1n);

const key = fc.oneof(
  fc.constantFrom("a", "b", "c", "vendor", "rojo", "congo", "1x", "t@v", "dd", "k".repeat(256)),
  fc.stringMatching(/^[a-z0-9][a-z0-9_*@/-]{0,6}$/),
);
const value = fc.oneof(
  fc.constantFrom(
    "1",
    "x",
    " 1",
    "00f067aa0ba902b7",
    "v".repeat(100),
    "v".repeat(125),
    "v".repeat(130),
    "v".repeat(256),
  ),
  fc.stringMatching(/^[ -+\--<>-~]{0,6}[!-+\--<>-~]$/),
);
const member = fc.oneof(
  { weight: 30, arbitrary: fc.tuple(key, value).map(([name, text]) => `${name}=${text}`) },
  { weight: 3, arbitrary: fc.constantFrom("outrigger=f", "outrigger=f", "outrigger=x", "outrigger=ff") },
  { weight: 2, arbitrary: fc.constantFrom("", " ", "\t") },
);
const brokenMember = fc.constantFrom(
  ...["foo", "=", "=1", "foo=", "FOO=1", "foo =1", "foo=a=b", "@a=1", "_a=1", "a.b=1", "a=\xe9", "\xe9=1"],
  ...[`${"k".repeat(257)}=1`, `a=${"v".repeat(257)}`, "a=b\tc", "a\t=b"],
);
const state = fc
  .tuple(
    fc.oneof(
      { weight: 6, arbitrary: fc.array(member, { maxLength: 5 }) },
      { weight: 2, arbitrary: fc.array(member, { minLength: 28, maxLength: 36 }) },
      {
        weight: 1,
        // All keys differ, so that a list is as long as may be.
        arbitrary: fc
          .tuple(fc.integer({ min: 30, max: 34 }), fc.integer({ min: 1, max: 40 }), fc.boolean())
          .map(([count, length, own]) => [
            ...(own ? ["outrigger=f"] : []),
            ...Array.from({ length: count }, (_, at) => `k${at}=${"v".repeat(length)}`),
          ]),
      },
      {
        weight: 1,
        arbitrary: fc
          .tuple(fc.array(member, { maxLength: 4 }), brokenMember, fc.nat({ max: 4 }))
          .map(([list, broken, at]) => list.toSpliced(at, 0, broken)),
      },
    ),
    fc.constantFrom(",", ",", ", ", " ,", "\t,\t", ",,"),
  )
  .map(([list, separator]) => list.join(separator));

const context: fc.Arbitrary<TraceContext> = fc
  .record({
    trace,
    span: id,
    parent: fc.oneof(id, fc.constant(0n)),
    decision: fc.constantFrom("undecided", "drop", "keep", "keep"),
    forced: fc.boolean(),
    random: fc.boolean(),
  })
  .map(({ forced, ...rest }) => ({ ...rest, forced: forced && rest.decision !== "undecided", state: [] }));

/** Other spellings of what the writers of a format say. */
const SPELLINGS: Readonly<Record<Format, fc.Arbitrary<(header: Header) => Header>>> = {
  w3c: respelled([
    [/^00/, "cc"],
    [/^00/, "ff"],
    [/$/, "-more"],
    [/^00(.*)$/, "01$1-x"],
    [/0([0-3])$/, "a$1"],
    [/[a-f]/g, "F"],
  ]),
  b3: respelled([
    [/^1$/, "true"],
    [/^0$/, "false"],
    [/^1$/, "TRUE"],
    [/^(0|1)$/, "d"],
    [/^[0-9a-f]{16}$/, "0000000000000000$&"],
    [/[a-f]/g, "A"],
  ]),
  b3single: respelled([
    [/^.*-(.)$/, "$1"],
    [/^.*-([01d])(-.*)?$/, "$1"],
    [/-[01d]-/, "-true-"],
    [/-d$/, "-1-1"],
    [/^[0-9a-f]{16}-/, "0000000000000000$&"],
    [/[a-f]/g, "A"],
  ]),
  jaeger: respelled([
    [/:/g, "%3A"],
    [/:/g, "%3a"],
    [/:/, "%3A"],
    [/(^|:)0+(?=[0-9a-f])/g, "$1"],
    [/[a-f]/g, "A"],
    [/:(.)$/, ":0$1"],
    [/:(.)$/, ":f$1"],
    [/:(.)$/, ":2"],
  ]),
  datadog: respelled([
    [/^/, "0"],
    [/^/, "+"],
    [/^/, "-"],
    [/$/, "0"],
    [/^.*$/, "18446744073709551615"],
    [/^.*$/, "18446744073709551616"],
    [/^_dd/, "_dd.p.dm=-1,_dd"],
    [/^_dd/, "a=b=c, _dd"],
    [/$/, ",_dd.p.tid=1234567890abcdef"],
    [/[a-f]$/, "G"],
    [/^1$/, "3"],
  ]),
  xray: respelled([
    [/;/g, " ; "],
    [/=/g, " = "],
    [/^([^;]*);(.*)$/, "$2;$1"],
    [/;Parent=[^;]*/, ""],
    [/^(Root=[^;]*).*$/, "$1"],
    [/$/, ";Self=1-67891234-12456789abcdef012345678"],
    [/$/, ";Sampled=1"],
    [/$/, ";"],
    [/$/, ";Lineage"],
    [/;Sampled=.*$/, ";Sampled=?"],
    [/Root=1/, "Root=2"],
    [/[a-f]/g, "A"],
    [/Root|Parent|Sampled/, "root"],
  ]),
};

function respelled(ways: readonly (readonly [RegExp, string])[]): fc.Arbitrary<(header: Header) => Header> {
  return fc
    .constantFrom(...ways)
    .map(([pattern, text]) => ([name, value]: Header): Header => [name, value.replace(pattern, text)]);
}

/** A few characters are cut out, a few are put in. */
const edited = fc
  .record({
    at: fc.nat({ max: 600 }),
    remove: fc.nat({ max: 2 }),
    insert: fc.constantFrom(
      ...["", "", "0", "1", "f", "F", "g", "-", ":", ";", "=", ",", " ", "%", "%3A", "d", "?", "\t", "\xe9"],
      ...["00", "--", "0".repeat(16), "-1", ":0", ";Root=", "Parent="],
    ),
  })
  .map(({ at, remove, insert }) => ([name, text]: Header): Header => {
    const start = at % (text.length + 1);
    return [name, text.slice(0, start) + insert + text.slice(start + remove)];
  });

const unchanged = (header: Header): Header => header;

/** Headers that say one context in one format, mostly. */
const said = (format: Format): fc.Arbitrary<Header[]> =>
  fc
    .tuple(
      context,
      fc.oneof({ weight: 4, arbitrary: state }, { weight: 1, arbitrary: fc.constant(null) }),
      fc.oneof(
        { weight: 5, arbitrary: fc.constant([]) },
        { weight: 4, arbitrary: SPELLINGS[format].map((one) => [one]) },
        { weight: 3, arbitrary: edited.map((one) => [one]) },
        { weight: 1, arbitrary: fc.tuple(SPELLINGS[format], edited) },
      ),
      fc.nat({ max: 4 }),
      fc.oneof(
        { weight: 10, arbitrary: fc.constant("as it is") },
        { weight: 3, arbitrary: fc.constantFrom("doubled", "first absent", "one absent", "last alone") },
      ),
    )
    .map(([one, list, changes, at, fate]) => {
      const headers = inject(one, [format]);
      if (format === "w3c" && list !== null) {
        // Lists may come in pieces.
        const cut = list.indexOf(",", list.length / 2);
        const pieces = at === 0 && cut >= 0 ? [list.slice(0, cut), list.slice(cut + 1)] : [list];
        headers.splice(1, 1, ...pieces.map((piece): Header => ["tracestate", piece]));
      }
      const which = at % headers.length;
      headers[which] = changes.reduce((header, change) => change(header), headers[which]!);
      if (fate === "doubled") headers.push(headers[which]);
      else if (fate === "first absent") headers.shift();
      else if (fate === "one absent") headers.splice(which, 1);
      else if (fate === "last alone") headers.splice(0, headers.length - 1);
      return headers;
    });

const ALL_NAMES = FORMATS.flatMap((format) => HEADERS[format]);
const hostile: fc.Arbitrary<Header[]> = fc
  .tuple(
    fc.constantFrom(...ALL_NAMES),
    fc.constantFrom(
      ...[
        "0",
        "f",
        "-",
        ":",
        ";",
        "=",
        ",",
        "%",
        "%3A",
        "a=",
        "a=1,",
        "k=v;",
        "Root=",
        "Root=1-",
        "Parent=;",
        "_dd.p.tid=",
      ],
      ...[" ", "00-", "\xff", "_dd.p.tid=,", "outrigger=f,", "Sampled=1;", "x".repeat(600)],
    ),
    fc.constantFrom(1, 2, 17, 33, 100, 1000, 20_000),
    fc.constantFrom(1, 1, 1, 2, 40),
  )
  .map(([name, piece, length, count]) => {
    const size = Math.min(length, Math.floor(30_000 / count));
    return Array.from({ length: count }, (): Header => [
      name,
      piece.repeat(Math.ceil(size / piece.length)).slice(0, size),
    ]);
  });

const spelled = fc.constantFrom(unchanged, unchanged, ([name, text]: Header): Header => [
  name.toUpperCase(),
  text,
]);

/** What a request may bring: headers of some formats, in any order. */
export const traceHeaders: fc.Arbitrary<Header[]> = fc
  .tuple(
    fc
      .shuffledSubarray([...FORMATS], { maxLength: 4 })
      .chain((list) => fc.tuple(...list.map((format) => said(format)))),
    fc.oneof(
      { weight: 12, arbitrary: fc.constant([]) },
      { weight: 1, arbitrary: fc.constantFrom(...FORMATS).chain(said) },
    ),
    fc.oneof({ weight: 12, arbitrary: fc.constant([]) }, { weight: 1, arbitrary: hostile }),
    spelled,
    fc.boolean(),
  )
  .map(([groups, again, more, spelling, backwards]) => {
    const headers = [...groups.flat(), ...again, ...more].slice(0, 80).map(spelling);
    return withinLimits(backwards ? headers.reverse() : headers);
  });

/** A proxy takes 60 KiB of headers. */
function withinLimits(headers: Header[]): Header[] {
  let left = 55_000;
  return headers.filter(([name, text]) => (left -= name.length + text.length + 8) > 0);
}

/** Formats in any order, each at most once. */
export const formats: fc.Arbitrary<Format[]> = fc.oneof(
  fc.shuffledSubarray([...FORMATS], { minLength: 1 }),
  fc.shuffledSubarray([...FORMATS], { minLength: FORMATS.length }),
);

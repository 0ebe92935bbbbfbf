/** Random requests, and hostile ones: as broken, as many and as long as a proxy lets through. */
import fc from "fast-check";
import type { Header, HttpRequest } from "../driver.ts";
import { variant } from "./dark-launch.ts";
import { bytes } from "./match-model.ts";
import { claimName, word } from "./matches.ts";

/** A request, where it comes from, and the milliseconds that pass before it. */
export interface Arrival {
  request: HttpRequest;
  address: string;
  direct: string | undefined;
  peerUri: string | undefined;
  claims: Record<string, string>;
  after: number;
}

/** A header's value as a client may send it: the host and Envoy take no control characters. */
const headerValue = fc.oneof(
  word.map(bytes),
  variant,
  fc.constant(""),
  fc.string({
    maxLength: 12,
    unit: fc
      .integer({ min: 0x21, max: 0xff })
      .filter((c) => c !== 0x7f)
      .map((c) => String.fromCharCode(c)),
  }),
);

/** Pairs of what names, separators and values may look like. */
function pairs(
  names: readonly string[],
  equals: readonly string[],
  values: readonly string[],
  separators: readonly string[],
): fc.Arbitrary<string> {
  const pair = fc.tuple(fc.constantFrom(...names), fc.constantFrom(...equals), fc.constantFrom(...values));
  return fc
    .tuple(fc.array(pair, { maxLength: 6 }), fc.constantFrom(...separators))
    .map(([list, separator]) => bytes(list.map((one) => one.join("")).join(separator)).trim());
}

const VALUES = [
  "",
  "a",
  "ab",
  "v1",
  "v2",
  "beta",
  "50%",
  "user-1",
  "é",
  "%41",
  "%zz",
  "%",
  "%4",
  "%00",
  "a%00b",
  "+",
  "=",
  "a=b",
];
const cookies = pairs(["a", "b", "session", "variant", "", " ab ", "é"], ["=", "=", "", " = "], VALUES, [
  ";",
  "; ",
  ";;",
]);
const query = pairs(
  ["a", "b", "%61", "%c3%a9", "session", ""],
  ["=", "=", ""],
  [...VALUES, "%C3%A9", "%c3%28"],
  ["&", "&&"],
).map((text) => text.replace(/[^\x21-\x7e]/g, "_"));
const members = pairs(
  [
    "variant",
    "a",
    "session",
    " variant ",
    "%76ariant",
    "vari",
    "",
    "variant;p",
    "+variant",
    "variant%C2%A0",
    "%20variant",
    "a%20b",
    "%2%20variant",
  ],
  ["=", "=", "=", " = ", "", ";", "=="],
  ["", "a", "v1", "v2", "%76%31", "50%25", "50%", "v1;p=1", " v2 ; p", "%00", "%zz", '"v1"', "é"],
  [",", ", ", ",,", " ,\t"],
);

const header: fc.Arbitrary<Header> = fc.oneof(
  fc.tuple(
    fc.constantFrom("x-a", "x-b", "x-user", "X-User", "x-variant", "X-Variant", "x-release", "user-agent"),
    headerValue,
  ),
  fc.tuple(fc.constantFrom("x-variant", "x-release", "x-a"), variant),
  fc.tuple(fc.constant("cookie"), cookies),
  fc.tuple(fc.constantFrom("baggage", "Baggage"), members),
);

/** Headers on which a careless reader would choke, up to the proxy's 60 KiB. */
const hostileHeaders: fc.Arbitrary<Header[]> = fc
  .tuple(
    fc.constantFrom("cookie", "baggage", "x-variant", "x-a"),
    fc.constantFrom(
      ...[
        "=",
        ";",
        ",",
        "a",
        "a=",
        "=a",
        "%",
        "%00",
        "\xff",
        " ",
        ";,",
        "a=b;",
        "a=b,",
        "variant=v1,",
        "variant=v1;",
        "variant;",
      ],
    ),
    fc.constantFrom(1, 100, 1000, 59_000),
    fc.constantFrom(1, 2, 50, 90),
  )
  .map(([name, piece, length, count]) => {
    const size = Math.min(length, Math.floor(59_000 / count) - name.length);
    return Array.from({ length: count }, () => [
      name,
      piece.repeat(Math.ceil(size / piece.length)).slice(0, size),
    ]);
  });
const manyCookies: fc.Arbitrary<Header[]> = fc
  .tuple(fc.constantFrom("a", "session", "", "é"), fc.boolean())
  .map(([last, apart]) => {
    const list = Array.from({ length: 100 }, (_, at) =>
      bytes(`${at === 99 ? last : `c${at}`}=v${(at % 3) + 1}`),
    );
    return apart ? list.slice(20).map((one): Header => ["cookie", one]) : [["cookie", list.join("; ")]];
  });
const hostileQuery = fc
  .tuple(
    fc.constantFrom("a&", "&", "a=1&", "%", "%61=%00&", "=", "b%", "a=%zz&"),
    fc.constantFrom(1, 1000, 10_000),
  )
  .map(([piece, count]) => piece.repeat(Math.min(count, Math.floor(58_000 / piece.length))));

const plain = fc.record({
  method: fc.constantFrom("GET", "POST", "PUT", "DELETE"),
  path: fc.constantFrom("/", "/a", "/a/b", "/b", "/aB", "/user-1", "/a//b/c", "/a%2fb", "/%41/.."),
  query: fc.option(query, { nil: undefined }),
  authority: fc.constantFrom(
    "example.test",
    "Example.TEST:8080",
    "a.test",
    "[::1]:80",
    "[::1]",
    "b",
    "a:b:c",
    ":",
    "",
  ),
  headers: fc.array(header, { maxLength: 8 }),
});
const request = fc.oneof(
  { weight: 12, arbitrary: plain },
  {
    weight: 1,
    arbitrary: fc
      .tuple(plain, fc.oneof(hostileHeaders, manyCookies))
      .map(([one, more]) => ({ ...one, headers: [...one.headers.slice(0, 3), ...more] })),
  },
  { weight: 1, arbitrary: fc.tuple(plain, hostileQuery).map(([one, search]) => ({ ...one, query: search })) },
);

const address = fc.constantFrom(
  ...[
    "10.1.2.3:40000",
    "10.1.3.3:1",
    "192.168.0.1:80",
    "[2001:db8::1]:443",
    "[2001:db8:0:1::ffff]:1",
    "[::ffff:10.1.2.3]:5",
  ],
  ...["10.1.2.3", "2001:db8::1", "[::]:0", "/run/envoy.sock", "", "10.1.2:80", "[::1", "[fe80::1%eth0]:80"],
);

export const arrival: fc.Arbitrary<Arrival> = fc.record({
  request: request.map(({ query: search, path, ...rest }) => ({
    ...rest,
    path: search === undefined ? path : `${path}?${search}`,
  })),
  address,
  direct: fc.option(address, { nil: undefined }),
  peerUri: fc.constantFrom(
    ...[
      undefined,
      "",
      "spiffe://cluster.local/ns/a/sa/b",
      "spiffe://cluster.local/ns/a/sa/b",
      "spiffe://cluster.local/ns/ab/sa/b",
      "spiffe://a",
    ],
    ...["spiffe://", "spiffe://cluster.local/ns/a", "https://cluster.local/ns/a/sa/b", "spiffe://a/ns//sa/b"],
  ),
  claims: fc.dictionary(claimName, word.map(bytes), { maxKeys: 2 }),
  after: fc.constantFrom(0, 0, 0, 1, 400, 1000, 1600),
});

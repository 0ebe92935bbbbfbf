/**
 * What the reader refuses though the schema takes it, since no JSON Schema can say it. Each with an example, and what
 * the reader's message (path and all) looks like. Nothing else may be refused that the schema takes.
 */
import type { Json } from "./configurations.ts";

export interface Unsaid {
  what: string;
  message: RegExp;
  example: Json;
}

const match = (one: Json): Json => ({ rules: [{ name: "a", variant: "v", match: one }] });
const ruled = (...rules: Json[]): Json => ({ rules });

export const UNSAID: readonly Unsaid[] = [
  {
    what: "a rule's name that another rule has",
    message: /^rules\[\d+\]\.name: another rule has this name$/,
    example: ruled({ name: "a", variant: "v" }, { name: "a", variant: "w" }),
  },
  {
    what: "a variant that another of the same rule is",
    message: /^rules\[\d+\]\.variants\[\d+\]: another of the variants has this name$/,
    example: ruled({
      name: "a",
      variants: [
        { name: "v", weight: 1 },
        { name: "v", weight: 2 },
      ],
      by: [{ host: {} }],
    }),
  },
  {
    what: "weights that sum to 0",
    message: /^rules\[\d+\]\.variants: the weights sum to 0; expected one above 0$/,
    example: ruled({ name: "a", variants: [{ name: "v", weight: 0 }], by: [{ host: {} }] }),
  },
  {
    what: "a lifetime below a second or beyond 400 days",
    message:
      /^sticky\.cookie\.ttl: expected a duration like 1h \(1s to 9600h\), got "\d+(\.\d+)?(ms|s|m|h)"$/,
    example: { sticky: { cookie: { name: "v", ttl: "9601h" } } },
  },
  {
    what: "a day that its month does not have",
    message: /^expires: expected a time like \S+, got "\d{4}-(02-(29|3.)|..-31)T.*"$/,
    example: { expires: "2026-02-29T00:00:00Z" },
  },
  {
    what: "a text of at most 256 characters that has more bytes",
    message: /\.contains: longer than 256 bytes$/,
    example: match({ path: { contains: "é".repeat(129) } }),
  },
  {
    what: "colons and digits that are no IPv6 address",
    message:
      /locks\[\d+\]: expected an IP address or a block, like 10\.0\.0\.0\/8, got "[\dA-Fa-f.:]*:[\dA-Fa-f.:/]*"$/,
    example: match({ source: { remoteIpBlocks: ["1::2::3"] } }),
  },
  {
    what: "an attribute that Envoy has not",
    message: /\.cel: (\w+ has no \w* in Envoy|Envoy has no attribute \w+); expected /,
    example: match({ cel: "request.heders['a'] == 'b'" }),
  },
  {
    what: "an expression that does not compile",
    message: /\.cel: expected a CEL expression \(the proxy logs at info what is wrong\), got ".*"$/,
    example: match({ cel: "request.path ==" }),
  },
  {
    what: "a regex that does not compile, or is too large",
    message: /\.regex: .+, at \d+$/,
    example: match({ path: { regex: "(a" } }),
  },
  {
    what: "NUL in a string",
    message: /^line 1, column \d+: NUL \(`\\u0000`\) in a string$/,
    example: match({ path: "a\u0000" }),
  },
  {
    what: "half of a surrogate pair",
    message: /^line 1, column \d+: half of a surrogate pair$/,
    example: match({ path: "a\ud800" }),
  },
  {
    what: "more than 64 levels",
    message: /^line 1, column \d+: nested deeper than 64 levels$/,
    example: match(Array.from({ length: 64 }).reduce<Json>((inner) => ({ not: inner }), {})),
  },
];

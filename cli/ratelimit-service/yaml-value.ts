/**
 * YAML as gopkg.in/yaml.v2 reads it, which is what ratelimit reads its configuration with: YAML 1.1's booleans and numbers,
 * only the first document, the last of two equal keys. A scalar keeps its text, since `value: 010` is the text "010" there.
 */
import { isAlias, isCollection, isMap, isScalar, isSeq, LineCounter, parseAllDocuments, Scalar } from "yaml";
import type { Node } from "yaml";

/** Lines and columns begin at 1. */
export interface Place {
  line: number;
  column: number;
}

export type YamlValue = Place &
  (
    | { kind: "null" }
    | { kind: "text"; text: string }
    | { kind: "boolean"; value: boolean; text: string }
    | { kind: "integer"; value: bigint; text: string }
    /** A fraction, or an integer beyond 64 bits. */
    | { kind: "number"; text: string }
    | { kind: "list"; items: readonly YamlValue[] }
    | { kind: "map"; entries: readonly YamlEntry[] }
  );

export interface YamlEntry {
  key: YamlValue;
  value: YamlValue;
}

/** What keeps a text from being YAML, or from being read in bounded time. */
export class YamlError extends Error {
  constructor(
    message: string,
    readonly place: Place,
  ) {
    super(message);
    this.name = "YamlError";
  }
}

/** Aliases of aliases can make a few lines an endless tree: so many values are read, and so deep. */
const MAX_VALUES = 500_000;
const MAX_DEPTH = 200;

/** Throws {@link YamlError}. Nothing at all is null. */
export function readYaml(text: string): YamlValue {
  const lines = new LineCounter();
  const placeOf = (offset: number): Place => {
    const { line, col } = lines.linePos(Math.min(offset, text.length));
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const documents = parseAllDocuments(text, {
    lineCounter: lines,
    prettyErrors: false,
    schema: "failsafe",
    uniqueKeys: false,
  });
  const document = "empty" in documents ? undefined : documents[0];
  if (document === undefined) return { kind: "null", line: 1, column: 1 };
  const [error] = document.errors;
  if (error !== undefined) throw new YamlError(error.message, placeOf(error.pos[0]));
  return new Reader(placeOf).value(document.contents, 0);
}

class Reader {
  private values = 0;
  /** Those that were read so far: a name may be given again. */
  private readonly anchors = new Map<string, Node>();

  constructor(private readonly placeOf: (offset: number) => Place) {}

  value(node: unknown, depth: number): YamlValue {
    const place = this.placeOf((node as Node | null)?.range?.[0] ?? 0);
    if (++this.values > MAX_VALUES) throw new YamlError(`more than ${MAX_VALUES} values`, place);
    if (depth > MAX_DEPTH) throw new YamlError(`nested deeper than ${MAX_DEPTH}`, place);
    if (isAlias(node)) {
      // (The library's own search for it walks the whole document each time.)
      const target = this.anchors.get(node.source);
      if (target === undefined) throw new YamlError(`unknown anchor ${node.source}`, place);
      return { ...this.value(target, depth + 1), ...place };
    }
    if ((isScalar(node) || isCollection(node)) && node.anchor !== undefined)
      this.anchors.set(node.anchor, node);
    if (isScalar(node)) return { ...scalar(node), ...place };
    if (isSeq(node))
      return { kind: "list", items: node.items.map((item) => this.value(item, depth + 1)), ...place };
    if (!isMap(node)) return { kind: "null", ...place };
    const entries: YamlEntry[] = [];
    for (const pair of node.items) {
      const value = this.value(pair.value, depth + 1);
      if (isMergeKey(pair.key)) entries.push(...merged(value));
      else entries.push({ key: this.value(pair.key, depth + 1), value });
    }
    return { kind: "map", entries, ...place };
  }
}

function isMergeKey(key: unknown): boolean {
  return isScalar(key) && key.type === Scalar.PLAIN && key.source === "<<";
}

/** Of several maps the earlier ones take precedence, so they come last. */
function merged(value: YamlValue): YamlEntry[] {
  if (value.kind === "map") return [...value.entries];
  if (value.kind === "list" && value.items.every((item) => item.kind === "map"))
    return value.items.toReversed().flatMap(merged);
  throw new YamlError("<<: a map, or a list of maps, is expected", {
    line: value.line,
    column: value.column,
  });
}

type Bare<T> = T extends unknown ? Omit<T, keyof Place> : never;

function scalar(node: Scalar): Bare<YamlValue> {
  const text = typeof node.value === "string" ? node.value : (node.source ?? "");
  if ((node.type ?? Scalar.PLAIN) !== Scalar.PLAIN || node.tag?.endsWith(":str") === true)
    return { kind: "text", text };
  if (/^(?:~|null|Null|NULL|)$/.test(text)) return { kind: "null" };
  if (/^(?:y|Y|yes|Yes|YES|on|On|ON|true|True|TRUE)$/.test(text))
    return { kind: "boolean", value: true, text };
  if (/^(?:n|N|no|No|NO|off|Off|OFF|false|False|FALSE)$/.test(text))
    return { kind: "boolean", value: false, text };
  // Underscores are passed over, but not before the first digit.
  const integer = /^[-+]?\d/.test(text) ? integerOf(text.replaceAll("_", "")) : null;
  if (integer !== null && -(2n ** 63n) <= integer && integer < 2n ** 63n)
    return { kind: "integer", value: integer, text };
  if (
    integer !== null ||
    /^[-+]?(?:\.\d+|\d[\d_]*(?:\.\d*)?)(?:[eE][-+]?\d+)?$/.test(text) ||
    /^(?:[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$/.test(text)
  )
    return { kind: "number", text };
  return { kind: "text", text };
}

/** As Go's `strconv.ParseInt` with base 0 reads: also hexadecimal, octal (`0o17`, `017`) and binary. */
function integerOf(text: string): bigint | null {
  const parts = /^([-+]?)(?:(0[xX][\da-fA-F]+|0[bB][01]+|0[oO][0-7]+)|0([0-7]+)|(0|[1-9]\d*))$/.exec(text);
  if (parts === null) return null;
  const [, sign, prefixed, octal, decimal] = parts;
  const size = BigInt(prefixed ?? (octal === undefined ? decimal! : `0o${octal}`));
  return sign === "-" ? -size : size;
}

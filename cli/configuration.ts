/**
 * The configuration of a plugin: the text that its module reads, and where in the file that is of which a module says
 * `rules[2].match.path: expected ..`.
 */
import { isMap, isScalar, isSeq, Scalar, type Node } from "yaml";
import { parseSource, type Position, type Source, type YamlDocument } from "./source.ts";
import { itemsOf, membersOf } from "./yaml-tree.ts";

/** A problem, as the module tells it, and where it is. */
export interface Problem extends Position {
  /** `rules[2].match.path`; empty where the whole configuration is meant. */
  path: string;
  message: string;
}

export interface Configuration {
  /** As the module reads it: JSON. */
  readonly text: string;
  /** The value, where the text is JSON. */
  readonly value: unknown;
  /** Where one of the problems is that a module has told, each of them a line. */
  locate(told: string): Problem;
}

/** One that is written in YAML, and given to the module as JSON. Throws an error where it cannot be. */
export function yamlConfiguration(source: Source, document: YamlDocument, node: Node | null): Configuration {
  const value: unknown = node === null ? null : (node.toJS(document) as unknown);
  return {
    text: JSON.stringify(value),
    value,
    locate: (told) => {
      const syntax = readSyntaxProblem(told);
      if (syntax !== null) return { ...positionOf(source, node), path: "", message: syntax.message };
      return locateIn(source, document, node, told);
    },
  };
}

/** One that stands in the file as text: a string that holds JSON. `hint`: what is to be said besides where there is no text. */
export function textConfiguration(source: Source, scalar: Node, text: string, hint = ""): Configuration {
  const inner = parseSource(source.file, text);
  const document = inner.documents[0];
  const outside = (position: Position): Position => outerPosition(source, scalar, position);
  return {
    text,
    value: parseJson(text),
    locate: (told) => {
      const syntax = readSyntaxProblem(told);
      if (syntax !== null) return { ...outside(syntax), path: "", message: syntax.message };
      if (document === undefined) {
        const message = hint === "" ? told : `${told} (${hint})`;
        return { ...positionOf(source, scalar), path: "", message };
      }
      const problem = locateIn(inner, document, document.contents, told);
      return { ...problem, ...outside(problem) };
    },
  };
}

export function positionOf(source: Source, node: Node | null | undefined): Position {
  return source.positionAt(node?.range?.[0] ?? 0);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** `line 3, column 9: expected a value`: what the module says of a text that is no JSON. */
function readSyntaxProblem(told: string): (Position & { message: string }) | null {
  const match = /^line (\d+), column (\d+): (.*)$/s.exec(told);
  return match && { line: Number(match[1]), column: Number(match[2]), message: match[3]! };
}

/**
 * Where a place in a string's text is in the file. Exact in a literal block (`|`), whose lines are the file's, and else the
 * string's beginning.
 */
function outerPosition(source: Source, scalar: Node, inside: Position): Position {
  const start = positionOf(source, scalar);
  if (!isScalar(scalar) || scalar.type !== Scalar.BLOCK_LITERAL) return start;
  const lines = source.text.split("\n");
  // The block's first line with text, which is never indented more than what was cut off.
  const first = lines.findIndex((line, at) => at >= start.line && line.trim() !== "");
  const blank = String(scalar.value)
    .split("\n")
    .findIndex((line) => line.trim() !== "");
  if (first < 0 || blank < 0) return start;
  const shown = String(scalar.value).split("\n")[blank]!;
  const indent = lines[first]!.replace(/\r$/, "").length - shown.length;
  return { line: start.line + inside.line, column: Math.max(indent, 0) + inside.column };
}

/** Follows the path that `told` begins with as far as nodes go. */
function locateIn(source: Source, document: YamlDocument, root: Node | null, told: string): Problem {
  const whole = "configuration: ";
  if (told.startsWith(whole)) {
    return { ...positionOf(source, root), path: "", message: told.slice(whole.length) };
  }
  const place = follow(document, root, told, 0, true);
  if (place === null) {
    // A member that is missing (`rules[0].name: required`), or a path that was shortened.
    const deepest = deepestOf(document, root, told);
    const split = /^(\S+?): (.*)$/s.exec(told.slice(deepest.end));
    return {
      ...positionOf(source, deepest.node),
      path: told.slice(0, deepest.end) + (split?.[1] ?? ""),
      message: split?.[2] ?? told.slice(deepest.end),
    };
  }
  const message = told.slice(place.end + 2);
  const ofName =
    message.startsWith("unknown field") || (message.startsWith("expected ") && !message.includes(", got "));
  const node = ofName && place.key !== null ? place.key : (place.node ?? place.key);
  return {
    ...positionOf(source, node),
    path: told.slice(0, place.end),
    message: message + quotesHint(place.node, message),
  };
}

/** Where `y`, `on` and the like became booleans, or `2026_11` a number, which nobody sees in the file. */
function quotesHint(node: Node | null, message: string): string {
  if (!isScalar(node) || !["boolean", "number"].includes(typeof node.value)) return "";
  const written = String(node.source);
  if (!message.endsWith(`, got ${String(node.value)}`) || written.toLowerCase() === String(node.value))
    return "";
  return ` (an unquoted ${written} is a ${typeof node.value}: write "${written}")`;
}

interface Place {
  node: Node | null;
  /** The name of the member that `node` is; null for an item of a list. */
  key: Node | null;
  /** How much of the text was its path. */
  end: number;
}

/** The node whose path, followed by a colon, begins the text; names are compared, since they may hold any character. */
function follow(
  document: YamlDocument,
  node: Node | null,
  told: string,
  at: number,
  top: boolean,
): Place | null {
  for (const { place, end } of steps(document, node, told, at, top)) {
    if (told.startsWith(": ", end)) return { ...place, end };
    const below = follow(document, place.node, told, end, false);
    if (below !== null) return below;
  }
  return null;
}

/** The deepest node whose path the text begins with. */
function deepestOf(document: YamlDocument, root: Node | null, told: string): Place {
  let deepest: Place = { node: root, key: null, end: 0 };
  for (;;) {
    const [next] = steps(document, deepest.node, told, deepest.end, deepest.end === 0);
    if (next === undefined) return deepest;
    deepest = { ...next.place, end: next.end };
  }
}

/** The children of a node that the text can go on with at `at`, those with the longest names first. */
function steps(
  document: YamlDocument,
  node: Node | null,
  told: string,
  at: number,
  top: boolean,
): { place: Omit<Place, "end">; end: number }[] {
  const found: { place: Omit<Place, "end">; end: number }[] = [];
  if (isSeq(node)) {
    const index = /^\[(\d+)\]/.exec(told.slice(at, at + 24));
    const item = index && itemsOf(node, document)[Number(index[1])];
    if (index && item !== undefined)
      found.push({ place: { node: item, key: null }, end: at + index[0].length });
  } else if (isMap(node)) {
    for (const { name, key, value } of membersOf(node, document)) {
      const step = stepOf(name, top);
      if (told.startsWith(step, at)) found.push({ place: { node: value, key }, end: at + step.length });
    }
    found.sort((a, b) => b.end - a.end);
  }
  return found.filter(({ end }) => /^(?:[.[:]|$)/.test(told.slice(end, end + 1)));
}

/** How a member's name stands in a path: as `pathOf` of `assembly/json/config-reader.ts` writes it. */
function stepOf(name: string, top: boolean): string {
  if (/^[A-Za-z0-9_:-]{1,63}$/.test(name)) return top ? name : `.${name}`;
  const bytes = Buffer.from(name);
  let end = 0;
  // Cut behind 64 bytes, but not within a character.
  while (end < bytes.length && (end < 64 || (bytes[end]! & 0xc0) === 0x80)) end++;
  const shown = bytes.subarray(0, end).map((byte) => (byte < 0x20 ? 0x3f : byte));
  return `["${Buffer.from(shown).toString()}${end < bytes.length ? "..." : ""}"]`;
}

/** The attributes that an expression names, out of a stream, as values of CEL. */
import type { ASTNode } from "@marcbachmann/cel-js";
import { Duration } from "@marcbachmann/cel-js/evaluator";
import { HeaderMapType } from "./abi.ts";
import type { Context } from "./context.ts";
import { textOfBytes } from "./expression-values.ts";
import type { HeaderMap } from "./header-map.ts";
import { lookUp } from "./properties.ts";
import type { AttributeValue } from "./properties.ts";
import { StructValue } from "./struct-value.ts";

/** Paths that the expression goes down by fixed names, such as `request`, `headers`, `x-id`. */
export function chainsIn(node: ASTNode): string[][] {
  const chains: string[][] = [];
  const walk = (value: unknown): void => {
    if (Array.isArray(value)) value.forEach(walk);
    else if (typeof value === "object" && value !== null && "op" in value && "args" in value) {
      const chain = chainOf(value as ASTNode);
      if (chain !== null) chains.push(chain);
      else {
        const sought = soughtIn(value as ASTNode);
        if (sought !== null) chains.push(sought);
        walk(value.args);
      }
    }
  };
  walk(node);
  return chains;
}

function chainOf(node: ASTNode): string[] | null {
  if (node.op === "id") return [node.args];
  if (node.op === ".") {
    const [object, field] = node.args;
    const chain = chainOf(object);
    return chain && [...chain, field];
  }
  if (node.op === "[]") {
    const [object, index] = node.args;
    const chain = chainOf(object);
    return chain && index.op === "value" && typeof index.args === "string" ? [...chain, index.args] : null;
  }
  return null;
}

/** `"x" in map` asks for `map["x"]`. */
function soughtIn(node: ASTNode): string[] | null {
  if (node.op !== "in") return null;
  const [key, map] = node.args;
  const chain = chainOf(map);
  return chain && key.op === "value" && typeof key.args === "string" ? [...chain, key.args] : null;
}

type Fields = Map<string, unknown>;

/** What stands at the beginning of attributes' paths: present, whatever is in it. */
const WHOLE = [
  ["request", "response", "connection", "source", "destination", "upstream"],
  ["xds", "metadata", "filter_state"],
].flat();

/** Variables for an evaluation, and those of them that cannot be a result. */
export function attributesFor(
  context: Context,
  chains: readonly (readonly string[])[],
): { variables: Record<string, unknown>; whole: ReadonlySet<unknown> } {
  const variables: Record<string, unknown> = {};
  const whole = new Set<unknown>();
  for (const chain of chains) {
    const [first = ""] = chain;
    if (WHOLE.includes(first) && variables[first] === undefined) {
      variables[first] = new Map<string, unknown>();
      whole.add(variables[first]);
    }
    // The longest part of the path that is an attribute: behind it are fields of its value.
    for (let length = chain.length; length > 0; length--) {
      const path = chain.slice(0, length);
      const value = valueAt(context, path);
      if (value === undefined) continue;
      put(variables, path, value);
      break;
    }
  }
  return { variables, whole };
}

function put(variables: Record<string, unknown>, path: readonly string[], value: unknown): void {
  const [first = "", ...fields] = path;
  const last = fields.pop();
  if (last === undefined) {
    variables[first] ??= value;
    return;
  }
  let map = (variables[first] ??= new Map<string, unknown>()) as Fields;
  for (const field of fields) {
    let inner = map.get(field);
    if (!(inner instanceof Map)) map.set(field, (inner = new Map<string, unknown>()));
    map = inner as Fields;
  }
  const there = map.get(last);
  // A single header was put where all of them go.
  if (there instanceof Map && value instanceof Map) for (const [name, text] of value) there.set(name, text);
  else map.set(last, value);
}

function valueAt(context: Context, path: readonly string[]): unknown {
  if (path.length === 2) {
    const type = MAPS[path.join(".")];
    const map = type === undefined ? null : context.headerMap(type);
    if (map !== null) return headersOf(map);
  }
  const value = lookUp(context, path);
  return value === null ? undefined : celValue(path.join("."), value);
}

const MAPS: Readonly<Record<string, number>> = {
  "request.headers": HeaderMapType.RequestHeaders,
  "response.headers": HeaderMapType.ResponseHeaders,
  "response.trailers": HeaderMapType.ResponseTrailers,
};

function headersOf(map: HeaderMap): Fields {
  const headers = new Map<string, unknown>();
  for (const [name] of map.entries()) headers.set(name, textOfBytes(map.getAllJoined(name) ?? ""));
  return headers;
}

function celValue(path: string, value: AttributeValue): unknown {
  if (typeof value === "string") return textOfBytes(value);
  if (value instanceof StructValue) return value.value;
  if (typeof value !== "bigint") return value;
  if (path === "request.time") return new Date(Number(value / 1_000_000n));
  if (path === "request.duration")
    return new Duration(value / 1_000_000_000n, Number(value % 1_000_000_000n));
  return value;
}

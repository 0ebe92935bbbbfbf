/** Walking YAML nodes: aliases followed, merge keys (`<<`) merged. */
import { isAlias, isMap, isPair, isScalar, isSeq, type Node } from "yaml";
import type { YamlDocument } from "./source.ts";

/** A member of a map: what its name is as JSON has it, and where. */
export interface Member {
  name: string;
  key: Node;
  value: Node | null;
}

/** What an alias stands for; the node itself where it is none. */
export function resolved(node: unknown, document: YamlDocument): Node | null {
  const target = isAlias(node) ? node.resolve(document) : node;
  return isMap(target) || isSeq(target) || isScalar(target) ? target : null;
}

/** The members of a map with those that it merges; none of anything else. What stands in the map itself comes first. */
export function membersOf(node: Node | null, document: YamlDocument, depth = 0): Member[] {
  if (!isMap(node) || depth > 20) return [];
  const own: Member[] = [];
  const merged: Member[] = [];
  for (const pair of node.items) {
    if (!isPair(pair) || !isScalar(pair.key)) continue;
    const value = resolved(pair.value, document);
    if (pair.key.source === "<<") {
      const maps = isSeq(value) ? value.items.map((item) => resolved(item, document)) : [value];
      merged.push(...maps.flatMap((map) => membersOf(map, document, depth + 1)));
    } else own.push({ name: String(pair.key.value), key: pair.key, value });
  }
  const names = new Set(own.map(({ name }) => name));
  for (const member of merged) {
    if (names.has(member.name)) continue;
    names.add(member.name);
    own.push(member);
  }
  return own;
}

export function itemsOf(node: Node | null, document: YamlDocument): (Node | null)[] {
  return isSeq(node) ? node.items.map((item) => resolved(item, document)) : [];
}

/** The member with one of these names, by which protobuf's JSON knows a field in snake case too. */
export function memberOf(node: Node | null, document: YamlDocument, ...names: string[]): Member | null {
  return membersOf(node, document).find(({ name }) => names.includes(name)) ?? null;
}

/** What is reached by names from map to map; each step is one name, or several of which one is there. */
export function reach(
  node: Node | null,
  document: YamlDocument,
  ...steps: (string | string[])[]
): Node | null {
  let at = node;
  for (const step of steps) at = memberOf(at, document, ...[step].flat())?.value ?? null;
  return at;
}

/** A scalar's text, or null where there is none. */
export function textOf(node: Node | null): string | null {
  return isScalar(node) && typeof node.value === "string" ? node.value : null;
}

/** Reads the nodes of a YAML document and collects what is wrong, each with its line and its path. */
import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  type Document,
  type LineCounter,
  type Node,
  type YAMLMap,
} from "yaml";
import type { Json } from "../driver.ts";

export type Fields = ReadonlyMap<string, Node | null>;

/** Walks a document. After an error it goes on with a harmless value. */
export class YamlReader {
  readonly errors: string[] = [];

  constructor(
    readonly file: string,
    readonly lines: LineCounter,
    readonly document: Document,
  ) {}

  duration(node: Node | null, path: string): number {
    const text = isScalar(node) ? String(node.value) : "";
    const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text);
    if (!match) {
      this.fail(node, path, `expected a duration such as 500ms, 61s, 5m or 1h, got ${this.shown(node)}`);
      return 0;
    }
    return Number(match[1]) * { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }[match[2] as "ms" | "s" | "m" | "h"];
  }

  /** An integer, at least `least` where that is given. */
  count(node: Node | null, path: string, least: number | null): number {
    const value = isScalar(node) ? node.value : undefined;
    if (typeof value === "number" && Number.isSafeInteger(value) && (least === null || value >= least))
      return value;
    this.fail(
      node,
      path,
      `expected an integer${least === null ? "" : ` of at least ${least}`}, got ${this.shown(node)}`,
    );
    return least ?? 200;
  }

  /** Text as its UTF-8 bytes, or `!!binary` as its own. */
  bytes(node: Node | null, path: string): string {
    if (isScalar(node) && node.value instanceof Uint8Array) return Buffer.from(node.value).toString("latin1");
    return Buffer.from(this.plainText(node, path), "utf8").toString("latin1");
  }

  plainText(node: Node | null, path: string): string {
    if (isScalar(node) && typeof node.value === "string") return node.value;
    const quotable = isScalar(node) && node.value !== null && !(node.value instanceof Uint8Array);
    this.fail(node, path, `expected text, got ${this.shown(node)}${quotable ? "; put it in quotes" : ""}`);
    return "";
  }

  items(node: Node | null, path: string): (Node | null)[] {
    if (isSeq(node)) return node.items.map((item) => this.resolve(item as Node | null));
    this.fail(node, path, `expected a list, got ${this.shown(node)}`);
    return [];
  }

  /** A mapping's fields in their order. Without `known` any name goes. */
  fields(node: Node | null, path: string, known?: readonly string[]): Fields {
    const fields = new Map<string, Node | null>();
    if (!isMap(node)) {
      this.fail(node, path, `expected a mapping, got ${this.shown(node)}`);
      return fields;
    }
    for (const { key, value } of (node as YAMLMap<Node, Node | null>).items) {
      const name = isScalar(key) ? String(key.value) : "";
      if (known && !known.includes(name)) {
        this.fail(
          key,
          path === "" ? name : `${path}.${name}`,
          `unknown field; known are ${known.join(", ")}`,
        );
      } else fields.set(name, this.resolve(value));
    }
    return fields;
  }

  optional<T>(
    fields: Fields,
    name: string,
    path: string,
    read: (node: Node | null, path: string) => T,
  ): T | undefined {
    return fields.has(name)
      ? read(fields.get(name) ?? null, path === "" ? name : `${path}.${name}`)
      : undefined;
  }

  resolve(node: Node | null): Node | null {
    return isAlias(node) ? (node.resolve(this.document) ?? null) : node;
  }

  shown(node: Node | null | undefined): string {
    if (isMap(node)) return "a mapping";
    if (isSeq(node)) return "a list";
    if (!isScalar(node) || node.value === null) return "nothing";
    if (node.value instanceof Uint8Array) return "binary data";
    return typeof node.value === "string"
      ? JSON.stringify(node.value)
      : `the ${typeof node.value} ${JSON.stringify(node.value)}`;
  }

  line(node: Node | null | undefined): number {
    return node?.range ? this.lines.linePos(node.range[0]).line : 1;
  }

  fail(node: Node | null | undefined, path: string, what: string): void {
    this.errors.push(`${this.file}:${this.line(node)}: ${path === "" ? "" : `${path}: `}${what}`);
  }
}

export function isJson(value: unknown): value is Json {
  if (typeof value === "number") return Number.isFinite(value);
  if (typeof value !== "object" || value === null) return true;
  return !(value instanceof Uint8Array) && Object.values(value).every(isJson);
}

export function isNull(node: Node | null | undefined): boolean {
  return node === null || node === undefined || (isScalar(node) && node.value === null);
}

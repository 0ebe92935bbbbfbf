import {
  ArrayLiteralExpression,
  BinaryExpression,
  CallExpression,
  DecoratorNode,
  type Expression,
  IdentifierExpression,
  ImportStatement,
  ExportStatement,
  type IntegerLiteralExpression,
  IntegerLiteralExpression as IntegerLiteral,
  Node,
  type Parser,
  PropertyAccessExpression,
  StringLiteralExpression,
  TemplateLiteralExpression,
} from "assemblyscript";
import * as compiler from "assemblyscript";
import { Transform } from "assemblyscript/transform";
import { compressTexts } from "./compress-texts.ts";

/** Where the texts go; without this file in the program nothing is done. */
const HOME = "assembly/bytes/texts";

/** The token of `+`: its enumeration is declared `const`, which this project's modules cannot import by name. */
const { Plus } = (compiler as unknown as { Token: { Plus: number } }).Token;

/** What stands in the markers of that file: each is replaced by its bytes. */
enum Marker {
  Texts = 1,
  Pairs,
  Literals,
}

/**
 * A step of the compiler, for strings of ASCII:
 *
 * - `literal("..")` becomes a constant, bytes that are part of the module: nothing is left to do at run time.
 * - Other string literals become calls of `__text`, which makes them when they are used out of compressed bytes. They are
 *   the words of configurations and what is said of them; so they take a quarter of the room.
 * - Template literals become sums of strings, so that the same holds for their parts.
 *
 * `assembly/bytes/texts.ts` has the other half.
 */
export class Texts extends Transform {
  /** From each text to the numbers that stand for its offset. */
  private readonly texts = new Map<string, IntegerLiteralExpression[]>();
  private readonly literals = new Map<string, number>();
  private literalBytes = "";

  override afterParse({ sources }: Parser): void {
    const home = sources.find(({ internalPath }) => internalPath === HOME);
    if (home === undefined) return;
    for (const source of sources) {
      if (!source.isLibrary && source !== home) visit(source, (node) => this.replacement(node));
    }
    const { bytes, pairs, offsets } = compressTexts([...this.texts.keys()]);
    for (const [text, numbers] of this.texts) {
      for (const number of numbers) number.value = i64_new(offsets.get(text)!);
    }
    const data = {
      [Marker.Texts]: bytes,
      [Marker.Pairs]: pairs,
      [Marker.Literals]: bytesOf(this.literalBytes),
    };
    visit(home, (node) => {
      const array = markerIn(node);
      const [mark] = array?.elementExpressions ?? [];
      if (array === null || !(mark instanceof IntegerLiteral)) return null;
      const content = data[i64_low(mark.value) as Marker];
      if (content.length > 0) array.elementExpressions = content.map((byte) => integer(byte, array));
      return node;
    });
  }

  /** What stands in a node's place; null where it stays. */
  private replacement(node: Node): Expression | null {
    if (node instanceof CallExpression) return this.literal(node);
    if (node instanceof StringLiteralExpression) return this.text(node.value, node);
    if (node instanceof TemplateLiteralExpression && node.tag === null) return this.sum(node);
    if (node instanceof BinaryExpression) {
      const text = constantText(node);
      return text === null ? null : this.text(text, node);
    }
    return null;
  }

  private literal({ expression, args, range }: CallExpression): Expression | null {
    const [text] = args;
    if (!(expression instanceof IdentifierExpression) || expression.text !== "literal") return null;
    if (!(text instanceof StringLiteralExpression) || !isAscii(text.value)) return null;
    let offset = this.literals.get(text.value);
    if (offset === undefined) {
      offset = this.literalBytes.length;
      this.literals.set(text.value, offset);
      this.literalBytes += text.value;
    }
    const place = Node.createIntegerLiteralExpression(i64_new(text.value.length, offset), range);
    const base = Node.createIdentifierExpression("__literals", range);
    return Node.createParenthesizedExpression(Node.createBinaryExpression(Plus, base, place, range), range);
  }

  private text(value: string, { range }: Node): Expression | null {
    if (value === "" || !isAscii(value)) return null;
    const callee = Node.createIdentifierExpression("__text", range);
    const offset = Node.createIntegerLiteralExpression(i64_new(0), range);
    this.texts.set(value, [...(this.texts.get(value) ?? []), offset]);
    return Node.createCallExpression(callee, null, [offset], range);
  }

  /** `a${b}c` as `"a" + (b).toString() + "c"`. */
  private sum(node: TemplateLiteralExpression): Expression | null {
    const { parts, expressions, range } = node;
    if (!parts.every(isAscii)) return null;
    const terms: Expression[] = [];
    for (const [at, part] of parts.entries()) {
      const text = this.text(part, node);
      if (text !== null) terms.push(text);
      const value = expressions[at];
      if (value === undefined) continue;
      const holder = Node.createParenthesizedExpression(value, range);
      // Strings and calls in the expression, too.
      visit(holder, (inner) => this.replacement(inner));
      const method = Node.createIdentifierExpression("toString", range);
      const callee = Node.createPropertyAccessExpression(holder, method, range);
      terms.push(Node.createCallExpression(callee, null, [], range));
    }
    const sum = terms.reduce((left, right) => Node.createBinaryExpression(Plus, left, right, range));
    return Node.createParenthesizedExpression(sum, range);
  }
}

/** The text of string literals that are added up, or null. */
function constantText(node: Expression): string | null {
  if (node instanceof StringLiteralExpression) return node.value;
  if (!(node instanceof BinaryExpression) || (node.operator as number) !== Plus) return null;
  const left = constantText(node.left);
  const right = constantText(node.right);
  return left === null || right === null ? null : left + right;
}

function isAscii(text: string): boolean {
  return /^[\0-\x7f]*$/.test(text);
}

function bytesOf(text: string): number[] {
  return [...Buffer.from(text, "latin1")];
}

/** The array in `memory.data<u8>([n])`, or null. */
function markerIn(node: Node): ArrayLiteralExpression | null {
  if (!(node instanceof CallExpression && node.expression instanceof PropertyAccessExpression)) return null;
  const [array] = node.args;
  return node.expression.property.text === "data" && array instanceof ArrayLiteralExpression ? array : null;
}

function integer(value: number, { range }: Node): Expression {
  return Node.createIntegerLiteralExpression(i64_new(value), range);
}

/** Whether string literals in the node are no values of the program. */
function isOpaque(node: Node): boolean {
  return node instanceof ImportStatement || node instanceof ExportStatement || node instanceof DecoratorNode;
}

/** Offers every node below `node` for replacement; what is replaced is not gone into. */
function visit(node: Node, replace: (node: Node) => Node | null): void {
  const record = node as unknown as Record<string, unknown>;
  for (const [name, value] of Object.entries(record)) {
    if (name === "range" || name === "parent" || name === "source") continue;
    if (Array.isArray(value)) {
      for (const [at, item] of value.entries()) {
        if (!(item instanceof Node) || isOpaque(item)) continue;
        const other = replace(item);
        if (other === null) visit(item, replace);
        else value[at] = other;
      }
    } else if (value instanceof Node && !isOpaque(value)) {
      const other = replace(value);
      if (other === null) visit(value, replace);
      else record[name] = other;
    }
  }
}

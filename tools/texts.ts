import {
  ArrayLiteralExpression,
  CallExpression,
  DecoratorNode,
  type Expression,
  ImportStatement,
  ExportStatement,
  Node,
  type Parser,
  PropertyAccessExpression,
  StringLiteralExpression,
} from "assemblyscript";
import { Transform } from "assemblyscript/transform";

/** Where the texts go; without this file in the program nothing is done. */
const HOME = "assembly/bytes/texts";

/**
 * A step of the compiler: string literals of ASCII become calls of `__text` (`assembly/bytes/texts.ts`), which makes them
 * when they are used. Error messages and names of fields, which is what our strings are, take a third of the room so.
 */
export class Texts extends Transform {
  private readonly offsets = new Map<string, number>();
  private readonly bytes: number[] = [];

  override afterParse({ sources }: Parser): void {
    const home = sources.find(({ internalPath }) => internalPath === HOME);
    if (home === undefined) return;
    for (const source of sources) {
      if (!source.isLibrary && source !== home) visit(source, (node) => this.replacement(node));
    }
    visit(home, (node) => {
      if (!(node instanceof CallExpression && node.expression instanceof PropertyAccessExpression))
        return null;
      const [marker] = node.args;
      if (node.expression.property.text !== "data" || !(marker instanceof ArrayLiteralExpression))
        return null;
      marker.elementExpressions = this.bytes.map((byte) => integer(byte, node));
      return node;
    });
  }

  /** The call that makes a literal's text; null for another node. */
  private replacement(node: Node): Expression | null {
    if (!(node instanceof StringLiteralExpression)) return null;
    const { value, range } = node;
    if (value === "" || !/^[\0-\x7f]*$/.test(value)) return null;
    const callee = Node.createIdentifierExpression("__text", range);
    return Node.createCallExpression(
      callee,
      null,
      [integer(this.place(value), node), integer(value.length, node)],
      range,
    );
  }

  private place(text: string): number {
    let offset = this.offsets.get(text);
    if (offset === undefined) {
      offset = this.bytes.length;
      this.offsets.set(text, offset);
      this.bytes.push(...Buffer.from(text, "latin1"));
    }
    return offset;
  }
}

function integer(value: number, at: Node): Expression {
  return Node.createIntegerLiteralExpression(i64_new(value), at.range);
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

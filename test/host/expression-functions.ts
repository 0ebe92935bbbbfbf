/**
 * The foreign functions `expr_create`, `expr_evaluate` and `expr_delete`: CEL over a stream's attributes. Where the library differs from
 * Envoy's: regular expressions are JavaScript's, and time is told in milliseconds.
 */
import { Environment } from "@marcbachmann/cel-js";
import type { ASTNode } from "@marcbachmann/cel-js";
import { WasmResult } from "./abi.ts";
import { attributesFor, chainsIn } from "./expression-attributes.ts";
import { serializeValue } from "./expression-values.ts";
import type { Context } from "./context.ts";
import type { ForeignFunction } from "./foreign.ts";

interface Expression {
  readonly evaluate: (variables: Record<string, unknown>) => unknown;
  /** Every attribute that it names. */
  readonly chains: readonly (readonly string[])[];
}

/** The expressions of a root context. */
class Expressions {
  private readonly byToken = new Map<number, Expression>();
  private next = 0;

  add(expression: Expression): number {
    while (this.byToken.has(this.next)) this.next = (this.next + 1) >>> 0;
    const token = this.next;
    this.next = (this.next + 1) >>> 0;
    this.byToken.set(token, expression);
    return token;
  }

  get(token: number): Expression | undefined {
    return this.byToken.get(token);
  }

  delete(token: number): void {
    this.byToken.delete(token);
  }
}

export function expressionFunctions(): [string, ForeignFunction][] {
  const byRoot = new WeakMap<Context, Expressions>();
  /** In the name of the context that was called back, whatever the effective one is. */
  const expressionsOf = (context: Context): Expressions => {
    const { root } = caller(context);
    let expressions = byRoot.get(root);
    if (expressions === undefined) byRoot.set(root, (expressions = new Expressions()));
    return expressions;
  };
  return [
    [
      "expr_create",
      (context, text) => {
        const expression = compile(text);
        if (expression === null) return WasmResult.BadArgument;
        const token = new Uint8Array(4);
        new DataView(token.buffer).setUint32(0, expressionsOf(context).add(expression), true);
        return token;
      },
    ],
    [
      "expr_evaluate",
      (context, argument) => {
        const token = readToken(argument);
        if (token === null) return WasmResult.BadArgument;
        const expression = expressionsOf(context).get(token);
        if (expression === undefined) return WasmResult.NotFound;
        const { variables, whole } = attributesFor(caller(context), expression.chains);
        let value: unknown;
        try {
          value = expression.evaluate(variables);
        } catch {
          return WasmResult.InternalFailure;
        }
        // `request` itself cannot be listed, nor the others like it.
        const bytes = whole.has(value) ? null : serializeValue(value);
        return bytes ?? WasmResult.SerializationFailure;
      },
    ],
    [
      "expr_delete",
      (context, argument) => {
        const token = readToken(argument);
        if (token === null) return WasmResult.BadArgument;
        expressionsOf(context).delete(token);
        return WasmResult.Ok;
      },
    ],
  ];
}

function caller(context: Context): Context {
  return context.vm?.callContext ?? context;
}

function readToken(argument: Uint8Array): number | null {
  if (argument.length !== 4) return null;
  return new DataView(argument.buffer, argument.byteOffset).getUint32(0, true);
}

const environment = new Environment({ unlistedVariablesAreDyn: true, homogeneousAggregateLiterals: false })
  .registerFunction("startsWith(string, string): bool", (text: string, part: string) => text.startsWith(part))
  .registerFunction("endsWith(string, string): bool", (text: string, part: string) => text.endsWith(part))
  .registerFunction("contains(string, string): bool", (text: string, part: string) => text.includes(part))
  .registerFunction("matches(string, string): bool", (text: string, regex: string) =>
    new RegExp(regex).test(text),
  );

// Values of different kinds are not equal; numbers are compared by what they are worth.
const KINDS = ["int", "uint", "double", "string", "bool", "bytes", "null"];
const NUMBERS = ["int", "uint", "double"];
for (const [at, left] of KINDS.entries()) {
  for (const right of KINDS.slice(at + 1)) {
    const numbers = NUMBERS.includes(left) && NUMBERS.includes(right);
    // Either way round.
    environment.registerOperator(
      `${left} == ${right}`,
      (a: unknown, b: unknown) => numbers && Number(a) === Number(b),
    );
  }
}

/** Null for what is no expression, and for one that calls what Envoy has not. */
function compile(text: Uint8Array): Expression | null {
  try {
    const source = new TextDecoder("utf-8", { fatal: true }).decode(text);
    const evaluate = environment.parse(source);
    return allCallsKnown(evaluate.ast) ? { evaluate, chains: chainsIn(evaluate.ast) } : null;
  } catch {
    return null;
  }
}

/**
 * The standard functions and macros of cel-cpp, by the numbers of arguments that they take, a receiver included (`-` before the name: only
 * with a receiver). Nothing more is registered (`RegisterBuiltinFunctions` in Envoy's `foreign.cc`).
 */
const FUNCTIONS = new Map<string, readonly number[]>([
  ...["size", "int", "uint", "double", "string", "bytes", "bool"].map((name) => [name, [1]] as const),
  ...["timestamp", "duration", "dyn", "type", "has"].map((name) => [name, [1]] as const),
  ...["startsWith", "endsWith", "contains", "matches"].map((name) => [name, [2]] as const),
  ["-size", [1]],
  ...["-startsWith", "-endsWith", "-contains", "-matches"].map((name) => [name, [2]] as const),
  ...["-all", "-exists", "-exists_one", "-filter"].map((name) => [name, [3]] as const),
  ["-map", [3, 4]],
  ...["FullYear", "Month", "Date", "DayOfMonth", "DayOfWeek", "DayOfYear", "Hours", "Minutes", "Seconds"].map(
    (part) => [`-get${part}`, [1, 2]] as const,
  ),
  ["-getMilliseconds", [1, 2]],
]);

function allCallsKnown(node: unknown): boolean {
  if (Array.isArray(node)) return node.every(allCallsKnown);
  if (!isNode(node)) return true;
  if (node.op === "call") {
    const [name, args] = node.args;
    if (FUNCTIONS.get(name)?.includes(args.length) !== true) return false;
  } else if (node.op === "rcall") {
    const [name, , args] = node.args;
    if (FUNCTIONS.get(`-${name}`)?.includes(args.length + 1) !== true) return false;
  }
  return allCallsKnown(node.args);
}

function isNode(value: unknown): value is ASTNode {
  return typeof value === "object" && value !== null && "op" in value && "args" in value;
}

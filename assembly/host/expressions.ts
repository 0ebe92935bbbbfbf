import { WasmResultValues } from "../abi/values";
import { Bytes, bytesOf, ABSENT, lengthOf, literal, pointerOf } from "../bytes/bytes";
import { callForeignFunction, foreignResult } from "./foreign";

/**
 * CEL expressions that Envoy evaluates (`ExpressionFactory` in `source/extensions/common/wasm/foreign.cc`). They belong
 * to the root context in whose callback they were made, tokens and all: they go when it goes, and another root context's
 * callback would delete its own.
 */

/** Where a token stands for the host. */
const TOKEN: usize = memory.data(4, 4);

/** No expression. */
export const NO_EXPRESSION: i64 = -1;

/** Compiles an expression; its token, or {@link NO_EXPRESSION} with the reason in `foreignResult` and, at level info, in Envoy's log. */
export function createExpression(text: Bytes): i64 {
  const token = callForeignFunction(CREATE, text);
  return token != ABSENT && lengthOf(token) == 4 ? load<u32>(pointerOf(token)) : NO_EXPRESSION;
}

/**
 * The expression's value for the stream in hand, as `serializeValue` of Envoy's `wasm/context.cc` writes it: a boolean is one byte, a number 8.
 * {@link ABSENT} for an error, which an attribute that is not there makes.
 */
export function evaluateExpression(token: u32): Bytes {
  return callForeignFunction(EVALUATE, tokenBytes(token));
}

/** Gives an expression back before its root context goes. */
export function deleteExpression(token: u32): WasmResultValues {
  callForeignFunction(DELETE, tokenBytes(token));
  return foreignResult;
}

function tokenBytes(token: u32): Bytes {
  store<u32>(TOKEN, token);
  return bytesOf(TOKEN, 4);
}

// @ts-ignore: decorator
@lazy const CREATE = literal("expr_create");
// @ts-ignore: decorator
@lazy const EVALUATE = literal("expr_evaluate");
// @ts-ignore: decorator
@lazy const DELETE = literal("expr_delete");

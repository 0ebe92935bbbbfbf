import { concatenate } from "../bytes/arena";
import { byteAt, Bytes, lengthOf, literal } from "../bytes/bytes";
import { createExpression, evaluateExpression, NO_EXPRESSION } from "../host/expressions";
import { ConfigReader } from "../json/config-reader";
import { JsonKind, JsonNode } from "../json/node";
import { RequestView } from "../request-view";
import { Attribute, internAttribute } from "./attribute";
import { unknownCelAttribute } from "./cel-attributes";
import { Condition, Conditions } from "./condition";

/** What Envoy makes of a CEL expression, as its bytes; {@link ABSENT} for an error. Its name is the expression. */
@final
class CelAttribute extends Attribute {
  token: i64 = NO_EXPRESSION;

  find(_request: RequestView): Bytes {
    return evaluateExpression(<u32>this.token);
  }
}

/** The expression is true. */
@final
class CelCondition extends Condition {
  constructor(
    private readonly expression: Attribute,
    /** The answer where there is an error. */
    private readonly unknown: bool,
  ) {
    super();
  }

  matches(request: RequestView): bool {
    const value = this.expression.read(request);
    return lengthOf(value) == 1 && byteAt(value, 0) <= 1 ? byteAt(value, 0) == 1 : this.unknown;
  }
}

/**
 * Reads a CEL expression. Envoy compiles it once for a root context, and drops it with the root context: so a refused configuration
 * leaves none behind.
 */
export function readCel(reader: ConfigReader, node: JsonNode, conditions: Conditions): void {
  if (node.kind != JsonKind.String) {
    reader.unexpected(node, "a CEL expression");
    return;
  }
  const unknown = unknownCelAttribute(node.text);
  if (unknown.length > 0) {
    reader.problem(node, unknown);
    return;
  }
  const expression = changetype<CelAttribute>(
    internAttribute(reader, new CelAttribute(reader.keeper.keep(node.text))),
  );
  if (expression.token < 0)
    expression.token = createExpression(concatenate(CONDITION, expression.name, CHOICE));
  if (expression.token < 0) {
    reader.unexpected(node, "a CEL expression (the proxy logs at info what is wrong)");
  }
  conditions.others.push(new CelCondition(expression, conditions.negated));
}

/**
 * Around an expression, so that a value that is neither true nor false is an error: no text of one byte, which a client may have
 * chosen, passes for `true`. A comment at the end of the expression ends with the line.
 */
// @ts-ignore: decorator
@lazy const CONDITION = literal("(");
// @ts-ignore: decorator
@lazy const CHOICE = literal("\n)?true:false");

/** Operations by foreign functions: signatures, expressions, declared properties, the proxy's filter state, compression. */
import { ABSENT, Bytes } from "../../../assembly/bytes/bytes";
import { compress, uncompress } from "../../../assembly/host/compression";
import {
  createExpression,
  deleteExpression,
  evaluateExpression,
  NO_EXPRESSION,
} from "../../../assembly/host/expressions";
import {
  declareProperty,
  LifeSpan,
  PropertyType,
  setEnvoyFilterState,
} from "../../../assembly/host/filter-state";
import { callForeignFunction, clearRouteCache, foreignResult } from "../../../assembly/host/foreign";
import { sign, signatureError, Verification, verifySignature } from "../../../assembly/host/signatures";
import { Arguments, nameOf, show } from "./script";

/** What the operation came to; null for one that is not by a foreign function. */
export function foreignOperation(operation: string, given: Arguments): string | null {
  if (operation == "foreign") return shown(callForeignFunction(given.bytes(0), given.bytes(1)));
  if (operation == "clear-route-cache") return nameOf(clearRouteCache());
  if (operation == "verify") return verified(given);
  if (operation == "sign") {
    const signature = sign(given.bytes(0), given.bytes(1), given.bytes(2));
    return signature == ABSENT ? "none: " + show(signatureError) : show(signature);
  }
  if (operation == "create-expression") return created(given.bytes(0));
  if (operation == "evaluate") return shown(evaluateExpression(token(given)));
  if (operation == "delete-expression") return nameOf(deleteExpression(token(given)));
  if (operation == "cel") {
    const number = createExpression(given.bytes(0));
    if (number == NO_EXPRESSION) return nameOf(foreignResult);
    const value = shown(evaluateExpression(<u32>number));
    deleteExpression(<u32>number);
    return value;
  }
  if (operation == "declare-property")
    return nameOf(
      declareProperty(
        given.bytes(0),
        <PropertyType>given.number(1),
        <LifeSpan>given.number(2),
        given.number(3) != 0,
        given.bytes(4),
      ),
    );
  if (operation == "set-filter-state")
    return nameOf(setEnvoyFilterState(given.bytes(0), given.bytes(1), <LifeSpan>given.number(2)));
  if (operation == "compress") return shown(compress(given.bytes(0)));
  if (operation == "uncompress") return shown(uncompress(given.bytes(0)));
  return null;
}

function shown(answer: Bytes): string {
  return answer == ABSENT ? nameOf(foreignResult) : show(answer);
}

function verified(given: Arguments): string {
  const outcome = verifySignature(given.bytes(0), given.bytes(1), given.bytes(2), given.bytes(3));
  if (outcome == Verification.Right) return "right";
  return outcome == Verification.Wrong
    ? "wrong: " + show(signatureError)
    : "bad key: " + nameOf(foreignResult);
}

/** The token made last; -1 before. */
let lastToken: i64 = NO_EXPRESSION;

function created(text: Bytes): string {
  const token = createExpression(text);
  if (token == NO_EXPRESSION) return nameOf(foreignResult);
  lastToken = token;
  return "created";
}

/** `last` is the token made last, by whichever root context of this VM. */
function token(given: Arguments): u32 {
  return given.text(0) == "last" ? <u32>lastToken : <u32>given.number(0);
}

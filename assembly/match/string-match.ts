import { lowerCase } from "../bytes/arena";
import { ByteMap } from "../bytes/byte-map";
import { ABSENT, Bytes, byteString, endsWith, equals, indexOf, lengthOf, startsWith } from "../bytes/bytes";
import { ConfigReader } from "../json/config-reader";
import { alternatives, positionAmong } from "../json/words";
import { decimalText } from "../bytes/decimal";
import { JsonKind, JsonNode } from "../json/node";
import { compileRegex, regexProblem } from "../regex/compile";
import { Regex } from "../regex/regex";

export enum StringMatchKind {
  Exact,
  Prefix,
  Suffix,
  Contains,
  Regex,
  In,
  Present,
}

/** Compares a value with what the configuration says. */
@final
export class StringMatcher {
  constructor(
    readonly kind: StringMatchKind,
    /** What the value is compared with; {@link ABSENT} for `regex`, `in` and `present`. In lower case with `ignoreCase`. */
    readonly operand: Bytes,
    /** The names of `in`. */
    readonly set: ByteMap | null,
    readonly ignoreCase: bool,
    readonly not: bool,
    readonly regex: Regex | null = null,
  ) {}

  /**
   * Whether the value, {@link ABSENT} where there is none, is what was asked for; with `ignoreCase`, the value is given in
   * lower case. `not` holds for what is absent.
   */
  matches(value: Bytes): bool {
    return this.holds(value) != this.not;
  }

  private holds(value: Bytes): bool {
    if (value == ABSENT) return false;
    switch (this.kind) {
      case StringMatchKind.Exact:
        return equals(value, this.operand);
      case StringMatchKind.Prefix:
        return startsWith(value, this.operand);
      case StringMatchKind.Suffix:
        return endsWith(value, this.operand);
      case StringMatchKind.Contains:
        return indexOf(value, this.operand) >= 0;
      case StringMatchKind.Regex: {
        const regex = this.regex;
        return regex != null && regex.matches(value);
      }
      case StringMatchKind.In: {
        const set = this.set;
        return set != null && set.has(value);
      }
      default:
        return true;
    }
  }
}

/** The kinds of comparison, in the order of {@link StringMatchKind}. */
const KINDS = "exact prefix suffix contains regex in present";
/** The longest text that `contains` looks for, in bytes: the search takes time in proportion to it. */
const MAX_CONTAINS: u32 = 256;

/**
 * Reads a `StringMatch`: a string, which is `exact`, or an object with exactly one kind of comparison, `ignoreCase`
 * and `not`. `folded` says that the attribute's values are in lower case, whatever the configuration says.
 * Null where it is wrong.
 */
export function readStringMatch(
  reader: ConfigReader,
  node: JsonNode,
  folded: bool = false,
): StringMatcher | null {
  if (node.kind == JsonKind.String) {
    return new StringMatcher(StringMatchKind.Exact, keepOperand(reader, node, folded), null, false, false);
  }
  if (node.kind != JsonKind.Object) {
    reader.unexpected(node, "a string, or an object with one of " + alternatives(KINDS));
    return null;
  }
  if (!reader.knows(node, KINDS + " ignoreCase not")) return null;
  const ignoreCase = reader.boolean(node, "ignoreCase", false);
  const not = reader.boolean(node, "not", false);
  let kind = -1;
  let operand: JsonNode | null = null;
  let member = node.first;
  while (member != null) {
    const position = positionAmong(member.name, KINDS);
    if (position >= 0) {
      if (operand != null) {
        const both = byteString(operand.name) + " and " + byteString(member.name);
        reader.problem(node, `has both ${both}; expected exactly one comparison`);
        return null;
      }
      kind = position;
      operand = member;
    }
    member = member.next;
  }
  if (operand == null) {
    reader.problem(node, "has no comparison; expected one of " + alternatives(KINDS));
    return null;
  }
  if (kind == StringMatchKind.Present) {
    if (operand.kind == JsonKind.Boolean && operand.isTrue) {
      return new StringMatcher(kind, ABSENT, null, false, not);
    }
    reader.unexpected(operand, "true (with `not: true` for absence)");
    return null;
  }
  const fold = folded || ignoreCase;
  if (kind == StringMatchKind.In) {
    const set = readSet(reader, operand, fold);
    return set == null ? null : new StringMatcher(kind, ABSENT, set, ignoreCase, not);
  }
  if (operand.kind != JsonKind.String) {
    reader.unexpected(operand, "a string");
    return null;
  }
  if (kind == StringMatchKind.Contains && lengthOf(operand.text) > MAX_CONTAINS) {
    reader.problem(operand, `longer than ${decimalText(MAX_CONTAINS)} bytes`);
    return null;
  }
  if (kind != StringMatchKind.Exact && lengthOf(operand.text) == 0) {
    reader.problem(operand, "empty; expected at least one character (or `present: true`)");
    return null;
  }
  if (kind == StringMatchKind.Regex) {
    const regex = compileRegex(operand.text, fold);
    if (regex == null) {
      reader.problem(operand, regexProblem);
      return null;
    }
    return new StringMatcher(kind, ABSENT, null, ignoreCase, not, regex);
  }
  return new StringMatcher(kind, keepOperand(reader, operand, fold), null, ignoreCase, not);
}

function keepOperand(reader: ConfigReader, node: JsonNode, fold: bool): Bytes {
  return fold ? reader.keeper.keepLowerCase(node.text) : reader.keeper.keep(node.text);
}

/** Reads a list of strings into a set. Null where it is wrong. */
export function readSet(reader: ConfigReader, list: JsonNode, fold: bool): ByteMap | null {
  if (list.kind != JsonKind.Array || list.count == 0) {
    reader.unexpected(list, "a list of at least one string");
    return null;
  }
  let bytes: usize = 0;
  let item = list.first;
  while (item != null) {
    if (item.kind == JsonKind.String) bytes += (lengthOf(item.text) + 3) & ~3;
    item = item.next;
  }
  const set = new ByteMap(list.count, bytes);
  let sound = true;
  item = list.first;
  while (item != null) {
    if (item.kind == JsonKind.String) set.set(fold ? lowerCase(item.text) : item.text, 0);
    else {
      reader.unexpected(item, "a string");
      sound = false;
    }
    item = item.next;
  }
  return sound ? set : null;
}

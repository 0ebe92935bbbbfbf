import { ABSENT, byteAt, Bytes, lengthOf, slice } from "../bytes/bytes";
import { ConfigReader } from "../json/config-reader";
import { JsonNode } from "../json/node";
import { RequestView } from "../request-view";
import { readBlocks } from "./address";
import { Attribute, internAttribute } from "./attribute";
import { Comparison, Condition, Conditions } from "./condition";
import { NamespaceAttribute, PrincipalAttribute } from "./principal";
import { readSet, StringMatcher, StringMatchKind } from "./string-match";
import { emptyList } from "../list";

/** Reads `{principals, namespaces, ipBlocks, remoteIpBlocks}`, lists of strings, as in Istio's `from.source`. */
export function readSource(reader: ConfigReader, object: JsonNode, conditions: Conditions): void {
  if (!reader.object(object, "principals namespaces ipBlocks remoteIpBlocks")) return;
  const principals = reader.list(object, "principals");
  if (principals != null) readPatterns(reader, principals, conditions, new PrincipalAttribute(ABSENT));
  const namespaces = reader.list(object, "namespaces");
  if (namespaces != null) readPatterns(reader, namespaces, conditions, new NamespaceAttribute(ABSENT));
  const ipBlocks = reader.list(object, "ipBlocks");
  if (ipBlocks != null) readBlocks(reader, ipBlocks, conditions, true);
  const remoteIpBlocks = reader.list(object, "remoteIpBlocks");
  if (remoteIpBlocks != null) readBlocks(reader, remoteIpBlocks, conditions, false);
}

/** The attribute is as one of several patterns. */
@final
class PatternsCondition extends Condition {
  constructor(
    private readonly attribute: Attribute,
    private readonly patterns: StringMatcher[],
  ) {
    super();
  }

  matches(request: RequestView): bool {
    const value = this.attribute.read(request);
    const patterns = this.patterns;
    for (let at = 0, count = patterns.length; at < count; at++) {
      if (unchecked(patterns[at]).matches(value)) return true;
    }
    return false;
  }
}

/** Reads a list of `abc`, `abc*`, `*abc` and `*`, as Istio has them. */
function readPatterns(
  reader: ConfigReader,
  list: JsonNode,
  conditions: Conditions,
  attribute: Attribute,
): void {
  const set = readSet(reader, list, false);
  if (set == null) return;
  attribute = internAttribute(reader, attribute);
  const patterns = emptyList<StringMatcher>();
  let wild = false;
  let item = list.first;
  while (item != null) {
    const pattern = readPattern(reader, item.text);
    if (pattern.kind != StringMatchKind.Exact) wild = true;
    patterns.push(pattern);
    item = item.next;
  }
  // Exact ones are looked up.
  if (wild) conditions.others.push(new PatternsCondition(attribute, patterns));
  else {
    const matcher = new StringMatcher(StringMatchKind.In, ABSENT, set, false, false);
    conditions.comparisons.push(new Comparison(attribute, matcher));
  }
}

/** As istiod's `StringMatcherWithPrefix`: a `*` in front goes before one at the end, and elsewhere it is itself. */
function readPattern(reader: ConfigReader, text: Bytes): StringMatcher {
  const length = lengthOf(text);
  let kind = StringMatchKind.Exact;
  let operand = text;
  if (length > 0 && byteAt(text, 0) == 0x2a) {
    kind = length == 1 ? StringMatchKind.Present : StringMatchKind.Suffix;
    operand = slice(text, 1, length);
  } else if (length > 0 && byteAt(text, length - 1) == 0x2a) {
    kind = StringMatchKind.Prefix;
    operand = slice(text, 0, length - 1);
  }
  return new StringMatcher(kind, reader.keeper.keep(operand), null, false, false);
}

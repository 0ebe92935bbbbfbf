import { ConfigReader } from "../json/config-reader";
import { JsonKind, JsonNode } from "../json/node";
import { ABSENT } from "../bytes/bytes";
import { RequestView } from "../request-view";
import { Attribute, ATTRIBUTE_FIELDS, AttributeField, FieldShape, internAttribute } from "./attributes";
import { readSet, readStringMatch, StringMatcher, StringMatchKind } from "./string-match";

/** One attribute and what its value must be. */
@final
export class Condition {
  constructor(
    readonly attribute: Attribute,
    readonly matcher: StringMatcher,
  ) {}

  matches(request: RequestView): bool {
    const matcher = this.matcher;
    return matcher.matches(
      matcher.ignoreCase ? this.attribute.readFolded(request) : this.attribute.read(request),
    );
  }
}

/** A `RequestMatch`: all of it must hold; an empty one holds always. */
@final
export class RequestMatcher {
  constructor(
    readonly conditions: StaticArray<Condition> = new StaticArray<Condition>(0),
    /** One of these must hold, when there are any. */
    readonly anyOf: StaticArray<RequestMatcher> = new StaticArray<RequestMatcher>(0),
    /** This must not hold. */
    readonly not: RequestMatcher | null = null,
  ) {}

  matches(request: RequestView): bool {
    const conditions = this.conditions;
    for (let at = 0, count = conditions.length; at < count; at++) {
      if (!unchecked(conditions[at]).matches(request)) return false;
    }
    const not = this.not;
    if (not != null && not.matches(request)) return false;
    return this.anyOf.length == 0 || this.anyMatches(request);
  }

  private anyMatches(request: RequestView): bool {
    const anyOf = this.anyOf;
    for (let at = 0, count = anyOf.length; at < count; at++) {
      if (unchecked(anyOf[at]).matches(request)) return true;
    }
    return false;
  }
}

const FIELDS: string[] = [];
for (let at = 0; at < ATTRIBUTE_FIELDS.length; at++) FIELDS.push(ATTRIBUTE_FIELDS[at].field);
FIELDS.push("anyOf");
FIELDS.push("not");

/** Reads a `RequestMatch`. What is wrong is reported; the matcher is then not to be used. */
export function readRequestMatch(reader: ConfigReader, node: JsonNode): RequestMatcher {
  if (!reader.object(node, FIELDS)) return new RequestMatcher();
  const conditions: Condition[] = [];
  for (let at = 0; at < ATTRIBUTE_FIELDS.length; at++) {
    const field = ATTRIBUTE_FIELDS[at];
    const value = reader.member(node, field.field);
    if (value != null) readField(reader, value, field, conditions);
  }
  const anyOf: RequestMatcher[] = [];
  const list = reader.list(node, "anyOf");
  if (list != null) {
    if (list.count == 0) reader.unexpected(list, "a list of at least one match");
    let item = list.first;
    while (item != null) {
      anyOf.push(readRequestMatch(reader, item));
      item = item.next;
    }
  }
  const not = reader.member(node, "not");
  return new RequestMatcher(
    StaticArray.fromArray(conditions),
    StaticArray.fromArray(anyOf),
    not == null ? null : readRequestMatch(reader, not),
  );
}

/** Reads what a field says of its attribute, or of its attributes by name. */
function readField(
  reader: ConfigReader,
  value: JsonNode,
  field: AttributeField,
  conditions: Condition[],
): void {
  if (field.shape == FieldShape.Map) {
    if (value.kind != JsonKind.Object) {
      reader.unexpected(value, "an object from names to matches");
      return;
    }
    let member = value.first;
    while (member != null) {
      const attribute = field.attribute(reader, member.name);
      if (attribute == null) reader.problem(member, "expected " + field.names);
      else addCondition(reader, conditions, attribute, readStringMatch(reader, member, field.folded));
      member = member.next;
    }
    return;
  }
  const attribute = field.attribute(reader, ABSENT);
  if (attribute == null) return;
  if (field.shape == FieldShape.Match) {
    addCondition(reader, conditions, attribute, readStringMatch(reader, value, field.folded));
    return;
  }
  const set = readSet(reader, value, field.folded);
  if (set == null) return;
  const matcher = new StringMatcher(StringMatchKind.In, ABSENT, set, false, false);
  addCondition(reader, conditions, attribute, matcher);
}

function addCondition(
  reader: ConfigReader,
  conditions: Condition[],
  attribute: Attribute,
  matcher: StringMatcher | null,
): void {
  if (matcher != null) conditions.push(new Condition(internAttribute(reader, attribute), matcher));
}

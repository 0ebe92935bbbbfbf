import { ConfigReader } from "../json/config-reader";
import { JsonNode } from "../json/node";
import { RequestView } from "../request-view";
import { Comparison, Condition, Conditions } from "./condition";
import { MATCH_FIELDS, readField } from "./fields";
import { emptyList } from "../list";

/** A `RequestMatch`: all of it must hold; an empty one holds always. */
@final
export class RequestMatcher {
  constructor(
    readonly comparisons: StaticArray<Comparison>,
    /** One of these must hold, when there are any. */
    readonly anyOf: StaticArray<RequestMatcher>,
    /** This must not hold. */
    readonly not: RequestMatcher | null,
    readonly others: StaticArray<Condition>,
  ) {}

  matches(request: RequestView): bool {
    const comparisons = this.comparisons;
    for (let at = 0, count = comparisons.length; at < count; at++) {
      if (!unchecked(comparisons[at]).matches(request)) return false;
    }
    const not = this.not;
    if (not != null && not.matches(request)) return false;
    return (
      (this.anyOf.length == 0 || this.anyMatches(request)) &&
      (this.others.length == 0 || this.othersMatch(request))
    );
  }

  /** This match, and one condition more. */
  and(condition: Condition): RequestMatcher {
    const others = this.others.slice<StaticArray<Condition>>();
    const more = new StaticArray<Condition>(others.length + 1);
    for (let at = 0; at < others.length; at++) more[at] = others[at];
    more[others.length] = condition;
    return new RequestMatcher(this.comparisons, this.anyOf, this.not, more);
  }

  private othersMatch(request: RequestView): bool {
    const others = this.others;
    for (let at = 0, count = others.length; at < count; at++) {
      if (!unchecked(others[at]).matches(request)) return false;
    }
    return true;
  }

  private anyMatches(request: RequestView): bool {
    const anyOf = this.anyOf;
    for (let at = 0, count = anyOf.length; at < count; at++) {
      if (unchecked(anyOf[at]).matches(request)) return true;
    }
    return false;
  }
}

const FIELDS = MATCH_FIELDS + " anyOf not";

/**
 * Reads a `RequestMatch`; null is an empty one. What is wrong is reported; the matcher is then not to be used. `negated` is
 * that of {@link Conditions}.
 */
export function readRequestMatch(
  reader: ConfigReader,
  node: JsonNode | null,
  negated: bool = false,
): RequestMatcher {
  const conditions = new Conditions(negated);
  const anyOf = emptyList<RequestMatcher>();
  let contrary: RequestMatcher | null = null;
  if (node != null && reader.object(node, FIELDS)) {
    let member = node.first;
    while (member != null) {
      readField(reader, member, conditions);
      member = member.next;
    }
    const list = reader.list(node, "anyOf");
    if (list != null) {
      if (list.count == 0) reader.unexpected(list, "a list of at least one match");
      let item = list.first;
      while (item != null) {
        anyOf.push(readRequestMatch(reader, item, negated));
        item = item.next;
      }
    }
    const not = reader.member(node, "not");
    if (not != null) contrary = readRequestMatch(reader, not, !negated);
  }
  return new RequestMatcher(
    StaticArray.fromArray(conditions.comparisons),
    StaticArray.fromArray(anyOf),
    contrary,
    StaticArray.fromArray(conditions.others),
  );
}

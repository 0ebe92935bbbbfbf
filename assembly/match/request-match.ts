import { ConfigReader } from "../json/config-reader";
import { JsonNode } from "../json/node";
import { RequestView } from "../request-view";
import { Comparison, Condition, Conditions } from "./condition";
import { MATCH_FIELDS, readField } from "./fields";

/** A `RequestMatch`: all of it must hold; an empty one holds always. */
@final
export class RequestMatcher {
  constructor(
    readonly comparisons: StaticArray<Comparison> = new StaticArray<Comparison>(0),
    /** One of these must hold, when there are any. */
    readonly anyOf: StaticArray<RequestMatcher> = new StaticArray<RequestMatcher>(0),
    /** This must not hold. */
    readonly not: RequestMatcher | null = null,
    readonly others: StaticArray<Condition> = new StaticArray<Condition>(0),
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
 * Reads a `RequestMatch`. What is wrong is reported; the matcher is then not to be used. `negated` is that of
 * {@link Conditions}.
 */
export function readRequestMatch(
  reader: ConfigReader,
  node: JsonNode,
  negated: bool = false,
): RequestMatcher {
  if (!reader.object(node, FIELDS)) return new RequestMatcher();
  const conditions = new Conditions(negated);
  let member = node.first;
  while (member != null) {
    readField(reader, member, conditions);
    member = member.next;
  }
  const anyOf: RequestMatcher[] = [];
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
  return new RequestMatcher(
    StaticArray.fromArray(conditions.comparisons),
    StaticArray.fromArray(anyOf),
    not == null ? null : readRequestMatch(reader, not, !negated),
    StaticArray.fromArray(conditions.others),
  );
}

import { RequestView } from "../request-view";
import { Attribute } from "./attribute";
import { StringMatcher } from "./string-match";
import { emptyList } from "../list";

/** Something that must hold of a request. */
export abstract class Condition {
  abstract matches(request: RequestView): bool;
}

/** One attribute and what its value must be: what rules are looked up by. */
@final
export class Comparison {
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

/** What the fields of a `RequestMatch` demand, as they are read. */
export class Conditions {
  constructor(
    /**
     * Whether the match stands inside an odd number of `not`s. A condition that cannot be evaluated answers this: then
     * neither what demands it holds nor what demands its contrary.
     */
    readonly negated: bool,
  ) {}

  readonly comparisons: Comparison[] = emptyList<Comparison>();
  /** Everything else, which is asked last. */
  readonly others: Condition[] = emptyList<Condition>();
}

import { ABSENT, Bytes, bytesOf, lengthOf, pointerOf } from "../bytes/bytes";
import {
  claimElements,
  claimText,
  claimValue,
  countElements,
  elementLength,
  firstElement,
  isStructure,
  lowerCaseList,
} from "../claims";
import { ConfigReader } from "../json/config-reader";
import { RequestView } from "../request-view";
import { Attribute, internAttribute } from "./attribute";
import { Condition, Conditions } from "./condition";
import { StringMatcher, StringMatchKind } from "./string-match";

/**
 * A claim of a verified token. Its value is a text; {@link ABSENT} for a list, whose elements conditions
 * compare, and for an object.
 */
@final
export class ClaimAttribute extends Attribute {
  /** The claim's list, an empty one for an object, {@link ABSENT} when it is neither; as of the last reading. */
  list: Bytes = ABSENT;
  private foldedList: Bytes = ABSENT;

  constructor(
    /** See `claimPath`. */
    path: Bytes,
  ) {
    super(path);
  }

  find(_request: RequestView): Bytes {
    const value = claimValue(this.name);
    this.foldedList = ABSENT;
    this.list = claimElements(this.name, value);
    return this.list == ABSENT ? claimText(value) : ABSENT;
  }

  /** The list of the last reading, its elements in lower case. */
  listFolded(): Bytes {
    if (this.foldedList == ABSENT) this.foldedList = lowerCaseList(this.list);
    return this.foldedList;
  }
}

/** The claim is what was asked for, or a list with such an element, as Istio's `request.auth.claims[..]` has it. */
@final
class ClaimCondition extends Condition {
  constructor(
    private readonly claim: ClaimAttribute,
    private readonly matcher: StringMatcher,
  ) {
    super();
  }

  matches(request: RequestView): bool {
    const claim = this.claim;
    const matcher = this.matcher;
    const fold = matcher.ignoreCase;
    const value = claim.read(request);
    if (claim.list == ABSENT) return matcher.matches(fold ? claim.readFolded(request) : value);
    // Whatever is in it.
    if (matcher.kind == StringMatchKind.Present) return !matcher.not;
    const list = claim.list;
    const folded = fold ? pointerOf(claim.listFolded()) : 0;
    const count = countElements(list);
    let start = firstElement(list);
    for (let at: u32 = 0; at < count; at++) {
      const element = bytesOf(start, elementLength(list, at));
      // A number's or a boolean's text has no case, and its bytes must not be folded.
      let text = isStructure(element) ? ABSENT : claimText(element);
      if (fold && text == element) text = bytesOf(folded + (start - pointerOf(list)), lengthOf(element));
      if (matcher.matches(text) != matcher.not) return !matcher.not;
      start += lengthOf(element) + 2;
    }
    return matcher.not;
  }
}

/** Adds the comparison of a claim. */
export function compareClaim(
  reader: ConfigReader,
  conditions: Conditions,
  attribute: Attribute,
  matcher: StringMatcher,
): void {
  const claim = changetype<ClaimAttribute>(internAttribute(reader, attribute));
  conditions.others.push(new ClaimCondition(claim, matcher));
}

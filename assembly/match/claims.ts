import { ABSENT, Bytes, bytesOf } from "../bytes/bytes";
import {
  claimText,
  claimValue,
  countElements,
  elementLength,
  firstElement,
  isListClaim,
  lowerCaseList,
} from "../claims";
import { ConfigReader } from "../json/config-reader";
import { RequestView } from "../request-view";
import { Attribute, internAttribute } from "./attribute";
import { Condition, Conditions } from "./condition";
import { StringMatcher } from "./string-match";

/**
 * A claim of a verified token. Its value is a text; {@link ABSENT} for a list, whose elements conditions
 * compare.
 */
@final
export class ClaimAttribute extends Attribute {
  /** The claim's list, {@link ABSENT} when it is none; as of the last reading. */
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
    const isList = isListClaim(this.name, value);
    this.list = isList ? value : ABSENT;
    return isList ? ABSENT : claimText(value);
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
    const list = fold ? claim.listFolded() : claim.list;
    const count = countElements(list);
    let element = firstElement(list);
    for (let at: u32 = 0; at < count; at++) {
      const length = elementLength(list, at);
      if (matcher.matches(bytesOf(element, length)) != matcher.not) return !matcher.not;
      element += length + 2;
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

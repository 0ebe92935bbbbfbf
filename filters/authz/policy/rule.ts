import { ABSENT, byteString } from "../../../assembly/bytes/bytes";
import { decimalText } from "../../../assembly/bytes/decimal";
import { emptyList } from "../../../assembly/list";
import { RequestView } from "../../../assembly/request-view";
import { Clause, Filing } from "./clause";
import { Policy } from "./policy";

/** Fields of one source, of one operation, or all of `when`: each must hold. */
@final
export class Alternative {
  constructor(readonly clauses: StaticArray<Clause>) {}

  // @ts-ignore: decorator
  @inline
  holds(request: RequestView): bool {
    return this.failing(request) < 0;
  }

  /** The first clause that does not hold, or -1. */
  failing(request: RequestView): i32 {
    const clauses = this.clauses;
    for (let at = 0, count = clauses.length; at < count; at++) {
      if (!unchecked(clauses[at]).holds(request)) return at;
    }
    return -1;
  }
}

/** A rule of a policy: one of the sources, one of the operations, and all of the conditions. */
@final
export class Rule {
  constructor(
    readonly policy: Policy,
    /** Its position in the policy. */
    readonly number: i32,
    readonly from: StaticArray<Alternative>,
    readonly to: StaticArray<Alternative>,
    readonly when: Alternative,
  ) {}

  matches(request: RequestView): bool {
    return anyHolds(this.to, request) && this.when.holds(request) && anyHolds(this.from, request);
  }

  /** Everything that the rule can be looked up by. */
  filings(): Filing[] {
    const filings = emptyList<Filing>();
    const when = this.when.clauses;
    for (let at = 0; at < when.length; at++) {
      const filing = when[at].filing();
      if (filing != null) filings.push(filing);
    }
    addCommon(this.to, filings);
    addCommon(this.from, filings);
    return filings;
  }

  /** Why the rule does not match the request: the clauses that fail, as paths in the rule; empty where it matches. */
  failures(request: RequestView): string {
    const to = failuresOf(this.to, "to", "operation", request);
    const from = failuresOf(this.from, "from", "source", request);
    const failing = this.when.failing(request);
    const when = failing < 0 ? "" : this.when.clauses[failing].name;
    return joined(joined(from, to), when);
  }

  /** `<policy>[<rule>]`, or `<namespace>/<policy>[<rule>]`. */
  title(): string {
    const policy = this.policy;
    const within = policy.namespace == ABSENT ? "" : byteString(policy.namespace) + "/";
    return within + byteString(policy.name) + "[" + decimalText(this.number) + "]";
  }
}

function anyHolds(alternatives: StaticArray<Alternative>, request: RequestView): bool {
  const count = alternatives.length;
  for (let at = 0; at < count; at++) if (unchecked(alternatives[at]).holds(request)) return true;
  return count == 0;
}

/** What all of the alternatives can be looked up by. */
function addCommon(alternatives: StaticArray<Alternative>, filings: Filing[]): void {
  if (alternatives.length == 0) return;
  const first = alternatives[0].clauses;
  for (let at = 0; at < first.length; at++) {
    const filing = first[at].filing();
    if (filing != null && gatherCommon(alternatives, filing)) filings.push(filing);
  }
}

/** Adds to `filing`, of the first alternative, the values of the others. False where one of them has none. */
function gatherCommon(alternatives: StaticArray<Alternative>, filing: Filing): bool {
  for (let at = 1; at < alternatives.length; at++) {
    const clauses = alternatives[at].clauses;
    let found = false;
    for (let one = 0; one < clauses.length && !found; one++) {
      const other = clauses[one].filing();
      if (other == null || !filing.isLike(other)) continue;
      filing.add(other);
      found = true;
    }
    if (!found) return false;
  }
  return true;
}

function failuresOf(
  alternatives: StaticArray<Alternative>,
  list: string,
  object: string,
  request: RequestView,
): string {
  let text = "";
  for (let at = 0; at < alternatives.length; at++) {
    const failing = alternatives[at].failing(request);
    if (failing < 0) return "";
    const clause = alternatives[at].clauses[failing];
    text = joined(text, list + "[" + decimalText(at) + "]." + object + "." + clause.name);
  }
  return text;
}

function joined(first: string, second: string): string {
  return first.length == 0 ? second : second.length == 0 ? first : first + ", " + second;
}

import { ABSENT, Bytes, equals } from "../../assembly/bytes/bytes";
import { choiceSeed, distanceOf } from "../../assembly/cohort";
import { Key } from "../../assembly/key";
import { Condition } from "../../assembly/match/condition";
import { RequestView } from "../../assembly/request-view";
import { Outcome } from "./outcome";

/** What a rule decides for the requests that it matches. */
@final
export class Rule {
  private readonly seeds: StaticArray<u64>;

  constructor(
    /** Those of its variants with weight above 0; one for a rule with `variant`. */
    readonly outcomes: StaticArray<Outcome>,
    private readonly weights: StaticArray<f64>,
    salt: Bytes,
    /** What chooses among several; null for a rule with `variant`. */
    readonly key: Key | null,
  ) {
    this.seeds = new StaticArray<u64>(outcomes.length);
    for (let at = 0; at < outcomes.length; at++) this.seeds[at] = choiceSeed(salt, outcomes[at].variant);
  }

  /** The outcome for a request. `stuck` is the variant that the client has kept, or {@link ABSENT}. */
  choose(request: RequestView, stuck: Bytes): Outcome {
    const outcomes = this.outcomes;
    const key = this.key;
    let best = unchecked(outcomes[0]);
    if (key == null) return best;
    const count = outcomes.length;
    if (stuck != ABSENT) {
      for (let at = 0; at < count; at++) {
        const outcome = unchecked(outcomes[at]);
        if (equals(outcome.variant, stuck)) return outcome;
      }
    }
    if (count == 1) return best;
    const value = key.read(request);
    let least = Infinity;
    for (let at = 0; at < count; at++) {
      const distance = distanceOf(value, unchecked(this.seeds[at]), unchecked(this.weights[at]));
      if (distance >= least) continue;
      least = distance;
      best = unchecked(outcomes[at]);
    }
    return best;
  }
}

/** Holds for requests that have the key. */
@final
export class HasKey extends Condition {
  constructor(private readonly key: Key) {
    super();
  }

  matches(request: RequestView): bool {
    return this.key.read(request) != ABSENT;
  }
}

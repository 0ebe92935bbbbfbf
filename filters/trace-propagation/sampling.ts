import { RequestMatcher } from "../../assembly/match/request-match";
import { RequestView } from "../../assembly/request-view";
import { TraceContext } from "./context";

/** A share of the traces whose first request matches. */
@final
export class SamplingRule {
  constructor(
    readonly match: RequestMatcher,
    readonly threshold: u64,
  ) {}
}

/**
 * Which new traces are recorded. The lower 56 bits of the trace id decide, as in OpenTelemetry's consistent probability sampling
 * ("TraceState: Probability Sampling"): a trace that is recorded at 10 % is recorded at 20 % too, wherever the question is asked.
 */
@final
export class Sampling {
  rules: StaticArray<SamplingRule> = new StaticArray<SamplingRule>(0);
  threshold: u64 = thresholdOf(1);

  samples(request: RequestView, context: TraceContext): bool {
    const rules = this.rules;
    let threshold = this.threshold;
    for (let at = 0; at < rules.length; at++) {
      const rule = unchecked(rules[at]);
      if (!rule.match.matches(request)) continue;
      threshold = rule.threshold;
      break;
    }
    return (context.low & RANDOM_BITS) >= threshold;
  }
}

/** What the random bits of a trace id must come to at least, for so many percent of all traces. */
export function thresholdOf(percent: f64): u64 {
  return <u64>nearest(((100 - percent) / 100) * <f64>(RANDOM_BITS + 1));
}

const RANDOM_BITS: u64 = 0x00ffffffffffffff;

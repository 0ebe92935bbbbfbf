import { ABSENT, Bytes, equals } from "../../../assembly/bytes/bytes";
import { jws, JwsProblem, parseJws } from "../../../assembly/jwt/jws";
import { JwtProblem } from "./problem";
import { hasFiniteNumbers, registered } from "./registered-claims";

/** The token in {@link jws} and {@link registered}, and what {@link parseToken} has said of it; {@link ABSENT} for none. */
let parsed: Bytes = ABSENT;
let parsedProblem: JwtProblem = JwtProblem.None;

/**
 * Takes a token apart into {@link jws} and {@link registered}, and says what is wrong with it for any rule. Of all rules that look at one token,
 * the first takes it apart: thousands of rules are then no more work, and above all no more memory, for a client that sends one of 60 KiB.
 */
export function parseToken(text: Bytes): JwtProblem {
  // Mostly it is the very same, and need not be compared.
  if (parsed == text || (parsed != ABSENT && equals(parsed, text))) return parsedProblem;
  parsed = text;
  parsedProblem = problemOf(text);
  return parsedProblem;
}

/** What was taken apart is not to be used any more: its nodes have become something else, or another callback begins. */
export function forgetParsed(): void {
  parsed = ABSENT;
}

function problemOf(text: Bytes): JwtProblem {
  const form = parseJws(text);
  if (form != JwsProblem.None) return problemOfForm(form);
  // As in Envoy, whose parser refuses them.
  return hasFiniteNumbers(jws.claims) ? registered.read(jws.claims) : JwtProblem.Payload;
}

function problemOfForm(problem: JwsProblem): JwtProblem {
  switch (problem) {
    case JwsProblem.Header:
      return JwtProblem.Header;
    case JwsProblem.Critical:
      return JwtProblem.Critical;
    case JwsProblem.Payload:
      return JwtProblem.Payload;
    case JwsProblem.Unsecured:
    case JwsProblem.Unsupported:
    case JwsProblem.UnknownAlgorithm:
      return JwtProblem.Algorithm;
    default:
      return JwtProblem.Format;
  }
}

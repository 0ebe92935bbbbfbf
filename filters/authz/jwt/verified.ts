import { arenaAllocate } from "../../../assembly/bytes/arena";
import { RequestView } from "../../../assembly/request-view";
import { JwtRule } from "./rule";

/** Of what happened: the number of the rule, and the token, 0 for a rule that began to look. */
const EVENT: usize = 8;

/**
 * The tokens of a request that were verified so far. Headers are written when all is decided, in the order in which Envoy writes them while it
 * still looks: each rule that begins to look removes its output headers, each token that it finds right adds to them.
 */
@final
export class VerifiedTokens {
  /** Of the last one: its claims are the request's. 0 for none. */
  last: usize = 0;
  private events: usize = 0;
  private count: u32 = 0;

  /** Before the first rule looks. `most`: how many times rules with outputs can begin to look, and find a token. */
  begin(most: u32): void {
    this.last = 0;
    this.count = 0;
    if (most > 0) this.events = arenaAllocate(<usize>most * EVENT);
  }

  /** The rule begins to look. */
  looks(rule: JwtRule): void {
    if (rule.hasOutputs) this.note(rule, 0);
  }

  /** The rule has found a token right. */
  add(rule: JwtRule, token: usize): void {
    this.last = token;
    if (rule.hasOutputs) this.note(rule, token);
  }

  /** Writes the headers of all that was found. */
  write(request: RequestView, rules: StaticArray<JwtRule>): void {
    for (let at: u32 = 0; at < this.count; at++) {
      const event = this.events + <usize>at * EVENT;
      const rule = unchecked(rules[load<u32>(event)]);
      const token = load<usize>(event, 4);
      if (token == 0) rule.removeOutputs(request);
      else rule.writeOutputs(request, token);
    }
  }

  private note(rule: JwtRule, token: usize): void {
    const event = this.events + <usize>this.count * EVENT;
    this.count++;
    store<u32>(event, rule.number);
    store<usize>(event, token, 4);
  }
}

/** Those of the request at hand. */
// @ts-ignore: decorator
@lazy export const verified = new VerifiedTokens();

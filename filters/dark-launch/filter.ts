import { Annotate } from "../../assembly/annotate";
import { baggageMember, countMembers, setMember } from "../../assembly/baggage";
import { ABSENT, Bytes, equals, literal } from "../../assembly/bytes/bytes";
import { Filter, Verdict } from "../../assembly/filter";
import { logBytes, LogLevelValues, logs } from "../../assembly/host/log";
import { Counter, count, defineCounter } from "../../assembly/host/metrics";
import { now } from "../../assembly/host/clock";
import { setProperty } from "../../assembly/host/properties";
import { ConfigReader } from "../../assembly/json/config-reader";
import { JsonNode } from "../../assembly/json/node";
import { Mode } from "../../assembly/mode";
import { joinReasons } from "../../assembly/reason";
import { RequestView } from "../../assembly/request-view";
import { ResponseView } from "../../assembly/response-view";
import { DarkLaunchConfig } from "./config";
import { Outcome } from "./outcome";

const PROPERTY = literal("outrigger.dark-launch");
const COOKIE = literal("set-cookie");
/** Of a note: the response carries the variant header. */
const EXPOSE: u32 = 1;
/** Of a note: the response sets the sticky cookie. */
const SET_COOKIE: u32 = 2;
/** How many shadowed decisions about one request the property tells. */
const MAX_TOLD = 8;

/** Chooses a variant for each request and says so in a header, which routes match on. */
@final
export class DarkLaunch extends Filter {
  private config: DarkLaunchConfig = new DarkLaunchConfig();
  private stripped: Counter = 0;
  /** What every request gets, since the launch is switched off or over; null while it is on. */
  private ended: Outcome | null = null;
  /** The variant that the client of this request has kept, where it was asked for. */
  private stuck: Bytes = ABSENT;
  /** Reasons of decisions that were shadowed for this request, of the first {@link MAX_TOLD} of them. */
  private shadowed: Bytes = ABSENT;
  private told: i32 = 0;

  configure(config: JsonNode, reader: ConfigReader): void {
    this.config.read(config, reader);
    if (reader.failed) return;
    this.stripped = defineCounter("outrigger_dark_launch_stripped");
    this.onTick();
  }

  /** Sees whether the launch is over: to the second, so that no request pays for a look at the clock. */
  onTick(): void {
    const config = this.config;
    const expired = config.expired;
    this.ended = expired != null && <f64>now() / 1e6 >= config.expires ? expired : config.disabled;
  }

  onRequest(request: RequestView): Verdict {
    const config = this.config;
    this.shadowed = ABSENT;
    this.told = 0;
    // Several values come joined by commas, which no variant contains: they never look like one.
    const header = request.headers.get(config.header);
    let members = 0;
    let member = ABSENT;
    if (config.baggage != ABSENT) {
      members = countMembers(request, config.baggage);
      if (members == 1) member = baggageMember(request, config.baggage);
    }
    let outcome: Outcome | null = null;
    let variant = ABSENT;
    if (config.trustInbound && this.ended == null) outcome = config.trusted(header, member);
    if (outcome != null) {
      count(outcome.counter);
      if (config.annotate == Annotate.Always) setProperty(PROPERTY, outcome.reason);
      if (config.mode == Mode.Shadow) return Verdict.Continue;
      variant = outcome.variant;
    } else {
      this.stuck = ABSENT;
      outcome = this.choose(config, request);
      count(outcome.counter);
      if (header != ABSENT || members > 0) count(this.stripped);
      if (config.mode == Mode.Shadow) this.noteShadowed(outcome);
      else variant = outcome.variant;
      this.annotate(config, outcome);
    }
    if (variant == ABSENT) request.headers.remove(config.header);
    else if (header == ABSENT) request.headers.insert(config.header, variant);
    else if (!equals(header, variant)) request.headers.set(config.header, variant);
    if (config.baggage != ABSENT) {
      if (variant == ABSENT) setMember(request, config.baggage, ABSENT);
      else if (members != 1 || member == ABSENT || !equals(member, variant)) {
        setMember(request, config.baggage, outcome.baggageValue);
      }
    }
    if (variant != ABSENT) request.note = this.noteFor(config, outcome);
    return Verdict.Continue;
  }

  /** What the response will need: the number of the outcome, and what of it is to be told. */
  private noteFor(config: DarkLaunchConfig, outcome: Outcome): u32 {
    let told: u32 = config.exposeResponse ? EXPOSE : 0;
    if (outcome.setCookie != ABSENT && (this.stuck == ABSENT || !equals(this.stuck, outcome.variant))) {
      told |= SET_COOKIE;
    }
    return told == 0 ? 0 : (outcome.number << 2) | told;
  }

  onResponse(response: ResponseView, note: u32): void {
    const config = this.config;
    const outcome = config.outcomes[note >>> 2];
    if ((note & EXPOSE) != 0) response.set(config.header, outcome.variant);
    if ((note & SET_COOKIE) != 0) response.add(COOKIE, outcome.setCookie);
  }

  // @ts-ignore: decorator
  @inline
  private choose(config: DarkLaunchConfig, request: RequestView): Outcome {
    const ended = this.ended;
    if (ended != null) return ended;
    const at = config.index.first(request);
    if (config.trials.length > 0) this.tryOut(config, request, at < 0 ? i32.MAX_VALUE : at);
    if (at < 0) return config.fallback;
    const rule = unchecked(config.rules[at]);
    const sticky = config.sticky;
    if (sticky != null && rule.key != null) this.stuck = request.cookie(sticky.name);
    return rule.choose(request, this.stuck);
  }

  /** Tells of the rules on trial that match, of those which a request reaches before the rule in force at `decided`. */
  private tryOut(config: DarkLaunchConfig, request: RequestView, decided: i32): void {
    const trials = config.trials;
    for (let at = 0, number = trials.length; at < number; at++) {
      const trial = unchecked(trials[at]);
      if (trial.position > decided) return;
      if (!trial.match.matches(request)) continue;
      const outcome = trial.rule.choose(request, ABSENT);
      count(outcome.counter);
      this.noteShadowed(outcome);
    }
  }

  private noteShadowed(outcome: Outcome): void {
    if (this.told++ < MAX_TOLD) this.shadowed = joinReasons(this.shadowed, outcome.reason);
    if (logs(LogLevelValues.info)) logBytes(LogLevelValues.info, outcome.shadowMessage);
  }

  /** Writes the property where somebody will read it. */
  private annotate(config: DarkLaunchConfig, outcome: Outcome): void {
    if (config.annotate == Annotate.Always && config.mode == Mode.Enforce) {
      setProperty(PROPERTY, joinReasons(this.shadowed, outcome.reason));
    } else if (this.shadowed != ABSENT) setProperty(PROPERTY, this.shadowed);
  }
}

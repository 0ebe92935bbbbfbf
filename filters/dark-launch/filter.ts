import { Annotate } from "../../assembly/annotate";
import { ABSENT, Bytes, equals, literal } from "../../assembly/bytes/bytes";
import { Filter, Verdict } from "../../assembly/filter";
import { logBytes, LogLevelValues, logs } from "../../assembly/host/log";
import { Counter, count, defineCounter } from "../../assembly/host/metrics";
import { setProperty } from "../../assembly/host/properties";
import { ConfigReader } from "../../assembly/json/config-reader";
import { JsonNode } from "../../assembly/json/node";
import { Mode } from "../../assembly/mode";
import { joinReasons } from "../../assembly/reason";
import { RequestView } from "../../assembly/request-view";
import { DarkLaunchConfig } from "./config";
import { Outcome } from "./outcome";

const PROPERTY = literal("outrigger.dark-launch");
/** How many shadowed decisions about one request the property tells. */
const MAX_TOLD = 8;

/** Chooses a variant for each request and says so in a header, which routes match on. */
@final
export class DarkLaunch extends Filter {
  private config: DarkLaunchConfig | null = null;
  private stripped: Counter = 0;
  /** Reasons of decisions that were shadowed for this request, of the first {@link MAX_TOLD} of them. */
  private shadowed: Bytes = ABSENT;
  private told: i32 = 0;

  configure(config: JsonNode, reader: ConfigReader): void {
    const read = new DarkLaunchConfig();
    read.read(config, reader);
    this.config = read;
    if (!reader.failed) this.stripped = defineCounter("outrigger_dark_launch_stripped");
  }

  onRequest(request: RequestView): Verdict {
    const config = this.config!;
    // Several values come joined by commas, which no variant contains: they never look like one.
    const inbound = request.headers.get(config.header);
    this.shadowed = ABSENT;
    this.told = 0;
    if (inbound != ABSENT && config.trustInbound && config.disabled == null) {
      const known = config.variants.get(inbound);
      if (known >= 0) {
        const outcome = unchecked(config.inbound[known]);
        count(outcome.counter);
        if (config.annotate == Annotate.Always) setProperty(PROPERTY, outcome.reason);
        return Verdict.Continue;
      }
    }
    const outcome = this.choose(config, request);
    count(outcome.counter);
    if (inbound != ABSENT) count(this.stripped);
    let variant = outcome.variant;
    if (config.mode == Mode.Shadow) {
      this.noteShadowed(outcome);
      variant = ABSENT;
    }
    this.annotate(config, outcome);
    if (variant == ABSENT) request.headers.remove(config.header);
    else if (inbound == ABSENT) request.headers.insert(config.header, variant);
    else if (!equals(inbound, variant)) request.headers.set(config.header, variant);
    return Verdict.Continue;
  }

  // @ts-ignore: decorator
  @inline
  private choose(config: DarkLaunchConfig, request: RequestView): Outcome {
    const disabled = config.disabled;
    if (disabled != null) return disabled;
    const at = config.index.first(request);
    this.tryOut(config, request, at < 0 ? i32.MAX_VALUE : at);
    return at < 0 ? config.fallback : unchecked(config.rules[at]);
  }

  /** Tells of the rules on trial that match, of those which a request reaches before the rule in force at `decided`. */
  private tryOut(config: DarkLaunchConfig, request: RequestView, decided: i32): void {
    const trials = config.trials;
    for (let at = 0, number = trials.length; at < number; at++) {
      const trial = unchecked(trials[at]);
      if (trial.position > decided) return;
      if (!trial.match.matches(request)) continue;
      count(trial.outcome.counter);
      this.noteShadowed(trial.outcome);
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

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

/** Chooses a variant for each request and says so in a header, which routes match on. */
@final
export class DarkLaunch extends Filter {
  private config: DarkLaunchConfig | null = null;
  private stripped: Counter = 0;
  /** Reasons of decisions that were shadowed for this request. */
  private shadowed: Bytes = ABSENT;

  configure(config: JsonNode, reader: ConfigReader): void {
    const read = new DarkLaunchConfig();
    read.read(config, reader);
    this.config = read;
    this.stripped = defineCounter("outrigger_dark_launch_stripped");
  }

  onRequest(request: RequestView): Verdict {
    const config = this.config!;
    // Several values come joined by commas, which no variant contains: they never look like one.
    const inbound = request.headers.get(config.header);
    this.shadowed = ABSENT;
    if (inbound != ABSENT && config.trustInbound && config.disabled == null) {
      const known = config.variants.get(inbound);
      if (known >= 0) {
        const outcome = unchecked(config.inbound[known]);
        count(outcome.counter);
        this.annotate(config, outcome);
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

  private choose(config: DarkLaunchConfig, request: RequestView): Outcome {
    const disabled = config.disabled;
    if (disabled != null) return disabled;
    for (let at = config.index.next(request, 0); at >= 0; at = config.index.next(request, at + 1)) {
      const rule = unchecked(config.rules[at]);
      if (rule.mode == Mode.Enforce) return rule.outcome;
      count(rule.outcome.counter);
      this.noteShadowed(rule.outcome);
    }
    return config.fallback;
  }

  private noteShadowed(outcome: Outcome): void {
    this.shadowed = joinReasons(this.shadowed, outcome.reason);
    if (logs(LogLevelValues.info)) logBytes(LogLevelValues.info, outcome.shadowMessage);
  }

  /** Writes the property where somebody will read it. */
  private annotate(config: DarkLaunchConfig, outcome: Outcome): void {
    if (config.annotate == Annotate.Always && config.mode == Mode.Enforce) {
      setProperty(PROPERTY, joinReasons(this.shadowed, outcome.reason));
    } else if (this.shadowed != ABSENT) setProperty(PROPERTY, this.shadowed);
  }
}

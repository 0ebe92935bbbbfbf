import { ABSENT, Bytes, byteString } from "../../assembly/bytes/bytes";
import { Keeper } from "../../assembly/bytes/keeper";
import { Counter, defineCounter, labelled } from "../../assembly/host/metrics";
import { Mode } from "../../assembly/mode";
import { reasonOf } from "../../assembly/reason";

export const NAME = "dark-launch";

/** One way a request can be decided, with all that is told of it made ready. */
@final
export class Outcome {
  /** `dark-launch:<rule>`. */
  readonly reason: Bytes;
  /** Defined by {@link define}. */
  counter: Counter = 0;
  private readonly metric: string;
  /** What is logged when the decision is shadowed. */
  readonly shadowMessage: Bytes;

  constructor(
    keeper: Keeper,
    /** The rule's name, or `default`, `none`, `disabled`, `inbound`. */
    name: string,
    /** {@link ABSENT} where no header is sent. */
    readonly variant: Bytes,
    mode: Mode,
  ) {
    const text = variant == ABSENT ? "none" : byteString(variant);
    this.reason = reasonOf(keeper, NAME, name);
    this.shadowMessage = keeper.keepText(`${NAME}:${name} would choose ${text} (shadow)`);
    const decisions = labelled(
      "outrigger_dark_launch_decisions",
      "mode",
      mode == Mode.Shadow ? "shadow" : "enforce",
    );
    this.metric = labelled(labelled(decisions, "variant", text), "rule", name);
  }

  /** Defines the metric: only for a configuration that is taken, as the host never forgets a definition. */
  define(): void {
    this.counter = defineCounter(this.metric);
  }
}

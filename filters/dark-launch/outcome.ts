import { arenaAllocate } from "../../assembly/bytes/arena";
import { ABSENT, byteAt, Bytes, bytesOf, byteString, lengthOf } from "../../assembly/bytes/bytes";
import { Keeper } from "../../assembly/bytes/keeper";
import { Counter, defineCounter, labelled } from "../../assembly/host/metrics";
import { Mode } from "../../assembly/mode";
import { reasonOf } from "../../assembly/reason";
import { Sticky } from "./sticky";

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
  /** The variant as the value of a baggage member (W3C Baggage §3.2.1.3: a percent sign is escaped). */
  readonly baggageValue: Bytes;
  /** The `set-cookie` that makes the variant stick; {@link ABSENT} where none does. */
  setCookie: Bytes = ABSENT;
  /** The position among the configuration's outcomes. */
  number: u32 = 0;

  constructor(
    keeper: Keeper,
    /** The rule's name, or `default`, `none`, `disabled`, `expired`, `inbound`. */
    name: string,
    /** {@link ABSENT} where no header is sent. */
    readonly variant: Bytes,
    mode: Mode,
  ) {
    const text = variant == ABSENT ? "none" : byteString(variant);
    this.reason = reasonOf(keeper, NAME, name);
    this.baggageValue = variant == ABSENT ? ABSENT : keeper.keep(escapePercent(variant));
    this.shadowMessage = keeper.keepText(`${NAME}:${name} would choose ${text} (shadow)`);
    const decisions = labelled(
      "outrigger_dark_launch_decisions",
      "mode",
      mode == Mode.Shadow ? "shadow" : "enforce",
    );
    this.metric = labelled(labelled(decisions, "variant", text), "rule", name);
  }

  /** Makes the variant stick. */
  stick(sticky: Sticky, keeper: Keeper): void {
    this.setCookie = keeper.keepText(sticky.setCookie(byteString(this.variant)));
  }

  /** Defines the metric: only for a configuration that is taken, as the host never forgets a definition. */
  define(): void {
    this.counter = defineCounter(this.metric);
  }
}

/** `%` as `%25`. */
function escapePercent(text: Bytes): Bytes {
  const start = arenaAllocate(lengthOf(text) * 3);
  let top = start;
  for (let at: u32 = 0; at < lengthOf(text); at++) {
    store<u8>(top++, byteAt(text, at));
    if (byteAt(text, at) != 0x25) continue;
    store<u16>(top, 0x3532);
    top += 2;
  }
  return bytesOf(start, <u32>(top - start));
}

import { byteString, Bytes } from "../../../assembly/bytes/bytes";
import { Keeper } from "../../../assembly/bytes/keeper";
import { Counter, defineCounter, labelled } from "../../../assembly/host/metrics";
import { Mode } from "../../../assembly/mode";
import { reasonOf } from "../../../assembly/reason";
import { NAME } from "../identity";
import { Denial } from "../denial";

/** What a policy does, in the order of the words of the field `action`. */
export enum Action {
  Allow,
  Deny,
  Audit,
  Custom,
}

export const ACTIONS = "ALLOW DENY AUDIT CUSTOM";
const ACTION_LABELS: StaticArray<string> = ["allow", "deny", "audit", "custom"];

/** A policy, apart from its rules. */
@final
export class Policy {
  /** `authz:<policy>`. */
  readonly reason: Bytes;
  /** What is logged when its decision is shadowed. */
  readonly shadowMessage: Bytes;
  private readonly metric: string;
  /** How often it has decided, or would have. */
  counter: Counter = 0;
  /** Of a CUSTOM policy: who is asked, as the position among the providers. */
  provider: i32 = -1;

  constructor(
    keeper: Keeper,
    readonly name: Bytes,
    /** {@link ABSENT} where the configuration says none. */
    readonly namespace: Bytes,
    readonly action: Action,
    readonly mode: Mode,
    /** What a request gets that it denies; null for what all get. */
    readonly denial: Denial | null,
  ) {
    const text = byteString(name);
    const label = ACTION_LABELS[action];
    this.reason = reasonOf(keeper, NAME, text);
    this.shadowMessage = keeper.keepText(`${NAME}:${text} would ${label} (shadow)`);
    const isShadow = mode == Mode.Shadow;
    const decisions = labelled("outrigger_authz_decisions", "mode", isShadow ? "shadow" : "enforce");
    this.metric = labelled(labelled(decisions, "action", label), "policy", text);
  }

  /** Defines the metric: only for a configuration that is taken. */
  define(): void {
    this.counter = defineCounter(this.metric);
  }
}

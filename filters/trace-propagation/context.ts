import { ABSENT, Bytes } from "../../assembly/bytes/bytes";

/** What a trace context says, whichever format it came in. A value is there once and filled anew for each request. */
@final
export class TraceContext {
  /** The 128 bits of the trace id; both 0 where there is none. A trace id of 64 bits has 0 in the upper half. */
  high: u64 = 0;
  low: u64 = 0;
  /** 0 where only the trace is known: of X-Ray's `Root` alone. */
  span: u64 = 0;
  /** The span above {@link span}; 0 where it is not known, or none. */
  parent: u64 = 0;
  /** Whether the trace is to be recorded is said. */
  decided: bool = false;
  sampled: bool = false;
  /**
   * The decision is somebody's will and not chance: B3's and Jaeger's debug where it is sampled, Datadog's "user keep" and "user reject".
   */
  forced: bool = false;
  /** The lower 56 bits of the trace id are random, says whoever made it (W3C level 2). */
  random: bool = false;
  /** The members of `tracestate` of other vendors; {@link ABSENT} for none. In the arena. */
  state: Bytes = ABSENT;

  clear(): void {
    this.high = 0;
    this.low = 0;
    this.span = 0;
    this.parent = 0;
    this.decided = false;
    this.sampled = false;
    this.forced = false;
    this.random = false;
    this.state = ABSENT;
  }

  copy(other: TraceContext): void {
    this.high = other.high;
    this.low = other.low;
    this.span = other.span;
    this.parent = other.parent;
    this.decided = other.decided;
    this.sampled = other.sampled;
    this.forced = other.forced;
    this.random = other.random;
    this.state = other.state;
  }

  // @ts-ignore: decorator
  @inline
  get hasTrace(): bool {
    return (this.high | this.low) != 0;
  }

  decide(sampled: bool, forced: bool): void {
    this.decided = true;
    this.sampled = sampled;
    this.forced = forced;
  }

  /** Whether two contexts are of the same trace. */
  isOf(other: TraceContext): bool {
    return ((this.high ^ other.high) | (this.low ^ other.low)) == 0;
  }

  /** Whether two contexts are of the same trace and span. */
  agrees(other: TraceContext): bool {
    return this.isOf(other) && this.span == other.span;
  }
}

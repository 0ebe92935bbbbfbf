/**
 * Keeps a service that does not answer from costing every request its timeout: after {@link failures} in a row nothing is asked for a
 * time that doubles with each attempt that fails again. One of a worker; times are of the monotonic clock, in nanoseconds.
 */
@final
export class Breaker {
  private failed: u32 = 0;
  /** Until then nothing is asked; 0 while all is well. */
  private until: u64 = 0;
  private interval: u64 = 0;
  /** One has been let through, to try. */
  private trying: bool = false;

  constructor(
    private readonly failures: u32,
    private readonly shortest: u64,
    private readonly longest: u64,
    /** How long an attempt can take. */
    private readonly patience: u64,
  ) {}

  /** Nothing has to be asked of the clock. */
  get isClosed(): bool {
    return this.until == 0;
  }

  /** Whether the service may be asked now. When the time is up, one may try, and the others only when that is answered (or lost). */
  allows(now: u64): bool {
    if (this.until == 0) return true;
    if (now < this.until) return false;
    this.until = now + this.patience;
    this.trying = true;
    return true;
  }

  /** The service has answered. True when it had not before. */
  succeeded(): bool {
    const wasOpen = this.until != 0;
    this.failed = 0;
    this.until = 0;
    this.interval = 0;
    this.trying = false;
    return wasOpen;
  }

  /** The service has failed. True when nothing is asked from now on. */
  hasFailed(now: u64): bool {
    const wasOpen = this.until != 0;
    if (!wasOpen && ++this.failed < this.failures) return false;
    // Late failures of calls from before are no attempts: under load there are many, and each would double the interval.
    if (wasOpen && !this.trying) return false;
    this.trying = false;
    this.interval = this.interval == 0 ? this.shortest : min(this.interval * 2, this.longest);
    this.until = now + this.interval;
    return !wasOpen;
  }
}

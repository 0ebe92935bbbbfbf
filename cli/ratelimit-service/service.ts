/**
 * A RateLimitService in memory that answers as envoyproxy/ratelimit with Redis does: windows of the clock, counted first and
 * compared then (its `src/service/ratelimit.go`, `src/redis/fixed_cache_impl.go`, `src/limiter/base_limiter.go`).
 */
import { CounterError, Counters } from "./counters.ts";
import { findLimit, type Configuration, type FoundLimit } from "./descriptors.ts";
import {
  Code,
  responseOf,
  type DescriptorStatus,
  type RateLimitDescriptor,
  type RateLimitRequest,
  type RateLimitResponse,
} from "./messages.ts";
import { secondsOf } from "./units.ts";

/** gRPC's UNKNOWN: what a Go server answers for an error that says nothing of a status. */
const UNKNOWN_STATUS = 2;

/** The call ends with this gRPC status instead of an answer. */
export class ServiceError extends Error {
  override name = "ServiceError";
  readonly status = UNKNOWN_STATUS;
}

const MAX_UINT32 = 2 ** 32 - 1;

export class RateLimitService {
  private readonly counters = new Counters();

  /** `now` is in milliseconds since the epoch. */
  constructor(
    private configuration: Configuration,
    private readonly now: () => number,
  ) {}

  /** What was counted stays. */
  configure(configuration: Configuration): void {
    this.configuration = configuration;
  }

  /** Throws {@link ServiceError}. */
  shouldRateLimit(request: RateLimitRequest): RateLimitResponse {
    if (request.domain === "") throw new ServiceError("rate limit domain must not be empty");
    if (request.descriptors.length === 0)
      throw new ServiceError("rate limit descriptor list must not be empty");
    const now = this.now();
    const limits = this.limitsOf(request);
    const statuses = this.count(request, limits, now).map((count, index) =>
      statusOf(limits[index]!, count, now),
    );
    const overLimit = statuses.some(({ code }) => code === Code.OverLimit);
    return responseOf(overLimit ? Code.OverLimit : Code.Ok, statuses);
  }

  /** The limit of each descriptor, null for none and for one that another one of the request replaces. */
  private limitsOf({ domain, descriptors }: RateLimitRequest): (FoundLimit | null)[] {
    const limits = descriptors.map((descriptor) => findLimit(this.configuration, domain, descriptor));
    const replaced = new Set(limits.flatMap((limit) => limit?.replaces ?? []));
    return limits.map((limit) =>
      limit !== null && !limit.unlimited && limit.name !== "" && replaced.has(limit.name) ? null : limit,
    );
  }

  /** The count of each descriptor's window after this request; null where nothing is counted. */
  private count(
    request: RateLimitRequest,
    limits: readonly (FoundLimit | null)[],
    now: number,
  ): (bigint | null)[] {
    for (const limit of limits) {
      // The real one goes down with it, so a caller better hears of it here.
      if (limit !== null && !limit.unlimited && secondsOf(limit.unit) === null)
        throw new ServiceError(`a descriptor's limit has the unknown unit ${limit.unit}`);
    }
    // Commands of one pipeline: each takes effect, also when another one fails.
    let failure: CounterError | undefined;
    const counts = request.descriptors.map((descriptor, index) => {
      const limit = limits[index];
      if (limit == null || limit.unlimited) return null;
      const window = secondsOf(limit.unit)!;
      const start = Math.floor(now / 1000 / window) * window;
      const key = counterKey(request.domain, descriptor, limit, start);
      const hits = descriptor.hitsAddend ?? BigInt(Math.max(1, request.hitsAddend));
      try {
        return this.counters.increment(key, hits, window * 1000, now);
      } catch (error) {
        if (!(error instanceof CounterError)) throw error;
        failure ??= error;
        return null;
      }
    });
    if (failure !== undefined) throw new ServiceError(failure.message);
    return counts;
  }
}

/** As ratelimit's `cache_key.go` writes it, so that what shares a counter there does so here. */
function counterKey(
  domain: string,
  { entries }: RateLimitDescriptor,
  { sharedValues }: FoundLimit,
  start: number,
): string {
  const parts = entries.map(({ key, value }, index) => `${key}_${sharedValues.get(index) ?? value}_`);
  return `${domain}_${parts.join("")}${start}`;
}

function statusOf(limit: FoundLimit | null, count: bigint | null, now: number): DescriptorStatus {
  if (limit === null || count === null) {
    const limitRemaining = limit === null ? 0 : MAX_UINT32;
    return { code: Code.Ok, currentLimit: null, limitRemaining, durationUntilReset: null };
  }
  const { requestsPerUnit, unit, name } = limit;
  const window = secondsOf(unit)!;
  const remaining = BigInt(requestsPerUnit) - count;
  const isOver = remaining < 0n;
  return {
    code: isOver && !limit.shadowMode && !limit.quotaMode ? Code.OverLimit : Code.Ok,
    currentLimit: { requestsPerUnit, unit, name },
    limitRemaining: isOver ? 0 : Number(remaining),
    // A limit over in quota mode is answered without its time, unless it is in shadow mode too.
    durationUntilReset:
      isOver && limit.quotaMode && !limit.shadowMode
        ? null
        : { seconds: window - (Math.floor(now / 1000) % window), nanos: 0 },
  };
}

/** A rate limit service that remembers what it was asked, and refuses where a value of a descriptor says so, if told to. */
import { Code, responseOf, type RateLimitRequest } from "../../cli/ratelimit-service/messages.ts";
import { RateLimitServer } from "../../cli/ratelimit-service/server.ts";
import type { RateLimitService } from "../../cli/ratelimit-service/service.ts";

export class RecordingService {
  #asked: RateLimitRequest[] = [];
  #server: RateLimitServer | undefined;

  private constructor(private readonly refused: readonly string[]) {}

  /** On a port of 127.0.0.1. Whoever one of the `refused` values is of is over the limit. */
  static async start(...refused: readonly string[]): Promise<RecordingService> {
    const made = new RecordingService(refused);
    const service: Pick<RateLimitService, "shouldRateLimit"> = {
      shouldRateLimit: (one) => made.#answer(one),
    };
    made.#server = await RateLimitServer.start(service as RateLimitService, "127.0.0.1", 0);
    return made;
  }

  get port(): number {
    return this.#server!.port;
  }

  /** What it was asked since the last call. */
  take(): RateLimitRequest[] {
    const asked = this.#asked;
    this.#asked = [];
    return asked;
  }

  /** The same as texts: domains and {@link descriptorsOf}, which count one by one, in whatever order. */
  takeTexts(): string[] {
    return this.take()
      .map((request) => ({ domain: request.domain, descriptors: descriptorsOf(request).sort() }))
      .filter(({ descriptors }) => descriptors.length > 0)
      .map(({ domain, descriptors }) => `${domain} ${descriptors.join()}`);
  }

  close(): void {
    this.#server?.close();
  }

  #answer(request: RateLimitRequest) {
    this.#asked.push(request);
    const codes = request.descriptors.map(({ entries }) =>
      entries.some(({ value }) => this.refused.includes(value)) ? Code.OverLimit : Code.Ok,
    );
    return responseOf(
      codes.includes(Code.OverLimit) ? Code.OverLimit : Code.Ok,
      codes.map((code) => ({ code, currentLimit: null, limitRemaining: 0, durationUntilReset: null })),
    );
  }
}

/** Without those that have no entry, as all of them were skipped: Envoy's filter sends these, of which a service knows no limit. */
export function descriptorsOf({ descriptors }: RateLimitRequest): string[] {
  return descriptors
    .filter(({ entries }) => entries.length > 0)
    .map(({ entries }) => JSON.stringify(entries));
}

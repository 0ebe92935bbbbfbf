/** Short ways to say what is asked of a RateLimitService. */
import type { RateLimitDescriptor, RateLimitRequest } from "../../cli/ratelimit-service/messages.ts";

/** `descriptor("a=b", "c=d")` */
export function descriptor(...entries: readonly string[]): RateLimitDescriptor {
  return {
    entries: entries.map((entry) => {
      const [key = "", ...value] = entry.split("=");
      return { key, value: value.join("=") };
    }),
    limit: null,
    hitsAddend: null,
  };
}

export function request(
  domain: string,
  descriptors: readonly RateLimitDescriptor[],
  hitsAddend = 0,
): RateLimitRequest {
  return { domain, descriptors, hitsAddend };
}

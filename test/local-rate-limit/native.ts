/** Envoy's own `local_ratelimit` filter, configured as a limit of `local-rate-limit` is. */
import type { Rate } from "./proxy.ts";

const SECONDS = { second: 1, minute: 60, hour: 3600, day: 86_400 };

/** A limit that both filters can have. Keys are values of the header `x-key`. */
export interface SharedLimit {
  rate: Rate;
  /** Left out: one bucket for all. */
  keyed?: {
    overrides: Readonly<Record<string, Rate>>;
    /** Requests without a key: not limited, or all from one bucket of `rate`. */
    onMissingKey: "skip" | "share";
  };
  /** A bucket that all requests take from beside their own. */
  total?: Rate;
}

/** Envoy holds no more buckets of keys that no descriptor names; each has its own until there are more. */
export const MOST_KEYS = 20;

export function nativeFilter(limit: SharedLimit): object {
  const { rate, keyed, total } = limit;
  const always = { default_value: { numerator: 100 } };
  const common = total ?? (keyed === undefined || keyed.onMissingKey === "share" ? rate : undefined);
  const descriptor = (value: string, of: Rate): object => ({
    entries: [{ key: KEY, value }],
    token_bucket: tokenBucket(of),
  });
  return {
    name: "envoy.filters.http.local_ratelimit",
    typed_config: {
      "@type": "type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit",
      stat_prefix: "native",
      filter_enabled: always,
      filter_enforced: always,
      enable_x_ratelimit_headers: "DRAFT_VERSION_03",
      always_consume_default_token_bucket: total !== undefined,
      max_dynamic_descriptors: MOST_KEYS,
      ...(common ? { token_bucket: tokenBucket(common) } : {}),
      ...(keyed
        ? {
            rate_limits: [{ actions: [{ request_headers: { header_name: "x-key", descriptor_key: KEY } }] }],
            descriptors: [
              ...Object.entries(keyed.overrides).map(([value, of]) => descriptor(value, of)),
              // One without a value is of all values that no other has, each with a bucket of its own.
              descriptor("", rate),
            ],
          }
        : {}),
    },
  };
}

const KEY = "key";

function tokenBucket({ requests, per, burst }: Rate): object {
  return {
    max_tokens: burst ?? requests,
    tokens_per_fill: requests,
    fill_interval: `${SECONDS[per]}s`,
  };
}

export function pluginConfig(limit: SharedLimit): object {
  const { rate, keyed, total } = limit;
  return {
    limits: [
      {
        name: "own",
        limit: rate,
        ...(keyed
          ? {
              key: [{ header: "x-key" }],
              onMissingKey: keyed.onMissingKey,
              overrides: Object.entries(keyed.overrides).map(([key, of]) => ({ key: [key], limit: of })),
            }
          : {}),
      },
      ...(total ? [{ name: "total", limit: total }] : []),
    ],
  };
}

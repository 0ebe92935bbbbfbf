/** The filters whose schemas are held against their readers. */
import type fc from "fast-check";
import { rightAuthz, smallAuthz } from "./authz.ts";
import { rightDarkLaunch, smallDarkLaunch } from "./dark-launch.ts";
import { rightGlobalRateLimit, smallGlobalRateLimit } from "./global-rate-limit.ts";
import { rightLocalRateLimit, smallLocalRateLimit } from "./local-rate-limit.ts";
import { rightTracePropagation, smallTracePropagation } from "./trace-propagation.ts";
import {
  AUTHZ_UNSAID,
  DARK_LAUNCH_UNSAID,
  GLOBAL_RATE_LIMIT_UNSAID,
  LOCAL_RATE_LIMIT_UNSAID,
  TRACE_PROPAGATION_UNSAID,
  type Unsaid,
} from "./unsaid.ts";
import type { Json } from "./vocabulary.ts";

export interface Schema {
  properties?: Record<string, Schema>;
  [keyword: string]: unknown;
}

/** An object of a configuration: the fields that the schema has there, and a configuration with a field `zzz` there. */
export interface Place {
  place: string;
  fields: string[];
  configuration: Json;
}

export interface Subject {
  filter: string;
  right: () => fc.Arbitrary<Json>;
  small: () => fc.Arbitrary<Json>;
  unsaid: readonly Unsaid[];
  /** Shared definitions that it does not use. */
  without: readonly string[];
  places: (schema: Schema, vocabulary: Record<string, Schema>) => Place[];
}

/** What only rate limits use of what filters share. */
const LIMITS = ["rate", "refusal", "limitFields"];

/** What requests are matched by in filters that have rules or limits: policies have a vocabulary of their own. */
const MATCHES = ["requestMatch", "stringMatch", "source", "percentage"];

export const SUBJECTS: readonly Subject[] = [
  {
    filter: "authz",
    right: rightAuthz,
    small: smallAuthz,
    unsaid: AUTHZ_UNSAID,
    without: [...LIMITS, ...MATCHES],
    places: ({ properties, ...schema }) => {
      const $defs = schema.$defs as Record<string, Schema>;
      const policy = (one: object): Json => ({ policies: [{ name: "a", ...one }] });
      const rule = (one: object): Json => policy({ rules: [one] });
      const token = (one: object): Json => ({ jwtRules: [{ issuer: "i", jwksUri: "http://i", ...one }] });
      const key = { name: "a", sha256: "00".repeat(32) };
      const keys = (one: object): Json => ({ apiKeys: { from: [{ header: "x" }], keys: [key], ...one } });
      const user = { ...key, salt: "00".repeat(16) };
      const provider = (one: object): Json => ({ extensionProviders: [{ name: "a", ...one }] });
      const grpc = { envoyExtAuthzGrpc: { cluster: "c" } };
      return [
        at("the filter", properties, { zzz: 1 }),
        at("the refusal", $defs.denial?.properties, { deny: { zzz: 1 } }),
        at("a policy", $defs.policy?.properties, policy({ zzz: 1 })),
        at("a rule", $defs.policyRule?.properties, rule({ zzz: 1 })),
        at("a source", $defs.policySource?.properties, rule({ from: [{ source: { zzz: 1 } }] })),
        at("an operation", $defs.policyOperation?.properties, rule({ to: [{ operation: { zzz: 1 } }] })),
        at("a condition", $defs.condition?.properties, rule({ when: [{ key: "source.ip", zzz: 1 }] })),
        at("a rule of tokens", $defs.jwtRule?.properties, token({ zzz: 1 })),
        at(
          "a place of tokens",
          $defs.tokenHeader?.properties,
          token({ fromHeaders: [{ name: "a", zzz: 1 }] }),
        ),
        at("a claim's header", $defs.claimHeader?.properties, token({ outputClaimToHeaders: [{ zzz: 1 }] })),
        at("the keys", $defs.apiKeys?.properties, keys({ zzz: 1 })),
        at("a key", $defs.apiKey?.properties, keys({ keys: [{ ...key, zzz: 1 }] })),
        at("basic", $defs.basicAuth?.properties, { basicAuth: { users: [user], zzz: 1 } }),
        at("a user", $defs.basicUser?.properties, { basicAuth: { users: [{ ...user, zzz: 1 }] } }),
        at("a provider", $defs.extensionProvider?.properties, provider({ ...grpc, zzz: 1 })),
        at("gRPC", $defs.grpcProvider?.properties, provider({ envoyExtAuthzGrpc: { zzz: 1 } })),
        at("HTTP", $defs.httpProvider?.properties, provider({ envoyExtAuthzHttp: { zzz: 1 } })),
        at("a cache", $defs.decisionCache?.properties, provider({ ...grpc, cache: { zzz: 1 } })),
      ];
    },
  },
  {
    filter: "dark-launch",
    right: rightDarkLaunch,
    small: smallDarkLaunch,
    unsaid: DARK_LAUNCH_UNSAID,
    without: LIMITS,
    places: ({ properties, ...schema }, vocabulary) => {
      const $defs = schema.$defs as Record<string, Schema>;
      const ruled = (rule: object): Json => ({ rules: [{ name: "a", variant: "v", ...rule }] });
      const key = (part: Json): Json => ruled({ match: { percentage: { value: 1, by: [part] } } });
      const [, stringMatch] = vocabulary.stringMatch!.oneOf as Schema[];
      const { remoteAddress, path } = vocabulary.keyPart!.properties!;
      return [
        at("the filter", properties, { zzz: 1 }),
        at("a rule", $defs.rule?.properties, ruled({ zzz: 1 })),
        at("one of variants", $defs.weightedVariant?.properties, {
          rules: [{ name: "a", variants: [{ zzz: 1 }] }],
        }),
        at("the cookie", $defs.cookie?.properties, { sticky: { cookie: { zzz: 1 } } }),
        at("sticky", properties?.sticky?.properties, { sticky: { zzz: 1 } }),
        at("RequestMatch", vocabulary.requestMatch!.properties, ruled({ match: { zzz: 1 } })),
        at("StringMatch", stringMatch?.properties, ruled({ match: { path: { zzz: 1 } } })),
        at("source", vocabulary.source?.properties, ruled({ match: { source: { zzz: 1 } } })),
        at("percentage", vocabulary.percentage?.properties, ruled({ match: { percentage: { zzz: 1 } } })),
        at("Key", vocabulary.keyPart?.properties, key({ zzz: 1 })),
        at("remoteAddress", remoteAddress?.properties, key({ remoteAddress: { zzz: 1 } })),
        at("path", path?.properties, key({ path: { zzz: 1 } })),
      ];
    },
  },
  {
    filter: "local-rate-limit",
    right: rightLocalRateLimit,
    small: smallLocalRateLimit,
    unsaid: LOCAL_RATE_LIMIT_UNSAID,
    without: ["timestamp", "duration", "salt"],
    places: ({ properties, ...schema }, vocabulary) => {
      const $defs = schema.$defs as Record<string, Schema>;
      const limited = (limit: object): Json => ({
        limits: [{ name: "a", key: [{ host: {} }], limit: { requests: 1, per: "day" }, ...limit }],
      });
      return [
        at("the filter", properties, { ...(limited({}) as object), zzz: 1 }),
        at("a limit", $defs.localLimit?.properties, limited({ zzz: 1 })),
        at("a rate", vocabulary.rate?.properties, limited({ limit: { zzz: 1 } })),
        at("an override", $defs.localOverride?.properties, limited({ overrides: [{ zzz: 1 }] })),
        at("the response", vocabulary.refusal?.properties, {
          ...(limited({}) as object),
          response: { zzz: 1 },
        }),
      ];
    },
  },
  {
    filter: "global-rate-limit",
    right: rightGlobalRateLimit,
    small: smallGlobalRateLimit,
    unsaid: GLOBAL_RATE_LIMIT_UNSAID,
    without: ["timestamp", "salt"],
    places: ({ properties, ...schema }) => {
      const $defs = schema.$defs as Record<string, Schema>;
      const { globalLimit, entry } = $defs;
      const base = { domain: "d", service: { cluster: "c" } };
      const limited = (limit: object): Json => ({
        ...base,
        limits: [{ name: "a", descriptor: [{ key: "k", value: "v" }], ...limit }],
      });
      const all = limited({}) as object;
      return [
        at("the filter", properties, { ...all, zzz: 1 }),
        at("the service", properties?.service?.properties, { ...all, service: { cluster: "c", zzz: 1 } }),
        at("the breaker", properties?.breaker?.properties, { ...all, breaker: { zzz: 1 } }),
        at("a limit", globalLimit?.properties, limited({ zzz: 1 })),
        at("an entry", entry?.properties, limited({ descriptor: [{ zzz: 1 }] })),
        at("the service's limit", globalLimit?.properties?.limit?.properties, limited({ limit: { zzz: 1 } })),
        at("a lease", globalLimit?.properties?.lease?.properties, limited({ lease: { zzz: 1 } })),
      ];
    },
  },
  {
    filter: "trace-propagation",
    right: rightTracePropagation,
    small: smallTracePropagation,
    unsaid: TRACE_PROPAGATION_UNSAID,
    without: [...LIMITS, "timestamp"],
    places: ({ properties, ...schema }) => {
      const { traceCollector } = schema.$defs as Record<string, Schema>;
      const { baggage, correlate, sampling, report } = properties!;
      const rule = (sampling!.properties!.rules!.items as Schema).properties;
      const zipkin = { cluster: "c" };
      return [
        at("the filter", properties, { zzz: 1 }),
        at("baggage", baggage?.properties, { baggage: { allow: [], zzz: 1 } }),
        at("correlate", correlate?.properties, { correlate: { zzz: 1 } }),
        at("sampling", sampling?.properties, { sampling: { zzz: 1 } }),
        at("a rule", rule, { sampling: { rules: [{ name: "a", percent: 1, zzz: 1 }] } }),
        at("the report", report?.properties, { report: { zipkin, zzz: 1 } }),
        at("the collector", traceCollector?.properties, { report: { otlp: { ...zipkin, zzz: 1 } } }),
      ];
    },
  },
];

function at(place: string, fields: Record<string, Schema> | undefined, configuration: Json): Place {
  return { place, fields: Object.keys(fields ?? {}), configuration };
}

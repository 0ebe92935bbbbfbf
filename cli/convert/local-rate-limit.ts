/** Envoy's `local_ratelimit` filter, for all requests or for routes, to `local-rate-limit`. */
import type { FilterPatch, PatchGroup, RoutePatch } from "./envoy-filter.ts";
import type { Field } from "./field.ts";
import { configurationsOf, isSeveral, type Configuration } from "./local-configurations.ts";
import { Names, resourceName, ruleName } from "./names.ts";
import { labelsOf, type ConvertedPlugin } from "./plugin.ts";
import {
  answersOf,
  countsByRoutes,
  placeRemarks,
  readMilliseconds,
  remarksOf,
  routesOf,
  whereOf,
  type Answers,
} from "./rate-limit-settings.ts";
import { readRateLimit, type ActionEntry, type AskedDescriptor } from "./rate-limit-actions.ts";
import { descriptorsOfRoutes, routeRemarks } from "./rate-limit-routes.ts";
import { joined, type RequestMatch } from "./route-match.ts";
import { EVERYWHERE, intersection, regionMatch, type Region } from "./route-scope.ts";

/** What Envoy's filter has as a body (`local_ratelimit.cc`). */
const BODY = "local_rate_limited";
const NOTHING_IS_LIMITED =
  "by default Envoy's filter limits 0 % of requests: set filter_enabled and filter_enforced to 100 %, or leave the filter out";

interface Rate {
  requests: number;
  per: string;
  burst?: number;
}

interface Limit {
  name: string;
  mode?: "shadow";
  match?: RequestMatch;
  key?: object[];
  limit: Rate;
  overrides?: { key: string[]; limit: Rate }[];
}

/** A descriptor of the filter's configuration, with its own bucket. */
interface Bucket {
  entries: { key: string; value: string }[];
  rate: Rate;
  field: Field;
}

/** Null where it cannot be converted whole, which is told. */
export function convertLocalRateLimit(filter: FilterPatch, group: PatchGroup): ConvertedPlugin | null {
  const { config, resource } = filter;
  const { report } = config.place;
  const before = report.count;
  const routes = routesOf(group, filter);
  const configurations = configurationsOf(config, routes);
  const names = new Names();
  const limits: Limit[] = [];
  let answers: Answers | null = null;
  for (const one of configurations) {
    const read = readLimits(one, routes, one.region === null ? new Names() : names);
    if (read.limits.length === 0) continue;
    if (one.region === null) {
      one.config.note(
        "every route has a configuration that goes before this one, which never applies; its limits were left out",
      );
      continue;
    }
    if (answers !== null && JSON.stringify(answers) !== JSON.stringify(read.answers))
      one.config.leave("it answers otherwise than another one: a plugin has one answer");
    answers = read.answers;
    limits.push(...read.limits);
  }
  if (limits.length === 0 && report.count === before)
    config.leave("no token_bucket in it, nor in a patch of routes: Envoy's filter does nothing then");
  if (report.count > before) return null;
  for (const route of routes) {
    route.isTaken = true;
    const { own, scope, level } = route;
    if (own !== null && isSeveral(scope, level))
      own.config.note(
        `in Envoy each ${level} of these has a bucket of its own; the plugin has one for all of them, so that they reach its limit sooner`,
      );
  }
  const from = [...new Set([resource, ...routes.map((route) => route.resource)])];
  return {
    filter: "local-rate-limit",
    name: resourceName("local-rate-limit", ...Object.values(labelsOf(group.target)).sort(), resource.name),
    namespace: group.namespace,
    target: group.target,
    ...whereOf(filter),
    failStrategy: "FAIL_OPEN",
    pluginConfig: { limits, ...answers },
    comments: [
      ...routeRemarks(routes),
      ...placeRemarks(filter),
      "A bucket is one for all requests of a direction; Envoy's filter has one for each filter chain, virtual host and route that has its configuration.",
      "A refusal also says retry-after, and a gRPC request gets RESOURCE_EXHAUSTED.",
      ...(answers === null ? [] : remarksOf(answers)),
    ],
    from,
  };
}

function readLimits(
  { config, region }: Configuration,
  routes: readonly RoutePatch[],
  names: Names,
): { limits: Limit[]; answers: Answers } {
  config.pass("@type", "statPrefix", "rateLimitedAsResourceExhausted");
  config.drop(
    "the plugin adds no headers to requests over a limit that is not enforced",
    "requestHeadersToAddWhenNotEnforced",
  );
  const stage = config.get("stage")?.number() ?? 0;
  const bucket = config.get("tokenBucket");
  const rate = bucket === null ? null : readRate(bucket);
  const buckets = (config.get("descriptors")?.items() ?? []).map(readBucket).filter((one) => one !== null);
  const own = (config.get("rateLimits")?.items() ?? []).map(readRateLimit).filter((one) => one !== null);
  const consumesDefault = config.get("alwaysConsumeDefaultTokenBucket")?.boolean() ?? true;
  if (config.get("localRateLimitPerDownstreamConnection")?.boolean() === true)
    config
      .get("localRateLimitPerDownstreamConnection")!
      .leave("a bucket for each connection is not known here; `key` counts by what requests say");
  config.get("localClusterRateLimit")?.leave("a limit that proxies share: global-rate-limit is for that");
  config.pass("maxDynamicDescriptors");
  const answers = answersOf(config, "status", BODY, {});
  const share = bucket === null && buckets.length === 0 ? null : readShares(config);
  config.finish();
  if (share === null) return { limits: [], answers };
  const within = region ?? { scope: EVERYWHERE, except: [] };
  const asked = countsByRoutes(config)
    ? descriptorsOfRoutes(routes, stage).flatMap((one) => {
        const both = intersection(within, one.region);
        return both === null ? [] : [{ asked: one.asked, region: both }];
      })
    : own.filter((one) => one.stage === stage).map((one) => ({ asked: one, region: within }));
  const matchOf = (of: Region): RequestMatch =>
    joined([regionMatch(of), ...(share.match === null ? [] : [share.match])]);
  const mode = share.isShadow ? { mode: "shadow" as const } : {};
  const limits: Limit[] = [];
  for (const one of asked) limits.push(...limitsOf(one.asked, buckets, matchOf(one.region), names, mode));
  if (buckets.length > 0 && limits.length === 0)
    config.get("descriptors")!.leave("no rate_limits make such descriptors: they limit nothing");
  if (rate !== null) {
    const others = consumesDefault ? [] : limits.map(appliesTo).map((match) => ({ not: match }));
    const match = joined([matchOf(within), ...others]);
    limits.push({ name: names.claim("all"), ...mode, ...matching(match), limit: rate });
  }
  return { limits, answers };
}

/** The limits for one kind of descriptor: one for each bucket with fixed values, or one with a key where the values may be any. */
function limitsOf(
  asked: AskedDescriptor,
  buckets: readonly Bucket[],
  where: RequestMatch,
  names: Names,
  mode: { mode?: "shadow" },
): Limit[] {
  const { entries } = asked;
  if (asked.hits !== null && asked.hits !== 1)
    asked.field.leave("hits_addend: Envoy's local filter takes it, this command does not");
  const optional = entries.find(({ skipIfMissing }) => skipIfMissing === true);
  if (optional !== undefined) {
    asked.field.leave(
      "skip_if_absent: which descriptor comes of it depends on the request; write one rate limit without that entry",
    );
    return [];
  }
  const fitting = buckets.filter((bucket) => isSame(bucket, entries));
  const free = entries.flatMap(({ from }, at) => (from === undefined ? [] : [at]));
  const isAny = (bucket: Bucket): boolean =>
    free.length > 0 && free.every((at) => bucket.entries[at]!.value === "");
  const any = fitting.find(isAny);
  const fixed = fitting.filter((bucket) => free.every((at) => bucket.entries[at]!.value !== ""));
  for (const bucket of fitting)
    if (bucket !== any && !fixed.includes(bucket))
      bucket.field.leave("some of its values are given and some are any: give all or none");
  const conditions = joined([
    where,
    ...entries.flatMap(({ condition }) => (condition === undefined ? [] : [condition])),
  ]);
  const name = ruleName(entries.map(({ key, value }) => value ?? key).join("."), (one) => one === "admitted");
  if (any !== undefined) {
    const overrides = fixed.map(({ entries: values, rate }) => ({
      key: free.map((at) => values[at]!.value),
      limit: rate,
    }));
    return [
      {
        name: names.claim(name),
        ...mode,
        ...matching(conditions),
        key: free.map((at) => entries[at]!.from!),
        limit: any.rate,
        ...(overrides.length === 0 ? {} : { overrides }),
      },
    ];
  }
  return fixed.map((bucket) => {
    const values = free.map((at) => equal(entries[at]!, bucket.entries[at]!.value, bucket.field));
    const of = free.map((at) => bucket.entries[at]!.value);
    return {
      name: names.claim(ruleName([name, ...of].join("."), (one) => one === "admitted")),
      ...mode,
      ...matching(joined([conditions, ...values])),
      limit: bucket.rate,
    };
  });
}

/** The same keys in the same order, and the same values where both are known. */
function isSame({ entries: configured }: Bucket, entries: readonly ActionEntry[]): boolean {
  return (
    configured.length === entries.length &&
    configured.every(({ key, value }, at) => {
      const entry = entries[at]!;
      return key === entry.key && (entry.value === undefined || entry.value === value || value === "");
    })
  );
}

/** Holds where this entry has this value. */
function equal({ from }: ActionEntry, value: string, field: Field): RequestMatch {
  const { header, queryParam, claim } = from as { header?: string; queryParam?: string; claim?: string };
  if (header !== undefined) return { headers: { [header]: { exact: value } } };
  if (queryParam !== undefined) return { queryParams: { [queryParam]: { exact: value } } };
  if (claim !== undefined) return { claims: { [claim]: { exact: value } } };
  if (!/^[0-9a-f.:]+$/i.test(value)) field.leave(`remote_address "${value}" is no address`);
  return { source: { remoteIpBlocks: [value] } };
}

/** To which requests a limit applies: with a key, to those that have one. */
function appliesTo({ match = {}, key = [] }: Limit): RequestMatch {
  const there = key.flatMap((part): RequestMatch[] => {
    const { header, queryParam, claim } = part as { header?: string; queryParam?: string; claim?: string };
    const present = { present: true };
    if (header !== undefined) return [{ headers: { [header]: present } }];
    if (queryParam !== undefined) return [{ queryParams: { [queryParam]: present } }];
    return claim === undefined ? [] : [{ claims: { [claim]: present } }];
  });
  return joined([match, ...there]);
}

function readBucket(field: Field): Bucket | null {
  const { report } = field.place;
  const before = report.count;
  const entries = (field.get("entries")?.items() ?? []).map((entry) => {
    const found = { key: entry.get("key")?.text() ?? "", value: entry.get("value")?.text() ?? "" };
    entry.finish();
    return found;
  });
  const bucket = field.get("tokenBucket");
  const rate = bucket === null ? null : readRate(bucket);
  if (bucket === null) field.leave("no token_bucket");
  field.finish();
  return rate === null || report.count > before ? null : { entries, rate, field };
}

const PERIODS = [
  ["second", 1000],
  ["minute", 60_000],
  ["hour", 3_600_000],
  ["day", 86_400_000],
] as const;

/** Envoy's `TokenBucket` fills evenly, as ours does. */
function readRate(field: Field): Rate | null {
  const burst = field.get("maxTokens")?.number() ?? 0;
  const tokens = field.get("tokensPerFill")?.number() ?? 1;
  const interval = field.get("fillInterval");
  field.finish();
  const milliseconds = interval === null ? null : readMilliseconds(interval);
  if (interval === null) field.leave("no fill_interval");
  if (milliseconds === null || milliseconds <= 0) return null;
  for (const [per, length] of PERIODS) {
    const requests = (tokens * length) / milliseconds;
    // Half a second that gives five is ten a second; two minutes that give one are thirty an hour.
    if (!Number.isInteger(requests) || requests < 1) continue;
    return { requests, per, ...(burst === requests ? {} : { burst }) };
  }
  field.leave(`${tokens} in ${milliseconds} ms is no whole number a second, minute, hour or day`);
  return null;
}

/** Whom it is for. Null where Envoy's filter does nothing, which is told. */
function readShares(config: Field): { match: RequestMatch | null; isShadow: boolean } | null {
  const enabled = readPercent(config.get("filterEnabled"));
  const enforced = readPercent(config.get("filterEnforced"));
  if (enabled === 0) {
    (config.get("filterEnabled") ?? config).leave(
      `filter_enabled is 0 %, and nothing is limited: ${NOTHING_IS_LIMITED}`,
    );
    return null;
  }
  if (enforced !== 0 && enforced !== 100)
    config
      .get("filterEnforced")!
      .leave(`${enforced} %: a limit is enforced or in shadow; filter_enabled can be a share`);
  if (enforced === 0)
    (config.get("filterEnforced") ?? config).note(
      "filter_enforced is 0 %: the limits are in shadow, as they were",
    );
  const by = [{ header: "x-request-id" }];
  return { match: enabled === 100 ? null : { percentage: { value: enabled, by } }, isShadow: enforced === 0 };
}

/** Envoy's `RuntimeFractionalPercent`, of which a plugin knows the default only. */
function readPercent(field: Field | null): number {
  if (field === null) return 0;
  field.drop("a plugin has no runtime settings: the default counts", "runtimeKey");
  const value = field.get("defaultValue");
  const numerator = value?.get("numerator")?.number() ?? 0;
  const denominator = value?.get("denominator")?.text() ?? "HUNDRED";
  value?.finish();
  field.finish();
  const hundredth = { HUNDRED: 1, TEN_THOUSAND: 100, MILLION: 10_000 }[denominator];
  if (hundredth === undefined) field.leave("expected denominator HUNDRED, TEN_THOUSAND or MILLION");
  return Math.min(numerator / (hundredth ?? 1), 100);
}

function matching(match: RequestMatch): { match?: RequestMatch } {
  return Object.keys(match).length === 0 ? {} : { match };
}

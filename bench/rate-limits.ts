/** The rows of `local-rate-limit`, beside what the same work costs by hand and in Envoy's own filter. */
import { existsSync } from "node:fs";
import { root, type BenchModule } from "./build.ts";
import { localRateLimitFilter, wasmFilter, type Json } from "./configuration.ts";
import { oneUser, refusedUser, userOf } from "./requests.ts";
import { baseline, chain, COPIES, type Variant } from "./variants.ts";

export const rateLimitNames = [
  "local",
  "local-same-calls",
  "local-headers",
  "local-key",
  "local-keys-10000",
  "envoy-local-1",
  "local-overrides",
  "envoy-local-1000",
] as const;
export type RateLimitName = (typeof rateLimitNames)[number];

/** Keys that are active in the row of many. As many as `maxKeys` is by default. */
const KEYS = 10_000;

const localModule = `${root}build/local-rate-limit.wasm`;

/** Refuses nobody at the rate of the benchmark; `limit/local-same-calls.ts` has the same. */
const generous = { requests: 1_000_000, per: "second" };

/**
 * Refuses nobody for other reasons: a bucket has ten million units, and one of them takes 86 s to come back. So each key
 * that was asked for in the run still has a bucket that is not full, and occupies its slot.
 */
const slow = { requests: 1000, per: "day", burst: 10_000_000 };

/** Admits one request: shows that overrides and descriptors are looked at. */
const once = { requests: 1, per: "day" };

/** Values of `x-user` with limits of their own, of which the last is sent by the requests. */
function users(count: number): string[] {
  return [...Array.from({ length: count - 1 }, (_, i) => `other-${i}`), oneUser];
}

function configuration(
  limit: Json,
  more: Readonly<Record<string, Json>> = {},
  responseHeaders = "off",
): string {
  return JSON.stringify({ limits: [{ name: "all", limit, ...more }], responseHeaders });
}

const byUser = { key: [{ header: "x-user" }] };

/** Envoy's own counters by which a row is held to its work; of ours, its metrics. */
const counters = {
  local: "admitted.*outrigger_local_rate_limit_decisions",
  sameCalls: "outrigger_bench_same_calls",
  envoy: "http_local_rate_limit\\.ok$",
};

/**
 * The rows asked for, in the order of the table, after the baseline; throws when the module is not built. Each copy of a filter has a plugin name of its own,
 * and so buckets of its own: with one name for all, a request would take eight times from one bucket.
 */
export function rateLimitVariants(
  built: Record<BenchModule, string>,
  only: ReadonlySet<string>,
  separateVms: boolean,
): Variant[] {
  const row = (
    name: RateLimitName,
    title: string,
    counter: string,
    filter: (copy: number) => Json,
    more: Partial<Variant> = {},
  ): Variant => ({
    ...baseline,
    name,
    title,
    divisor: COPIES,
    check: { kind: "counted", counter, refuses: false },
    spec: (port) => chain(port, COPIES, filter),
    ...more,
  });
  const wasm = (module: string, text: (copy: number) => string) => (copy: number) =>
    wasmFilter(`copy-${copy}`, module, "", text(copy), separateVms ? `copy-${copy}` : "");
  const local = (name: RateLimitName, title: string, text: string, more?: Partial<Variant>): Variant =>
    row(
      name,
      title,
      counters.local,
      wasm(localModule, () => text),
      more,
    );
  const envoy = (name: RateLimitName, title: string, count: number): Variant =>
    row(
      name,
      title,
      counters.envoy,
      (copy) => localRateLimitFilter(`copy-${copy}`, "x-user", users(count), refusedUser),
      { check: { kind: "counted", counter: counters.envoy, refuses: true } },
    );
  const overrides = users(1000).map((user) => ({ key: [user], limit: slow }));

  const rows: Variant[] = [
    local("local", "local-rate-limit, one bucket", configuration(generous)),
    // The key is as long as those of local-rate-limit: the host hashes it.
    row(
      "local-same-calls",
      "hand-written, same calls",
      counters.sameCalls,
      wasm(built.localSameCalls, (copy) => `outrigger/local-same-calls/copy-${copy}/0/all/00000`),
    ),
    local("local-headers", "local-rate-limit, and headers", configuration(generous, {}, "draft03")),
    local("local-key", "local-rate-limit, by header, 1 key", configuration(slow, byUser)),
    local("local-keys-10000", "local-rate-limit, 10,000 keys", configuration(slow, byUser), {
      users: [userOf(0), ...Array.from({ length: KEYS - 1 }, (_, i) => userOf(i + 1))],
    }),
    envoy("envoy-local-1", "Envoy local_ratelimit, 1 descriptor", 1),
    local(
      "local-overrides",
      "local-rate-limit, 1,000 overrides",
      configuration(slow, { ...byUser, overrides: [...overrides, { key: [refusedUser], limit: once }] }),
      { check: { kind: "counted", counter: counters.local, refuses: true } },
    ),
    envoy("envoy-local-1000", "Envoy local_ratelimit, 1,000 descr.", 1000),
  ];
  const asked = rows.filter(({ name }) => only.has(name));
  if (asked.length > 0 && !existsSync(localModule))
    throw new Error(`${localModule} is missing: npm run build`);
  return [baseline, ...asked];
}

/** What a row of the benchmark is, one Envoy each, and the rows of `dark-launch`. */
import { existsSync } from "node:fs";
import { root, type BenchModule } from "./build.ts";
import {
  luaFilter,
  wasmFilter,
  type HeaderRule,
  type Json,
  type ListenerSpec,
  type Surroundings,
} from "./configuration.ts";
import type { LoadRequest } from "./load.ts";
import type { AuthzName } from "./authz.ts";
import type { RateLimitName } from "./rate-limits.ts";
import { oneUser, type HeaderCount, type Users } from "./requests.ts";
import type { TraceName } from "./trace.ts";

/** Copies of a filter in one chain: what one costs stands out of the noise eight times as clearly. */
export const COPIES = 8;

/** Routes that match nothing, in front of the one that does, in the row of Envoy's own route match. */
const IDLE_ROUTES = 64;

/**
 * The header which copy `i` (from 1) writes. Each copy has its own: with one header for all, the first copy
 * would add it and the others would overwrite it, and dark-launch would moreover see what the copy before it
 * wrote as a forgery of the client's. So every copy of every variant does the same: it adds a header which was
 * not there. Later copies do see one header more; that too is alike in all variants.
 */
export const headerOf = (copy: number): string => `x-variant-${copy}`;

/** How a row is held to its work before anything is measured. */
export type Check =
  /** Each copy writes its header. */
  | { kind: "headers" }
  /**
   * A counter of Envoy's, or several that this expression finds, count each copy's admission. When it `refuses`, the
   * second request of `refusedUser` must be refused.
   */
  | { kind: "counted"; counter: string; refuses: boolean }
  /** What one request has for effect comes: see `settled`. */
  | { kind: "settled" };

export interface Variant {
  name: VariantName | RateLimitName | TraceName | AuthzName;
  title: string;
  /** What the row's cost is divided by: copies of the filter, or routes. */
  divisor: number;
  /** The body that must answer a hit. */
  expected: "v1" | "v2";
  /** Null for a row whose answers (`expected`) tell all. */
  check: Check | null;
  /** Who the requests are from, in turn. Several are put in random order. */
  users: Users;
  /** Why the row is not what its title says; null when it is. */
  missing: string | null;
  spec: (port: number) => ListenerSpec;
  /** Requests of its own; left out: those on the hit path, from `users`. */
  requests?: (headers: HeaderCount, expected: string) => LoadRequest;
  /**
   * Another listener of the same Envoy, which gets the requests of each burst before the burst, and is not
   * measured.
   */
  feed?: (port: number) => ListenerSpec;
  /** What its Envoy has besides. */
  surroundings?: Surroundings;
  /**
   * Resolves when so many requests more have had all their effects, which belong to their cost; rejects when
   * they do not.
   */
  settled?: (requests: number) => Promise<void>;
}

/** Every table's first row: what the others cost above it. */
export const baseline: Variant = {
  name: "baseline",
  title: "no filter",
  divisor: 1,
  // No header is written, so the second route answers: one comparison more, of a value that is not there.
  expected: "v1",
  check: null,
  users: [oneUser],
  missing: null,
  spec: (port) => chain(port, COPIES, null),
};

export const variantNames = [
  "baseline",
  "barest",
  "same-calls",
  "one-more-call",
  "dark-launch",
  "rules-1",
  "rules-1000",
  "hash",
  "regex",
  "route",
  "lua",
  "gcore",
] as const;
export type VariantName = (typeof variantNames)[number];

/** Our filter; `$DARK_LAUNCH_WASM` names another build of it, to compare two. */
export const darkLaunchModule = process.env.DARK_LAUNCH_WASM ?? `${root}build/dark-launch.wasm`;

/** `count` rules on exact users, of which the last matches `user-999`. */
function userRules(count: number): Json[] {
  return Array.from({ length: count }, (_, i) => ({
    name: `rule-${i}`,
    variant: "v2",
    match: { headers: { "x-user": `user-${i + 1000 - count}` } },
  }));
}

const betaRule = { name: "beta", variant: "v2", match: { headers: { "x-beta-user": "true" } } };

/** A stable hash of the user, with a salt by which the user of `requests.ts` that hits is v2, and the one that misses v1. */
const weightedRule = {
  name: "ramp",
  variants: [
    { name: "v2", weight: 50 },
    { name: "v1", weight: 50 },
  ],
  by: [{ header: "x-user" }],
  salt: "bench-2",
};

/** An expression of ordinary size, on the 101 bytes of `requests.ts`'s user agent. */
const regexRule = {
  name: "browser",
  variant: "v2",
  match: { headers: { "user-agent": { regex: "Mozilla/5\\.0 \\([^)]*\\) .*Chrome/1[0-9]{2}\\..*" } } },
};

export function darkLaunchConfiguration(header: string, rules: readonly Json[] = [betaRule]): string {
  return JSON.stringify({ header, default: "v1", rules });
}

/** A big configuration: an `in` set of `users` users, and `rules` rules after it. */
export function bigConfiguration(header: string, label: string, users: number, rules: number): string {
  const set = Array.from({ length: users }, (_, i) => `member-${i}`);
  return darkLaunchConfiguration(header, [
    betaRule,
    { name: `members-${label}`, variant: "v2", match: { headers: { "x-user": { in: set } } } },
    ...userRules(rules),
  ]);
}

function lua(header: string): string {
  return `function envoy_on_request(handle)
  local headers = handle:headers()
  if headers:get("x-beta-user") == "true" then
    headers:replace("${header}", "v2")
  else
    headers:replace("${header}", "v1")
  end
end`;
}

/** A listener with `copies` filters; a request goes to v2 when the last of them said so. */
export function chain(port: number, copies: number, filter: ((copy: number) => Json) | null): ListenerSpec {
  const numbers = Array.from({ length: copies }, (_, i) => i + 1);
  return {
    port,
    filters: filter ? numbers.map(filter) : [],
    shown: numbers.map(headerOf),
    variantRoute: { name: headerOf(copies), value: "v2" },
  };
}

/**
 * The variants asked for, in the order of the table; the baseline is always among them. The copies of a Wasm
 * filter share one VM a worker, as plugins of one module do in Istio, which sets no `vm_id`. `separateVms` gives
 * each copy a VM of its own, for comparison: eight times the code and data in the processor's caches.
 */
export function variants(
  built: Record<BenchModule, string>,
  only: ReadonlySet<string>,
  separateVms: boolean,
): Variant[] {
  const hasDarkLaunch = existsSync(darkLaunchModule);
  const missing = hasDarkLaunch ? null : `${darkLaunchModule} is missing`;

  const wasm = (
    name: VariantName,
    title: string,
    module: string,
    rootId: string,
    configuration: (header: string) => string,
  ): Variant => ({
    name,
    title,
    divisor: COPIES,
    expected: "v2",
    check: { kind: "headers" },
    users: [oneUser],
    missing: null,
    spec: (port) =>
      chain(port, COPIES, (i) =>
        wasmFilter(`copy-${i}`, module, rootId, configuration(headerOf(i)), separateVms ? `copy-${i}` : ""),
      ),
  });

  const rows: Variant[] = [
    baseline,
    wasm("barest", "barest module", built.barest, "", (header) => header),
    wasm("same-calls", "hand-written, same calls", built.sameCalls, "", (header) => header),
    wasm("one-more-call", "the same, one more host call", built.oneMoreCall, "", (header) => header),
    hasDarkLaunch
      ? wasm("dark-launch", "dark-launch", darkLaunchModule, "", (header) => darkLaunchConfiguration(header))
      : {
          ...wasm("dark-launch", "dark-launch (MISSING: same-calls instead)", built.sameCalls, "", (h) => h),
          missing,
        },
    ...([1, 1000] as const)
      .filter(() => hasDarkLaunch)
      .map((count) =>
        wasm(
          `rules-${count}`,
          `dark-launch, ${count} exact rule(s), last hits`,
          darkLaunchModule,
          "",
          (header) => darkLaunchConfiguration(header, userRules(count)),
        ),
      ),
    ...(hasDarkLaunch
      ? [
          wasm("hash", "dark-launch, two variants by weight", darkLaunchModule, "", (header) =>
            darkLaunchConfiguration(header, [weightedRule]),
          ),
          wasm("regex", "dark-launch, a regex on 100 bytes", darkLaunchModule, "", (header) =>
            darkLaunchConfiguration(header, [regexRule]),
          ),
        ]
      : []),
    {
      name: "route",
      title: "Envoy route match (one more route)",
      divisor: IDLE_ROUTES,
      expected: "v2",
      check: null,
      users: [oneUser],
      missing: null,
      spec: (port) => ({
        ...chain(port, COPIES, null),
        variantRoute: { name: "x-beta-user", value: "true" },
        // As long as "true", so that the comparison is not settled by the length.
        idleRoutes: Array.from({ length: IDLE_ROUTES }, (_, i): HeaderRule => ({
          name: "x-beta-user",
          value: `t${i + 10}e`,
        })),
      }),
    },
    {
      ...wasm("lua", "Envoy Lua filter", "", "", () => ""),
      spec: (port) => chain(port, COPIES, (i) => luaFilter(`copy-${i}`, lua(headerOf(i)))),
    },
    wasm("gcore", "gcore AssemblyScript SDK", built.gcore, "dark_launch", (header) => header),
  ];
  return rows.filter((row) => row === baseline || only.has(row.name));
}

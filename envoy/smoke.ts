/**
 * `make smoke`: asks the Envoy of docker-compose.yaml what proves each filter, and says what was expected and what came instead. Ends with 1
 * where something is wrong. The ports are those that docker-compose.yaml publishes, moved by the same variables; `--metrics` asks
 * Prometheus too, of the profile `metrics`. It can be run again at once: keys and addresses are new in each run.
 */
import { randomBytes, randomInt } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { ZipkinSpan } from "../test/peers/zipkin.ts";
import { get, type Answer } from "./client.ts";
import { DEPLOY_KEY } from "./local.ts";
import { roomInMinute } from "./minute.ts";
import type { UpstreamAnswer } from "./upstream.ts";

interface Check {
  filter: string;
  /** What is so where the check passes. */
  what: string;
  /** Throws what is not so. */
  prove: () => Promise<void>;
}

const at = (variable: string, port: number): { host: string; port: number } => ({
  host: "127.0.0.1",
  port: Number(process.env[variable] ?? port),
});
const ENVOY = at("ENVOY_PORT", 10000);
const ADMIN = at("ENVOY_ADMIN_PORT", 9901);
const ZIPKIN = at("ZIPKIN_PORT", 9411);
const PROMETHEUS = at("PROMETHEUS_PORT", 9090);

/** What envoy.yaml and ratelimit.yaml allow a minute. */
const SEARCHES = 3;
const REVIEWS = 100;
/** Milliseconds that the requests of the global limit may take. */
const NEEDED = 15_000;
/** Milliseconds within which what filters hand over once a second, and Prometheus fetches every five, is there. */
const LATE = 20_000;

/** An address and an API key that no run before had. */
const address = (): string => `198.18.${randomInt(256)}.${randomInt(1, 255)}`;
const key = (): string => randomBytes(8).toString("hex");

const launch = (what: string, headers: Record<string, string>, version: string): Check => ({
  filter: "dark-launch",
  what,
  prove: async () => {
    const seen = upstreamOf(await get(ENVOY, "/reviews/1", headers));
    expect("the version that answers", seen.version, version);
    expect("the x-variant that it is sent", seen.headers["x-variant"], version);
  },
});

const access = (what: string, path: string, headers: Record<string, string>, status: number): Check => ({
  filter: "authz",
  what,
  prove: async () => expect(`the status of ${path}`, (await get(ENVOY, path, headers)).status, status),
});

const CHECKS: readonly Check[] = [
  launch("a plain user gets v1", {}, "v1"),
  launch("a beta user gets v2", { "x-beta-user": "true" }, "v2"),
  launch("who forges x-variant: v2 gets v1", { "x-variant": "v2" }, "v1"),
  access("anyone reads", "/reviews/1", {}, 200),
  access("nobody sees /debug", "/debug/vars", {}, 403),
  access("nor by another way of writing it", "/x/..//debug/vars", {}, 403),
  access("a deployment needs a key", "/deploy/v2", {}, 403),
  access("a wrong key is refused", "/deploy/v2", { "x-deploy-key": "guessed" }, 401),
  access("the key of ci deploys", "/deploy/v2", { "x-deploy-key": DEPLOY_KEY }, 200),
  {
    filter: "local-rate-limit",
    what: `${SEARCHES} searches a minute for each API key`,
    prove: async () => {
      const mine = { "x-api-key": key() };
      for (let nth = 1; nth <= SEARCHES; nth++)
        expect(`search ${nth}`, (await get(ENVOY, "/search", mine)).status, 200);
      const refused = await get(ENVOY, "/search", mine);
      expect(`search ${SEARCHES + 1}`, refused.status, 429);
      if (refused.headers["retry-after"] === undefined) throw new Error("the 429 has no retry-after");
      expect("the first search with another key", await statusOf("/search", { "x-api-key": key() }), 200);
    },
  },
  {
    filter: "global-rate-limit",
    what: `envoyproxy/ratelimit, which counts in Redis, lets an address have ${REVIEWS} reviews a minute`,
    prove: proveGlobalLimit,
  },
  {
    filter: "trace-propagation",
    what: "a trace is joined from its caller to Zipkin and the upstream, in W3C and in B3",
    prove: proveTrace,
  },
  {
    filter: "metrics",
    what: "Envoy has the counters of all five filters",
    prove: () =>
      eventually(async () => {
        const { body } = await get(ADMIN, "/stats/prometheus");
        for (const counter of COUNTERS)
          if (!new RegExp(`^${counter}\\{.*\\} [1-9]`, "m").test(body))
            throw new Error(`${counter} is not counted`);
      }),
  },
];

/** One of each filter, with what the checks before have counted. */
const COUNTERS = [
  "outrigger_dark_launch_decisions",
  "outrigger_authz_decisions",
  "outrigger_local_rate_limit_decisions",
  "outrigger_global_rate_limit_decisions",
  "outrigger_trace_propagation_spans",
] as const;

const WITH_PROMETHEUS: Check = {
  filter: "metrics",
  what: "Prometheus has fetched them, and has no alert",
  prove: async () => {
    for (const counter of COUNTERS) {
      await eventually(async () => {
        if ((await query(`sum(${counter})`)) === 0) throw new Error(`Prometheus knows no ${counter}`);
      });
    }
    expect("the alerts that fire", await query('count(ALERTS{alertstate="firing"}) or vector(0)'), 0);
  },
};

async function proveGlobalLimit(): Promise<void> {
  await roomInMinute(NEEDED);
  const mine = { "x-api-key": "k", "x-forwarded-for": address() };
  let counted = 0;
  // A request that the service was too late for passes uncounted, and has no header of the limit.
  for (let sent = 0; sent < 2 * REVIEWS; sent++) {
    const { status, headers } = await get(ENVOY, "/reviews/1", mine);
    if (status === 200) {
      if (headers["x-ratelimit-remaining"] !== undefined) counted++;
      continue;
    }
    expect(`the status of review ${sent + 1}`, status, 429);
    expect("the reviews before it that were counted", counted, REVIEWS);
    const other = { ...mine, "x-forwarded-for": address() };
    expect("the first review of another address", await statusOf("/reviews/1", other), 200);
    return;
  }
  throw new Error(`${2 * REVIEWS} reviews passed, of which the service has counted ${counted}`);
}

/** Two requests of one caller, of which each is in a format of its own. */
async function proveTrace(): Promise<void> {
  const traceId = randomBytes(16).toString("hex");
  const caller = randomBytes(8).toString("hex");
  const formats: Record<string, string>[] = [
    { traceparent: `00-${traceId}-${caller}-01` },
    { "x-b3-traceid": traceId, "x-b3-spanid": caller, "x-b3-sampled": "1" },
  ];
  const sent = new Set<string>();
  for (const format of formats) {
    const { traceparent, ...headers } = upstreamOf(await get(ENVOY, "/reviews/1", format)).headers;
    const [, trace, span = ""] = String(traceparent).split("-");
    expect("the trace in the upstream's traceparent", trace, traceId);
    expect("the trace in its x-b3-traceid", headers["x-b3-traceid"], traceId);
    expect("the span in its x-b3-spanid", headers["x-b3-spanid"], span);
    sent.add(span);
  }
  await eventually(async () => {
    const { status, body } = await get(ZIPKIN, `/api/v2/trace/${traceId}`);
    if (status !== 200) throw new Error(`Zipkin does not know the trace ${traceId} (${status})`);
    const spans = JSON.parse(body) as ZipkinSpan[];
    expect("the spans of Envoy's in Zipkin", spans.length, formats.length);
    for (const { id, parentId } of spans) {
      expect("the parent of a span in Zipkin, which is the caller's", parentId, caller);
      if (!sent.has(id)) throw new Error(`the span ${id} in Zipkin is none that the upstream was sent`);
    }
  });
}

async function main(): Promise<boolean> {
  const checks = process.argv.includes("--metrics") ? [...CHECKS, WITH_PROMETHEUS] : CHECKS;
  try {
    const { status } = await get(ADMIN, "/ready");
    if (status !== 200) throw new Error(`it is not ready (${status})`);
  } catch (error) {
    console.error(`No Envoy on ${ADMIN.host}:${ADMIN.port}: ${messageOf(error)}`);
    console.error("Start it: docker compose -f envoy/docker-compose.yaml up --wait");
    return false;
  }
  let failed = 0;
  for (const { filter, what, prove } of checks) {
    const problem = await prove().then(() => undefined, messageOf);
    console.log(`${problem === undefined ? "ok  " : "FAIL"}  ${filter.padEnd(17)}  ${what}`);
    if (problem === undefined) continue;
    failed++;
    console.log(`      ${problem}`);
  }
  console.log(`${checks.length - failed} of ${checks.length} are so`);
  return failed === 0;
}

function expect(what: string, seen: unknown, wanted: unknown): void {
  if (seen !== wanted) throw new Error(`${what}: expected ${String(wanted)}, got ${String(seen)}`);
}

/** Tries until it does not throw, or throws what it threw last. */
async function eventually(attempt: () => Promise<void>): Promise<void> {
  for (const end = Date.now() + LATE; ; await sleep(250)) {
    try {
      return await attempt();
    } catch (error) {
      if (Date.now() > end) throw error;
    }
  }
}

async function statusOf(path: string, headers: Record<string, string>): Promise<number> {
  return (await get(ENVOY, path, headers)).status;
}

/** What the upstream says that it was sent. */
function upstreamOf({ status, body }: Answer): UpstreamAnswer {
  expect("the status", status, 200);
  return JSON.parse(body) as UpstreamAnswer;
}

/** The value of a query with one result; 0 without one. */
async function query(expression: string): Promise<number> {
  const { status, body } = await get(PROMETHEUS, `/api/v1/query?query=${encodeURIComponent(expression)}`);
  if (status !== 200) throw new Error(`Prometheus answers ${status}: ${body}`);
  const { data } = JSON.parse(body) as { data: { result: { value: [number, string] }[] } };
  return Number(data.result[0]?.value[1] ?? 0);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

main().then(
  (ok) => (process.exitCode = ok ? 0 : 1),
  (error: unknown) => {
    console.error(messageOf(error));
    process.exitCode = 1;
  },
);

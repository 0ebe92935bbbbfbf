/**
 * `make demo`: a dark launch, traces, authorization, a local and a global rate limit in a real Envoy, in a few seconds. Starts what
 * envoy.yaml describes, sends requests and shows what became of each and why. Ends with 1 when an answer is not as expected.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { EnvoyProcess } from "../test/envoy/process.ts";
import { get, type Answer } from "./client.ts";
import {
  closeAll,
  DEPLOY_KEY,
  freePorts,
  listenerPort,
  missingModules,
  readConfig,
  ROOT,
  startUpstreams,
} from "./local.ts";
import { roomInMinute } from "./minute.ts";
import { startRateLimits } from "./ratelimit.ts";
import type { UpstreamAnswer } from "./upstream.ts";

interface Example {
  what: string;
  path: string;
  headers: Record<string, string>;
  /** How often it is sent; the last answer is shown. */
  times?: number;
  /** The cells of the columns after the first; a prefix where it ends with `*`. */
  expected: readonly string[];
}

/** One table: what its columns show of an answer, and what is sent. */
interface Part {
  title: string;
  columns: readonly string[];
  cells: (answer: Answer, entry: LogEntry) => (string | null | undefined)[];
  examples: readonly Example[];
}

/** An entry of the access log, as envoy.yaml writes it. */
interface LogEntry {
  variant: string | null;
  upstream: string | null;
  traceparent: string | null;
  b3: string | null;
  reasons: Record<string, string | null>;
}

const launch = (what: string, headers: Record<string, string>, variant: string, reason: string): Example => ({
  what,
  path: "/reviews/1",
  headers,
  expected: [variant, `reviews-${variant}`, reason],
});

const search = (what: string, key: string, status: number, remaining: number, reason: string): Example => ({
  what,
  path: "/search",
  headers: { "x-api-key": key },
  expected: [String(status), String(remaining), `local-rate-limit:${reason}`],
});

const trace = (what: string, headers: Record<string, string>, id: string, reason: string): Example => ({
  what,
  path: "/reviews/1",
  headers,
  expected: [id, id, `trace-propagation:${reason}`],
});

const access = (
  what: string,
  path: string,
  headers: Record<string, string>,
  status: number,
  reason: string,
): Example => ({ what, path, headers, expected: [String(status), `authz:${reason}`] });

/** With an API key; each address has a hundred a minute. */
const review = (
  what: string,
  times: number,
  address: string,
  [status, remaining, reason]: readonly [number, number, string],
): Example => ({
  what,
  path: "/reviews/1",
  headers: { "x-api-key": "k", "x-forwarded-for": address },
  times,
  expected: [String(status), String(remaining), `global-rate-limit:${reason}`],
});

const TRACE_ID = "0af7651916cd43dd8448eb211c80319c";
const SPAN_ID = "b7ad6b7169203331";

const PARTS: readonly Part[] = [
  {
    title: "A dark launch: beta users get v2.",
    columns: ["variant", "upstream", "reason"],
    // The version is what the upstream says of itself: the routing, not only the header.
    cells: ({ body }, { upstream, reasons }) => [
      (JSON.parse(body) as UpstreamAnswer).version,
      upstream,
      reasons["dark-launch"],
    ],
    examples: [
      launch("a plain user", {}, "v1", "dark-launch:*"),
      launch("a beta user", { "x-beta-user": "true" }, "v2", "dark-launch:beta-users"),
      launch("a client that forges x-variant: v2", { "x-variant": "v2" }, "v1", "dark-launch:*"),
      launch("X-Beta-User: false", { "X-Beta-User": "false" }, "v1", "dark-launch:*"),
    ],
  },
  {
    title: "One trace, whichever format it came in: what goes on in W3C and in B3.",
    columns: ["trace in traceparent", "trace in x-b3-traceid", "reason"],
    cells: (_, { traceparent, b3, reasons }) => [
      traceparent?.split("-")[1]?.slice(0, 8),
      b3?.slice(0, 8),
      reasons["trace-propagation"],
    ],
    examples: [
      trace("with traceparent", { traceparent: `00-${TRACE_ID}-${SPAN_ID}-01` }, "0af76519", "w3c"),
      trace("with b3", { b3: `${TRACE_ID}-${SPAN_ID}-1` }, "0af76519", "b3single"),
      trace(
        "with a broken traceparent, and Datadog's headers",
        {
          traceparent: `00-${TRACE_ID}-0000000000000000-01`,
          "x-datadog-trace-id": "9532127138774266268",
          "x-datadog-parent-id": "1",
          "x-datadog-tags": "_dd.p.tid=0af7651916cd43dd",
        },
        "0af76519",
        "datadog",
      ),
      trace("with nothing", {}, "*", "new"),
    ],
  },
  {
    title: "Policies of Istio's kind: nobody sees /debug, anyone reads, and who has a key deploys.",
    columns: ["status", "reason"],
    cells: ({ status }, { reasons }) => [String(status), reasons.authz],
    examples: [
      access("a plain user reads", "/reviews/1", {}, 200, "anyone-reads"),
      access("a look at /debug/vars", "/debug/vars", {}, 403, "no-debug"),
      access("the same by way of /x/..//debug/vars", "/x/..//debug/vars", {}, 403, "no-debug"),
      access("a deployment without a key", "/deploy/v2", {}, 403, "no-allow"),
      access("with a wrong key", "/deploy/v2", { "x-deploy-key": "guessed" }, 401, "api-key"),
      access("with the key of ci", "/deploy/v2", { "x-deploy-key": DEPLOY_KEY }, 200, "ci-deploys"),
    ],
  },
  {
    title: "A local limit: 3 searches a minute for each API key.",
    columns: ["status", "remaining", "reason"],
    cells: limitCells("local-rate-limit"),
    examples: [
      search("alice's 1st search", "alice", 200, 2, "admitted"),
      search("alice's 2nd", "alice", 200, 1, "admitted"),
      search("alice's 3rd", "alice", 200, 0, "admitted"),
      search("alice's 4th", "alice", 429, 0, "search-per-api-key"),
      search("bob's 1st search", "bob", 200, 2, "admitted"),
    ],
  },
  {
    title: "A global limit, with no Redis and no Go: 100 requests a minute for each address.",
    columns: ["status", "remaining", "reason"],
    cells: limitCells("global-rate-limit"),
    examples: [
      review("the 1st of 203.0.113.7", 1, "203.0.113.7", [200, 99, "allowed"]),
      review("the 100th", 99, "203.0.113.7", [200, 0, "allowed"]),
      review("the 101st", 1, "203.0.113.7", [429, 0, "by-api-key"]),
      review("the 1st of 203.0.113.8", 1, "203.0.113.8", [200, 99, "allowed"]),
    ],
  },
];

/** Milliseconds that the requests of the global limit may take: its window is the minute of the clock. */
const NEEDED = 5000;

async function main(): Promise<boolean> {
  const config = readConfig();
  const missing = missingModules(config);
  if (missing !== null) {
    console.error(missing);
    return false;
  }
  await freePorts(config, new Map());
  const servers = await startUpstreams(config);
  const log: LogEntry[] = [];
  let rateLimits: Awaited<ReturnType<typeof startRateLimits>> | undefined;
  let envoy: EnvoyProcess | undefined;
  try {
    rateLimits = await startRateLimits(config);
    const onOutput = (line: string): void =>
      void (line.startsWith("{") && log.push(JSON.parse(line) as LogEntry));
    envoy = await EnvoyProcess.start({ bootstrap: config, cwd: ROOT, onOutput });
    const wrong: string[] = [];
    for (const [at, part] of PARTS.entries()) {
      if (at > 0) console.log();
      if (part === PARTS.at(-1)) await roomInMinute(NEEDED);
      wrong.push(...(await show(part, listenerPort(config), log)));
    }
    for (const line of wrong) console.error(line);
    return wrong.length === 0;
  } finally {
    await envoy?.stop();
    rateLimits?.close();
    closeAll(servers);
  }
}

/** Sends a part's requests and prints its table. Answers what is not as expected. */
async function show(
  { title, columns, cells, examples }: Part,
  port: number,
  log: LogEntry[],
): Promise<string[]> {
  const rows = [["request", ...columns]];
  const wrong: string[] = [];
  for (const { what, path, headers, times = 1, expected } of examples) {
    let answer: Answer | undefined;
    const before = log.length;
    for (let sent = 0; sent < times; sent++) answer = await send(port, path, headers);
    for (let waited = 0; log.length < before + times && waited < 2000; waited += 10) await sleep(10);
    if (log.length !== before + times) {
      wrong.push(`${what}: expected ${times} entries in the access log, got ${log.length - before}`);
      continue;
    }
    const seen = cells(answer!, log.at(-1)!).map((cell) => cell ?? "-");
    rows.push([what, ...seen]);
    for (const [at, want] of expected.entries()) {
      const fits = want.endsWith("*") ? seen[at]!.startsWith(want.slice(0, -1)) : seen[at] === want;
      if (!fits) wrong.push(`${what}: expected ${columns[at]} ${want}, got ${seen[at]}`);
    }
  }
  console.log(`${title}\n\n${table(rows)}`);
  return wrong;
}

function limitCells(filter: string): Part["cells"] {
  return ({ status, headers }, { reasons }) => [
    String(status),
    headers["x-ratelimit-remaining"]?.toString(),
    reasons[filter],
  ];
}

/** What the filters let answer; anything else is a failure of the demo. */
const EXPECTED: ReadonlySet<number> = new Set([200, 401, 403, 429]);

async function send(port: number, path: string, headers: Record<string, string>): Promise<Answer> {
  const answer = await get({ host: "127.0.0.1", port }, path, headers);
  if (!EXPECTED.has(answer.status)) throw new Error(`Envoy answered ${answer.status}: ${answer.body}`);
  return answer;
}

function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, i) => Math.max(...rows.map((row) => row[i]!.length)));
  return rows
    .map((row) =>
      row
        .map((cell, i) => cell.padEnd(widths[i]!))
        .join("   ")
        .trimEnd(),
    )
    .join("\n");
}

main().then(
  (ok) => (process.exitCode = ok ? 0 : 1),
  (error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  },
);

/**
 * `make demo`: dark launch in a real Envoy, in a few seconds. Starts what envoy.yaml describes, sends four
 * requests and shows where each one went and why. Ends with 1 when an answer is not as expected.
 */
import { request as httpRequest } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { EnvoyProcess } from "../test/envoy/process.ts";
import {
  closeAll,
  freePorts,
  listenerPort,
  missingModules,
  readConfig,
  ROOT,
  startUpstreams,
} from "./local.ts";
import type { UpstreamAnswer } from "./upstream.ts";

interface Example {
  what: string;
  headers: Record<string, string>;
  variant: string;
  /** What the reason must be; left out: any of the filter's. */
  reason?: string;
}

const EXAMPLES: readonly Example[] = [
  { what: "a plain user", headers: {}, variant: "v1" },
  {
    what: "a beta user",
    headers: { "x-beta-user": "true" },
    variant: "v2",
    reason: "dark-launch:beta-users",
  },
  { what: "a client that forges x-variant: v2", headers: { "x-variant": "v2" }, variant: "v1" },
  { what: "X-Beta-User: false", headers: { "X-Beta-User": "false" }, variant: "v1" },
];

interface LogEntry {
  variant: string | null;
  upstream: string | null;
  reason: string | null;
}

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
  let envoy: EnvoyProcess | undefined;
  try {
    const onOutput = (line: string): void =>
      void (line.startsWith("{") && log.push(JSON.parse(line) as LogEntry));
    envoy = await EnvoyProcess.start({ bootstrap: config, cwd: ROOT, onOutput });
    const rows = [["request", "variant", "upstream", "reason"]];
    const wrong: string[] = [];
    for (const [i, example] of EXAMPLES.entries()) {
      const answer = await get(listenerPort(config), example.headers);
      for (let waited = 0; log.length <= i && waited < 2000; waited += 10) await sleep(10);
      const entry = log[i] ?? { variant: null, upstream: null, reason: null };
      const variant = answer.headers["x-variant"];
      rows.push([example.what, String(variant ?? "-"), entry.upstream ?? "-", entry.reason ?? "-"]);
      const expect = (name: string, expected: string, seen: unknown): void => {
        if (seen !== expected)
          wrong.push(`${example.what}: expected ${name} ${expected}, got ${String(seen)}`);
      };
      expect("variant", example.variant, variant);
      expect("version", example.variant, answer.version);
      expect("upstream", `reviews-${example.variant}`, entry.upstream);
      if (example.reason !== undefined) expect("reason", example.reason, entry.reason);
      else if (!entry.reason?.startsWith("dark-launch:")) expect("reason", "dark-launch:...", entry.reason);
    }
    console.log(table(rows));
    for (const line of wrong) console.error(line);
    return wrong.length === 0;
  } finally {
    await envoy?.stop();
    closeAll(servers);
  }
}

function get(port: number, headers: Record<string, string>): Promise<UpstreamAnswer> {
  return new Promise((resolve, reject) => {
    const options = { host: "127.0.0.1", port, path: "/reviews/1", headers, agent: false, timeout: 10_000 };
    const request = httpRequest(options, (response) => {
      let text = "";
      response.on("data", (chunk: Buffer) => (text += chunk.toString()));
      response.on("end", () => {
        if (response.statusCode === 200) resolve(JSON.parse(text) as UpstreamAnswer);
        else reject(new Error(`Envoy answered ${response.statusCode}: ${text}`));
      });
    });
    request.on("timeout", () => request.destroy(new Error("no answer within 10 s")));
    request.on("error", reject);
    request.end();
  });
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

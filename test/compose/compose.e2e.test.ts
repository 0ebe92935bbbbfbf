/**
 * envoy/docker-compose.yaml, as it is, in a Docker daemon of this test's own with images made of the programs at hand: everything gets
 * healthy, `make smoke` proves each filter, and does not where something is missing. Grafana cannot be had here and is left out.
 */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, expect, onTestFailed, test } from "vitest";
import { FILTERS } from "../../tools/filters.ts";
import { freePort } from "../envoy/process.ts";
import { run } from "../peers/cache.ts";
import { Docker, locateCompose } from "../peers/docker.ts";
import { importStandIns } from "./stand-ins.ts";

/** Milliseconds. Zipkin takes the longest to start. */
const STARTED = 180_000;
const SMOKED = 180_000;

let docker: Docker | undefined;
let compose: string;
/** Those of the daemon, and the ports that are published. */
let environment: NodeJS.ProcessEnv;
let without: string[];

beforeAll(async () => {
  compose = await locateCompose();
  docker = await Docker.start();
  environment = { ...docker.environment };
  for (const name of ["ENVOY_PORT", "ENVOY_ADMIN_PORT", "ZIPKIN_PORT", "PROMETHEUS_PORT"])
    environment[name] = String((await freePort()).port);
  const images = await composed("--profile", "metrics", "config", "--images");
  without = await importStandIns(docker, images.trim().split("\n"));
  await up();
  await up("prometheus");
}, 2 * STARTED);

afterAll(async () => {
  await docker?.stop();
}, 60_000);

test("of the images, Grafana's alone has no stand-in", () => {
  expect(without).toEqual([expect.stringMatching(/^grafana\/grafana:/)]);
});

test("every service that has a health check is healthy", async () => {
  const lines = (await composed("--profile", "metrics", "ps", "--all", "--format", "json"))
    .trim()
    .split("\n");
  const services = lines.map(
    (line) => JSON.parse(line) as { Service: string; Health: string; State: string },
  );
  expect(services.map(({ Service, Health, State }) => `${Service} ${State} ${Health}`.trim()).sort()).toEqual(
    [
      "envoy running healthy",
      "prometheus running healthy",
      "ratelimit running",
      "ratelimit-health running healthy",
      "redis running healthy",
      "reviews-v1 running healthy",
      "reviews-v2 running healthy",
      "zipkin running healthy",
    ],
  );
});

test("the smoke test proves each filter, and can be run again at once", { timeout: 2 * SMOKED }, async () => {
  onTestFailed(tellLogs);
  const runs = [await smoke(), await smoke()];
  for (const { status, output } of runs) {
    expect(output).not.toContain("FAIL");
    expect(output).toMatch(/^14 of 14 are so$/m);
    for (const filter of FILTERS) expect(output).toMatch(new RegExp(`^ok +${filter} `, "m"));
    expect(status).toBe(0);
  }
});

test("each query of the dashboard is one, and all but those of what is rare show something", async () => {
  const { panels } = JSON.parse(readFileSync("envoy/grafana/dashboards/outrigger.json", "utf8")) as {
    panels: { targets?: { expr: string }[] }[];
  };
  const queries = panels.flatMap(({ targets }) => (targets ?? []).map(({ expr }) => expr));
  expect(queries.length).toBeGreaterThan(15);
  for (const query of queries) await resultsOf(query);
  const common = queries.filter((query) => !query.endsWith(" > 0"));
  const empty = async (): Promise<string[]> => {
    const results = await Promise.all(common.map(resultsOf));
    return common.filter((_, at) => results[at] === 0);
  };
  // A rate needs two fetches, which are five seconds apart.
  await expect.poll(empty, { timeout: 30_000, interval: 1000 }).toEqual([]);
});

test("what the global limit counts is in Redis", async () => {
  const keys = await composed("exec", "-T", "redis", "redis-cli", "keys", "*");
  expect(keys).toMatch(
    /^productpage-ratelimit_header_match_api_key_header_remote_address_198\.18\.\d+\.\d+_\d+$/m,
  );
});

test("after a restart of the rate limit service, as README.md has it, all are healthy again", async () => {
  await composed("restart", "--timeout", "5", "ratelimit", "ratelimit-health");
  await up();
});

test("the smoke test fails where a service is gone, and says for what", { timeout: SMOKED }, async () => {
  await composed("stop", "--timeout", "5", "ratelimit", "zipkin", "reviews-v2");
  const { status, output } = await smoke();
  const failed = [...output.matchAll(/^FAIL +(\S+) /gm)].map(([, filter]) => filter);
  expect(failed).toEqual(["dark-launch", "global-rate-limit", "trace-propagation"]);
  expect(output).toMatch(/^11 of 14 are so$/m);
  expect(status).toBe(1);
});

test("the smoke test says how to start an Envoy that is not there", { timeout: SMOKED }, async () => {
  await composed("stop", "--timeout", "5", "envoy");
  const { status, output } = await smoke();
  expect(output).toMatch(
    /^No Envoy on 127\.0\.0\.1:\d+: .*\nStart it: docker compose -f envoy\/docker-compose\.yaml up --wait$/m,
  );
  expect(status).toBe(1);
});

test("what was started is gone after down", { timeout: 60_000 }, async () => {
  await composed("--profile", "metrics", "down", "--timeout", "5");
  expect(await docker!.run("ps", "--all", "--quiet")).toBe("");
  expect(await docker!.run("network", "ls", "--quiet", "--filter", "type=custom")).toBe("");
});

test("promtool takes the configuration, and the alerts fire when they are to", async () => {
  for (const words of [
    ["check", "config", "envoy/prometheus/prometheus.yaml"],
    ["test", "rules", "test/compose/rules.yaml"],
  ]) {
    const { code, output } = await run("promtool", words);
    expect({ code, output }).toEqual({ code: 0, output: expect.stringContaining("SUCCESS") as string });
  }
});

/** Starts services, default all that are in no profile, and waits until they are healthy. Rejects with what they wrote where they are not. */
async function up(...services: readonly string[]): Promise<void> {
  const seconds = String(STARTED / 1000);
  try {
    await composed("--progress", "plain", "up", "--wait", "--wait-timeout", seconds, ...services);
  } catch (error) {
    throw new Error(`${(error as Error).message}\n${await logs()}`, { cause: error });
  }
}

/** Runs Docker Compose with the file and answers what it wrote. Rejects with all that it wrote where it fails. */
async function composed(...words: readonly string[]): Promise<string> {
  const { status, stdout, stderr } = await spawned(
    compose,
    ["-f", "envoy/docker-compose.yaml", ...words],
    environment,
  );
  if (status !== 0)
    throw new Error(`docker compose ${words.join(" ")} failed (${status}):\n${stdout}${stderr}`);
  return stdout;
}

/** How many series the real Prometheus answers to a query of the dashboard's. Rejects with what it says where that is none. */
async function resultsOf(query: string): Promise<number> {
  const expression = query.replaceAll("$instance", ".+").replaceAll("$__rate_interval", "1m");
  const url = new URL(`http://127.0.0.1:${environment.PROMETHEUS_PORT}/api/v1/query`);
  url.searchParams.set("query", expression);
  const answer = await fetch(url, { signal: AbortSignal.timeout(10_000) });
  if (!answer.ok) throw new Error(`${query}: ${await answer.text()}`);
  return ((await answer.json()) as { data: { result: unknown[] } }).data.result.length;
}

/** What `make smoke ARGS=--metrics` runs. */
async function smoke(): Promise<{ status: number | null; output: string }> {
  const words = ["--import", "tsx", "envoy/smoke.ts", "--metrics"];
  const { status, stdout, stderr } = await spawned(process.execPath, words, {
    ...process.env,
    ...environment,
  });
  return { status, output: stdout + stderr };
}

async function logs(): Promise<string> {
  return composed("--profile", "metrics", "logs", "--no-color", "--tail", "30");
}

async function tellLogs(): Promise<void> {
  console.log(await logs());
}

async function spawned(
  command: string,
  words: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<{ status: number | null; stdout: string; stderr: string }> {
  const child = spawn(command, words, { env, stdio: ["ignore", "pipe", "pipe"], timeout: 2 * STARTED });
  const status = new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { status: await status, stdout, stderr };
}

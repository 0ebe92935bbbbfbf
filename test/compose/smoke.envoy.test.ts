/** That `make smoke` sees what is missing: without Outrigger's plugin every check fails but those that any proxy passes. */
import { spawn } from "node:child_process";
import type { Server } from "node:http";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  closeAll,
  freePorts,
  listenerPort,
  readConfig,
  ROOT,
  startUpstreams,
  type Bootstrap,
} from "../../envoy/local.ts";
import { EnvoyProcess, freePort } from "../envoy/process.ts";

/** The wait for a new minute and that for metrics included. */
const WITHIN = 90_000;

let envoy: EnvoyProcess | undefined;
let upstreams: Server[] = [];
let environment: NodeJS.ProcessEnv;

beforeAll(async () => {
  const config = withoutPlugin(readConfig());
  await freePorts(config, new Map());
  upstreams = await startUpstreams(config);
  envoy = await EnvoyProcess.start({ bootstrap: config, cwd: ROOT });
  environment = {
    ...process.env,
    ENVOY_PORT: String(listenerPort(config)),
    ENVOY_ADMIN_PORT: String(envoy.adminPort),
    // Nobody listens there.
    ZIPKIN_PORT: String((await freePort()).port),
  };
});

afterAll(async () => {
  await envoy?.stop();
  closeAll(upstreams);
});

test("each filter's checks fail where it is not there", { timeout: WITHIN + 5000 }, async () => {
  const child = spawn(process.execPath, ["--import", "tsx", "envoy/smoke.ts"], {
    cwd: ROOT,
    env: environment,
    stdio: ["ignore", "pipe", "inherit"],
    timeout: WITHIN,
  });
  const status = new Promise((resolve) => child.once("close", resolve));
  const output = await text(child.stdout);
  const checks = [...output.matchAll(/^(ok|FAIL) +(\S+) +(.*)$/gm)].map(
    ([, verdict, filter, what]) => `${verdict} ${filter}: ${what}`,
  );
  expect(checks.filter((check) => check.startsWith("ok"))).toEqual([
    "ok authz: anyone reads",
    "ok authz: the key of ci deploys",
  ]);
  expect(new Set(checks.map((check) => check.split(":")[0]))).toEqual(
    new Set([
      "ok authz",
      "FAIL authz",
      "FAIL dark-launch",
      "FAIL local-rate-limit",
      "FAIL global-rate-limit",
      "FAIL trace-propagation",
      "FAIL metrics",
    ]),
  );
  expect(output).toMatch(/^2 of 13 are so$/m);
  expect(await status).toBe(1);
});

/** Takes the plugin out, in place. Throws where it is not where it is looked for. */
function withoutPlugin(config: Bootstrap): Bootstrap {
  const [listener] = config.static_resources.listeners as unknown as {
    filter_chains: { filters: { typed_config: { http_filters: { name: string }[] } }[] }[];
  }[];
  const manager = listener!.filter_chains[0]!.filters[0]!.typed_config;
  const rest = manager.http_filters.filter(({ name }) => name !== "outrigger");
  if (rest.length === manager.http_filters.length) throw new Error("envoy.yaml has no filter outrigger");
  manager.http_filters = rest;
  return config;
}

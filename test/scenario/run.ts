/** Plays a scenario on a driver: the V8 host or a real Envoy. */
import { existsSync, readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { setImmediate, setTimeout as sleep } from "node:timers/promises";
import {
  ConfigurationRefused,
  type Driver,
  type Exchange,
  type HttpRequest,
  type PluginSpec,
  type Session,
  type UpstreamReply,
} from "../driver.ts";
import type { ScenarioCluster } from "./clusters.ts";
import { asks, type Scenario, type ScenarioPlugin, type Step } from "./format.ts";
import { compareCalls, compareExchange, compareMetrics, showMismatches, type Mismatch } from "./match.ts";
import { StandIns, type StartRateLimitService } from "./stand-ins.ts";

export interface RunOptions {
  /** The built module of a filter; default `build/<filter>.wasm`, and `build/outrigger.wasm` for `suite`. */
  moduleOf?: (filter: string) => string;
  /** Starts the rate limit services of scenarios; default one in memory. For a real Envoy alone: time on the host does not wait. */
  rateLimitService?: StartRateLimitService;
}

export interface ScenarioResult {
  file: string;
  /** Steps that were played to their end, as expected. */
  played: number;
  /** What went wrong, for a person: file, step, expected and seen. The first step that fails ends a scenario. */
  failure?: string;
  /** The same in parts. */
  failed?: Failure;
  /** Why the rest of the steps was not played on this driver. */
  skipped?: string;
}

export interface Failure {
  /** Of the step; null where the scenario's own configuration is what failed. */
  line: number | null;
  step: string | null;
  /** What is not as expected; empty where `text` says all. */
  mismatches: readonly Mismatch[];
  /** What went wrong, without its place. */
  text: string;
  /** What modules logged at level warn and above, each line as `[warn] ...`. */
  logs: readonly string[];
}

/** What went wrong in a step. */
interface Wrong {
  text: string;
  mismatches: readonly Mismatch[];
}

/** Modules count on a tick of one second and hand the counts to the host then. */
const FLUSH = 1100;
/** How long a real Envoy may take to show a metric as expected. */
const METRICS_WITHIN = 3000;

let runs = 0;

/** Plays a scenario. Rejects only when the driver itself fails. */
export async function runScenario(
  driver: Driver,
  scenario: Scenario,
  options: RunOptions = {},
): Promise<ScenarioResult> {
  const { file } = scenario;
  // Plugin names tell buckets and log lines apart, so that each run has its own.
  const run = `${basename(file).replace(/\.ya?ml$/, "")}-${++runs}`;
  const specs = (plugins: readonly ScenarioPlugin[]): PluginSpec[] =>
    plugins.map(({ filter, configuration }, i) => ({
      module: moduleFile(filter, options),
      name: `${filter}-${run}-${i}`,
      rootId: filter,
      configuration,
    }));
  const fail = (where: string, failed: Failure, played: number): ScenarioResult => ({
    file,
    played,
    failure: `${file}${where}\n${indent([failed.text, ...failed.logs.map((log) => `logged ${log}`)].join("\n"))}`,
    failed,
  });
  const failWhole = (text: string): ScenarioResult =>
    fail("", { line: null, step: null, mismatches: [], text, logs: [] }, 0);

  if (driver.name === "host" && options.rateLimitService !== undefined) {
    throw new Error(
      "a rate limit service of its own process answers on a real Envoy only: the host's clock jumps",
    );
  }
  let reply: UpstreamReply = scenario.reply;
  let session: Session | undefined;
  await awaitWindow(driver, scenario);
  const standIns = await StandIns.start(
    scenario.clusters,
    () => session?.now() ?? Date.now(),
    options.rateLimitService,
  );
  try {
    session = await driver.open({
      plugins: specs(scenario.plugins),
      ...(scenario.direction ? { direction: scenario.direction } : {}),
      properties: [...new Set(scenario.steps.flatMap((step) => step.properties.map(([name]) => name)))],
      metrics: scenario.steps.some((step) => step.metrics.length > 0),
      peers: asks(scenario, "peer"),
      claims: asks(scenario, "claims"),
      reply: () => reply,
      clusters: standIns.clusters,
    });
  } catch (error) {
    await standIns.stop();
    if (!(error instanceof ConfigurationRefused)) throw error;
    const wrong = scenario.refused
      ? missingFrom(error, scenario.refused)
      : `the configuration was refused:\n${indent(error.messages.join("\n"))}`;
    return wrong === null ? { file, played: 0 } : failWhole(wrong);
  }
  try {
    if (scenario.refused) return failWhole("the configuration was taken; expected it to be refused");
    for (const [index, step] of scenario.steps.entries()) {
      if (step.advance !== undefined && step.advance > driver.longestAdvance) {
        const left = scenario.steps.length - index;
        const skipped = `${left} of ${scenario.steps.length} steps, from line ${step.line} on: advancing ${step.advance} ms is too long for ${driver.name}`;
        return { file, played: index, skipped };
      }
      reply = step.reply ?? scenario.reply;
      const wrong = await playStep(driver, session, step, specs, standIns);
      if (wrong === null) continue;
      const logs = (await session.logs()).filter(
        ({ level }) => level === "warn" || level === "error" || level === "critical",
      );
      const { line, name } = step;
      const failed = {
        ...wrong,
        line,
        step: name,
        logs: logs.map(({ level, text }) => `[${level}] ${text}`),
      };
      return fail(`:${line}: step ${index + 1}, "${name}"`, failed, index);
    }
    return { file, played: scenario.steps.length };
  } finally {
    await session.close();
    await standIns.stop();
  }
}

/** Windows of a rate limit service are those of the clock: a real one must not end while a scenario counts in it. */
async function awaitWindow(driver: Driver, { clusters }: Scenario): Promise<void> {
  if (driver.name === "host" || ![...clusters.values()].some(countsInWindows)) return;
  const left = MINUTE - (Date.now() % MINUTE);
  if (left < WINDOW_NEEDED) await sleep(left + 50);
}

function countsInWindows(cluster: ScenarioCluster): boolean {
  return typeof cluster === "object" && "rateLimitService" in cluster;
}

const MINUTE = 60_000;
/** How long a scenario takes, at most, for what it counts in one window. */
const WINDOW_NEEDED = 10_000;

/** What is wrong after this step, or null. */
async function playStep(
  driver: Driver,
  session: Session,
  step: Step,
  specs: (plugins: readonly ScenarioPlugin[]) => PluginSpec[],
  standIns: StandIns,
): Promise<Wrong | null> {
  for (const [cluster, fault] of step.faults) standIns.fail(cluster, fault);
  standIns.forgetCalls();
  if (step.advance !== undefined) await session.advance(step.advance);
  if (step.update) {
    const text = await update(session, specs(step.update.plugins), step.update.refused);
    if (text !== null) return { text, mismatches: [] };
  }
  for (let i = 1; step.request && i <= step.repeat; i++) {
    const exchange = await played(driver, session, step.request);
    if (exchange === null) return { text: `still held after ${LONGEST_WAIT / 1000} s`, mismatches: [] };
    const mismatches = compareExchange(step, exchange);
    if (mismatches.length === 0) continue;
    const which = step.repeat > 1 ? `request ${i} of ${step.repeat}\n` : "";
    return { text: `${which}${showMismatches(mismatches)}`, mismatches };
  }
  const calls = await awaitCalls(driver, step, standIns);
  if (calls.length > 0) return { text: showMismatches(calls), mismatches: calls };
  const mismatches = step.metrics.length > 0 ? await awaitMetrics(driver, session, step) : [];
  return mismatches.length > 0 ? { text: showMismatches(mismatches), mismatches } : null;
}

/** Plays a request. Where it waits for a call on the host, time passes until it is answered; null: nothing continued it. */
async function played(driver: Driver, session: Session, request: HttpRequest): Promise<Exchange | null> {
  const exchange = session.request(request);
  if (driver.name !== "host") return exchange;
  let done = false;
  const settled = exchange.finally(() => (done = true));
  for (let waited = 0; waited < LONGEST_WAIT; waited++) {
    // Whatever has been settled is told in a turn of its own.
    await setImmediate();
    if (done) return settled;
    await session.advance(1);
  }
  // It is left behind, and the session's end may reject it.
  settled.catch(() => undefined);
  return null;
}

/** A call in the background may reach its cluster after the request has ended on a real Envoy. */
async function awaitCalls(driver: Driver, step: Step, standIns: StandIns): Promise<Mismatch[]> {
  const end = Date.now() + (driver.name === "host" ? 0 : CALLS_WITHIN);
  for (;;) {
    const mismatches = compareCalls(step, (cluster) => standIns.callsOf(cluster));
    if (mismatches.length === 0 || Date.now() >= end) return mismatches;
    await sleep(20);
  }
}

/** Milliseconds that a call may take to reach its cluster on a real Envoy. */
const CALLS_WITHIN = 1000;

/** Milliseconds that a request may take on the host. */
const LONGEST_WAIT = 120_000;

async function update(
  session: Session,
  plugins: readonly PluginSpec[],
  refused?: readonly string[],
): Promise<string | null> {
  try {
    await session.update(plugins);
  } catch (error) {
    if (!(error instanceof ConfigurationRefused)) throw error;
    return refused
      ? missingFrom(error, refused)
      : `the update was refused:\n${indent(error.messages.join("\n"))}`;
  }
  return refused ? "the update was taken; expected it to be refused" : null;
}

async function awaitMetrics(driver: Driver, session: Session, step: Step): Promise<Mismatch[]> {
  // On Envoy too: else a count that comes with the tick would be missed where 0 is expected.
  await session.advance(FLUSH);
  const end = Date.now() + (driver.name === "host" ? 0 : METRICS_WITHIN - FLUSH);
  for (;;) {
    const mismatches = compareMetrics(step, await session.metrics());
    if (mismatches.length === 0 || Date.now() >= end) return mismatches;
    await sleep(50);
  }
}

/** Which of the expected texts the refusal does not contain, or null. */
function missingFrom(error: ConfigurationRefused, expected: readonly string[]): string | null {
  const said = error.messages.join("\n");
  const missing = expected.filter((text) => !said.includes(text));
  if (missing.length === 0) return null;
  const list = missing.map((text) => `  - expected ${JSON.stringify(text)}`).join("\n");
  return `refused\n${list}\n  + seen\n${indent(said === "" ? "(the module logged no error)" : said, "      ")}`;
}

function moduleFile(filter: string, options: RunOptions): string {
  const file =
    options.moduleOf?.(filter) ?? join("build", `${filter === "suite" ? "outrigger" : filter}.wasm`);
  if (!existsSync(file)) throw new Error(`${file} is not there; build it first (\`npm run build\`)`);
  return file;
}

function indent(text: string, by = "  "): string {
  return text.replace(/^/gm, by);
}

/** The scenario files of all filters: `filters/<filter>/scenarios/*.yaml`, in order. */
export function discoverScenarios(folder = "filters"): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => join(folder, entry.name, "scenarios"))
    .filter((scenarios) => existsSync(scenarios))
    .flatMap((scenarios) => readdirSync(scenarios).map((name) => join(scenarios, name)))
    .filter((file) => /\.ya?ml$/.test(file))
    .sort();
}

/** `outrigger test`: plays scenarios, on the V8 host or a real Envoy. */
import { existsSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseDocument } from "yaml";
import type { Driver } from "../test/driver.ts";
import { EnvoyDriver } from "../test/envoy/driver.ts";
import { EnvoyNotFound, locateEnvoy } from "../test/envoy/locate.ts";
import { HostDriver } from "../test/host/driver.ts";
import { parseScenario, ScenarioError, type Scenario } from "../test/scenario/format.ts";
import { discoverScenarios, runScenario } from "../test/scenario/run.ts";
import { showFailure } from "./diff.ts";
import { ExitCode, reasonOf, UserError } from "./errors.ts";
import { junit } from "./junit.ts";
import { Modules } from "./modules.ts";
import { readText } from "./source.ts";
import { counted, printable, Progress, stderr, stdout } from "./terminal.ts";
import type { ScenarioReport } from "./report.ts";
import { unknownFilter } from "./validate.ts";

export interface TestOptions {
  envoy?: boolean;
  junit?: string;
  json?: boolean;
  quiet?: boolean;
  modules: string;
}

/** Answers the exit code. */
export async function playScenarios(paths: readonly string[], options: TestOptions): Promise<number> {
  const modules = new Modules(options.modules);
  const { files, skipped } = filesOf(paths);
  const progress = new Progress();
  if (options.quiet !== true) for (const text of skipped) stderr.line(stderr.colors.dim(printable(text)));
  const driver = options.envoy === true ? await envoyDriver(progress) : new HostDriver();
  const reports: ScenarioReport[] = [];
  try {
    for (const [at, file] of files.entries()) {
      progress.show(`${at + 1} of ${files.length} on ${driver.name}: ${file}`);
      const report = await play(driver, file, modules);
      progress.clear();
      reports.push(report);
      if (options.json !== true) show(report, options.quiet === true);
    }
  } finally {
    progress.clear();
    await driver.close();
  }
  const count = (status: ScenarioReport["status"]): number =>
    reports.filter((report) => report.status === status).length;
  const totals = {
    passed: count("passed") + count("skipped"),
    failed: count("failed"),
    errors: count("error"),
    cut: count("skipped"),
  };
  if (options.junit !== undefined) writeReport(options.junit, junit(driver.name, reports));
  if (options.json === true) {
    const { passed, failed, errors } = totals;
    stdout.line(JSON.stringify({ driver: driver.name, passed, failed, errors, scenarios: reports }, null, 2));
  } else stdout.line(summary(driver.name, totals));
  if (totals.errors > 0) return ExitCode.Usage;
  return totals.failed > 0 ? ExitCode.Failed : ExitCode.Ok;
}

async function play(driver: Driver, file: string, modules: Modules): Promise<ScenarioReport> {
  const start = performance.now();
  const report = (rest: Omit<ScenarioReport, "file" | "milliseconds">): ScenarioReport => ({
    file,
    milliseconds: Math.round(performance.now() - start),
    ...rest,
  });
  let scenario: Scenario;
  try {
    scenario = parseScenario(readText(file), file);
    for (const { filter } of scenario.plugins) {
      if (!modules.has(filter))
        throw new ScenarioError([`${file}: ${unknownFilter(filter, modules).message}`]);
    }
  } catch (error) {
    if (error instanceof ScenarioError) return report({ status: "error", played: 0, errors: error.errors });
    if (error instanceof UserError) return report({ status: "error", played: 0, errors: [error.message] });
    throw error;
  }
  const { played, failed, skipped } = await runScenario(driver, scenario, {
    moduleOf: (filter) => modules.fileOf(filter),
  }).catch((error: unknown) => {
    // An Envoy that does not start, or ends, is no fault of ours.
    if (driver.name === "host" || error instanceof UserError) throw error;
    throw new UserError(`${file}: ${(error as Error).message}`);
  });
  if (failed !== undefined) return report({ status: "failed", played, failure: failed });
  return report(
    skipped === undefined ? { status: "passed", played } : { status: "skipped", played, skipped },
  );
}

async function envoyDriver(progress: Progress): Promise<Driver> {
  progress.show("looking for an Envoy, which is fetched the first time ...");
  try {
    // What the driver then finds at once.
    process.env.ENVOY_BIN = await locateEnvoy();
  } catch (error) {
    progress.clear();
    throw error instanceof EnvoyNotFound ? new UserError(error.message) : error;
  }
  progress.clear();
  return new EnvoyDriver();
}

function show(report: ScenarioReport, quiet: boolean): void {
  const { dim, green, red, yellow } = stdout.colors;
  const file = printable(report.file);
  const time = dim(`(${report.milliseconds} ms)`);
  switch (report.status) {
    case "passed":
      if (!quiet) stdout.line(`${green("✓")} ${file} ${time}`);
      break;
    case "skipped":
      stdout.line(`${yellow("↓")} ${file} ${time}`);
      stdout.line(`  ${counted(report.played, "step")} passed; not played: ${report.skipped}`);
      break;
    case "failed":
      stdout.line(`${red("✗")} ${file} ${time}`);
      showFailure(stdout, report.file, report.failure!);
      break;
    case "error":
      for (const error of report.errors ?? [])
        stderr.line(`${stderr.colors.red("error:")} ${printable(error)}`);
  }
}

function summary(
  driver: string,
  { passed, failed, errors, cut }: { passed: number; failed: number; errors: number; cut: number },
): string {
  const { green, red, yellow } = stdout.colors;
  const parts = [passed > 0 ? green(`${passed} passed`) : "0 passed"];
  if (cut > 0) parts.push(yellow(`${cut} of them not to the end`));
  if (failed > 0) parts.push(red(`${failed} failed`));
  if (errors > 0) parts.push(red(`${counted(errors, "file")} with errors`));
  return `${parts.join(", ")} on ${driver === "host" ? "the V8 host" : "a real Envoy"}`;
}

function writeReport(file: string, text: string): void {
  try {
    writeFileSync(file, text);
  } catch (error) {
    throw new UserError(`cannot write ${file}: ${reasonOf(error)}`);
  }
}

/** The scenarios under the given paths, in order; and what else there is, for a person. Throws {@link UserError}. */
function filesOf(paths: readonly string[]): { files: string[]; skipped: string[] } {
  const files = new Set<string>();
  const skipped: string[] = [];
  if (paths.length === 0) {
    const found = [...discoverScenarios(), ...(existsSync("scenarios") ? yamlFilesIn("scenarios") : [])];
    if (found.length === 0) {
      throw new UserError("no scenarios in filters/*/scenarios or scenarios/ here; name files or folders");
    }
    return { files: found, skipped };
  }
  for (const path of paths) {
    if (!isFolder(path)) {
      files.add(path);
      continue;
    }
    const found = yamlFilesIn(path);
    const scenarios = found.filter(isScenario);
    for (const file of found) if (!scenarios.includes(file)) skipped.push(`${file}: skipped: not a scenario`);
    if (scenarios.length === 0) throw new UserError(`no scenarios in ${path}`);
    for (const file of scenarios) files.add(file);
  }
  return { files: [...files], skipped };
}

function isFolder(path: string): boolean {
  try {
    return path !== "-" && statSync(path).isDirectory();
  } catch (error) {
    throw new UserError(`cannot read ${path}: ${reasonOf(error)}`);
  }
}

/** YAML files in a folder and those below it, in order; not in hidden ones and `node_modules`. */
function yamlFilesIn(folder: string): string[] {
  const entries = readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
  return entries.flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory())
      return entry.name.startsWith(".") || entry.name === "node_modules" ? [] : yamlFilesIn(path);
    return /\.ya?ml$/.test(entry.name) ? [path] : [];
  });
}

/** Whether a file in a folder is meant as a scenario: what cannot be read is, so that its errors are told. */
function isScenario(file: string): boolean {
  try {
    const { errors, contents } = parseDocument(readText(file), { prettyErrors: false });
    if (errors.length > 0) return true;
    const has = (name: string): boolean => contents !== null && "has" in contents && contents.has(name);
    return has("steps") || has("refused") || ((has("filter") || has("plugins")) && !has("apiVersion"));
  } catch {
    return true;
  }
}

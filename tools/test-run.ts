/** What `make test` and `make e2e` share: they run the tools that test, add up what these say, and end with a line of totals. */
import { spawn } from "node:child_process";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { relative } from "node:path";

export interface Totals {
  passed: number;
  failed: number;
  /** The tests that failed, each in a few lines: so that the last lines of a long output name them. */
  failures: string[];
}

const REPORTS = "build/test";

interface VitestReport {
  numPassedTests: number;
  numFailedTests: number;
  testResults: {
    name: string;
    status: string;
    message: string;
    assertionResults: { status: string; fullName: string; failureMessages: string[] }[];
  }[];
}

/** One run, of `make test` or of `make e2e`. */
export class TestRun {
  readonly totals: Totals = { passed: 0, failed: 0, failures: [] };
  /** What did not run, and why. */
  readonly skipped: string[] = [];

  /** `name` tells its totals from another run's; see {@link readTotals}. */
  constructor(private readonly name: string) {}

  /** Builds all that is tested. False when that fails, which counts. */
  async build(): Promise<boolean> {
    await rm(this.file, { force: true });
    await mkdir(REPORTS, { recursive: true });
    heading("Building the modules");
    const { status } = await run("npm", ["run", "-s", "build"]);
    if (status !== 0) this.fail("the build of the modules");
    return status === 0;
  }

  /** Runs one of the projects of `vitest.config.ts`, but for the files that `without` names. */
  async vitest(
    project: string,
    environment: NodeJS.ProcessEnv = {},
    without: readonly string[] = [],
  ): Promise<void> {
    const file = `${REPORTS}/${project}.json`;
    await rm(file, { force: true });
    const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${file}`];
    const excluded = without.flatMap((files) => ["--exclude", files]);
    const words = ["vitest", "run", "--project", project, ...excluded, ...reporters];
    const { status } = await run("npx", words, environment);
    const report = await readFile(file, "utf8")
      .then((text) => JSON.parse(text) as VitestReport)
      .catch(() => null);
    if (report === null) {
      this.fail(`all of ${project}: no report, exit status ${status}`);
      return;
    }
    const brokenFiles = report.testResults.filter(
      (result) => result.status === "failed" && result.assertionResults.length === 0,
    );
    for (const { name, message } of brokenFiles) this.fail(describeFailure(name, "", message));
    this.totals.passed += report.numPassedTests;
    for (const { name, assertionResults } of report.testResults) {
      for (const { status: outcome, fullName, failureMessages } of assertionResults) {
        if (outcome === "skipped" || outcome === "pending") this.skipped.push(fullName);
        if (outcome === "failed") this.fail(describeFailure(name, fullName, failureMessages[0] ?? ""));
      }
    }
    const failures = report.numFailedTests + brokenFiles.length;
    if (failures === 0 && status !== 0) this.fail(`${project}: exit status ${status} without a failed test`);
  }

  /** Counts and remembers one failure. */
  fail(failure: string): void {
    this.totals.failed++;
    this.totals.failures.push(failure);
  }

  /** Says what came of it. What could not run is named, and in CI (`CI` set) is a failure. */
  async finish(): Promise<void> {
    for (const skipped of this.skipped) console.log(`did not run: ${skipped}`);
    tellFailures(this.totals);
    if (isCi()) this.totals.failed += this.skipped.length;
    await mkdir(REPORTS, { recursive: true });
    await writeFile(this.file, JSON.stringify(this.totals));
    console.log(lineOf(this.totals));
    process.exitCode = this.totals.failed > 0 ? 1 : 0;
  }

  private get file(): string {
    return fileOf(this.name);
  }
}

/** The totals of a run that has finished; one failure where it has not. */
export async function readTotals(name: string): Promise<Totals> {
  const text = await readFile(fileOf(name), "utf8").catch(() => null);
  return text === null
    ? { passed: 0, failed: 1, failures: [`all of ${name}: it did not finish`] }
    : (JSON.parse(text) as Totals);
}

export function tellFailures({ failures }: Pick<Totals, "failures">): void {
  for (const failure of failures) console.log(`failed: ${failure}`);
}

export function lineOf({ passed, failed }: Pick<Totals, "passed" | "failed">): string {
  return `${passed} passed, ${failed} failed`;
}

export function heading(text: string): void {
  console.log(`\n== ${text}`);
}

/** Runs a command, whose output is shown and answered. */
export async function run(
  command: string,
  words: readonly string[],
  environment: NodeJS.ProcessEnv = {},
): Promise<{ status: number; output: string }> {
  const child = spawn(command, words, {
    env: { ...process.env, ...environment },
    stdio: ["ignore", "pipe", "inherit"],
  });
  let output = "";
  child.stdout.setEncoding("utf8");
  child.stdout.on("data", (chunk: string) => {
    output += chunk;
    process.stdout.write(chunk);
  });
  const status = await new Promise<number>((resolve) => child.on("close", (code) => resolve(code ?? 1)));
  return { status, output };
}

/** One failure in a few lines: the test's file and name, and how its message begins. */
function describeFailure(file: string, name: string, message: string): string {
  const beginning = message.split("\n").slice(0, 4).join("\n  ");
  return `${relative(process.cwd(), file)}${name === "" ? "" : `: ${name}`}\n  ${beginning}`;
}

function fileOf(name: string): string {
  return `${REPORTS}/${name}-totals.json`;
}

function isCi(): boolean {
  return !["", "0", "false", undefined].includes(process.env.CI);
}

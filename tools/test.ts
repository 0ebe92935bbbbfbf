/**
 * `make test`: the runtime's unit tests (as-pect), those of host, tool and filters (vitest), and then everything that
 * needs a real Envoy. Ends with one line of totals; what could not run is named, and in CI (`CI` set) is a failure.
 */
import { spawn } from "node:child_process";
import { mkdir, readFile, rm } from "node:fs/promises";
import { EnvoyNotFound, locateEnvoy } from "../test/envoy/locate.ts";

interface Totals {
  passed: number;
  failed: number;
  /** What did not run, and why. */
  skipped: string[];
}

const REPORTS = "build/test";
const inCi = !["", "0", "false", undefined].includes(process.env.CI);

const totals: Totals = { passed: 0, failed: 0, skipped: [] };
await rm(REPORTS, { recursive: true, force: true });
await mkdir(REPORTS, { recursive: true });

heading("Building the modules");
const built = await run("npm", ["run", "-s", "build"]);
if (built.status !== 0) {
  totals.failed++;
} else {
  heading("Unit tests of the runtime");
  await asPect();
  heading("Host, scenarios on the host, filters");
  await vitest("host");
  heading("On a real Envoy");
  await onEnvoy();
}
for (const skipped of totals.skipped) console.log(`did not run: ${skipped}`);
if (inCi && totals.skipped.length > 0) totals.failed += totals.skipped.length;
console.log(`${totals.passed} passed, ${totals.failed} failed`);
process.exitCode = totals.failed > 0 ? 1 : 0;

async function onEnvoy(): Promise<void> {
  let binary: string;
  try {
    binary = await locateEnvoy();
  } catch (error) {
    if (!(error instanceof EnvoyNotFound)) throw error;
    console.log(error.message);
    totals.skipped.push("all tests on a real Envoy: none was found");
    return;
  }
  await vitest("envoy", { ENVOY_BIN: binary });
}

/** Runs as-pect, whose summary says `[Tests]: passed / all`. */
async function asPect(): Promise<void> {
  const { status, output } = await run("npx", ["asp", "--config", "as-pect.config.js"]);

  const summary = /\[Tests\]: *(\d+) *\/ *(\d+)/.exec(output.replace(/\u001b\[\d+m/g, ""));
  const passed = Number(summary?.[1] ?? 0);
  const all = Number(summary?.[2] ?? 0);
  totals.passed += passed;
  totals.failed += Math.max(all - passed, status === 0 && all > 0 ? 0 : 1);
}

interface VitestReport {
  numPassedTests: number;
  numFailedTests: number;
  numPendingTests: number;
  testResults: { name: string; status: string; assertionResults: { status: string; fullName: string }[] }[];
}

/** Runs one of the projects of `vitest.config.ts`. */
async function vitest(project: string, environment: NodeJS.ProcessEnv = {}): Promise<void> {
  const file = `${REPORTS}/${project}.json`;
  const { status } = await run(
    "npx",
    [
      "vitest",
      "run",
      "--project",
      project,
      "--reporter=default",
      "--reporter=json",
      `--outputFile.json=${file}`,
    ],
    environment,
  );
  const report = await readFile(file, "utf8")
    .then((text) => JSON.parse(text) as VitestReport)
    .catch(() => null);
  if (report === null) {
    totals.failed++;
    return;
  }
  const brokenFiles = report.testResults.filter(
    (result) => result.status === "failed" && result.assertionResults.length === 0,
  ).length;
  totals.passed += report.numPassedTests;
  const failed = report.numFailedTests + brokenFiles;
  totals.failed += failed === 0 && status !== 0 ? 1 : failed;
  for (const result of report.testResults) {
    for (const assertion of result.assertionResults) {
      if (assertion.status === "skipped" || assertion.status === "pending")
        totals.skipped.push(assertion.fullName);
    }
  }
}

async function run(
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

function heading(text: string): void {
  console.log(`\n== ${text}`);
}

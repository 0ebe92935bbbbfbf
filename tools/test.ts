/**
 * `make test`: the runtime's unit tests (as-pect), those of host, tool and filters (vitest), and then everything that
 * needs a real Envoy. Ends with one line of totals; what could not run is named, and in CI (`CI` set) is a failure.
 */
import { EnvoyNotFound, locateEnvoy } from "../test/envoy/locate.ts";
import { heading, run, TestRun } from "./test-run.ts";

const tests = new TestRun("test");
if (await tests.build()) {
  heading("Unit tests of the runtime");
  await asPect();
  heading("Host, scenarios on the host, filters");
  await tests.vitest("host");
  heading("On a real Envoy");
  await onEnvoy();
}
await tests.finish();

async function onEnvoy(): Promise<void> {
  let binary: string;
  try {
    binary = await locateEnvoy();
  } catch (error) {
    if (!(error instanceof EnvoyNotFound)) throw error;
    console.log(error.message);
    tests.skipped.push("all tests on a real Envoy: none was found");
    return;
  }
  await tests.vitest("envoy", { ENVOY_BIN: binary });
}

/** Runs as-pect, whose summary says `[Tests]: passed / all`. */
async function asPect(): Promise<void> {
  const { status, output } = await run("npx", ["asp", "--config", "as-pect.config.js"]);
  const summary = /\[Tests\]: *(\d+) *\/ *(\d+)/.exec(output.replace(/\u001b\[\d+m/g, ""));
  const passed = Number(summary?.[1] ?? 0);
  const all = Number(summary?.[2] ?? 0);
  tests.totals.passed += passed;
  for (let failed = passed; failed < all; failed++) tests.fail("a unit test of the runtime (as-pect)");
  if (passed === all && (status !== 0 || all === 0)) tests.fail(`as-pect: exit status ${status}`);
}

import { describe, expect, test } from "vitest";
import { loadModule } from "../host/driver.ts";
import { rightAuthz, smallAuthz } from "../schema/authz.ts";
import { fuzzAuthzConfigurations } from "./authz-configurations.ts";
import {
  fuzzConfigurationText,
  fuzzDecisions,
  type FuzzOptions,
  fuzzPropagation,
  fuzzSuite,
} from "./fuzz.ts";
import { configuration } from "./trace-propagation.ts";

const MODULE = "build/dark-launch.wasm";
const TRACE_MODULE = "build/trace-propagation.wasm";
const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);
const options = (seconds: number): FuzzOptions => ({ seconds, seed });

describe(`random input, SEED=${seed}`, () => {
  const module = loadModule(MODULE);

  test("dark-launch decides as its model does", { timeout: 120_000 }, () => {
    expect(fuzzDecisions(module, options(8))).toBeGreaterThan(50);
  });

  test("a suite of filters does what as many plugins do", { timeout: 120_000 }, () => {
    expect(fuzzSuite(loadModule("build/outrigger.wasm"), module, options(3))).toBeGreaterThan(3);
  });

  test("no configuration traps dark-launch", { timeout: 120_000 }, () => {
    expect(fuzzConfigurationText(module, options(5))).toBeGreaterThan(50);
  });

  test("trace-propagation says one context in all formats", { timeout: 120_000 }, () => {
    expect(fuzzPropagation(loadModule(TRACE_MODULE), options(5))).toBeGreaterThan(50);
  });

  test("no configuration traps trace-propagation", { timeout: 120_000 }, () => {
    expect(fuzzConfigurationText(loadModule(TRACE_MODULE), options(3), configuration())).toBeGreaterThan(50);
  });

  test("no configuration traps authz", { timeout: 120_000 }, () => {
    const authz = loadModule("build/authz.wasm");
    expect(fuzzConfigurationText(authz, options(4), rightAuthz())).toBeGreaterThan(20);
    expect(fuzzConfigurationText(authz, options(2), smallAuthz())).toBeGreaterThan(20);
  });

  test("authz takes what is right, and says where it is not", { timeout: 120_000 }, () => {
    const counts = fuzzAuthzConfigurations(loadModule("build/authz.wasm"), options(6));
    expect(Math.min(counts.taken, counts.refused, counts.decided)).toBeGreaterThan(10);
  });
});

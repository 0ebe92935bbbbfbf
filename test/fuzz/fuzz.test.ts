import { describe, expect, test } from "vitest";
import { loadModule } from "../host/driver.ts";
import { abilitiesOf } from "../schema/abilities.ts";
import { Reader } from "../schema/verdicts.ts";
import { fuzzConfigurationText, fuzzDecisions, type FuzzOptions } from "./fuzz.ts";

const MODULE = "build/dark-launch.wasm";
const options: FuzzOptions = {
  seconds: 8,
  seed: Number(process.env.SEED ?? Date.now() % 2 ** 31),
  abilities: abilitiesOf(new Reader(MODULE, "")),
};

describe(`random input, SEED=${options.seed}`, () => {
  const module = loadModule(MODULE);

  test("dark-launch decides as its model does", { timeout: 120_000 }, () => {
    expect(fuzzDecisions(module, options)).toBeGreaterThan(100);
  });

  test("no configuration traps dark-launch", { timeout: 120_000 }, () => {
    expect(fuzzConfigurationText(module, options)).toBeGreaterThan(100);
  });
});

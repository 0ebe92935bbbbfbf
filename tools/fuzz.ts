/** `make fuzz`: the fuzz tests for SECONDS (default 600) from SEED (default: the time). */
import { loadModule } from "../test/host/driver.ts";
import { fuzzConfigurationText, fuzzDecisions } from "../test/fuzz/fuzz.ts";

const seconds = Number(process.env.SECONDS ?? 600) / 2;
const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);
if (!(seconds > 0) || !Number.isInteger(seed)) throw new Error("SECONDS and SEED are numbers");
console.log(`SEED=${seed}`);
const module = loadModule("build/dark-launch.wasm");
console.log(
  `${fuzzDecisions(module, { seconds, seed })} configurations, each with requests: as the model, no trap`,
);
console.log(`${fuzzConfigurationText(module, { seconds, seed })} configuration texts: no trap`);

/** `make fuzz`: the fuzz tests for SECONDS (default 600) from SEED (default: the time). */
import { loadModule } from "../test/host/driver.ts";
import { fuzzConfigurationText, fuzzDecisions, fuzzPropagation, fuzzSuite } from "../test/fuzz/fuzz.ts";
import { configuration } from "../test/fuzz/trace-propagation.ts";

const seconds = Number(process.env.SECONDS ?? 600);
const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);
if (!(seconds > 0) || !Number.isInteger(seed)) throw new Error("SECONDS and SEED are numbers");
console.log(`SEED=${seed}`);
const module = loadModule("build/dark-launch.wasm");
const traces = loadModule("build/trace-propagation.wasm");
const suite = loadModule("build/outrigger.wasm");
const options = (share: number) => ({ seconds: seconds * share, seed });
console.log(
  `${fuzzDecisions(module, options(0.3))} configurations, each with requests: as the model, no trap`,
);
console.log(
  `${fuzzSuite(suite, module, options(0.2))} suites, each with requests: as so many plugins, no trap`,
);
console.log(`${fuzzConfigurationText(module, options(0.2))} configuration texts: no trap`);
console.log(
  `${fuzzPropagation(traces, options(0.2))} configurations of trace-propagation, each with requests: one context, no trap`,
);
console.log(
  `${fuzzConfigurationText(traces, options(0.1), configuration())} configuration texts of trace-propagation: no trap`,
);

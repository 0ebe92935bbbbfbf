/**
 * `make fuzz`: the fuzz tests for SECONDS (default 600) from SEED (default: the time). The one beside Envoy's own RBAC filter is left out,
 * and told, where there is no Go to build istiod's translation or no Envoy.
 */
import { compareWithModel } from "../test/authz/as-the-model.ts";
import { Comparison, type ComparisonOptions } from "../test/authz/rbac.ts";
import { EnvoyNotFound } from "../test/envoy/locate.ts";
import { PeerNotFound } from "../test/peers/process.ts";
import { loadModule } from "../test/host/driver.ts";
import { fuzzAuthzConfigurations } from "../test/fuzz/authz-configurations.ts";
import { fuzzAuthzHostile } from "../test/fuzz/authz-hostile.ts";
import { fuzzConfigurationText, fuzzDecisions, fuzzPropagation, fuzzSuite } from "../test/fuzz/fuzz.ts";
import { rightAuthz } from "../test/schema/authz.ts";
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
  `${fuzzDecisions(module, options(0.15))} configurations, each with requests: as the model, no trap`,
);
console.log(
  `${fuzzSuite(suite, module, options(0.1))} suites, each with requests: as so many plugins, no trap`,
);
console.log(`${fuzzConfigurationText(module, options(0.1))} configuration texts: no trap`);
console.log(
  `${fuzzPropagation(traces, options(0.15))} configurations of trace-propagation, each with requests: one context, no trap`,
);
console.log(
  `${fuzzConfigurationText(traces, options(0.05), configuration())} configuration texts of trace-propagation: no trap`,
);
const authz = "build/authz.wasm";
console.log(
  `authz on the host, as the model: ${JSON.stringify(compareWithModel(loadModule(authz), options(0.1)))}`,
);
console.log(
  `${fuzzAuthzHostile(loadModule(authz), options(0.05))} hostile requests at authz: no trap, no error, no growth`,
);
console.log(
  `configurations of authz: ${JSON.stringify(fuzzAuthzConfigurations(loadModule(authz), options(0.05)))}, no trap`,
);
console.log(
  `${fuzzConfigurationText(loadModule(authz), options(0.05), rightAuthz())} configuration texts of authz: no trap`,
);
await besideRbac("authz beside RBAC", { module: authz, tokens: "authz", severalNames: false }, 0.1);
await besideRbac("RBAC beside its model", { module: null, tokens: "jwt_authn", severalNames: true }, 0.1);

async function besideRbac(what: string, more: Omit<ComparisonOptions, "seed">, share: number): Promise<void> {
  let comparison: Comparison;
  try {
    comparison = await Comparison.start({ seed, ...more });
  } catch (error) {
    if (!(error instanceof PeerNotFound) && !(error instanceof EnvoyNotFound)) throw error;
    console.log(`${what}: left out: ${error.message}`);
    return;
  }
  try {
    const end = Date.now() + seconds * share * 1000;
    while (Date.now() < end) await comparison.batch();
  } finally {
    await comparison.stop();
  }
  console.log(`${what}: ${JSON.stringify(comparison.counts)}`);
  if (comparison.differences.length > 0) throw new Error(comparison.differences.join("\n\n"));
}

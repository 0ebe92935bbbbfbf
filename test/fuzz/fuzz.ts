/** The fuzz runs: a bounded one in `make test`, a long one in `make fuzz`. Seeds are printed and reproduce a run. */
import fc from "fast-check";
import type { HttpRequest } from "../driver.ts";
import { ConfigurationRefused } from "../driver.ts";
import { Host, type Listener, type PluginModule } from "../host/index.ts";
import { configuration, request } from "./dark-launch.ts";
import { variantsUpstream, type DarkLaunch } from "./dark-launch-model.ts";

export interface FuzzOptions {
  seconds: number;
  seed: number;
}

const parameters = ({ seconds, seed }: FuzzOptions): fc.Parameters<unknown> => ({
  seed,
  numRuns: Number.MAX_SAFE_INTEGER,
  interruptAfterTimeLimit: seconds * 1000,
  markInterruptAsFailure: false,
  endOnFailure: false,
});

/** The module decides what the model decides, for random configurations and requests. Answers the number of runs. */
export function fuzzDecisions(module: PluginModule, options: FuzzOptions): number {
  let runs = 0;
  const property = fc.property(
    configuration,
    fc.array(request, { minLength: 1, maxLength: 8 }),
    (config, requests) => {
      runs++;
      const host = new Host();
      const listener = host.listen({
        plugins: [{ module, name: "fuzz", configuration: JSON.stringify(config) }],
      });
      for (const one of requests) checkDecision(host, listener, config, one);
      listener.close();
    },
  );
  fc.assert(property, parameters(options) as never);
  return runs;
}

function checkDecision(host: Host, listener: Listener, config: DarkLaunch, one: HttpRequest): void {
  const stream = listener.run(one);
  const trap = host.logs.find(({ text }) => text.includes("Uncaught"));
  if (trap !== undefined) throw new Error(`trap: ${trap.text}`);
  if (stream.upstream === null) throw new Error(`did not reach the upstream: ${stream.info.details ?? ""}`);
  const name = (config.header ?? "x-variant").toLowerCase();
  const seen = stream.upstream.headers.filter(([key]) => key === name).map(([, value]) => value);
  const expected = variantsUpstream(config, one);
  if (seen.join("\n") !== expected.join("\n")) {
    throw new Error(`${name}: expected ${JSON.stringify(expected)}, upstream saw ${JSON.stringify(seen)}`);
  }
}

/** No configuration text traps the module: it is taken, or refused with a reason. Answers the number of runs. */
export function fuzzConfigurationText(module: PluginModule, options: FuzzOptions): number {
  let runs = 0;
  const json = fc.oneof(configuration, fc.jsonValue()).map((value) => JSON.stringify(value));
  const mutation = fc.record({
    at: fc.nat(),
    remove: fc.nat({ max: 4 }),
    insert: fc.oneof(
      fc.constantFrom(
        "",
        '"',
        "\\",
        "\\u",
        "\\ud800",
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "1e999",
        "-",
        "\u0000",
        "null",
        "\ud800",
      ),
      fc.string({ maxLength: 4, unit: "binary" }),
    ),
  });
  const property = fc.property(json, fc.array(mutation, { maxLength: 4 }), (text, mutations) => {
    runs++;
    const mutated = mutations.reduce((before, { at, remove, insert }) => {
      const start = at % (before.length + 1);
      return before.slice(0, start) + insert + before.slice(start + remove);
    }, text);
    const host = new Host();
    try {
      host.listen({ plugins: [{ module, name: "fuzz", configuration: mutated }] }).close();
    } catch (error) {
      if (!(error instanceof ConfigurationRefused)) throw error;
      const [message] = error.messages;
      if (
        !message?.startsWith("configuration refused: ") &&
        !message?.startsWith("configuration refused:\n")
      ) {
        throw new Error(`refused without a reason: ${error.messages.join("\n")}`);
      }
    }
  });
  fc.assert(property, parameters(options) as never);
  return runs;
}

/** Random configurations of `authz`, right ones and such as people and templates make of them, each with hostile requests. */
import fc from "fast-check";
import { ConfigurationRefused } from "../driver.ts";
import { Host, type Listener, type PluginModule } from "../host/index.ts";
import { nodeLibraries } from "../host/node-libraries.ts";
import { rightAuthz, smallAuthz } from "../schema/authz.ts";
import { mutation } from "../schema/mutations.ts";
import { hostileRequest } from "./authz-hostile.ts";
import type { FuzzOptions } from "./fuzz.ts";

/** Names that a change may put in: what policies, rules and credentials are made of. */
const FIELDS = [
  ...[
    "policies",
    "rules",
    "from",
    "to",
    "when",
    "source",
    "operation",
    "key",
    "values",
    "notValues",
    "valuesFrom",
  ],
  ...[
    "principals",
    "notIpBlocks",
    "serviceAccounts",
    "requestPrincipals",
    "paths",
    "hosts",
    "ports",
    "match",
    "deny",
  ],
  ...[
    "jwtRules",
    "issuer",
    "jwks",
    "jwksUri",
    "apiKeys",
    "basicAuth",
    "extensionProviders",
    "provider",
    "mode",
  ],
];

/** How long a request may wait for keys and services that are not there, in nanoseconds. */
const PATIENCE = 700_000_000_000n;

/** How many configurations were taken, how many refused, and how many requests those that were taken have decided. */
export interface Verdicts {
  taken: number;
  refused: number;
  decided: number;
}

/**
 * Each configuration is taken, or refused with a path for each problem; what is taken decides every request. Throws where one traps the module, where
 * a right one is refused, or a refusal says no place.
 */
export function fuzzAuthzConfigurations(module: PluginModule, { seconds, seed }: FuzzOptions): Verdicts {
  const verdicts: Verdicts = { taken: 0, refused: 0, decided: 0 };
  const property = fc.property(
    fc.oneof(rightAuthz(), smallAuthz()),
    fc.array(mutation(FIELDS), { maxLength: 3 }),
    fc.array(hostileRequest, { minLength: 1, maxLength: 3 }),
    (right, changes, requests) => {
      const host = new Host({ ...nodeLibraries, logLevel: 3 });
      const config = changes.reduce((before, change) => change(before), right);
      const listener = taken(host, module, JSON.stringify(config));
      if (Array.isArray(listener)) {
        if (changes.length === 0) throw new Error(`a right one is refused: ${listener.join("\n")}`);
        for (const problem of listener) {
          if (!PROBLEM.test(problem)) throw new Error(`says no place: ${problem}`);
        }
        verdicts.refused++;
        return;
      }
      verdicts.taken++;
      for (const request of requests) {
        const stream = listener.open(request);
        if (!stream.finished) host.clock.advance(PATIENCE);
        const trap = host.logs.find(({ text }) => text.includes("Uncaught"));
        if (trap !== undefined) throw new Error(`trap: ${trap.text}`);
        if (!stream.finished) throw new Error("neither passed on nor answered");
        verdicts.decided++;
      }
      listener.close();
    },
  );
  fc.assert(property, {
    seed,
    numRuns: Number.MAX_SAFE_INTEGER,
    interruptAfterTimeLimit: seconds * 1000,
    markInterruptAsFailure: false,
    endOnFailure: false,
  });
  return verdicts;
}

/** A path, whose names may be any, and what is wrong there. */
const PROBLEM = /^.+: ./;

/** A listener with the configuration, or the problems for which it is refused. */
function taken(host: Host, module: PluginModule, configuration: string): Listener | string[] {
  try {
    return host.listen({ plugins: [{ module, name: "authz", rootId: "authz", configuration }] });
  } catch (error) {
    if (!(error instanceof ConfigurationRefused)) throw error;
    const [message = ""] = error.messages;
    const start = /^configuration refused:(?: |\n)/.exec(message);
    if (start === null) throw new Error(`refused without a reason: ${error.messages.join("\n")}`);
    return message.slice(start[0].length).split("\n");
  }
}

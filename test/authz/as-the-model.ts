/** The filter on the V8 host, which decides as the model does. */
import { ConfigurationRefused, type Json } from "../driver.ts";
import { Host, type Listener, type PluginModule } from "../host/index.ts";
import { nodeLibraries } from "../host/node-libraries.ts";
import { StructValue } from "../host/struct-value.ts";
import { factsOf } from "./facts.ts";
import {
  atPort,
  generateCase,
  METADATA,
  METADATA_FILTER,
  type Case,
  type GeneratedRequest,
} from "./generate.ts";
import { decide, type Facts } from "./naive.ts";
import { pluginConfig, type PolicySet } from "./policies.ts";
import { Random } from "./random.ts";
import { withTokens } from "./shown-tokens.ts";
import { TokenIssuer } from "./tokens.ts";

/** How many requests were decided how. */
export interface Counts {
  allowed: number;
  noAllow: number;
  denied: number;
  unauthorized: number;
}

/**
 * Policy sets with 30 requests each, until so many seconds are over; `configure` makes the configuration of each. Throws at the first
 * decision that is not the model's, or is told wrongly.
 */
export function compareWithModel(
  module: PluginModule,
  {
    seconds,
    seed,
    configure = (set) => JSON.stringify(pluginConfig(set)),
  }: { seconds: number; seed: number; configure?: (set: PolicySet) => string },
): Counts {
  const tokens = new TokenIssuer();
  const counts: Counts = { allowed: 0, noAllow: 0, denied: 0, unauthorized: 0 };
  const end = performance.now() + seconds * 1000;
  for (let number = 0; performance.now() < end; number++) {
    const made = generateCase(Random.of(seed, number), {
      requests: 30,
      jwks: tokens.jwks,
      severalNames: false,
    });
    const one = { ...made, set: atPort(made.set, PORT) };
    const configuration = configure(one.set);
    const listener = listen(module, configuration);
    for (const request of one.requests) {
      const wrong = check(listener, one, request, tokens, counts);
      if (wrong === null) continue;
      const caller = one.callers[request.caller];
      throw new Error(
        `SEED=${seed}, set ${number}: ${wrong}\n${JSON.stringify({ request, caller })}\n${configuration}`,
      );
    }
    listener.close();
  }
  return counts;
}

/** How many sets are put together into one with so many policies that they are looked up. */
const TOGETHER = 15;

/**
 * Policies of many sets as one, all of one action, so that the filter looks them up: the first that matches is the one that the model finds first
 * by walking through all. Answers how many requests met one.
 */
export function compareManyWithModel(
  module: PluginModule,
  { seconds, seed }: { seconds: number; seed: number },
): number {
  const tokens = new TokenIssuer();
  const end = performance.now() + seconds * 1000;
  let met = 0;
  for (let number = 0; performance.now() < end; number++) {
    const options = { requests: 8, jwks: tokens.jwks, severalNames: false };
    const cases = Array.from({ length: TOGETHER }, (_, at) =>
      generateCase(Random.of(seed, number * TOGETHER + at), options),
    );
    const action = number % 2 === 0 ? "DENY" : "ALLOW";
    const policies = cases
      .flatMap(({ set }) => set.policies)
      .filter(({ spec, annotations }) => (spec.rules?.length ?? 0) > 0 && annotations === undefined)
      .map(({ spec, ...policy }, at) => ({ ...policy, name: `policy-${at}`, spec: { ...spec, action } }));
    const set = atPort({ trustDomain: "td1", trustDomainAliases: ["old-td"], policies } as PolicySet, PORT);
    const configuration = JSON.stringify({ ...pluginConfig(set), annotate: "always" });
    const listener = listen(module, configuration);
    for (const { callers, requests } of cases) {
      for (const request of requests) {
        const only: GeneratedRequest = { ...request, tokens: [] };
        const one = { set, callers, requests: [only] };
        const known = factsOf(one, only, PORT);
        if (typeof known === "string") continue;
        const { status, property } = play(listener, one, only, known, tokens);
        if (status === 400) continue;
        const first = set.policies.find(
          (policy) =>
            decide([{ ...policy, spec: { ...policy.spec, action: "DENY" } }], known, set).by === "DENY",
        );
        const nobody = action === "DENY" ? "authz:allowed" : "authz:no-allow";
        const expected = first === undefined ? nobody : `authz:${first.name}`;
        if (first !== undefined) met++;
        if (property === expected) continue;
        throw new Error(
          `SEED=${seed}, sets from ${number * TOGETHER}: ${property} (${status}), where the model says ${expected}\n` +
            `${JSON.stringify({ only, caller: callers[only.caller] })}\n${configuration}`,
        );
      }
    }
    listener.close();
  }
  return met;
}

/** What is wrong with the decision; null where nothing is. */
function check(
  listener: Listener,
  one: Case,
  request: GeneratedRequest,
  tokens: TokenIssuer,
  counts: Counts,
): string | null {
  const known = factsOf(one, request, PORT);
  if (known === "malformed") return null;
  const { status, details } = play(listener, one, request, known, tokens);
  // No authority, say: refused before any filter.
  if (status === 400) return null;
  const seen = `${status} ${details}`;
  if (known === "unauthorized") {
    counts.unauthorized++;
    return status === 401 ? null : `${seen} for a token that is not to be taken`;
  }
  const decision = decide(one.set.policies, known, one.set);
  const why = `${seen}, where the model says ${JSON.stringify(decision)}`;
  if (decision.allowed) {
    counts.allowed++;
    return status === 200 ? null : why;
  }
  const reasons = decision.rules.map((rule) => `authz:${/-policy\[(.*)\]-rule/.exec(rule)![1]!}`);
  counts[decision.by === "ALLOW" ? "noAllow" : "denied"]++;
  const told = decision.by === "ALLOW" ? details === "authz:no-allow" : reasons.includes(details);
  return status === 403 && told ? null : why;
}

const PORT = 8080;

function listen(module: PluginModule, configuration: string): Listener {
  try {
    return new Host(nodeLibraries).listen({
      plugins: [{ module, name: "authz", rootId: "authz", configuration }],
    });
  } catch (error) {
    if (!(error instanceof ConfigurationRefused)) throw error;
    throw new Error(`refused: ${error.messages.join("\n")}\n${configuration}`);
  }
}

function play(
  listener: Listener,
  { callers }: Case,
  request: GeneratedRequest,
  known: Facts | "unauthorized",
  tokens: TokenIssuer,
): { status: number; details: string; property: string | undefined } {
  const { caller, method, authority } = request;
  const { certificate, serverName, directAddress } = callers[caller]!;
  const { attributes } = listener;
  attributes.clear();
  // As Envoy has it.
  attributes.set("connection.requested_server_name", serverName.toLowerCase());
  // As the network companion leaves it.
  attributes.set("outrigger.peer", `${directAddress}:40000`);
  attributes.set("source.address", known === "unauthorized" ? directAddress : known.remoteAddress);
  attributes.set("destination.address", `127.0.0.1:${PORT}`);
  attributes.set("destination.port", BigInt(PORT));
  for (const [name, value] of Object.entries(METADATA)) {
    const path = `metadata.filter_metadata.${METADATA_FILTER}.${name}`;
    attributes.set(path, new StructValue(value));
    if (Array.isArray(value)) attributes.set(`${path}.0`, new StructValue((value as readonly Json[])[0]!));
  }
  const { response, info } = listener.run({
    method,
    authority,
    ...withTokens(request, (token) => tokens.textOf(token)),
    ...(certificate === null ? {} : { peer: certificate }),
  });
  return {
    status: response?.status ?? 0,
    details: info.details ?? "",
    property: info.state.properties()["outrigger.authz"],
  };
}

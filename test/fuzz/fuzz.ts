/** The fuzz runs: a bounded one in `make test`, a long one in `make fuzz`. Seeds are printed and reproduce a run. */
import fc from "fast-check";
import type { UpstreamReply } from "../driver.ts";
import { ConfigurationRefused } from "../driver.ts";
import {
  Host,
  type HttpStream,
  type Listener,
  type PluginModule,
  type PluginOptions,
} from "../host/index.ts";
import { configuration } from "./dark-launch.ts";
import { type DarkLaunch, decide, type Decision } from "./dark-launch-model.ts";
import { type Arrived, baggageMembers } from "./match-model.ts";
import { type Arrival, arrival } from "./requests.ts";
import { checkPropagation, play as propagation } from "./trace-propagation.ts";

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

/** What the upstream answers: has both headers that the filter changes. */
const reply = (): UpstreamReply => ({
  headers: [
    ["set-cookie", "other=1"],
    ["x-variant", "upstream"],
  ],
});

/** The module decides what the model decides, for random configurations and requests. Answers the number of runs. */
export function fuzzDecisions(module: PluginModule, options: FuzzOptions): number {
  let runs = 0;
  // What a request looks like where it arrives: behind the proxy's own parsing, in front of the filter.
  const bare = new Host().listen({ plugins: [] });
  const property = fc.property(
    configuration(),
    fc.array(arrival, { minLength: 1, maxLength: 8 }),
    (config, arrivals) => {
      runs++;
      const host = new Host();
      const plugins = [{ module, name: "fuzz", configuration: JSON.stringify(config) }];
      const listener = host.listen({ plugins, reply });
      checkDecisions(host, listener, bare, config, arrivals);
      listener.close();
    },
  );
  fc.assert(property, parameters(options) as never);
  return runs;
}

function checkDecisions(
  host: Host,
  listener: Listener,
  bare: Listener,
  config: DarkLaunch,
  arrivals: Arrival[],
): void {
  const start = host.clock.monotonic;
  const begun = Number(host.clock.wall / 1_000_000n);
  const counted: Record<string, number> = {};
  for (const one of arrivals) {
    const { request, address, direct, peerUri, claims } = one;
    prepare(host, listener, one);
    const arrived = bare.run(request).upstream;
    const stream = listener.run(request);
    if (arrived === null) {
      if (stream.upstream !== null) throw new Error("the filter let through what the proxy refuses");
      continue;
    }
    const trap = host.logs.find(({ text }) => text.includes("Uncaught"));
    if (trap !== undefined) throw new Error(`trap: ${trap.text}`);
    if (stream.upstream === null) throw new Error(`did not reach the upstream: ${stream.info.details ?? ""}`);
    // The filter looks at the clock when it is configured and then each second.
    const seconds = Number((host.clock.monotonic - start) / 1_000_000_000n);
    const seen: Arrived = {
      headers: arrived.headers,
      address,
      direct,
      peerUri,
      claims,
      routeName: "default",
    };
    const decision = decide(config, seen, begun + seconds * 1000);
    checkStream(stream, config, decision);
    for (const name of decision.counted) counted[name] = (counted[name] ?? 0) + 1;
  }
  // With the next tick all counters have arrived.
  host.clock.advance(1_000_000_000n);
  const values = Object.entries(host.metrics.values()).filter(([, value]) => value > 0);
  same("counters", Object.fromEntries(values.sort()), Object.fromEntries(Object.entries(counted).sort()));
}

/** Lets the time before a request pass, and says what is known of its sender. */
function prepare(host: Host, listener: Listener, { after, address, direct, peerUri, claims }: Arrival): void {
  host.clock.advance(BigInt(after) * 1_000_000n);
  const { attributes } = listener;
  attributes.clear();
  attributes.set("source.address", address);
  if (direct !== undefined) attributes.set("outrigger.peer", direct);
  if (peerUri !== undefined) attributes.set("connection.uri_san_peer_certificate", peerUri);
  for (const [name, value] of Object.entries(claims)) attributes.set(`${VERIFIED}.${name}`, value);
}

/** Where Envoy's jwt_authn leaves the claims of a token. */
const VERIFIED = "metadata.filter_metadata.envoy.filters.http.jwt_authn.payload";

function checkStream(stream: HttpStream, config: DarkLaunch, decision: Decision): void {
  const header = (config.header ?? "x-variant").toLowerCase();
  const upstream = stream.upstream!.headers;
  const response = [...(stream.response?.headers.entries() ?? [])];
  const valuesOf = (headers: readonly (readonly [string, string])[], name: string): string[] =>
    headers.filter(([key]) => key === name).map(([, value]) => value);
  same(header, valuesOf(upstream, header), decision.header);
  same("baggage", baggageMembers(upstream), decision.baggage);
  same("set-cookie", valuesOf(response, "set-cookie"), ["other=1", ...decision.setCookie]);
  const exposed = decision.exposed ?? (header === "x-variant" ? "upstream" : undefined);
  same(`${header} of the response`, valuesOf(response, header), exposed === undefined ? [] : [exposed]);
  same("property", stream.info.state.get("outrigger.dark-launch") ?? null, decision.property ?? null);
}

function same(what: string, seen: unknown, expected: unknown): void {
  const [left, right] = [JSON.stringify(seen), JSON.stringify(expected)];
  if (left !== right) throw new Error(`${what}: expected ${right}, got ${left}`);
}

/**
 * Several filters in one plugin do what as many plugins do: `suite` is a module with the root id of that name. Answers
 * the number of runs.
 */
export function fuzzSuite(suite: PluginModule, alone: PluginModule, options: FuzzOptions): number {
  let runs = 0;
  const property = fc.property(
    fc.array(configuration(), { minLength: 2, maxLength: 3 }),
    fc.array(arrival, { minLength: 1, maxLength: 8 }),
    (configs, arrivals) => {
      runs++;
      const filters = configs.map((config) => ({ darkLaunch: config }));
      const together = play(
        [{ module: suite, name: "suite", rootId: "suite", configuration: JSON.stringify({ filters }) }],
        arrivals,
      );
      const apart = play(
        configs.map((config, at) => ({
          module: alone,
          name: `plugin-${at}`,
          configuration: JSON.stringify(config),
        })),
        arrivals,
      );
      same("suite", together, apart);
    },
  );
  fc.assert(property, parameters(options) as never);
  return runs;
}

/** All that can be seen of requests through a chain of plugins, but what is random. */
function play(plugins: PluginOptions[], arrivals: Arrival[]): unknown {
  const host = new Host();
  const listener = host.listen({ plugins, reply });
  const seen = arrivals.map((one) => {
    prepare(host, listener, one);
    const { upstream, response, info } = listener.run(one.request);
    const sorted = upstream?.headers
      .filter(([name]) => name !== "x-request-id")
      .map(String)
      .sort();
    return [
      sorted,
      [...(response?.headers.entries() ?? [])].map(String).sort(),
      Object.entries(info.state.properties()),
    ];
  });
  host.clock.advance(1_000_000_000n);
  const counters = Object.entries(host.metrics.values()).filter(([, value]) => value > 0);
  const traps = host.logs.filter(({ text }) => text.includes("Uncaught"));
  listener.close();
  return [seen, counters.sort(), traps];
}

/** What `trace-propagation` passes on is of one piece, whatever its configuration. Answers the number of runs. */
export function fuzzPropagation(module: PluginModule, options: FuzzOptions): number {
  let runs = 0;
  const property = fc.property(propagation, (one) => {
    runs++;
    checkPropagation(module, one);
  });
  fc.assert(property, parameters(options) as never);
  return runs;
}

/**
 * No configuration text traps the module: it is taken, or refused with a reason. Texts are JSON, and what is left of
 * such configurations after a few changes. Answers the number of runs.
 */
export function fuzzConfigurationText(
  module: PluginModule,
  options: FuzzOptions,
  configurations: fc.Arbitrary<unknown> = configuration(),
): number {
  let runs = 0;
  const json = fc.oneof(configurations, fc.jsonValue()).map((value) => JSON.stringify(value));
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

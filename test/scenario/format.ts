/**
 * The scenario format: a YAML file that is an example of a filter, a test of it and its documentation.
 *
 * ```yaml
 * description: Beta users see v2.      # optional
 * filter: dark-launch                  # the module is build/<filter>.wasm, its root id the filter's name
 * config: {...}                        # any YAML, given to the module as JSON; or
 * configText: '{"malformed'            # the very text, for what is not JSON
 * plugins: [{filter, config}, ...]     # instead of filter and config: a chain, in a request's order
 * direction: outbound                  # inbound | outbound: the listener's direction
 * refused: ["rules[0]: expected"]      # the module refuses this configuration, and its errors contain each of
 *                                      # these; then there are no steps
 * upstream: {status: 200, headers: {}, body: ""}   # what the upstream answers where a step does not say
 * clusters:                            # what the plugins call, by the cluster's name
 *   ratelimit: {rateLimitService: {domain, descriptors}}   # a rate limit service with this config.yaml, or a list of them
 *   scripted: {rateLimitResponse: {overallCode: OVER_LIMIT, ..}}   # one that always says this (proto3 JSON)
 *   jwks: {http: {status, headers, body}}          # an HTTP answer
 *   grpc: {grpc: {message: !!binary "..", status: 0}}      # a gRPC answer
 *   gone: refuse                       # refuses connections
 * steps:                               # played in order, on one listener
 * - name: a beta user gets v2
 *   config: {...}                      # (or configText, plugins) first update the configuration,
 *   refused: [..]                      # which is refused: the old one stays
 *   request:                           # then send this
 *     method: GET                      # default GET
 *     path: /                          # with the query; default /
 *     authority: example.test          # default example.test
 *     headers: {name: value, other: [first, second]}
 *     body: text
 *     trailers: {name: value}
 *     peer: {uri: "spiffe://..", dns: ".."}      # a client certificate with these names, or lists of them
 *     claims: {iss: "..", groups: [a]} # of a token that the proxy has verified
 *     remoteAddress: 203.0.113.7       # the client's address, from a proxy that is trusted
 *   repeat: 3                          # so many times, and each time all of the following holds
 *   reply: {status, headers, body, trailers}       # what the upstream answers in this step
 *   upstream: {method, path, authority, headers, body, trailers}   # what reached the upstream
 *   upstream: null                     # ... nothing did
 *   response: {status, headers, body, trailers}    # what the client got
 *   details: "local-rate-limit:per-api-key"        # the exchange's response_code_details
 *   property: {outrigger.dark-launch: "dark-launch:beta-users"}    # or null: not set
 *   clusters: {ratelimit: silence}     # from this step on: reset, cut, silence, garbage, {status: 13}, {after: 50ms}; null: whole again
 *   calls: {ratelimit: 1}              # how many calls reach the cluster in this step
 *   metrics: {name: 3}                 # since the session began; 0 is also what was never counted
 * - advance: 61s                       # time passes: ms, s, m or h
 * ```
 *
 * An expected value is its text, exactly; `null` means absent; a list, all values in their order; and
 * `{matches: "regex"}` a single value that the (JavaScript) expression matches as a whole. What is not
 * mentioned is not compared. Text is sent and compared as UTF-8 bytes; `!!binary` (base64) stands for any bytes.
 * Numbers and booleans where text belongs are refused: quote them.
 */
import { readFileSync } from "node:fs";
import { isMap, isSeq, LineCounter, parseDocument, type Node } from "yaml";
import type { Claims, Header, HttpRequest, Json, Peer, UpstreamReply } from "../driver.ts";
import { ClusterReader, type Fault, type ScenarioCluster } from "./clusters.ts";
import { isJson, isNull, YamlReader, type Fields } from "./yaml-reader.ts";

/** A plugin of a scenario. */
export interface ScenarioPlugin {
  filter: string;
  /** The configuration as the module reads it. */
  configuration: string;
}

/** What one value must be. Strings are byte strings. */
export type Expected = { exact: string } | { matches: RegExp };
/** What a header must be: absent, or these values in this order. */
export type ExpectedHeader = readonly [name: string, expected: null | readonly Expected[]];

export interface ExpectedMessage {
  headers: readonly ExpectedHeader[];
  trailers: readonly ExpectedHeader[];
  body?: Expected;
}

export interface ExpectedRequest extends ExpectedMessage {
  method?: Expected;
  path?: Expected;
  authority?: Expected;
}

export interface ExpectedResponse extends ExpectedMessage {
  status?: number;
}

export interface Step {
  /** The step's name, or what it does where it has none. */
  name: string;
  line: number;
  /** Milliseconds; such a step does nothing else. */
  advance?: number;
  update?: { plugins: readonly ScenarioPlugin[]; refused?: readonly string[] };
  request?: HttpRequest;
  repeat: number;
  /** From this step on, what goes wrong with a cluster; null: nothing any more. */
  faults: readonly (readonly [cluster: string, fault: Fault | null])[];
  /** How many calls reach a cluster in this step. */
  calls: readonly (readonly [cluster: string, count: number])[];
  reply?: UpstreamReply;
  /** Null: the upstream must not be reached. */
  upstream?: ExpectedRequest | null;
  response?: ExpectedResponse;
  details?: Expected;
  properties: readonly (readonly [name: string, expected: Expected | null])[];
  metrics: readonly (readonly [name: string, value: number])[];
}

export interface Scenario {
  file: string;
  description?: string;
  plugins: readonly ScenarioPlugin[];
  direction?: "inbound" | "outbound";
  refused?: readonly string[];
  reply: UpstreamReply;
  /** What the plugins call, by the cluster's name. */
  clusters: ReadonlyMap<string, ScenarioCluster>;
  steps: readonly Step[];
}

/** All that is wrong with a scenario file, each as `file:line: path: what`. */
export class ScenarioError extends Error {
  readonly errors: readonly string[];
  constructor(errors: readonly string[]) {
    super(errors.join("\n"));
    this.name = "ScenarioError";
    this.errors = errors;
  }
}

/** Reads and checks a scenario file. Throws {@link ScenarioError}. */
export function loadScenario(file: string): Scenario {
  return parseScenario(readFileSync(file, "utf8"), file);
}

/** Checks a scenario's text. Throws {@link ScenarioError} with everything that is wrong. */
export function parseScenario(text: string, file: string): Scenario {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, customTags: ["binary"], prettyErrors: false });
  if (document.errors.length > 0) {
    throw new ScenarioError(
      document.errors.map((error) => `${file}:${lines.linePos(error.pos[0]).line}: ${error.message}`),
    );
  }
  const reader = new Reader(file, lines, document);
  const scenario = reader.scenario();
  if (reader.errors.length > 0) throw new ScenarioError(reader.errors);
  return scenario;
}

/** Whether a request of the scenario comes with a `peer` or with `claims`. */
export function asks({ steps }: Scenario, what: "peer" | "claims"): boolean {
  return steps.some(({ request }) => request?.[what] !== undefined);
}

/** Reads a scenario. */
class Reader extends YamlReader {
  private readonly clusters = new ClusterReader(this);
  scenario(): Scenario {
    const known = [
      "description",
      "filter",
      "config",
      "configText",
      "plugins",
      "direction",
      "refused",
      "upstream",
      "clusters",
      "steps",
    ];
    const root = this.document.contents;
    const fields = this.fields(root, "", known);
    const plugins = this.plugins(fields, "", root);
    if (plugins === undefined) this.fail(root, "", "expected `filter` with `config`, or `plugins`");
    const scenario: Scenario = {
      file: this.file,
      plugins: plugins ?? [],
      reply: this.optional(fields, "upstream", "", (node, path) => this.reply(node, path)) ?? {},
      clusters:
        this.optional(fields, "clusters", "", (node, path) => this.clusters.clusters(node, path)) ??
        new Map<string, ScenarioCluster>(),
      steps: [],
    };
    const description = this.optional(fields, "description", "", (node, path) => this.plainText(node, path));
    if (description !== undefined) scenario.description = description;
    const direction = this.optional(fields, "direction", "", (node, path) => this.plainText(node, path));
    if (direction === "inbound" || direction === "outbound") scenario.direction = direction;
    else if (direction !== undefined) {
      this.fail(fields.get("direction"), "direction", `expected inbound or outbound, got "${direction}"`);
    }
    const refused = this.optional(fields, "refused", "", (node, path) => this.refused(node, path));
    if (refused) scenario.refused = refused;
    const filters = (plugins ?? []).map(({ filter }) => filter);
    const steps = this.optional(fields, "steps", "", (node, path) =>
      this.items(node, path).map((item, i) => this.step(item, `${path}[${i}]`, i, filters, scenario)),
    );
    if (refused && steps) this.fail(fields.get("steps"), "steps", "a refused configuration has no steps");
    if (!refused && !steps?.length)
      this.fail(fields.get("steps") ?? root, "steps", "expected at least one step");
    scenario.steps = steps ?? [];
    if (asks(scenario, "claims")) this.noOtherTokens(scenario.steps);
    return scenario;
  }

  /** The proxy verifies all tokens of such a scenario, and refuses those that are not its own. */
  noOtherTokens(steps: readonly Step[]): void {
    for (const { line, request } of steps) {
      if (request?.headers?.some(([name]) => name.toLowerCase() === "authorization"))
        this.errors.push(`${this.file}:${line}: an \`authorization\` header stands beside no \`claims\``);
    }
  }

  step(
    node: Node | null,
    path: string,
    index: number,
    filters: readonly string[],
    { clusters }: Scenario,
  ): Step {
    const known = [
      "name",
      "advance",
      "config",
      "configText",
      "plugins",
      "refused",
      "request",
      "repeat",
      "reply",
    ];
    known.push("upstream", "response", "details", "property", "metrics", "clusters", "calls");
    const fields = this.fields(node, path, known);
    const step: Step = {
      name: `step ${index + 1}`,
      line: this.line(node),
      repeat: 1,
      faults: [],
      calls: [],
      properties: [],
      metrics: [],
    };
    const name = this.optional(fields, "name", path, (value, at) => this.plainText(value, at));
    const advance = this.optional(fields, "advance", path, (value, at) => this.duration(value, at));
    if (advance !== undefined) {
      step.advance = advance;
      step.name = `advance ${advance} ms`;
      for (const [field, value] of fields) {
        if (field !== "advance" && field !== "name")
          this.fail(value ?? node, `${path}.${field}`, "a step with `advance` does nothing else");
      }
    }
    if (name !== undefined) step.name = name;
    const plugins = this.plugins(fields, path, node, filters);
    const refused = this.optional(fields, "refused", path, (value, at) => this.refused(value, at));
    if (plugins) step.update = { plugins, ...(refused ? { refused } : {}) };
    else if (refused) this.fail(fields.get("refused"), `${path}.refused`, "stands only beside a `config`");
    const request = this.optional(fields, "request", path, (value, at) => this.request(value, at));
    if (request) step.request = request;
    for (const field of ["repeat", "reply", "upstream", "response", "details", "property", "calls"]) {
      if (!request && advance === undefined && fields.has(field)) {
        this.fail(fields.get(field) ?? node, `${path}.${field}`, "stands only beside a `request`");
      }
    }
    step.repeat = this.optional(fields, "repeat", path, (value, at) => this.count(value, at, 1)) ?? 1;
    const reply = this.optional(fields, "reply", path, (value, at) => this.reply(value, at));
    if (reply) step.reply = reply;
    if (fields.has("upstream")) {
      const upstream = fields.get("upstream") ?? null;
      step.upstream = isNull(upstream) ? null : this.expectedRequest(upstream, `${path}.upstream`);
    }
    const response = this.optional(fields, "response", path, (value, at) => this.expectedResponse(value, at));
    if (response) step.response = response;
    const details = this.optional(fields, "details", path, (value, at) => this.expected(value, at));
    if (details) step.details = details;
    step.properties =
      this.optional(fields, "property", path, (value, at) =>
        [...this.fields(value, at)].map(
          ([property, of]) => [property, isNull(of) ? null : this.expected(of, `${at}.${property}`)] as const,
        ),
      ) ?? [];
    step.metrics =
      this.optional(fields, "metrics", path, (value, at) =>
        [...this.fields(value, at)].map(
          ([metric, of]) => [metric, this.count(of, `${at}.${metric}`, null)] as const,
        ),
      ) ?? [];
    step.faults =
      this.optional(fields, "clusters", path, (value, at) => this.clusters.faults(value, at, clusters)) ?? [];
    step.calls =
      this.optional(fields, "calls", path, (value, at) => this.clusters.calls(value, at, clusters)) ?? [];
    const isIdle = !plugins && !request && step.metrics.length === 0 && step.faults.length === 0;
    if (advance === undefined && isIdle) {
      this.fail(node, path, "expected a `request`, an `advance`, a `config`, `clusters` or `metrics`");
    }
    return step;
  }

  /** `filter` and `config`, or `plugins`. `filters`: those of the running session, for an update. Undefined: none given. */
  plugins(
    fields: Fields,
    path: string,
    node: Node | null,
    filters?: readonly string[],
  ): ScenarioPlugin[] | undefined {
    const below = (name: string): string => (path === "" ? name : `${path}.${name}`);
    const plugins = this.optional(fields, "plugins", path, (list, at) =>
      this.items(list, at).map((item, i) => {
        const own = this.fields(item, `${at}[${i}]`, ["filter", "config", "configText"]);
        return this.plugin(own, `${at}[${i}]`, item);
      }),
    );
    const single = ["filter", "config", "configText"].filter((name) => fields.has(name));
    if (plugins) {
      if (single.length > 0)
        this.fail(node, below(single[0]!), "stands beside `plugins`; give one of the two");
      if (plugins.length === 0)
        this.fail(fields.get("plugins"), below("plugins"), "expected at least one plugin");
      if (filters && plugins.length > 0 && plugins.map(({ filter }) => filter).join() !== filters.join()) {
        this.fail(
          fields.get("plugins"),
          below("plugins"),
          `an update has the same filters: ${filters.join(", ")}`,
        );
      }
      return plugins;
    }
    if (single.length === 0) return undefined;
    if (filters === undefined) return [this.plugin(fields, path, node)];
    if (filters.length === 1)
      return [{ filter: filters[0]!, configuration: this.configuration(fields, path, node) }];
    this.fail(node, below(single[0]!), "with several plugins an update names them all, in `plugins`");
    return undefined;
  }

  plugin(fields: Fields, path: string, node: Node | null): ScenarioPlugin {
    const filter = this.optional(fields, "filter", path, (value, at) => this.plainText(value, at));
    if (filter === undefined) this.fail(node, path === "" ? "filter" : `${path}.filter`, "is missing");
    else if (!/^[a-z0-9][a-z0-9-]*$/.test(filter))
      this.fail(fields.get("filter"), "filter", `expected a filter's name, got "${filter}"`);
    return { filter: filter ?? "", configuration: this.configuration(fields, path, node) };
  }

  configuration(fields: Fields, path: string, node: Node | null): string {
    const text = this.optional(fields, "configText", path, (value, at) => this.plainText(value, at));
    if (text !== undefined) {
      if (fields.has("config"))
        this.fail(node, path, "has both `config` and `configText`; give one of the two");
      return text;
    }
    if (!fields.has("config")) return "";
    try {
      const config: unknown = fields.get("config")?.toJS(this.document) ?? null;
      return JSON.stringify(config);
    } catch (error) {
      // Aliases that go in circles, or that make more than any memory holds.
      const [why] = (error as Error).message.split("\n");
      this.fail(fields.get("config"), path === "" ? "config" : `${path}.config`, `cannot be JSON: ${why}`);
      return "";
    }
  }

  request(node: Node | null, path: string): HttpRequest {
    const message = ["method", "path", "authority", "headers", "body", "trailers"];
    const fields = this.fields(node, path, [...message, "peer", "claims", "remoteAddress"]);
    const text = (name: string): string | undefined =>
      this.optional(fields, name, path, (value, at) => this.bytes(value, at));
    const request: HttpRequest = { method: text("method") ?? "GET", path: text("path") ?? "/" };
    const authority = text("authority");
    if (authority !== undefined) request.authority = authority;
    Object.assign(request, this.message(fields, path));
    const peer = this.optional(fields, "peer", path, (value, at) => this.peer(value, at));
    if (peer) request.peer = peer;
    const claims = this.optional(fields, "claims", path, (value, at) => this.claims(value, at));
    if (claims) request.claims = claims;
    const address = text("remoteAddress");
    // The last one counts: it is what the nearest proxy has seen.
    if (address !== undefined) request.headers = [...(request.headers ?? []), ["x-forwarded-for", address]];
    return request;
  }

  peer(node: Node | null, path: string): Peer {
    const fields = this.fields(node, path, ["uri", "dns"]);
    const names = (name: string): string[] | undefined =>
      this.optional(fields, name, path, (value, at) =>
        (isSeq(value) ? this.items(value, at) : [value]).map((one) => this.plainText(one, at)),
      );
    const [uris, dnsNames] = [names("uri"), names("dns")];
    return { ...(uris ? { uris } : {}), ...(dnsNames ? { dnsNames } : {}) };
  }

  /** Any claims, but those which a verifier reads are as RFC 7519 §4.1 has them, and none ends a token's time. */
  claims(node: Node | null, path: string): Claims {
    const claims = new Map<string, Json>();
    for (const [name, value] of this.fields(node, path)) {
      const at = `${path}.${name}`;
      const claim: unknown = value?.toJS(this.document) ?? null;
      if (isJson(claim)) claims.set(name, claim);
      else this.fail(value, at, "expected what JSON has");
      if (["exp", "nbf", "iat"].includes(name)) this.fail(value, at, "a scenario's token has no time");
      if (["iss", "sub", "jti"].includes(name) && typeof claim !== "string") this.plainText(value, at);
      if (name === "aud" && typeof claim !== "string")
        for (const item of this.items(value, at)) this.plainText(item, at);
    }
    return Object.fromEntries(claims);
  }

  reply(node: Node | null, path: string): UpstreamReply {
    const fields = this.fields(node, path, ["status", "headers", "body", "trailers"]);
    const status = this.optional(fields, "status", path, (value, at) => this.status(value, at));
    return { ...(status === undefined ? {} : { status }), ...this.message(fields, path) };
  }

  message(fields: Fields, path: string): { headers?: Header[]; body?: Uint8Array; trailers?: Header[] } {
    const headers = this.optional(fields, "headers", path, (value, at) => this.headers(value, at));
    const trailers = this.optional(fields, "trailers", path, (value, at) => this.headers(value, at));
    const body = this.optional(fields, "body", path, (value, at) => this.bytes(value, at));
    return {
      ...(headers ? { headers } : {}),
      ...(trailers ? { trailers } : {}),
      ...(body === undefined ? {} : { body: Buffer.from(body, "latin1") }),
    };
  }

  headers(node: Node | null, path: string): Header[] {
    return [...this.fields(node, path)].flatMap(([name, value]) => {
      const values = isSeq(value) ? this.items(value, `${path}.${name}`) : [value];
      return values.map((one): Header => [name, this.bytes(one, `${path}.${name}`)]);
    });
  }

  expectedRequest(node: Node | null, path: string): ExpectedRequest {
    const fields = this.fields(node, path, ["method", "path", "authority", "headers", "body", "trailers"]);
    const expected: ExpectedRequest = this.expectedMessage(fields, path);
    for (const name of ["method", "path", "authority"] as const) {
      const value = this.optional(fields, name, path, (of, at) => this.expected(of, at));
      if (value) expected[name] = value;
    }
    return expected;
  }

  expectedResponse(node: Node | null, path: string): ExpectedResponse {
    const fields = this.fields(node, path, ["status", "headers", "body", "trailers"]);
    const expected: ExpectedResponse = this.expectedMessage(fields, path);
    const status = this.optional(fields, "status", path, (value, at) => this.status(value, at));
    if (status !== undefined) expected.status = status;
    return expected;
  }

  expectedMessage(fields: Fields, path: string): ExpectedMessage {
    const read = (name: string): ExpectedHeader[] =>
      this.optional(fields, name, path, (node, at) =>
        [...this.fields(node, at)].map(([header, value]): ExpectedHeader => {
          if (isNull(value)) return [header.toLowerCase(), null];
          const values = isSeq(value) ? this.items(value, `${at}.${header}`) : [value];
          return [header.toLowerCase(), values.map((one) => this.expected(one, `${at}.${header}`))];
        }),
      ) ?? [];
    const body = this.optional(fields, "body", path, (value, at) => this.expected(value, at));
    return { headers: read("headers"), trailers: read("trailers"), ...(body ? { body } : {}) };
  }

  expected(node: Node | null, path: string): Expected {
    if (!isMap(node)) return { exact: this.bytes(node, path) };
    const fields = this.fields(node, path, ["matches"]);
    const source = this.optional(fields, "matches", path, (value, at) => this.plainText(value, at)) ?? "";
    try {
      return { matches: new RegExp(`^(?:${source})$`, "s") };
    } catch (error) {
      this.fail(node, `${path}.matches`, `not a regular expression: ${(error as Error).message}`);
      return { exact: "" };
    }
  }

  refused(node: Node | null, path: string): string[] {
    const items = this.items(node, path).map((item, i) => this.plainText(item, `${path}[${i}]`));
    return items;
  }

  status(node: Node | null, path: string): number {
    const status = this.count(node, path, null);
    if (status < 100 || status > 599)
      this.fail(node, path, `expected a status from 100 to 599, got ${this.shown(node)}`);
    return status;
  }
}

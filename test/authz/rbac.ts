/**
 * The same policies and requests in one Envoy: on its own RBAC filter as istiod configures it, on our module, and in the model. One policy
 * set is two listeners; their requests go out on connections that are kept, one for each caller.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { HttpRequest } from "../driver.ts";
import { Callers } from "../envoy/callers.ts";
import { dial, send } from "../envoy/http1.ts";
import { ListenerFile } from "../envoy/lds.ts";
import { listenerConfig, type ListenerSpec } from "../envoy/listener.ts";
import { EnvoyProcess, freePort } from "../envoy/process.ts";
import { IstioRbac } from "../peers/istio-rbac.ts";
import { factsOf } from "./facts.ts";
import {
  atPort,
  generateCase,
  METADATA,
  METADATA_FILTER,
  type Case,
  type GeneratedRequest,
} from "./generate.ts";
import { decide } from "./naive.ts";
import { pluginConfig } from "./policies.ts";
import { Random } from "./random.ts";
import { withTokens } from "./shown-tokens.ts";
import { TokenIssuer } from "./tokens.ts";

/** What came of a request. */
export interface Outcome {
  /** 200 where it passed. */
  status: number;
  /** `response_code_details`. */
  details: string;
}

export interface Counts {
  requests: number;
  allowed: number;
  deniedByDeny: number;
  deniedForLackOfAllow: number;
  unauthorized: number;
  malformed: number;
}

export interface ComparisonOptions {
  seed: number;
  /** Path of our module; null compares the native filter with the model alone. */
  module: string | null;
  severalNames: boolean;
  /** Who verifies tokens before our module: Envoy's jwt_authn, or the module itself. */
  tokens: "jwt_authn" | "authz";
  /** Requests of a policy set; default 30. */
  requests?: number;
}

/** Policy sets that are served at once. */
const BATCH = 10;
const TIMEOUT = 20_000;
const MOST_DIFFERENCES = 20;

export class Comparison {
  readonly counts: Counts = {
    requests: 0,
    allowed: 0,
    deniedByDeny: 0,
    deniedForLackOfAllow: 0,
    unauthorized: 0,
    malformed: 0,
  };
  /** What was decided differently, with all that is needed to see why; at most {@link MOST_DIFFERENCES}. */
  readonly differences: string[] = [];
  readonly #callers = new Callers();
  readonly #tokens = new TokenIssuer();
  #made = 0;

  private constructor(
    private readonly options: ComparisonOptions,
    private readonly istio: IstioRbac,
    private readonly envoy: EnvoyProcess,
    private readonly file: ListenerFile,
    private readonly folder: string,
  ) {}

  /** Throws `EnvoyNotFound` and `PeerNotFound`. */
  static async start(options: ComparisonOptions): Promise<Comparison> {
    const istio = await IstioRbac.start();
    const folder = await mkdtemp(join(tmpdir(), "outrigger-rbac-"));
    const file = new ListenerFile(join(folder, "lds.json"));
    await file.write([]);
    const envoy = await EnvoyProcess.start({
      bootstrap: {
        node: { id: "authz", cluster: "authz" },
        dynamic_resources: { lds_config: file.source },
      },
    });
    return new Comparison(options, istio, envoy, file, folder);
  }

  async stop(): Promise<void> {
    await this.envoy.stop();
    this.istio.stop();
    await rm(this.folder, { recursive: true, force: true });
  }

  /** Plays further policy sets with their requests; what is decided differently goes to {@link differences}. */
  async batch(): Promise<void> {
    const { seed, module, severalNames, requests = 30 } = this.options;
    const cases = await Promise.all(
      Array.from({ length: BATCH }, async () => {
        const number = this.#made++;
        const { jwks } = this.#tokens;
        const made = generateCase(Random.of(seed, number), { requests, jwks, severalNames });
        return this.#served(made, number, module);
      }),
    );
    const listeners = cases.flatMap(({ native, ours }) => [native, ...(ours ? [ours] : [])]);
    const outcome = await this.file.update(this.envoy, listeners.map(listenerConfig), listeners.length);
    if (outcome === "rejected")
      throw new Error(
        `SEED=${seed}: Envoy refused a listener of sets up to ${this.#made - 1}\n${this.envoy.logText()}`,
      );
    await Promise.all(cases.map((one) => this.#compare(one)));
  }

  /** The listeners of one set. */
  async #served(made: Case, number: number, module: string | null): Promise<Served> {
    const { port } = await freePort();
    const set = atPort(made.set, port);
    const { filters, policyErrors, requestAuthenticationError } = await this.istio.translate(set);
    const errors = [...policyErrors, requestAuthenticationError].filter((error) => error !== "");
    if (errors.length > 0)
      throw new Error(`istiod refuses what was generated: ${errors.join("\n")}\n${JSON.stringify(set)}`);
    const native = this.#listener(`native-${number}`, port, { filters });
    if (module === null) return { made: { ...made, set }, number, native, ours: null };
    const { port: ourPort } = await freePort();
    const { requestAuthentication, ...policies } = atPort(made.set, ourPort);
    const verifies = this.options.tokens === "authz";
    const configuration = JSON.stringify(
      pluginConfig(verifies && requestAuthentication ? { ...policies, requestAuthentication } : policies),
    );
    const plugin = { module, name: `authz-${number}`, rootId: "authz", configuration };
    const ours = this.#listener(`ours-${number}`, ourPort, {
      filters: verifies ? [] : filters.slice(0, requestAuthentication ? 1 : 0),
      plugins: [plugin],
      network: [{ ...plugin, name: `authz-peer-${number}`, configuration: "{}" }],
    });
    return { made: { ...made, set }, number, native, ours };
  }

  #listener(name: string, port: number, more: Partial<ListenerSpec>): ListenerSpec {
    return {
      name,
      port,
      revision: 0,
      plugins: [],
      direction: "inbound",
      answer: 200,
      transportSocket: this.#callers.transportSocket(),
      replyHeaders: { "x-details": "%RESPONSE_CODE_DETAILS%" },
      ...more,
      filters: [SET_METADATA, ...(more.filters ?? [])],
    };
  }

  async #compare(served: Served): Promise<void> {
    const { made, native, ours } = served;
    const groups = made.callers.map((_, caller) =>
      made.requests.filter((request) => request.caller === caller),
    );
    await Promise.all(
      groups.map(async (requests, caller) => {
        if (requests.length === 0) return;
        const [one, other] = await Promise.all([
          this.#play(native.port, made, caller, requests),
          ours ? this.#play(ours.port, made, caller, requests) : null,
        ]);
        for (const [at, request] of requests.entries())
          this.#judge(served, request, one[at]!, other?.[at] ?? null);
      }),
    );
  }

  async #play(
    port: number,
    { callers }: Case,
    caller: number,
    requests: readonly GeneratedRequest[],
  ): Promise<Outcome[]> {
    const { certificate, serverName, directAddress } = callers[caller]!;
    const tls =
      certificate === null
        ? undefined
        : { ...this.#callers.credentials(certificate), servername: serverName };
    let socket = dial(port, tls, directAddress);
    const outcomes: Outcome[] = [];
    try {
      for (const request of requests) {
        const { response } = await send(socket, this.#sent(request), TIMEOUT);
        const { status, headers } = response;
        outcomes.push({ status, details: headers.find(([name]) => name === "x-details")?.[1] ?? "" });
        // A request that is none is the last one of its connection.
        if (status !== 400 && status !== 404) continue;
        socket.destroy();
        socket = dial(port, tls, directAddress);
      }
    } finally {
      socket.destroy();
    }
    return outcomes;
  }

  #sent(request: GeneratedRequest): HttpRequest {
    const { method, authority } = request;
    return { method, authority, ...withTokens(request, (token) => this.#tokens.textOf(token)) };
  }

  /** All that decides, to be read. */
  #told({ set, callers }: Case, number: number, request: GeneratedRequest): string {
    const { policies, trustDomain, trustDomainAliases, requestAuthentication } = set;
    return [
      `SEED=${this.options.seed}, set ${number}`,
      `request: ${JSON.stringify(request)}`,
      `caller: ${JSON.stringify(callers[request.caller])}`,
      `trust domains: ${[trustDomain, ...trustDomainAliases].join(", ")}`,
      `tokens: ${JSON.stringify(requestAuthentication?.jwtRules.map((rule) => ({ ...rule, jwks: ".." })))}`,
      "policies:",
      ...policies.map((policy) => `  ${JSON.stringify(policy)}`),
    ].join("\n");
  }

  #judge(
    { made, number, native: { port } }: Served,
    request: GeneratedRequest,
    native: Outcome,
    ours: Outcome | null,
  ): void {
    const { counts } = this;
    counts.requests++;
    const differ = (what: string): void => {
      if (this.differences.length < MOST_DIFFERENCES)
        this.differences.push(
          `${what}\n${this.#told(made, number, request)}\nnative: ${told(native)}; ours: ${told(ours)}`,
        );
    };
    if (ours && ours.status !== native.status) return differ("ours and the native filter differ");
    const facts = factsOf(made, request, port);
    if (native.status === 400 || native.status === 404) {
      counts.malformed++;
      return;
    }
    if (facts === "malformed") return differ("the model takes it for malformed");
    if (native.status === 401 || facts === "unauthorized") {
      if (native.status !== 401 || facts !== "unauthorized") return differ("the model and jwt_authn differ");
      counts.unauthorized++;
      return;
    }
    const decision = decide(made.set.policies, facts, made.set);
    if (native.status !== (decision.allowed ? 200 : 403))
      return differ(`the model says ${JSON.stringify(decision)}`);
    if (native.status === 200) {
      counts.allowed++;
      return;
    }
    const [, by = "none"] = /^rbac_access_denied_matched_policy\[(.*)\]$/.exec(native.details) ?? [];
    if (by === "none" ? decision.by !== "ALLOW" : !decision.rules.includes(by))
      return differ(`the model says ${JSON.stringify(decision)}`);
    if (by === "none") counts.deniedForLackOfAllow++;
    else counts.deniedByDeny++;
    if (ours === null) return;
    // Which of several DENY policies is told is each filter's choice.
    const policies =
      by === "none" ? ["no-allow"] : decision.rules.map((rule) => /-policy\[(.*)\]-rule/.exec(rule)![1]!);
    if (!policies.some((policy) => ours.details === `authz:${policy}`))
      differ(`ours should name one of ${policies.join(", ")}`);
  }
}

function told(outcome: Outcome | null): string {
  return outcome === null ? "not asked" : `${outcome.status} ${outcome.details}`;
}

interface Served {
  made: Case;
  number: number;
  native: ListenerSpec;
  ours: ListenerSpec | null;
}

const SET_METADATA = {
  name: "envoy.filters.http.set_metadata",
  typed_config: {
    "@type": "type.googleapis.com/envoy.extensions.filters.http.set_metadata.v3.Config",
    metadata: [{ metadata_namespace: METADATA_FILTER, value: METADATA }],
  },
};

/**
 * Our filter and Envoy's jwt_authn with istiod's translation of the same rules, side by side in one Envoy: each set of rules has a listener of either
 * kind, and gets the same requests.
 */
import type { Header, HttpRequest, HttpResponse, Json, UpstreamRequest } from "../driver.ts";
import { upstreamCluster } from "../envoy/cds.ts";
import { dial, send } from "../envoy/http1.ts";
import { staticListener } from "../envoy/listener.ts";
import { EnvoyProcess, freePort } from "../envoy/process.ts";
import { Upstream } from "../envoy/upstream.ts";

/** One of `jwtRules`. */
export interface JwtRule {
  issuer?: string;
  audiences?: readonly string[];
  jwks: string;
  fromHeaders?: readonly { name: string; prefix?: string }[];
  fromParams?: readonly string[];
  fromCookies?: readonly string[];
  forwardOriginalToken?: boolean;
  outputPayloadToHeader?: string;
  outputClaimToHeaders?: readonly { header: string; claim: string }[];
  spaceDelimitedClaims?: readonly string[];
}

/** As istiod makes it (`pilot/pkg/security/authn/policy_applier.go`). */
export function nativeFilter(jwtRules: readonly JwtRule[]): object {
  const sorted = [...jwtRules].sort(({ issuer: a = "" }, { issuer: b = "" }) => (a < b ? -1 : a > b ? 1 : 0));
  const providers = Object.fromEntries(
    sorted.map((rule, at) => [
      `origins-${at}`,
      {
        issuer: rule.issuer ?? "",
        audiences: rule.audiences ?? [],
        local_jwks: { inline_string: rule.jwks },
        forward: rule.forwardOriginalToken ?? false,
        forward_payload_header: rule.outputPayloadToHeader ?? "",
        from_headers: (rule.fromHeaders ?? []).map(({ name, prefix = "" }) => ({
          name,
          value_prefix: prefix,
        })),
        from_params: rule.fromParams ?? [],
        from_cookies: rule.fromCookies ?? [],
        claim_to_headers: (rule.outputClaimToHeaders ?? []).map(({ header, claim }) => ({
          header_name: header,
          claim_name: claim,
        })),
        payload_in_metadata: "payload",
        normalize_payload_in_metadata: {
          space_delimited_claims: [...new Set([...(rule.spaceDelimitedClaims ?? []), "permission", "scope"])],
        },
      },
    ]),
  );
  const names = Object.keys(providers).map((name) => ({ provider_name: name }));
  const optional = names.map((name) => any([name, { allow_missing: {} }]));
  return {
    name: "envoy.filters.http.jwt_authn",
    typed_config: {
      "@type": "type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication",
      providers,
      rules: [
        {
          match: { prefix: "/" },
          requires:
            optional.length === 1
              ? optional[0]
              : any([...names, { requires_all: { requirements: optional } }]),
        },
      ],
      bypass_cors_preflight: true,
    },
  };
}

const any = (requirements: readonly object[]): object => ({ requires_any: { requirements } });

/** What came of a request. */
export interface Outcome {
  response: HttpResponse;
  /** Null when it did not reach the upstream. */
  upstream: UpstreamRequest | null;
  /** The claims that the filter left for later ones; null for none. */
  claims: Json;
}

export type Side = "ours" | "native";

/** One Envoy with two listeners for each set of rules. */
export class Twins {
  readonly #envoy: EnvoyProcess;
  readonly #upstream: Upstream;
  readonly #ports: ReadonlyMap<string, number>;

  private constructor(envoy: EnvoyProcess, upstream: Upstream, ports: ReadonlyMap<string, number>) {
    this.#envoy = envoy;
    this.#upstream = upstream;
    this.#ports = ports;
  }

  static async start(sets: readonly (readonly JwtRule[])[]): Promise<Twins> {
    const upstream = await Upstream.start();
    const ports = new Map<string, number>();
    const listeners: object[] = [];
    for (const [at, jwtRules] of sets.entries()) {
      for (const side of ["ours", "native"] as const) {
        const { port } = await freePort();
        const name = `${side}-${at}`;
        ports.set(name, port);
        const configuration = JSON.stringify({ jwtRules });
        const plugin = { module: "build/authz.wasm", name, rootId: "authz", configuration };
        const plugins = side === "ours" ? [plugin] : [];
        const filters = side === "ours" ? [] : [nativeFilter(jwtRules)];
        const listener = staticListener({ name, port, revision: 0, plugins, filters });
        listeners.push(tellingClaims(listener, side));
      }
    }
    try {
      const envoy = await EnvoyProcess.start({
        componentLogLevel: "wasm:warning",
        bootstrap: {
          static_resources: { listeners, clusters: [upstreamCluster("upstream", upstream.port)] },
        },
      });
      return new Twins(envoy, upstream, ports);
    } catch (error) {
      await upstream.close();
      throw error;
    }
  }

  /** Sends a request to one side of a set of rules. */
  async send(set: number, side: Side, request: HttpRequest): Promise<Outcome> {
    let seen: UpstreamRequest | null = null;
    this.#upstream.onRequest = (arrived) => {
      seen = arrived;
      return {};
    };
    const socket = dial(this.#ports.get(`${side}-${set}`)!);
    try {
      const { response } = await send(socket, request, 10_000);
      return outcome(response, seen);
    } finally {
      socket.destroy();
    }
  }

  async stop(): Promise<void> {
    await this.#envoy.stop();
    await this.#upstream.close();
  }
}

const CLAIMS_HEADER = "x-told-claims";

/** The listener, with a route that tells the upstream what claims there are. */
function tellingClaims(listener: object, side: Side): object {
  const value =
    side === "ours"
      ? "%FILTER_STATE(wasm.outrigger.claims)%"
      : "%DYNAMIC_METADATA(envoy.filters.http.jwt_authn:payload)%";
  const add = `"virtual_hosts":[{"request_headers_to_add":${JSON.stringify([
    { header: { key: CLAIMS_HEADER, value }, append_action: "OVERWRITE_IF_EXISTS_OR_ADD" },
  ])},`;
  return JSON.parse(JSON.stringify(listener).replace('"virtual_hosts":[{', add)) as object;
}

function outcome(response: HttpResponse, seen: UpstreamRequest | null): Outcome {
  if (seen === null) return { response, upstream: null, claims: null };
  const told = seen.headers.find(([name]) => name === CLAIMS_HEADER)?.[1];
  const headers = seen.headers.filter(([name]) => !NOT_COMPARED.has(name));
  return { response, upstream: { ...seen, headers }, claims: told === undefined ? null : claimsIn(told) };
}

/** What differs from request to request, and what we add. */
const NOT_COMPARED: ReadonlySet<string> = new Set([
  CLAIMS_HEADER,
  "x-request-id",
  "x-forwarded-proto",
  "x-envoy-expected-rq-timeout-ms",
]);

/** A message as JSON; of a property, inside an `Any`. */
function claimsIn(text: string): Json {
  const told = JSON.parse(text) as Json;
  if (typeof told !== "object" || told === null || !("@type" in told)) return told;
  return (told as { value: Json }).value;
}

/** One header of a response or a request. */
export function headerOf(headers: readonly Header[], name: string): string | undefined {
  return headers.find(([one]) => one.toLowerCase() === name)?.[1];
}

/**
 * A real Envoy with two listeners for each set of policies and each setting: one with Envoy's own RBAC filters, as istiod makes them, the
 * other with the module. What each answers is told in a header of the response.
 */
import type { HttpRequest } from "../driver.ts";
import { dial, send } from "../envoy/http1.ts";
import { staticListener, type ListenerSpec } from "../envoy/listener.ts";
import { EnvoyProcess, freePort } from "../envoy/process.ts";
import { NATIVE_NO_ALLOW, nativeFilters, type Policy } from "./native.ts";

/** Istio's `meshConfig.pathNormalization.normalization`, as istiod writes it into a listener (`listener_builder.go`). */
export const SETTINGS = {
  NONE: { normalize_path: false },
  BASE: { normalize_path: true },
  MERGE_SLASHES: { normalize_path: true, merge_slashes: true },
  DECODE_AND_MERGE_SLASHES: {
    normalize_path: true,
    merge_slashes: true,
    path_with_escaped_slashes_action: "UNESCAPE_AND_FORWARD",
  },
} as const;

export type Setting = keyof typeof SETTINGS;

/** What became of a request. */
export interface Verdict {
  status: number;
  /**
   * `passes`; `policy <name>` or `no-allow` of the filter; else Envoy's own `response_code_details`, where it refused the request before any
   * filter.
   */
  verdict: string;
  /** The path as the filters saw it; empty where there was none. */
  path: string;
  body: string;
}

export interface Case {
  name: string;
  policies: readonly Policy[];
  setting: Setting;
}

/** The ports of a {@link Case}'s listeners. */
export interface Ports {
  native: number;
  ours: number;
}

const DETAILS = "x-test-details";
const PATH = "x-test-path";

const header = (key: string, value: string): object => ({ header: { key, value } });
const TOLD = [header(DETAILS, "%RESPONSE_CODE_DETAILS%"), header(PATH, "%REQ(:PATH)%")];

export class Twins {
  readonly envoy: EnvoyProcess;
  private readonly ports: ReadonlyMap<string, Ports>;

  private constructor(envoy: EnvoyProcess, ports: ReadonlyMap<string, Ports>) {
    this.envoy = envoy;
    this.ports = ports;
  }

  /** `runtime` is what Istio's bootstrap says to Envoy, or something else. */
  static async start(cases: readonly Case[], runtime: object = ISTIO_RUNTIME): Promise<Twins> {
    const ports = new Map<string, Ports>();
    const listeners: object[] = [];
    for (const one of cases) {
      const [native, ours] = [(await freePort()).port, (await freePort()).port];
      ports.set(keyOf(one), { native, ours });
      listeners.push(listener(one, native, { filters: nativeFilters(one.policies), plugins: [] }));
      listeners.push(
        listener(one, ours, {
          plugins: [
            {
              module: "build/authz.wasm",
              name: keyOf(one),
              rootId: "authz",
              configuration: JSON.stringify({ policies: one.policies }),
            },
          ],
        }),
      );
    }
    const envoy = await EnvoyProcess.start({
      bootstrap: {
        static_resources: { listeners },
        layered_runtime: { layers: [{ name: "static", static_layer: runtime }] },
      },
    });
    return new Twins(envoy, ports);
  }

  async stop(): Promise<void> {
    await this.envoy.stop();
  }

  portsOf(one: Case): Ports {
    return this.ports.get(keyOf(one))!;
  }

  /** Sends a request to both. */
  async ask(one: Case, request: HttpRequest): Promise<{ native: Verdict; ours: Verdict }> {
    const { native, ours } = this.portsOf(one);
    const [first, second] = await Promise.all([verdict(native, request), verdict(ours, request)]);
    return { native: first, ours: second };
  }

  /** A counter of the modules of all listeners, by what follows `wasmcustom.`; they count into Envoy once a second. */
  async counter(name: string): Promise<number> {
    const text = await this.envoy.admin(`/stats?format=json&type=Counters&filter=^wasmcustom\\.`);
    const { stats } = JSON.parse(text) as { stats: { name: string; value: number }[] };
    return stats.find((stat) => stat.name === `wasmcustom.${name}`)?.value ?? 0;
  }
}

/** What Istio's bootstrap sets of it for requests (`pkg/bootstrap/config.go`): a fragment is cut off, and not refused. */
export const ISTIO_RUNTIME = { "envoy.reloadable_features.http_reject_path_with_fragment": false };

function keyOf({ name, setting }: Case): string {
  return `${name}, ${setting}`;
}

function listener(one: Case, port: number, more: Pick<ListenerSpec, "filters" | "plugins">): object {
  return staticListener({
    name: `${keyOf(one)} ${more.filters ? "native" : "ours"}`,
    port,
    revision: 1,
    ...more,
    connectionManager: {
      ...SETTINGS[one.setting],
      route_config: {
        name: "told",
        response_headers_to_add: TOLD,
        virtual_hosts: [
          {
            name: "all",
            domains: ["*"],
            routes: [{ match: { prefix: "/" }, direct_response: { status: 200 } }],
          },
        ],
      },
      local_reply_config: {
        mappers: [
          {
            filter: {
              status_code_filter: {
                comparison: { op: "GE", value: { default_value: 201, runtime_key: "-" } },
              },
            },
            headers_to_add: TOLD,
          },
        ],
      },
    },
  });
}

async function verdict(port: number, request: HttpRequest): Promise<Verdict> {
  const socket = dial(port);
  try {
    const { response } = await send(socket, request, 5000);
    const told = (name: string): string =>
      response.headers.find(([other]) => other.toLowerCase() === name)?.[1] ?? "";
    const details = told(DETAILS);
    return {
      status: response.status,
      verdict: verdictOf(details),
      path: told(PATH),
      body: Buffer.from(response.body).toString("latin1"),
    };
  } finally {
    socket.destroy();
  }
}

/** What both filters say, in words of neither. */
export function verdictOf(details: string): string {
  // No route takes a CONNECT here: it has passed the filters then.
  if (details === "direct_response" || details === "route_not_found") return "passes";
  if (details === NATIVE_NO_ALLOW || details === "authz:no-allow") return "no-allow";
  const [, native, ours] =
    /^(?:rbac_access_denied_matched_policy\[ns\[[^\]]*\]-policy\[([^\]]+)\]-rule\[\d+\]\]|authz:(.+))$/.exec(
      details,
    ) ?? [];
  return (native ?? ours) ? `policy ${native ?? ours}` : details;
}

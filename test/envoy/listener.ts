/** A session as a listener of Envoy's (v3 API). */
import { resolve } from "node:path";
import type { PluginSpec } from "../driver.ts";

export interface ListenerSpec {
  name: string;
  port: number;
  /** Counts the updates: a listener that is replaced by an equal one is replaced all the same. */
  revision: number;
  plugins: readonly PluginSpec[];
  /** Network plugins before all. */
  network?: readonly PluginSpec[];
  /** Connections are passed on as they are, to the cluster `tcp-upstream`. */
  tcp?: boolean;
  /** Filter state that the access log tells; left out: there is no access log. */
  properties?: readonly string[];
  direction?: "inbound" | "outbound";
  /** The transport socket of clients that come with TLS; without it all is plain text. */
  transportSocket?: object;
  /** The filter before the plugins that verifies tokens. */
  tokenFilter?: object;
  /** Filters of Envoy's own before the plugins. */
  filters?: readonly object[];
  /** Each request is answered with this status, and there is no upstream. */
  answer?: number;
  /** Headers that each reply of Envoy's own has, with what an access log could say: `%RESPONSE_CODE_DETAILS%`. */
  replyHeaders?: Readonly<Record<string, string>>;
  /** Where requests go; default `upstream`. */
  cluster?: string;
  /** The clusters that requests go to, by authority; left out: all go to `upstream`. */
  routes?: Readonly<Record<string, string>>;
  /** Envoy's own tracing: `HttpConnectionManager.tracing`. */
  tracing?: object;
  /** Fields of `HttpConnectionManager` that replace those set here, such as how it normalises paths. */
  connectionManager?: object;
}

/** Large enough for a header of 60 KiB among others. The limit's own maximum is 8192. */
const MAX_HEADERS_KB = 256;

export function listenerConfig(listener: ListenerSpec): object {
  const last = listener.tcp ? tcpProxy() : httpConnectionManager(listener);
  const filters = [...(listener.network ?? []).map((plugin) => wasmFilter(plugin, "network")), last];
  const { transportSocket } = listener;
  const secure = {
    filter_chain_match: { transport_protocol: "tls" },
    transport_socket: transportSocket,
    filters,
  };
  return {
    "@type": "type.googleapis.com/envoy.config.listener.v3.Listener",
    name: listener.name,
    address: { socket_address: { address: "127.0.0.1", port_value: listener.port } },
    // With SO_REUSEPORT two Envoys would silently share a port that both took for free.
    enable_reuse_port: false,
    ...(listener.direction ? { traffic_direction: listener.direction.toUpperCase() } : {}),
    ...(transportSocket ? { listener_filters: [TLS_INSPECTOR] } : {}),
    filter_chains: [...(transportSocket ? [secure] : []), { filters }],
  };
}

/** The same for a bootstrap's `static_resources`, where the type is known: discovered resources tell it. */
export function staticListener(listener: ListenerSpec): object {
  return Object.fromEntries(Object.entries(listenerConfig(listener)).filter(([name]) => name !== "@type"));
}

const TLS_INSPECTOR = {
  name: "envoy.filters.listener.tls_inspector",
  typed_config: {
    "@type": "type.googleapis.com/envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector",
  },
};

function tcpProxy(): object {
  return {
    name: "envoy.filters.network.tcp_proxy",
    typed_config: {
      "@type": "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy",
      stat_prefix: "session",
      cluster: "tcp-upstream",
    },
  };
}

function httpConnectionManager(listener: ListenerSpec): object {
  return {
    name: "envoy.filters.network.http_connection_manager",
    typed_config: {
      "@type":
        "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
      stat_prefix: "session",
      codec_type: "AUTO",
      normalize_path: true,
      use_remote_address: false,
      max_request_headers_kb: MAX_HEADERS_KB,
      common_http_protocol_options: { max_headers_count: 1000 },
      http_protocol_options: { enable_trailers: true },
      access_log: listener.properties === undefined ? [] : [accessLog(listener.properties)],
      http_filters: [
        ...(listener.tokenFilter ? [listener.tokenFilter] : []),
        ...(listener.filters ?? []),
        ...listener.plugins.map((plugin) => wasmFilter(plugin, "http")),
        router(),
      ],
      ...(listener.tracing ? { tracing: listener.tracing } : {}),
      ...(listener.replyHeaders ? { local_reply_config: withHeaders(listener.replyHeaders) } : {}),
      route_config: {
        name: `${listener.name}-${listener.revision}`,
        virtual_hosts: listener.routes
          ? Object.entries(listener.routes).map(([authority, cluster]) =>
              virtualHost(authority, authority, to(cluster)),
            )
          : [
              virtualHost(
                "default",
                "*",
                listener.answer === undefined
                  ? to(listener.cluster ?? "upstream")
                  : { direct_response: { status: listener.answer } },
              ),
            ],
      },
      ...listener.connectionManager,
    },
  };
}

function withHeaders(headers: Readonly<Record<string, string>>): object {
  const all = {
    status_code_filter: { comparison: { op: "GE", value: { default_value: 0, runtime_key: "none" } } },
  };
  const added = Object.entries(headers).map(([key, value]) => ({ header: { key, value } }));
  return { mappers: [{ filter: all, headers_to_add: added }] };
}

function virtualHost(name: string, domain: string, action: object): object {
  return { name, domains: [domain], routes: [{ name, match: { prefix: "/" }, ...action }] };
}

function to(cluster: string): object {
  return { route: { cluster, timeout: "15s" } };
}

/** As Istio writes it: no vm_id, so that plugins with one module share a VM. */
export function wasmFilter(plugin: PluginSpec, type: "http" | "network"): object {
  return {
    name: plugin.name,
    typed_config: {
      "@type": `type.googleapis.com/envoy.extensions.filters.${type}.wasm.v3.Wasm`,
      config: {
        name: plugin.name,
        root_id: plugin.rootId,
        failure_policy: "FAIL_CLOSED",
        vm_config: {
          runtime: "envoy.wasm.runtime.v8",
          code: { local: { filename: resolve(plugin.module) } },
          ...(plugin.vmConfiguration === undefined
            ? {}
            : { configuration: stringValue(plugin.vmConfiguration) }),
        },
        configuration: stringValue(plugin.configuration),
      },
    },
  };
}

/** The one message whose content reaches a module as it is; a Struct would be written anew by Envoy. */
function stringValue(value: string): object {
  return { "@type": "type.googleapis.com/google.protobuf.StringValue", value };
}

function router(): object {
  return {
    name: "envoy.filters.http.router",
    typed_config: { "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router" },
  };
}

function accessLog(told: readonly string[]): object {
  const properties = Object.fromEntries(told.map((name) => [name, `%FILTER_STATE(wasm.${name}:PLAIN)%`]));
  return {
    name: "envoy.access_loggers.stdout",
    typed_config: {
      "@type": "type.googleapis.com/envoy.extensions.access_loggers.stream.v3.StdoutAccessLog",
      log_format: {
        json_format: {
          peer: "%DOWNSTREAM_DIRECT_REMOTE_ADDRESS%",
          details: "%RESPONSE_CODE_DETAILS%",
          properties,
        },
      },
    },
  };
}

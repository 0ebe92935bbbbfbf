/**
 * One way to play HTTP through proxy-wasm plugins. There are two drivers: the V8 host
 * (`test/host`) and a real Envoy (`test/envoy`). Scenarios and conformance assertions are written
 * against this interface, so that the same test runs on both; where they disagree, the host is wrong.
 */

/**
 * A header as a name and a value. Values are byte strings: each character is one byte
 * (U+0000 to U+00FF), as Node's `http` has it, so that values which are not UTF-8 can be written.
 */
export type Header = readonly [name: string, value: string];

export interface HttpRequest {
  method: string;
  /** The request target as sent, query included. */
  path: string;
  /** `Host` in HTTP/1.1, `:authority` in HTTP/2; default `example.test`. */
  authority?: string;
  /** In order, duplicates and spelling kept. */
  headers?: readonly Header[];
  body?: Uint8Array;
  trailers?: readonly Header[];
  /** The client presents a certificate, over TLS; the session has {@link SessionSpec.peers}. */
  peer?: Peer;
  /** The client shows a token with these claims, which the proxy has verified; the session has {@link SessionSpec.claims}. */
  claims?: Claims;
  /** Milliseconds after which the client goes away when it has no response by then: the response's status is then 0. */
  abortAfter?: number;
}

/** The names in a client's certificate (RFC 5280 §4.2.1.6), in order. */
export interface Peer {
  /** A SPIFFE id, say; Envoy tells plugins the first one. */
  uris?: readonly string[];
  dnsNames?: readonly string[];
}

export type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json };

/** The claims of a JSON Web Token. */
export type Claims = Readonly<Record<string, Json>>;

/** What arrived at the upstream. Pseudo-headers (`:method`, `:path`, `:authority`) come first. */
export interface UpstreamRequest {
  headers: readonly Header[];
  body: Uint8Array;
  trailers: readonly Header[];
}

/** What the upstream answers; the default is an empty 200. */
export interface UpstreamReply {
  status?: number;
  headers?: readonly Header[];
  body?: Uint8Array;
  trailers?: readonly Header[];
}

export interface HttpResponse {
  status: number;
  headers: readonly Header[];
  body: Uint8Array;
  trailers: readonly Header[];
}

/** One request and all that came of it. */
export interface Exchange {
  /** Null when the request did not reach the upstream. */
  upstream: UpstreamRequest | null;
  response: HttpResponse;
  /** The `response_code_details` of the exchange, as an access log shows it. */
  details: string;
  /** Filter state the plugins set with `set_property`, without Envoy's prefix `wasm.`. */
  properties: Readonly<Record<string, string>>;
}

/**
 * What comes of a request to a cluster instead of an answer: a connection that breaks, one that breaks inside the body
 * of an answer, nothing at all, what is no HTTP.
 */
export type Fault = "reset" | "cut" | "silence" | "garbage";

export interface CallAnswer extends UpstreamReply {
  /** Milliseconds until it comes. */
  after?: number;
}

/** One gRPC call or stream, as its server sees it. Messages are bytes, not parsed. */
export interface GrpcExchange {
  /** `/package.Service/Method`. */
  readonly path: string;
  readonly metadata: readonly Header[];
  /** Initial metadata; without it, it goes with the first message. */
  sendMetadata(metadata: readonly Header[]): void;
  send(message: Uint8Array): void;
  /** Ends the exchange with a gRPC status. */
  end(status: number, message?: string, trailers?: readonly Header[]): void;
  /** Breaks it off. */
  reset(): void;
  /** Does something so many milliseconds from now. */
  after(milliseconds: number, action: () => void): void;
}

/** What a server does with an exchange; it may also act from where it is made. */
export interface GrpcHandler {
  onMessage?: (message: Uint8Array) => void;
  /** The client has nothing more to say. */
  onEnd?: () => void;
}

/** A cluster that plugins call: an HTTP/1.1 server, a gRPC server, or a port where connections are refused. */
export type Cluster =
  | { readonly http: (request: UpstreamRequest) => CallAnswer | Fault }
  | { readonly grpc: (exchange: GrpcExchange) => GrpcHandler }
  | "refuse";

/**
 * A server of plain TCP: asked for each piece that arrives, it answers with bytes, with nothing, or by closing. It closes when the client
 * has nothing more to say.
 */
export type TcpServer = (received: Uint8Array) => Uint8Array | "close" | null;

/** What a client does on one connection of plain TCP. */
export interface TcpTalk {
  /** Sent one after another: each when the one before has gone its way, been answered or been held back. */
  pieces: readonly Uint8Array[];
  /** Milliseconds that the client stays after the last piece; default 0. */
  stay?: number;
  /** How it goes: with nothing more to say (default), or by breaking off. */
  end?: "finish" | "reset";
}

/** One connection of plain TCP, and all that came of it. */
export interface TcpExchange {
  /** What arrived at the server; null when the proxy did not connect to it. */
  server: Uint8Array | null;
  /** What arrived at the client. */
  client: Uint8Array;
  /** The proxy closed the connection before the client went. */
  refused: boolean;
}

/** One plugin of a chain. */
export interface PluginSpec {
  /** Path of the built module. */
  module: string;
  /** The plugin's name; appears in log prefixes. Must be unique in a driver's lifetime if logs matter. */
  name: string;
  /** Selects the root context in the module (Istio's `pluginName`). */
  rootId: string;
  /** The plugin's configuration, as the bytes the module will read: usually JSON. */
  configuration: string;
  vmConfiguration?: string;
}

export interface SessionSpec {
  /** In the order in which a request passes them. */
  plugins: readonly PluginSpec[];
  /** Network plugins (Istio's type `NETWORK`) before HTTP or TCP, in the order in which a connection passes them. */
  network?: readonly PluginSpec[];
  /** The listener passes connections on to this server; {@link Session.tcp} is then all that it takes, and there are no {@link plugins}. */
  tcp?: TcpServer;
  /** `%DOWNSTREAM..%`-side direction of the listener; default unspecified. */
  direction?: "inbound" | "outbound";
  /**
   * Names of the properties an {@link Exchange} shows, since an access log must know them beforehand; default
   * `outrigger.<filter>` of the five filters. A driver may show others too.
   */
  properties?: readonly string[];
  /** {@link Session.metrics} will be read: a driver whose sessions share counters waits until earlier ones are quiet. */
  metrics?: boolean;
  /** Requests may come with a {@link HttpRequest.peer}: the listener takes mutual TLS beside plain text, as Istio's `PERMISSIVE` has it. */
  peers?: boolean;
  /**
   * Requests may come with {@link HttpRequest.claims}: tokens are verified before the plugins, configured as istiod does it. A token
   * travels as `authorization: Bearer`, and is gone when plugins see the request.
   */
  claims?: boolean;
  /** What plugins call, by the cluster's name. A driver's open sessions must not use one name for two. */
  clusters?: Readonly<Record<string, Cluster>>;
  /** Called for each request that reaches the upstream. */
  reply?: (request: UpstreamRequest) => UpstreamReply;
}

/** A configuration that `proxy_on_configure` refused. */
export class ConfigurationRefused extends Error {
  /** What the module logged at level error or above while it was configured, one entry a log call. */
  readonly messages: readonly string[];
  constructor(messages: readonly string[]) {
    super(`configuration refused:\n${messages.join("\n")}`);
    this.name = "ConfigurationRefused";
    this.messages = messages;
  }
}

export interface LogLine {
  level: "trace" | "debug" | "info" | "warn" | "error" | "critical";
  text: string;
}

/** A listener with its chain of plugins. */
export interface Session {
  /** Plays one request to its end. Calls may overlap only where the driver says so. */
  request(request: HttpRequest): Promise<Exchange>;
  /** Plays requests one after another on one connection of a client's. */
  requests(requests: readonly HttpRequest[]): Promise<Exchange[]>;
  /** Plays one connection to its end, where the session has a {@link SessionSpec.tcp}. */
  tcp(talk: TcpTalk): Promise<TcpExchange>;
  /** Replaces the plugins' configuration as a listener update does. Throws {@link ConfigurationRefused}; the old one then stays. */
  update(plugins: readonly PluginSpec[]): Promise<void>;
  /** Lets time pass: the host's fake clock jumps and runs due ticks, the real Envoy waits. */
  advance(milliseconds: number): Promise<void>;
  /** The wall clock in milliseconds since 1970: the host's fake clock, or the machine's. */
  now(): number;
  /** Custom metrics (without Envoy's prefix `wasmcustom.`); counters and gauges, over all workers. */
  metrics(): Promise<Readonly<Record<string, number>>>;
  /** What the modules logged since the session was opened or since the last call. */
  logs(): Promise<readonly LogLine[]>;
  close(): Promise<void>;
}

export interface Driver {
  readonly name: "host" | "envoy";
  /** The longest {@link Session.advance} that is worth waiting for, in milliseconds. */
  readonly longestAdvance: number;
  /** Throws {@link ConfigurationRefused} when a plugin refuses its configuration. */
  open(spec: SessionSpec): Promise<Session>;
  close(): Promise<void>;
}

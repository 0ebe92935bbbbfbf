/**
 * Plays HTTP through plugins in a real Envoy. One Envoy serves a driver's whole life; a session is a
 * listener of it, added and changed by a listener discovery (LDS) file, so that opening one takes a fraction of
 * a second. Requests of one driver are played one after another: whatever reaches the upstream then belongs
 * to the request in hand.
 *
 * How a change is known to be active: every write of the LDS file is followed until Envoy has counted it.
 * `listener_manager.lds.update_rejected` up by one: refused, and the old configuration stays.
 * `listener_manager.lds.update_success` up by one, and `listener_manager.listener_create_success` up by one
 * for each worker: every worker has the new filter chain, and so the new root contexts, and the next
 * connection gets it. (Each request has a connection of its own.)
 */
import { mkdtemp, rm } from "node:fs/promises";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import {
  ConfigurationRefused,
  type Driver,
  type Exchange,
  type Header,
  type HttpRequest,
  type LogLine,
  type PluginSpec,
  type Session,
  type SessionSpec,
  type TcpExchange,
  type TcpTalk,
  type UpstreamRequest,
} from "../driver.ts";
import { Callers } from "./callers.ts";
import { ClusterFile, upstreamCluster } from "./cds.ts";
import { dial, send } from "./http1.ts";
import { ListenerFile } from "./lds.ts";
import { listenerConfig, type ListenerSpec } from "./listener.ts";
import { EnvoyProcess, freePort, type EnvoyLog } from "./process.ts";
import { talkTcp } from "./tcp.ts";
import { TcpUpstream } from "./tcp-upstream.ts";
import { Upstream } from "./upstream.ts";

export interface EnvoyDriverOptions {
  /** Worker threads; default 1. */
  concurrency?: number;
  /** The level from which modules' log lines are kept; default `info`. */
  logLevel?: LogLine["level"];
  /** Further clusters of the Envoy (v3 Cluster messages), for modules that call out. */
  clusters?: readonly object[];
  /** Milliseconds until a request must have its response; default 20,000. */
  timeout?: number;
}

/** The properties logged when a session does not name its own. */
export const DEFAULT_PROPERTIES: readonly string[] = [
  "outrigger.dark-launch",
  "outrigger.local-rate-limit",
  "outrigger.global-rate-limit",
  "outrigger.trace-propagation",
  "outrigger.authz",
];

/** What a plugin keeps for its tick (1 s) reaches Envoy at the latest this long after its session has closed. */
const LAST_FLUSH = 1300;

interface Running {
  envoy: EnvoyProcess;
  upstream: Upstream;
  tcpUpstream: TcpUpstream;
  folder: string;
  file: ListenerFile;
  clusters: ClusterFile;
}

interface AccessLogEntry {
  peer: string;
  details: string | null;
  properties?: Record<string, string | null>;
}

export class EnvoyDriver implements Driver {
  readonly name = "envoy";
  readonly longestAdvance = 3000;
  readonly options: EnvoyDriverOptions;
  /** Listeners as they should be. */
  readonly #listeners = new Map<string, ListenerSpec>();
  readonly #sessions = new Set<EnvoySession>();
  /** While a listener is added or replaced: its session, and what Envoy has logged meanwhile. */
  #applying: { session: EnvoySession; logs: EnvoyLog[] } | undefined;
  /** Certificates and tokens of clients. */
  readonly callers = new Callers();
  readonly #accessLog = new Map<string, (entry: AccessLogEntry) => void>();
  readonly #accessLogEarly = new Map<string, AccessLogEntry>();
  #running: Promise<Running> | undefined;
  #queue: Promise<unknown> = Promise.resolve();
  #names = 0;
  #lastClose = 0;

  constructor(options: EnvoyDriverOptions = {}) {
    this.options = options;
  }

  async open(spec: SessionSpec): Promise<Session> {
    const { envoy, clusters } = await this.running();
    return this.inTurn(async () => {
      if (spec.clusters !== undefined) await clusters.declare(envoy, spec.clusters);
      // Counters are Envoy's, not the listener's: what earlier sessions still hold back must not count for this one.
      const wait = this.#lastClose + LAST_FLUSH - Date.now();
      if (spec.metrics === true && wait > 0) await sleep(wait);
      const name = `session-${++this.#names}`;
      for (let attempt = 1; ; attempt++) {
        const { port } = await freePort();
        const { direction, peers = false, claims = false } = spec;
        const properties = spec.properties ?? DEFAULT_PROPERTIES;
        const listener: ListenerSpec = {
          name,
          port,
          revision: 0,
          plugins: spec.plugins,
          properties,
          ...(spec.network ? { network: spec.network } : {}),
          ...(spec.tcp ? { tcp: true } : {}),
          ...(peers ? { transportSocket: this.callers.transportSocket() } : {}),
          ...(claims ? { tokenFilter: this.callers.tokenFilter() } : {}),
          ...(direction ? { direction } : {}),
        };
        const session = new EnvoySession(this, listener, spec, await this.metrics());
        this.#sessions.add(session);
        try {
          await this.applyTo(session, listener);
          return session;
        } catch (error) {
          this.#sessions.delete(session);
          // Another process may have taken the port between the look and the bind.
          if (attempt < 5 && error instanceof Error && error.message.includes("Address already in use"))
            continue;
          throw error;
        }
      }
    });
  }

  async close(): Promise<void> {
    const running = await this.#running?.catch(() => undefined);
    this.#running = undefined;
    this.#listeners.clear();
    this.#sessions.clear();
    if (running === undefined) return;
    await running.envoy.stop();
    await running.upstream.close();
    await running.tcpUpstream.close();
    await running.clusters.close();
    await rm(running.folder, { recursive: true, force: true });
  }

  /** Runs one thing at a time. */
  inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#queue.then(work, work);
    this.#queue = turn.catch(() => undefined);
    return turn;
  }

  running(): Promise<Running> {
    this.#running ??= this.#start();
    return this.#running;
  }

  async #start(): Promise<Running> {
    const folder = await mkdtemp(join(tmpdir(), "outrigger-xds-"));
    const upstream = await Upstream.start();
    const tcpUpstream = await TcpUpstream.start();
    const file = new ListenerFile(join(folder, "lds.json"));
    await file.write([]);
    const clusters = new ClusterFile(join(folder, "cds.json"));
    await clusters.write();
    const level = this.options.logLevel ?? "info";
    try {
      const envoy = await EnvoyProcess.start({
        concurrency: this.options.concurrency ?? 1,
        componentLogLevel: `wasm:${level},config:warning`,
        bootstrap: {
          node: { id: "outrigger-test", cluster: "outrigger-test" },
          dynamic_resources: { lds_config: file.source, cds_config: clusters.source },
          static_resources: {
            clusters: [
              upstreamCluster("upstream", upstream.port),
              upstreamCluster("tcp-upstream", tcpUpstream.port),
              ...(this.options.clusters ?? []),
            ],
          },
        },
        onLog: (log) => this.#takeLog(log),
        onOutput: (line) => this.#takeAccessLog(line),
      });
      return { envoy, upstream, tcpUpstream, folder, file, clusters };
    } catch (error) {
      await upstream.close();
      await tcpUpstream.close();
      await rm(folder, { recursive: true, force: true });
      this.#running = undefined;
      throw error;
    }
  }

  #takeLog(log: EnvoyLog): void {
    this.#applying?.logs.push(log);
    for (const session of this.#sessions) session.takeLog(log, this.#applying?.session);
  }

  #takeAccessLog(line: string): void {
    let entry: AccessLogEntry;
    try {
      entry = JSON.parse(line) as AccessLogEntry;
    } catch {
      return;
    }
    const waiting = this.#accessLog.get(entry.peer);
    if (waiting) waiting(entry);
    else this.#accessLogEarly.set(entry.peer, entry);
  }

  /** The access log's entry of the one request that came from this local port. */
  accessLogEntry(localPort: number): Promise<AccessLogEntry> {
    const peer = `127.0.0.1:${localPort}`;
    const early = this.#accessLogEarly.get(peer);
    this.#accessLogEarly.clear();
    if (early) return Promise.resolve(early);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#accessLog.delete(peer);
        reject(new Error("Envoy wrote no access log entry within 5 s"));
      }, 5000);
      this.#accessLog.set(peer, (entry) => {
        clearTimeout(timer);
        this.#accessLog.delete(peer);
        resolve(entry);
      });
    });
  }

  /** Adds or replaces a session's listener and waits until every worker has it. Must run in turn. */
  async applyTo(session: EnvoySession, listener: ListenerSpec): Promise<void> {
    const { envoy } = await this.running();
    const before = this.#listeners.get(listener.name);
    const logs: EnvoyLog[] = [];
    this.#listeners.set(listener.name, listener);
    this.#applying = { session, logs };
    try {
      const outcome = await this.#update(this.options.concurrency ?? 1);
      // What was logged meanwhile is in the pipe, at the latest a turn of the loop from here.
      if (outcome === "taken") return void (await sleep(5));
      // Envoy logs its own reason after all that the module logged: once it is here, so is the rest.
      let reason: string | undefined;
      for (let waited = 0; reason === undefined && waited < 2000; waited += 5) {
        reason = logs.find((log) => log.text.includes("Error adding/updating listener(s)"))?.text;
        if (reason === undefined) await sleep(5);
      }
      throw refusal(logs, listener) ?? new Error(`Envoy refused the listener: ${reason}\n${envoy.logText()}`);
    } catch (error) {
      if (before) this.#listeners.set(listener.name, before);
      else this.#listeners.delete(listener.name);
      throw error;
    } finally {
      this.#applying = undefined;
    }
  }

  async remove(name: string, session: EnvoySession): Promise<void> {
    if (!this.#listeners.delete(name)) return;
    this.#lastClose = Date.now();
    this.#sessions.delete(session);
    if (this.#running) await this.#update(0);
  }

  async #update(created: number): Promise<"taken" | "rejected"> {
    const { envoy, file } = await this.running();
    return file.update(envoy, [...this.#listeners.values()].map(listenerConfig), created);
  }

  /** All custom metrics of this Envoy. Counters and gauges come from one page each. */
  async metrics(): Promise<{ counters: Map<string, number>; gauges: Map<string, number> }> {
    const { envoy } = await this.running();
    const read = async (type: string): Promise<Map<string, number>> => {
      const text = await envoy.admin(`/stats?format=json&type=${type}&filter=^wasmcustom\\.`);
      const { stats } = JSON.parse(text) as { stats: { name: string; value: number }[] };
      return new Map(stats.map(({ name, value }) => [name.replace(/^wasmcustom\./, ""), value]));
    };
    return { counters: await read("Counters"), gauges: await read("Gauges") };
  }
}

class EnvoySession implements Session {
  readonly #driver: EnvoyDriver;
  readonly #reply: NonNullable<SessionSpec["reply"]>;
  readonly #tcp: SessionSpec["tcp"];
  readonly #baseline: { counters: Map<string, number> };
  #listener: ListenerSpec;
  #logs: LogLine[] = [];

  constructor(
    driver: EnvoyDriver,
    listener: ListenerSpec,
    { reply, tcp }: Pick<SessionSpec, "reply" | "tcp">,
    baseline: { counters: Map<string, number> },
  ) {
    this.#driver = driver;
    this.#listener = listener;
    this.#reply = reply ?? (() => ({}));
    this.#tcp = tcp;
    this.#baseline = baseline;
  }

  async request(request: HttpRequest): Promise<Exchange> {
    const [exchange] = await this.requests([request]);
    return exchange!;
  }

  requests(requests: readonly HttpRequest[]): Promise<Exchange[]> {
    return this.#driver.inTurn(async () => {
      const { callers } = this.#driver;
      const peer = requests[0]?.peer;
      const socket = dial(this.#listener.port, peer && callers.credentials(peer));
      const exchanges: Exchange[] = [];
      try {
        for (const request of requests) exchanges.push(await this.#exchange(socket, request));
      } finally {
        socket.destroy();
      }
      return exchanges;
    });
  }

  tcp(talk: TcpTalk): Promise<TcpExchange> {
    return this.#driver.inTurn(async () => {
      if (this.#tcp === undefined) throw new Error("the session has no TCP server");
      const { tcpUpstream } = await this.#driver.running();
      tcpUpstream.received = null;
      tcpUpstream.answer = this.#tcp;
      const { client, refused } = await talkTcp(this.#listener.port, talk);
      return { server: tcpUpstream.received, client, refused };
    });
  }

  async #exchange(socket: Socket, request: HttpRequest): Promise<Exchange> {
    const { upstream } = await this.#driver.running();
    let seen: UpstreamRequest | null = null;
    upstream.onRequest = (arrived) => {
      seen = arrived;
      return this.#reply(arrived);
    };
    const timeout = this.#driver.options.timeout ?? 20_000;
    const { response, localPort } = await send(socket, this.#withToken(request), timeout);
    const entry = await this.#driver.accessLogEntry(localPort);
    const properties: Record<string, string> = {};
    for (const [name, value] of Object.entries(entry.properties ?? {}))
      if (value !== null) properties[name] = value;
    return { upstream: seen, response, details: entry.details ?? "", properties };
  }

  /** The request as it is sent: claims travel in a token. */
  #withToken(request: HttpRequest): HttpRequest {
    const { claims, headers = [] } = request;
    if (claims === undefined) return request;
    const token: Header = ["authorization", `Bearer ${this.#driver.callers.token(claims)}`];
    return { ...request, headers: [...headers, token] };
  }

  update(plugins: readonly PluginSpec[]): Promise<void> {
    return this.#driver.inTurn(async () => {
      const next = { ...this.#listener, plugins, revision: this.#listener.revision + 1 };
      await this.#driver.applyTo(this, next);
      this.#listener = next;
    });
  }

  async advance(milliseconds: number): Promise<void> {
    await sleep(milliseconds);
  }

  now(): number {
    return Date.now();
  }

  async metrics(): Promise<Readonly<Record<string, number>>> {
    const now = await this.#driver.metrics();
    const result: Record<string, number> = Object.fromEntries(now.gauges);
    for (const [name, value] of now.counters) {
      const before = this.#baseline.counters.get(name);
      // A counter that other sessions left behind and this one did not touch is not this session's.
      if (before === undefined || value !== before) result[name] = value - (before ?? 0);
    }
    return result;
  }

  async logs(): Promise<readonly LogLine[]> {
    // Standard error is a pipe: what Envoy has written is here one turn of the loop later.
    await sleep(30);
    const logs = this.#logs;
    this.#logs = [];
    return logs;
  }

  close(): Promise<void> {
    return this.#driver.inTurn(() => this.#driver.remove(this.#listener.name, this));
  }

  /** `applying`: the session whose listener is being changed; root contexts' lines are its own then. */
  takeLog(log: EnvoyLog, applying: Session | undefined): void {
    const line = moduleLine(log, this.#listener);
    if (line && (!line.fromRoot || (applying ?? this) === this))
      this.#logs.push({ level: line.level, text: line.text });
  }
}

/**
 * A log record as what one of these plugins logged, or null. Envoy writes `wasm log <plugin name> <root id>: <text>`
 * for a stream but `wasm log <root id>: <text>` for a root context, so of two open sessions with one filter
 * both get what a root context logs, except while one of them is being configured.
 */
function moduleLine(log: EnvoyLog, listener: ListenerSpec): (LogLine & { fromRoot: boolean }) | null {
  const plugins = [...(listener.network ?? []), ...listener.plugins];
  if (log.component !== "wasm") return null;
  const level = LEVELS[log.level] ?? "error";
  for (const { name, rootId } of plugins) {
    for (const parts of [[name, rootId], [rootId]]) {
      const prefix = ["wasm log", ...parts].filter((part) => part !== "").join(" ") + ": ";
      if (log.text.startsWith(prefix))
        return { level, text: log.text.slice(prefix.length), fromRoot: parts.length === 1 };
    }
  }
  return null;
}

/** The error of a module that answered false; null when the listener failed otherwise (no module, a trap). */
function refusal(logs: readonly EnvoyLog[], listener: ListenerSpec): ConfigurationRefused | null {
  const has = (text: string): boolean =>
    logs.some((log) => log.component === "wasm" && log.text.includes(text));
  if (!has("Failed to configure base Wasm plugin") || has("Function: proxy_on_configure failed")) return null;
  const lines = logs.map((log) => moduleLine(log, listener));
  return new ConfigurationRefused(
    lines.flatMap((line) => (line?.level === "error" || line?.level === "critical" ? [line.text] : [])),
  );
}

/** Envoy's names for the levels, where they differ from ours. */
const LEVELS: Readonly<Record<string, LogLine["level"]>> = {
  trace: "trace",
  debug: "debug",
  info: "info",
  warning: "warn",
  warn: "warn",
  error: "error",
  critical: "critical",
};

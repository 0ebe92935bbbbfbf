/** The V8 host as a {@link Driver}. With `node-libraries.ts` the only file of the host that knows Node: it reads modules from disk. */
import { readFileSync, statSync } from "node:fs";
import { ConfigurationRefused } from "../driver.ts";
import type {
  Driver,
  Exchange,
  HttpRequest,
  LogLine,
  PluginSpec,
  Session,
  SessionSpec,
  TcpExchange,
  TcpServer,
  TcpTalk,
} from "../driver.ts";
import { Host } from "./host.ts";
import type { HostOptions, Listener } from "./host.ts";
import { ModuleLoadError, PluginModule } from "./module.ts";
import { nodeLibraries } from "./node-libraries.ts";
import type { PluginOptions } from "./plugin.ts";
import { headerList } from "./stream.ts";
import type { HttpStream } from "./stream.ts";

const LEVEL_NAMES = ["trace", "debug", "info", "warn", "error", "critical"] as const;

const compiled = new Map<string, { stamp: string; module: PluginModule }>();

export class HostDriver implements Driver {
  readonly name = "host";
  readonly longestAdvance = Infinity;
  private readonly options: HostOptions;
  private readonly sessions = new Set<HostSession>();

  constructor(options: HostOptions = {}) {
    this.options = options;
  }

  /** Each session is a process of its own: shared data, metrics and clock start anew. */
  async open(spec: SessionSpec): Promise<HostSession> {
    const host = new Host({ ...nodeLibraries, ...this.options });
    for (const [name, cluster] of Object.entries(spec.clusters ?? {})) host.clusters.set(name, cluster);
    const session = new HostSession(
      host,
      refusing(() => listen(host, spec)),
      spec.tcp,
    );
    this.sessions.add(session);
    return session;
  }

  async close(): Promise<void> {
    for (const session of this.sessions) await session.close();
    this.sessions.clear();
  }
}

export class HostSession implements Session {
  readonly host: Host;
  readonly listener: Listener;
  private readonly tcpServer: TcpServer | undefined;

  constructor(host: Host, listener: Listener, tcpServer?: TcpServer) {
    this.host = host;
    this.listener = listener;
    this.tcpServer = tcpServer;
  }

  /** Calls may overlap: a stream that a plugin holds ends when something, such as a tick, continues it. */
  async request(request: HttpRequest): Promise<Exchange> {
    return exchange(this.listener.open(request));
  }

  async requests(requests: readonly HttpRequest[]): Promise<Exchange[]> {
    const connection = this.listener.connect();
    const exchanges: Exchange[] = [];
    for (const request of requests) exchanges.push(await exchange(connection.open(request)));
    connection.close();
    return exchanges;
  }

  async tcp(talk: TcpTalk): Promise<TcpExchange> {
    if (this.tcpServer === undefined) throw new Error("the session has no TCP server");
    return this.listener.tcp(talk, this.tcpServer);
  }

  async update(plugins: readonly PluginSpec[]): Promise<void> {
    refusing(() => this.listener.update(plugins.map(pluginOptions)));
  }

  async advance(milliseconds: number): Promise<void> {
    this.host.clock.advance(BigInt(Math.round(milliseconds * 1e6)));
  }

  now(): number {
    return Number(this.host.clock.wall / 1_000_000n);
  }

  async metrics(): Promise<Readonly<Record<string, number>>> {
    return this.host.metrics.values();
  }

  async logs(): Promise<readonly LogLine[]> {
    return this.host.logs.splice(0).map(({ level, text }) => ({ level: LEVEL_NAMES[level], text }));
  }

  async close(): Promise<void> {
    this.listener.close();
  }
}

function listen(host: Host, spec: SessionSpec): Listener {
  return host.listen({
    plugins: spec.plugins.map(pluginOptions),
    network: (spec.network ?? []).map(pluginOptions),
    ...(spec.direction === undefined ? {} : { direction: spec.direction }),
    ...(spec.reply === undefined ? {} : { reply: spec.reply }),
  });
}

/** A module that does not load is a refusal too, as it is in Envoy. */
function refusing<T>(action: () => T): T {
  try {
    return action();
  } catch (error) {
    if (error instanceof ModuleLoadError) throw new ConfigurationRefused(error.message.split("\n"));
    throw error;
  }
}

function pluginOptions(spec: PluginSpec): PluginOptions {
  return {
    module: loadModule(spec.module),
    name: spec.name,
    rootId: spec.rootId,
    configuration: spec.configuration,
    ...(spec.vmConfiguration === undefined ? {} : { vmConfiguration: spec.vmConfiguration }),
  };
}

/** Compiles a file once, and again when it has changed. */
export function loadModule(path: string): PluginModule {
  const { mtimeMs, size } = statSync(path);
  const stamp = `${mtimeMs}-${size}`;
  const cached = compiled.get(path);
  if (cached?.stamp === stamp) return cached.module;
  const module = PluginModule.compile(readFileSync(path));
  compiled.set(path, { stamp, module });
  return module;
}

async function exchange(stream: HttpStream): Promise<Exchange> {
  if (!stream.finished) await new Promise<void>((resolve) => (stream.onFinish = resolve));
  return exchangeOf(stream);
}

function exchangeOf(stream: HttpStream): Exchange {
  const { response, info } = stream;
  return {
    upstream: stream.upstream,
    response: {
      status: response?.status ?? 0,
      headers: headerList(response?.headers ?? null).filter(([name]) => !name.startsWith(":")),
      body: response?.body ?? new Uint8Array(0),
      trailers: headerList(response?.trailers ?? null),
    },
    details: info.details ?? "",
    properties: info.state.properties(),
  };
}

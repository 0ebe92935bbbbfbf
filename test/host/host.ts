/**
 * A proxy process: workers, and what they share. The core uses nothing of Node, so that it also runs in
 * a browser.
 *
 * ```ts
 * const host = new Host({ workers: 2 });
 * const listener = host.listen({ plugins: [{ module: PluginModule.compile(bytes), name: "p" }] });
 * const stream = listener.run({ method: "GET", path: "/" });
 * stream.response?.status; stream.hostCalls; host.metrics.values();
 * ```
 */
import type {
  Cluster,
  HttpRequest,
  TcpExchange,
  TcpServer,
  TcpTalk,
  UpstreamReply,
  UpstreamRequest,
} from "../driver.ts";
import { ConfigurationRefused } from "../driver.ts";
import { CloseType, LogLevel } from "./abi.ts";
import type { WasmResult } from "./abi.ts";
import { FakeClock } from "./clock.ts";
import { Connection } from "./connection.ts";
import type { Terminal } from "./connection.ts";
import { RootContext } from "./context.ts";
import { builtInForeignFunctions } from "./foreign.ts";
import type { ForeignFunctions } from "./foreign.ts";
import type { HostLibraries } from "./libraries.ts";
import { HttpConnection } from "./http-connection.ts";
import { MetricStore } from "./metrics.ts";
import { Direction, Plugin } from "./plugin.ts";
import type { PluginOptions } from "./plugin.ts";
import type { AttributeValue } from "./properties.ts";
import type { ProcessServices, Replacement } from "./services.ts";
import { SharedData } from "./shared-data.ts";
import { SharedQueues } from "./shared-queue.ts";
import { HttpStream } from "./stream.ts";
import { TcpProxy } from "./tcp-proxy.ts";
import { Vm } from "./vm.ts";
import { PluginSlot, Worker } from "./worker.ts";

export interface HostOptions extends HostLibraries {
  /** Default 1. */
  workers?: number;
  clock?: FakeClock;
  /** Default Trace: everything is kept. */
  logLevel?: LogLevel;
  /** Default: the platform's cryptographic randomness. */
  random?: (bytes: Uint8Array) => void;
}

export interface LogEntry {
  level: LogLevel;
  text: string;
  /** Name of the plugin; empty in VM code outside any. */
  plugin: string;
}

export interface ListenerOptions {
  /** In the order in which a request passes them. */
  plugins: readonly PluginOptions[];
  /** Network plugins, in the order in which a connection passes them. */
  network?: readonly PluginOptions[];
  direction?: Direction;
  reply?: (request: UpstreamRequest) => UpstreamReply;
  /** Attributes of all streams, by path with dots; see `StreamInfo.attributes`. */
  attributes?: Readonly<Record<string, AttributeValue>>;
}

export class Host implements ProcessServices {
  readonly clock: FakeClock;
  readonly sharedData = new SharedData();
  readonly sharedQueues: SharedQueues;
  /** What modules call, by name; may be changed at any time. */
  readonly clusters = new Map<string, Cluster>();
  readonly metrics = new MetricStore();
  readonly foreignFunctions: ForeignFunctions;
  readonly faults = new Map<string, WasmResult>();
  readonly replacements = new Map<string, Replacement>();
  readonly hostCalls = new Map<string, number>();
  readonly logLevel: LogLevel;
  /** Everything logged so far, oldest first; may be emptied. */
  readonly logs: LogEntry[] = [];
  readonly workers: readonly Worker[];
  /** Has all plugins too, and their ticks, but no streams. */
  readonly mainThread: Worker = new Worker(this);
  private readonly fillRandom: (bytes: Uint8Array) => void;
  private nextWorker = 0;

  constructor(options: HostOptions = {}) {
    this.foreignFunctions = builtInForeignFunctions(options);
    this.clock = options.clock ?? new FakeClock();
    this.sharedQueues = new SharedQueues(this.clock);
    this.logLevel = options.logLevel ?? LogLevel.Trace;
    this.fillRandom = options.random ?? pooledRandom();
    this.workers = Array.from({ length: options.workers ?? 1 }, () => new Worker(this));
  }

  /**
   * Opens a listener with a chain of plugins. Throws `ModuleLoadError` when a module does not load, and
   * `ConfigurationRefused` when a plugin refuses its configuration.
   */
  listen(options: ListenerOptions): Listener {
    return new Listener(this, options);
  }

  log(level: LogLevel, text: string, plugin: string): void {
    this.logs.push({ level, text, plugin });
  }

  random(bytes: Uint8Array): void {
    this.fillRandom(bytes);
  }

  /** Lets come what is due without time passing: answers to calls, mostly. */
  settle(): void {
    this.clock.advance(0n);
  }

  /** Linear memory of all VMs of all workers and the main thread together, in bytes. */
  wasmMemoryBytes(): number {
    let sum = 0;
    for (const worker of [this.mainThread, ...this.workers]) {
      for (const vm of worker.allVms) sum += vm.memoryBytes;
    }
    return sum;
  }

  /** Workers take new streams in turn. */
  takeWorker(): number {
    const index = this.nextWorker;
    this.nextWorker = (index + 1) % this.workers.length;
    return index;
  }

  /**
   * Tries a plugin on the main thread, in a VM of its own that is then thrown away without a word to the
   * module (`WasmHandleBase::canary`). Throws what {@link listen} throws.
   */
  canary(plugin: Plugin): void {
    const before = this.logs.length;
    const root = new RootContext(new Vm(plugin, this), plugin);
    const accepted = root.start() && root.configure();
    root.abandon();
    if (accepted) return;
    const errors = this.logs.slice(before).filter(({ level }) => level >= LogLevel.Error);
    throw new ConfigurationRefused(errors.map(({ text }) => text));
  }
}

export class Listener {
  private readonly host: Host;
  private readonly direction: Direction;
  private readonly reply: (request: UpstreamRequest) => UpstreamReply;
  /** For streams that start from now on; may be changed. */
  readonly attributes: Map<string, AttributeValue>;
  /** For each worker the chain, in the order of the request. */
  private slots: readonly (readonly PluginSlot[])[] = [];
  private networkSlots: readonly (readonly PluginSlot[])[] = [];
  private mainSlots: readonly PluginSlot[] = [];
  private readonly network: readonly PluginOptions[];

  constructor(host: Host, options: ListenerOptions) {
    this.host = host;
    this.direction = options.direction ?? "unspecified";
    this.reply = options.reply ?? (() => ({}));
    this.attributes = new Map(Object.entries(options.attributes ?? {}));
    this.network = options.network ?? [];
    this.load(options.plugins);
    host.settle();
  }

  /**
   * Replaces the plugins but the network's. The new ones are configured first; if one refuses, the old chain stays and this
   * throws. Streams that have started end with the plugins they have; then those are shut down.
   */
  update(plugins: readonly PluginOptions[]): void {
    const old = this.allSlots;
    this.load(plugins);
    for (const slot of old) slot.release();
    this.host.settle();
  }

  /** Starts a stream, on the next worker or the given one, and plays it as far as it goes. It has a connection of its own. */
  open(request: HttpRequest, worker: number = this.host.takeWorker()): HttpStream {
    if (this.network.length === 0) return this.stream(request, worker);
    const connection = this.connect(worker);
    return connection.open(request, () => connection.close());
  }

  /** A connection: its streams are one worker's, and share what plugins keep for it. Throws when a network plugin closes it. */
  connect(worker: number = this.host.takeWorker()): HttpConnection {
    return new HttpConnection(
      (terminal) => this.connection(worker, terminal),
      (request, connection, ended) => this.stream(request, worker, connection, ended),
    );
  }

  /** Plays a connection that is passed on to a server. */
  tcp(talk: TcpTalk, server: TcpServer, worker: number = this.host.takeWorker()): TcpExchange {
    const proxy = new TcpProxy(server);
    const connection = this.connection(worker, proxy);
    proxy.connection = connection;
    connection.start();
    this.host.settle();
    for (const piece of talk.pieces) {
      connection.receive(piece, false);
      this.host.settle();
    }
    this.host.clock.advance(BigInt(Math.round((talk.stay ?? 0) * 1e6)));
    const refused = !connection.open;
    if (talk.end !== "reset") connection.receive(new Uint8Array(0), true);
    this.host.settle();
    if (connection.reading) connection.close(CloseType.Remote);
    this.host.settle();
    return { server: proxy.server, client: proxy.client, refused };
  }

  private connection(worker: number, terminal: Terminal): Connection {
    return new Connection({
      services: this.host,
      direction: this.direction,
      attributes: this.attributes,
      uses: this.networkSlots[worker]!.map((slot) => slot.use()),
      terminal,
    });
  }

  private stream(
    request: HttpRequest,
    worker: number,
    connection?: Connection,
    ended?: () => void,
  ): HttpStream {
    const stream = new HttpStream({
      services: this.host,
      request,
      direction: this.direction,
      attributes: this.attributes,
      reply: this.reply,
      uses: this.slots[worker]!.map((slot) => slot.use()),
      ...(connection === undefined ? {} : { connectionState: connection.state }),
      ...(ended === undefined ? {} : { ended }),
    });
    stream.start();
    const { abortAfter } = request;
    if (abortAfter !== undefined && !stream.finished) {
      const delay = BigInt(Math.round(abortAfter * 1e6));
      this.host.clock.schedule(delay, () => stream.resetStream("downstream_remote_disconnect"));
    }
    this.host.settle();
    return stream;
  }

  /** As {@link open}, of a stream that ends at once; throws if a plugin holds it. */
  run(request: HttpRequest, worker?: number): HttpStream {
    const stream = this.open(request, worker);
    if (!stream.finished) throw new Error(`plugin ${stream.heldBy?.name ?? "?"} holds the stream`);
    return stream;
  }

  /** Root contexts of one worker, in the order of the chain; null where there is none. */
  roots(worker = 0): readonly (RootContext | null)[] {
    return this.slots[worker]!.map((slot) => slot.root);
  }

  /** Shuts the plugins down, as soon as their last stream has ended. */
  close(): void {
    for (const slot of this.allSlots) slot.release();
    this.mainSlots = [];
    this.slots = this.host.workers.map(() => []);
    this.networkSlots = this.slots;
  }

  private get allSlots(): readonly PluginSlot[] {
    return [this.mainSlots, ...this.networkSlots, ...this.slots].flat();
  }

  /** Each plugin is tried and then started on the main thread; when all are, the workers follow. */
  private load(options: readonly PluginOptions[]): void {
    const plugins = [...this.network, ...options].map((plugin) => new Plugin(plugin));
    const main: PluginSlot[] = [];
    try {
      for (const plugin of plugins) {
        this.host.canary(plugin);
        main.push(new PluginSlot(plugin, this.host.mainThread, this.host));
      }
    } catch (error) {
      for (const slot of main) slot.release();
      throw error;
    }
    this.mainSlots = main;
    const chains = this.host.workers.map((worker) =>
      plugins.map((plugin) => new PluginSlot(plugin, worker, this.host)),
    );
    this.networkSlots = chains.map((chain) => chain.slice(0, this.network.length));
    this.slots = chains.map((chain) => chain.slice(this.network.length));
  }
}

/** Takes randomness from the platform in pages: a call for 16 bytes costs too much by itself. */
function pooledRandom(): (bytes: Uint8Array) => void {
  const pool = new Uint8Array(4096);
  let at = pool.length;
  return (bytes) => {
    if (bytes.length > pool.length) {
      for (let i = 0; i < bytes.length; i += 65536)
        crypto.getRandomValues(bytes.subarray(i, i + 65536) as Uint8Array<ArrayBuffer>);
      return;
    }
    if (at + bytes.length > pool.length) {
      crypto.getRandomValues(pool);
      at = 0;
    }
    bytes.set(pool.subarray(at, at + bytes.length));
    at += bytes.length;
  };
}

/**
 * A client's connection and the network plugins on it. Follows Envoy's `source/common/network/filter_manager_impl.cc`.
 * What stands behind the plugins, HTTP or TCP, is the connection's {@link Terminal}.
 */
import { Body, Way } from "./context.ts";
import { FilterState } from "./filter-state.ts";
import type { ConnectionState } from "./filter-state.ts";
import { NetworkContext } from "./network-context.ts";
import type { ConnectionCallbacks } from "./network-context.ts";
import type { Direction } from "./plugin.ts";
import type { AttributeValue, StreamInfo } from "./properties.ts";
import type { ProcessServices } from "./services.ts";
import type { PluginUse } from "./stream.ts";

/** The last filter of a connection. */
export interface Terminal {
  /** Nothing is read before {@link opened}: Envoy's TCP proxy has that off until it has a server. */
  readonly readsLate: boolean;
  /** The plugins before it let the connection come. */
  opened(): void;
  /** Takes what it can of what was read. `end`: the client has nothing more to say. */
  read(body: Body, end: boolean): void;
  /** The connection is closed. */
  closed(type: number): void;
}

export interface ConnectionOptions {
  readonly services: ProcessServices;
  readonly direction: Direction;
  readonly attributes: ReadonlyMap<string, AttributeValue>;
  readonly uses: readonly PluginUse[];
  readonly terminal: Terminal;
}

export class Connection implements ConnectionCallbacks {
  readonly info: StreamInfo;
  /** What lives as long as the connection, for its streams too. */
  readonly state: ConnectionState = new Map();
  open = true;
  private readonly options: ConnectionOptions;
  private readonly filters: readonly NetworkContext[];
  private readonly initialized = new Set<NetworkContext | Terminal>();
  /** What was read and no filter has taken yet. */
  private readonly buffer = new Body();
  private readEnd = false;

  constructor(options: ConnectionOptions) {
    this.options = options;
    this.info = {
      state: new FilterState(this.state, this.state),
      attributes: options.attributes,
      metadata: {},
      direction: options.direction,
      remoteAddress: null,
      protocol: null,
      startTime: options.services.clock.wall,
      duration: null,
      requestBytes: 0,
      responseBytes: 0,
      responseCode: null,
      reachedUpstream: false,
      details: null,
    };
    this.filters = options.uses
      .filter(({ root, plugin }) => root !== null || plugin.failurePolicy !== "FAIL_OPEN")
      .map(({ root, plugin }, index) => new NetworkContext(root, plugin, this, index));
  }

  /** Whether the client's end would be noticed: what has said that it ends is not read any more. */
  get reading(): boolean {
    return this.open && !this.readEnd && this.canRead;
  }

  /** The client has connected. */
  start(): void {
    this.run(0);
  }

  /** The client sent this. `end`: it has nothing more to say. */
  receive(bytes: Uint8Array, end: boolean): void {
    if (!this.reading) return;
    this.buffer.move(new Body(bytes));
    this.readEnd ||= end;
    this.run(0);
  }

  /** Lets filters that wait for the first data come to the connection, where data is not played. */
  arrive(): void {
    if (this.open && !this.initialized.has(this.options.terminal)) this.run(0);
  }

  /**
   * Passes to the client, through the plugins from the last to the first. False when one of them holds it back: the bytes then
   * stay in `body`, and nothing goes on until more is written.
   */
  write(body: Body, end: boolean): boolean {
    for (let i = this.filters.length - 1; i >= 0; i--) {
      if (!this.open || !this.filters[i]!.data(Way.Encode, body, end)) return false;
    }
    return this.open;
  }

  continueReading(index: number): void {
    this.run(index + 1);
  }

  close(type: number): void {
    if (!this.open) return;
    this.open = false;
    const { uses, terminal, services } = this.options;
    for (const filter of this.filters) filter.closed(type);
    terminal.closed(type);
    // Envoy deletes the filters when its event loop comes to it (`deferredDelete`).
    services.clock.schedule(0n, () => {
      for (const filter of this.filters) filter.forget();
      for (const use of uses) use.release();
    });
  }

  private run(from: number): void {
    const { terminal } = this.options;
    for (let i = from; i < this.filters.length; i++) {
      if (!this.open) return;
      const filter = this.filters[i]!;
      if (!this.initialized.has(filter)) {
        this.initialized.add(filter);
        if (!filter.newConnection() || !this.isOpen()) return;
      }
      if (!this.hasRead()) continue;
      if (!filter.data(Way.Decode, this.buffer, this.readEnd) || !this.isOpen()) return;
    }
    if (!this.isOpen()) return;
    if (!this.initialized.has(terminal)) {
      this.initialized.add(terminal);
      terminal.opened();
    }
    if (this.isOpen() && this.hasRead()) terminal.read(this.buffer, this.readEnd);
  }

  private get canRead(): boolean {
    const { terminal } = this.options;
    return !terminal.readsLate || this.initialized.has(terminal);
  }

  private hasRead(): boolean {
    return this.buffer.bytes.length > 0 || this.readEnd;
  }

  /** Asked anew after each callback, which may have closed it. */
  private isOpen(): boolean {
    return this.open;
  }
}

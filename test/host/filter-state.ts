/**
 * Filter state: what plugins and the proxy keep for a stream or its connection (Envoy `source/common/stream_info/filter_state_impl.cc`,
 * `source/extensions/filters/common/expr/cel_state.h`).
 */

/** How long an object lives, as `declare_property.proto` numbers it. */
export const LifeSpan = { FilterChain: 0, DownstreamRequest: 1, DownstreamConnection: 2 } as const;

/** What expressions take a property for; see `declare_property.proto`. */
export const StateType = { Bytes: 0, String: 1, FlatBuffers: 2, Protobuf: 3 } as const;

/** What a property is, before it is set. */
export interface StatePrototype {
  readonly readonly: boolean;
  readonly type: number;
  /** The type URL of a {@link StateType.Protobuf}. */
  readonly schema: string;
  readonly lifeSpan: number;
}

const DEFAULT_PROTOTYPE: StatePrototype = {
  readonly: false,
  type: StateType.Bytes,
  schema: "",
  lifeSpan: LifeSpan.FilterChain,
};

/** Plugins' properties stand under this prefix. */
const PREFIX = "wasm.";

interface StateObject {
  /** A byte string; null for an object which does not show one. */
  value: string | null;
  readonly readonly: boolean;
  readonly type: number;
  readonly schema: string;
  readonly lifeSpan: number;
}

/** What lives as long as a connection. */
export type ConnectionState = Map<string, StateObject>;

export class FilterState {
  private readonly own: ConnectionState;
  private readonly connection: ConnectionState;

  /** For a stream on a connection; for the connection itself both are its own. */
  constructor(connection: ConnectionState = new Map(), own: ConnectionState = new Map()) {
    this.connection = connection;
    this.own = own;
  }

  /** A property that a plugin set, as a byte string. */
  get(property: string): string | undefined {
    return this.find(PREFIX + property)?.value ?? undefined;
  }

  find(key: string): StateObject | undefined {
    return this.own.get(key) ?? this.connection.get(key);
  }

  /** False for a second value of one that is read-only. What it is, is fixed when it is first set. */
  setProperty(property: string, value: string, prototype: StatePrototype = DEFAULT_PROTOTYPE): boolean {
    const key = PREFIX + property;
    const object = this.find(key);
    if (object === undefined) {
      this.put(key, { value, ...prototype });
      return true;
    }
    if (object.readonly) return false;
    object.value = value;
    return true;
  }

  /** Puts an object in the place of another one; does nothing where that has another life span. */
  set(key: string, value: string | null, lifeSpan: number): void {
    this.put(key, { ...DEFAULT_PROTOTYPE, value, lifeSpan });
  }

  /** All properties that plugins set, without the prefix. */
  properties(): Record<string, string> {
    const properties: Record<string, string> = {};
    for (const [key, { value }] of [...this.connection, ...this.own]) {
      if (key.startsWith(PREFIX) && value !== null) properties[key.slice(PREFIX.length)] = value;
    }
    return properties;
  }

  private put(key: string, given: StateObject): void {
    // What a network plugin sets lives as long as the connection, whatever it says.
    const ownsAll = this.own === this.connection;
    const object = ownsAll ? { ...given, lifeSpan: LifeSpan.DownstreamConnection } : given;
    const there = this.find(key);
    if (there !== undefined && there.lifeSpan !== object.lifeSpan) return;
    const ofConnection = object.lifeSpan === LifeSpan.DownstreamConnection;
    (ofConnection ? this.connection : this.own).set(key, object);
  }
}

/**
 * Custom metrics. Values belong to the process (Envoy's stats scope), ids to a VM: each worker's VM
 * that defines a name gets an id of its own for the same counter (Envoy `wasm/context.cc`).
 */
import { MetricType, WasmResult } from "./abi.ts";

export interface Metric {
  readonly type: MetricType;
  readonly name: string;
  /** A counter's or gauge's value; a histogram's last sample. Unsigned, 64 bits. */
  value: bigint;
  /** A histogram's samples, in order; empty for others. */
  readonly samples: bigint[];
}

export class MetricStore {
  private readonly byName = new Map<string, Metric>();

  define(type: MetricType, name: string): Metric {
    const key = `${type}:${name}`;
    let metric = this.byName.get(key);
    if (metric === undefined) this.byName.set(key, (metric = { type, name, value: 0n, samples: [] }));
    return metric;
  }

  /** Null when no VM has defined it. */
  find(name: string): Metric | null {
    for (const metric of this.byName.values()) if (metric.name === name) return metric;
    return null;
  }

  /** Counters and gauges by name. */
  values(): Record<string, number> {
    const values: Record<string, number> = {};
    for (const metric of this.byName.values()) {
      if (metric.type !== MetricType.Histogram) values[metric.name] = Number(metric.value);
    }
    return values;
  }
}

/** The low two bits of an id are its type; the rest counts (Envoy `wasm.h`, `kMetricIdIncrement`). */
const TYPE_MASK = 3;
const ID_INCREMENT = 4;

/** A VM's table of ids. */
export class VmMetrics {
  private readonly store: MetricStore;
  private readonly byId = new Map<number, Metric>();
  private readonly lastId = [0, 1, 2];

  constructor(store: MetricStore) {
    this.store = store;
  }

  /** The new metric's id, or null for an unknown type (BadArgument). The same name gets a further id. */
  define(type: number, name: string): number | null {
    if (type > MetricType.Histogram) return null;
    const id = (this.lastId[type]! += ID_INCREMENT);
    this.byId.set(id, this.store.define(type as MetricType, name));
    return id;
  }

  /** Counters take positive offsets only; 0 and less are BadArgument. */
  increment(id: number, offset: bigint): WasmResult {
    if ((id & TYPE_MASK) > MetricType.Gauge) return WasmResult.BadArgument;
    const metric = this.byId.get(id);
    if (metric === undefined) return WasmResult.NotFound;
    if (metric.type === MetricType.Counter && offset <= 0n) return WasmResult.BadArgument;
    metric.value = BigInt.asUintN(64, metric.value + offset);
    return WasmResult.Ok;
  }

  /** Adds to a counter, sets a gauge, records in a histogram. */
  record(id: number, value: bigint): WasmResult {
    const metric = this.byId.get(id);
    if (metric === undefined) return WasmResult.NotFound;
    const amount = BigInt.asUintN(64, value);
    if (metric.type === MetricType.Counter) metric.value = BigInt.asUintN(64, metric.value + amount);
    else metric.value = amount;
    if (metric.type === MetricType.Histogram) metric.samples.push(amount);
    return WasmResult.Ok;
  }

  /** The value, or what is wrong: histograms cannot be read. */
  get(id: number): bigint | WasmResult {
    if ((id & TYPE_MASK) > MetricType.Gauge) return WasmResult.BadArgument;
    return this.byId.get(id)?.value ?? WasmResult.NotFound;
  }
}

import { MetricTypeValues, WasmResultValues } from "../abi/values";
import { proxy_define_metric, proxy_get_metric } from "../abi/imports";
import { lengthOf, pointerOf } from "../bytes/bytes";
import { incrementMetric, recordMetric } from "../host/metrics";
import { returnedPointer, returnedU32, returnedU64 } from "../host/returned";
import { utf8 } from "../stream-context";

/** Metrics whose every change is a host call. The host keeps an entry for each definition: make them once. */
class Metric {
  readonly metric_id: u32;

  constructor(typ: MetricTypeValues, name: string) {
    this.metric_id = define_metric(typ, name).metric_id;
  }
}

export class Counter extends Metric {
  constructor(name: string) {
    super(MetricTypeValues.Counter, name);
  }

  increment(offset: u32): WasmResultValues {
    return incrementMetric(this.metric_id, offset);
  }
}

export class Gauge extends Metric {
  constructor(name: string) {
    super(MetricTypeValues.Gauge, name);
  }

  increment(offset: i64): WasmResultValues {
    return incrementMetric(this.metric_id, offset);
  }

  record(metric_id: u32, value: u64): WasmResultValues {
    return recordMetric(metric_id, value);
  }
}

export class Histogram extends Metric {
  constructor(name: string) {
    super(MetricTypeValues.Histogram, name);
  }

  /** Histograms are not incremented: `BadArgument`. */
  increment(offset: i64): WasmResultValues {
    return incrementMetric(this.metric_id, offset);
  }

  record(metric_id: u32, value: u64): WasmResultValues {
    return recordMetric(metric_id, value);
  }
}

class MetricResult {
  constructor(
    readonly result: WasmResultValues,
    readonly metric_id: u32,
  ) {}
}

export function define_metric(typ: MetricTypeValues, name: string): MetricResult {
  const text = utf8(name);
  const result = proxy_define_metric(typ, pointerOf(text), lengthOf(text), returnedPointer());
  return new MetricResult(result, result == WasmResultValues.Ok ? returnedU32() : 0);
}

export function increment_metric(metric_id: u32, offset: i64): WasmResultValues {
  return incrementMetric(metric_id, offset);
}

export function record_metric(metric_id: u32, value: u64): WasmResultValues {
  return recordMetric(metric_id, value);
}

class MetricData {
  constructor(
    readonly result: WasmResultValues,
    readonly data: u64,
  ) {}
}

export function get_metric(metric_id: u32): MetricData {
  const result = proxy_get_metric(metric_id, returnedPointer());
  return new MetricData(result, result == WasmResultValues.Ok ? returnedU64() : 0);
}

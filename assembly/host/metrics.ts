import {
  proxy_define_metric,
  proxy_get_metric,
  proxy_increment_metric,
  proxy_record_metric,
} from "../abi/imports";
import { MetricTypeValues, WasmResultValues } from "../abi/values";
import { Bytes, lengthOf, literal, pointerOf } from "../bytes/bytes";
import { ByteMap } from "../bytes/byte-map";
import { returnedPointer, returnedU32, returnedU64 } from "./returned";

/**
 * Metrics. The host keeps an entry for every *definition*, also of a name that it knows (`Context::defineMetric`
 * in Envoy's `context.cc`), so a name is defined once in a VM: configurations that come and go cost the proxy nothing.
 *
 * Counters count in the VM's memory; {@link flushCounters} on a tick hands on what they gained, since an increment
 * by the host costs 0.4 µs a request.
 *
 * A label is written into the name as Istio's own extensions do: `<label>=.=<value>;.;` before the name. Envoy's
 * `stats_tags` (in Istio: `extraStatTags`) turn it into a label of the Prometheus metric.
 */

/** Bytes a counter: the host's id, unused, and what was counted since the last flush. */
const COUNTER: usize = 16;

// @ts-ignore: decorator
@lazy const definitions = new ByteMap(32, 1024);
let counters: usize = 0;
let counterCount: u32 = 0;
let counterCapacity: u32 = 0;

/** A counter, to be given to {@link count}. */
export type Counter = u32;

/** The counter of this name, the same one for all who ask for it. */
export function defineCounter(name: string): Counter {
  const key = literal(name);
  const known = definitions.get(key);
  if (known >= 0) {
    heap.free(pointerOf(key));
    return known;
  }
  const counter = counterCount++;
  if (counter == counterCapacity) {
    counterCapacity = max<u32>(32, counterCapacity * 2);
    const size = <usize>counterCapacity * COUNTER;
    counters = counters == 0 ? heap.alloc(size) : heap.realloc(counters, size);
  }
  const entry = counters + <usize>counter * COUNTER;
  store<u32>(entry, defineMetric(MetricTypeValues.Counter, key));
  store<u64>(entry, 0, 8);
  definitions.set(key, counter);
  heap.free(pointerOf(key));
  return counter;
}

/** `name` with labels, for {@link defineCounter}: `labelled(labelled(name, "variant", v), "rule", r)`. */
export function labelled(name: string, label: string, value: string): string {
  return label + "=.=" + value + ";.;" + name;
}

/** Adds to a counter, in the VM's memory. */
// @ts-ignore: decorator
@inline
export function count(counter: Counter, gain: u64 = 1): void {
  const entry = counters + <usize>counter * COUNTER;
  store<u64>(entry, load<u64>(entry, 8) + gain, 8);
}

/** Hands the host what the VM's counters gained since the last time. */
export function flushCounters(): void {
  const end = counters + <usize>counterCount * COUNTER;
  for (let entry = counters; entry < end; entry += COUNTER) {
    const gained = load<u64>(entry, 8);
    if (gained != 0) {
      proxy_increment_metric(load<u32>(entry), gained);
      store<u64>(entry, 0, 8);
    }
  }
}

/** The host's id of a new definition; prefer {@link defineCounter} for counters on the request path. */
export function defineMetric(type: MetricTypeValues, name: Bytes): u32 {
  return proxy_define_metric(type, pointerOf(name), lengthOf(name), returnedPointer()) == WasmResultValues.Ok
    ? returnedU32()
    : 0;
}

export function incrementMetric(metric: u32, offset: i64): WasmResultValues {
  return proxy_increment_metric(metric, offset);
}

/** Sets a gauge, or adds a value to a histogram. */
export function recordMetric(metric: u32, value: u64): WasmResultValues {
  return proxy_record_metric(metric, value);
}

/** The current value of a counter or gauge; 0 for an id that the host does not know. */
export function getMetric(metric: u32): u64 {
  return proxy_get_metric(metric, returnedPointer()) == WasmResultValues.Ok ? returnedU64() : 0;
}

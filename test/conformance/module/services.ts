/** Operations that belong to no stream: logs, clocks, randomness, metrics, shared data. */
import {
  proxy_get_log_level,
  proxy_get_metric,
  proxy_get_shared_data,
  proxy_log,
  random_get,
} from "../../../assembly/abi/imports";
import { LogLevelValues, MetricTypeValues, WasmResultValues } from "../../../assembly/abi/values";
import { arenaAllocate } from "../../../assembly/bytes/arena";
import { ABSENT, Bytes, bytesOf, lengthOf, pointerOf } from "../../../assembly/bytes/bytes";
import { monotonicNow, now, setTickPeriod } from "../../../assembly/host/clock";
import { log, logBytes, logs } from "../../../assembly/host/log";
import {
  count,
  defineCounter,
  defineMetric,
  flushCounters,
  getMetric,
  incrementMetric,
  labelled,
  recordMetric,
} from "../../../assembly/host/metrics";
import { returnedLength, returnedPointer, returnedU32 } from "../../../assembly/host/returned";
import { getSharedData, setSharedData, sharedDataCas } from "../../../assembly/host/shared-data";
import { Arguments, nameOf, show } from "./script";

/** What the operation came to; null for one that is not of services. */
export function serviceOperation(operation: string, given: Arguments): string | null {
  if (operation.startsWith("shared-")) return sharedDataOperation(operation, given);
  if (operation.endsWith("-metric") || operation.endsWith("-counter"))
    return metricOperation(operation, given);
  if (operation == "log") return logged(<LogLevelValues>given.number(0), given.bytes(1));
  if (operation == "text-log") {
    log(<LogLevelValues>given.number(0), given.text(1));
    return "";
  }
  if (operation == "logs") return logs(<LogLevelValues>given.number(0)).toString();
  if (operation == "log-level") {
    const answer = proxy_get_log_level(returnedPointer());
    return answer == WasmResultValues.Ok ? returnedU32().toString() : nameOf(answer);
  }
  if (operation == "now") return now().toString();
  if (operation == "monotonic-now") return monotonicNow().toString();
  if (operation == "tick-period") {
    setTickPeriod(<u32>given.number(0));
    return "";
  }
  if (operation == "random") return random(<u32>given.number(0));
  return null;
}

function logged(level: LogLevelValues, text: Bytes): string {
  if (level > LogLevelValues.critical) return nameOf(proxy_log(level, pointerOf(text), lengthOf(text)));
  logBytes(level, text);
  return "";
}

function random(length: u32): string {
  const target = arenaAllocate(length);
  memory.fill(target, 0, length);
  return random_get(target, length).toString() + " " + show(bytesOf(target, length));
}

/** By name: the id that was defined last. */
const metrics = new Map<string, u32>();

function metricOperation(operation: string, given: Arguments): string | null {
  const name = given.text(0);
  if (operation == "define-metric") {
    const id = defineMetric(<MetricTypeValues>given.number(1), given.bytes(0));
    metrics.set(name, id);
    return (id & 3).toString();
  }
  if (operation == "redefine-metric")
    return (defineMetric(<MetricTypeValues>given.number(1), given.bytes(0)) == idOf(name)).toString();
  if (operation == "increment-metric") return nameOf(incrementMetric(idOf(name), given.number(1)));
  if (operation == "record-metric") return nameOf(recordMetric(idOf(name), <u64>given.number(1)));
  if (operation == "get-metric") {
    const value = getMetric(idOf(name));
    const answer = proxy_get_metric(idOf(name), returnedPointer());
    return answer == WasmResultValues.Ok ? value.toString() : nameOf(answer);
  }
  if (operation == "count-counter") {
    count(defineCounter(name), <u64>given.number(1));
    return "";
  }
  if (operation == "labelled-counter") {
    count(defineCounter(labelled(name, given.text(1), given.text(2))));
    return "";
  }
  if (operation == "flush-counter") {
    flushCounters();
    return "";
  }
  return null;
}

/** `#6` is the id 6 itself. */
function idOf(name: string): u32 {
  if (name.startsWith("#")) return U32.parseInt(name.substring(1));
  return metrics.has(name) ? metrics.get(name) : u32.MAX_VALUE;
}

let lastCas: u32 = 0;

function sharedDataOperation(operation: string, given: Arguments): string | null {
  const key = given.bytes(0);
  if (operation == "shared-get") {
    const value = getSharedData(key);
    if (value == ABSENT) return nameOf(sharedAnswer(key));
    lastCas = sharedDataCas();
    return show(value);
  }
  if (operation == "shared-size") return lengthOf(getSharedData(key)).toString();
  if (operation == "shared-set") return nameOf(setSharedData(key, given.bytes(1), cas(given.text(2))));
  if (operation == "shared-set-large") {
    const length = <u32>given.number(1);
    const target = arenaAllocate(length);
    memory.fill(target, 0x61, length);
    return nameOf(setSharedData(key, bytesOf(target, length), 0));
  }
  if (operation == "shared-cas-changed") {
    getSharedData(key);
    const changed = sharedDataCas() != lastCas;
    lastCas = sharedDataCas();
    return changed.toString();
  }
  return null;
}

function sharedAnswer(key: Bytes): WasmResultValues {
  const number: usize = memory.data(4, 4);
  return proxy_get_shared_data(pointerOf(key), lengthOf(key), returnedPointer(), returnedLength(), number);
}

/** `last` is the number that came with the last `shared-get`, `other` one that is not it. */
function cas(text: string): u32 {
  if (text == "last") return lastCas;
  if (text == "other") return lastCas + 1000000;
  return U32.parseInt(text);
}

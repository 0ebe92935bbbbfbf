import { MetricTypeValues, WasmResultValues } from "../../assembly/abi/values";
import {
  count,
  Counter,
  defineCounter,
  defineMetric,
  flushCounters,
  getMetric,
  incrementMetric,
  labelled,
  recordMetric,
} from "../../assembly/host/metrics";
import { callsOf, host } from "./mock-host";
import { same } from "./same";
import { bytes } from "./texts";

// Counters live as long as the module, so that the host is never reset here.

describe("a counter", () => {
  it("is defined at the host once for all who ask for its name", () => {
    const first = defineCounter("requests");
    const defined = callsOf("proxy_define_metric");
    expect(defineCounter("requests")).toBe(first);
    expect(callsOf("proxy_define_metric")).toBe(defined);
    expect(defineCounter("requests_total")).not.toBe(first);
    expect(callsOf("proxy_define_metric")).toBe(defined + 1);
  });

  it("calls the host only when it is flushed, and then with what it gained", () => {
    const counter = defineCounter("gained");
    const before = callsOf("proxy_increment_metric");
    for (let i = 0; i < 1000; i++) count(counter);
    count(counter, 500);
    expect(callsOf("proxy_increment_metric")).toBe(before);
    expect(host("metrics").includes("gained=0")).toBe(true);
    flushCounters();
    expect(callsOf("proxy_increment_metric")).toBe(before + 1);
    expect(host("metrics").includes("gained=1500")).toBe(true);
  });

  it("is not flushed twice", () => {
    const counter = defineCounter("once");
    count(counter, 3);
    flushCounters();
    flushCounters();
    expect(host("metrics").includes("once=3")).toBe(true);
    count(counter);
    flushCounters();
    expect(host("metrics").includes("once=4")).toBe(true);
  });

  it("that gained nothing costs no call", () => {
    defineCounter("idle");
    flushCounters();
    const before = callsOf("proxy_increment_metric");
    flushCounters();
    expect(callsOf("proxy_increment_metric")).toBe(before);
  });

  it("keeps what it counted when hundreds of others come", () => {
    const counters: Counter[] = [];
    for (let at = 0; at < 300; at++) {
      const counter = defineCounter(`many_${at}`);
      counters.push(counter);
      count(counter, at + 1);
      count(counters[0]);
    }
    flushCounters();
    const metrics = "\n" + host("metrics") + "\n";
    for (let at = 1; at < 300; at++) same(metrics.includes(`\nmany_${at}=${at + 1}\n`), true, `many_${at}`);
    expect(metrics.includes("\nmany_0=301\n")).toBe(true);
  });

  it("has its labels before its name, as Istio's stats tags read them", () => {
    expect(labelled(labelled("decisions", "variant", "v2"), "rule", "beta")).toBe(
      "rule=.=beta;.;variant=.=v2;.;decisions",
    );
  });
});

describe("a metric of the host", () => {
  it("is recorded and read", () => {
    const gauge = defineMetric(MetricTypeValues.Gauge, bytes("gauge"));
    expect(recordMetric(gauge, 0x123456789a)).toBe(WasmResultValues.Ok);
    expect(getMetric(gauge)).toBe(0x123456789a);
    expect(incrementMetric(gauge, -1)).toBe(WasmResultValues.Ok);
    expect(getMetric(gauge)).toBe(0x1234567899);
  });

  it("that the host does not know reads as 0", () => {
    expect(getMetric(123456)).toBe(0);
    expect(recordMetric(123456, 1)).toBe(WasmResultValues.NotFound);
  });
});

import { describe, expect, test } from "vitest";
import { MetricType, WasmResult } from "./abi.ts";
import { FakeClock } from "./clock.ts";
import { clusterOfTarget, FatalTarget } from "./grpc-target.ts";
import { HeaderMap } from "./header-map.ts";
import { MetricStore, VmMetrics } from "./metrics.ts";
import { pairsSize, readPairs, writePairs } from "./pairs.ts";
import { normalisePath } from "./request-target.ts";
import { SharedData } from "./shared-data.ts";

describe("header map", () => {
  test("joins inline headers with a comma and keeps others apart", () => {
    const map = HeaderMap.of("request", [
      ["Authorization", "a"],
      ["cookie", "x=1"],
      ["AUTHORIZATION", "b"],
      ["cookie", "y=2"],
    ]);
    expect(map.entries()).toEqual([
      ["authorization", "a,b"],
      ["cookie", "x=1"],
      ["cookie", "y=2"],
    ]);
    expect(map.getFirst("Cookie")).toBe("x=1");
    expect(map.getAllJoined("cookie")).toBe("x=1,y=2");
    expect(map.getAllJoined("absent")).toBeNull();
  });

  test("an empty value of an inline header is neither joined nor joined to", () => {
    const map = HeaderMap.of("request", [
      ["user-agent", ""],
      ["user-agent", "z"],
      ["user-agent", ""],
    ]);
    expect(map.entries()).toEqual([["user-agent", "z"]]);
  });

  test("replace removes all values and puts the new one at the end", () => {
    const map = HeaderMap.of("request", [
      ["x-a", "1"],
      ["x-b", "2"],
      ["x-a", "3"],
    ]);
    map.replace("X-A", "4");
    expect(map.entries()).toEqual([
      ["x-b", "2"],
      ["x-a", "4"],
    ]);
  });

  test("pseudo-headers stay in front, and host is :authority in a request", () => {
    const map = HeaderMap.of("request", [["x-a", "1"]]);
    map.add(":path", "/");
    map.add("host", "h");
    map.replace(":path", "/x");
    expect(map.entries()).toEqual([
      [":authority", "h"],
      [":path", "/x"],
      ["x-a", "1"],
    ]);
    expect(map.getFirst("host")).toBe("h");
    expect(HeaderMap.of("response", [["host", "h"]]).getFirst(":authority")).toBeNull();
  });

  test("its size in bytes has names and values only", () => {
    expect(HeaderMap.of("response", [["ab", "cde"]]).byteSize).toBe(5);
  });
});

describe("pairs", () => {
  test("survive the way to the module and back", () => {
    const flat = ["a", "1", "bb", "", "c", "\xff\x80"];
    const bytes = new Uint8Array(pairsSize(flat) + 3);
    writePairs(bytes, new DataView(bytes.buffer), 3, flat);
    expect(readPairs(bytes, 3, bytes.length - 3)).toEqual(flat);
  });

  test("are none when a length points beyond the block", () => {
    const bytes = new Uint8Array(pairsSize(["a", "1"]));
    writePairs(bytes, new DataView(bytes.buffer), 0, ["a", "1"]);
    bytes[4] = 200;
    expect(readPairs(bytes, 0, bytes.length)).toEqual([]);
    expect(readPairs(bytes, 0, 3)).toEqual([]);
  });
});

describe("shared data", () => {
  const value = (n: number) => new Uint8Array([n]);

  test("cas 0 overwrites whatever is there", () => {
    const data = new SharedData();
    expect(data.set("", "k", value(1), 0)).toBe(WasmResult.Ok);
    expect(data.set("", "k", value(2), 0)).toBe(WasmResult.Ok);
    expect(data.get("", "k")?.value).toEqual(value(2));
  });

  test("another cas swaps only its own value, and inserts where there is none", () => {
    const data = new SharedData();
    expect(data.set("", "k", value(1), 77)).toBe(WasmResult.Ok);
    expect(data.set("", "k", value(2), 77)).toBe(WasmResult.CasMismatch);
    const { cas } = data.get("", "k")!;
    expect(data.set("", "k", value(3), cas)).toBe(WasmResult.Ok);
    expect(data.set("", "k", value(4), cas)).toBe(WasmResult.CasMismatch);
    expect(data.get("", "k")?.value).toEqual(value(3));
  });

  test("counts over all keys and vm_ids, and skips 0 where it wraps", () => {
    const data = new SharedData();
    data.set("a", "k", value(1), 0);
    data.set("b", "k", value(1), 0);
    expect(data.get("b", "k")!.cas).toBe(data.get("a", "k")!.cas + 1);
    data.setLastCas(0xffffffff);
    data.set("a", "k", value(1), 0);
    expect(data.get("a", "k")!.cas).toBe(1);
    expect(data.get("c", "k")).toBeNull();
  });
});

describe("metrics", () => {
  test("one counter for all VMs under ids of their own", () => {
    const store = new MetricStore();
    const [a, b] = [new VmMetrics(store), new VmMetrics(store)];
    b.define(MetricType.Counter, "other");
    const [idA, idB] = [a.define(MetricType.Counter, "c")!, b.define(MetricType.Counter, "c")!];
    expect([idA, idB]).toEqual([4, 8]);
    a.increment(idA, 2n);
    b.record(idB, 3n);
    expect(store.values()).toEqual({ other: 0, c: 5 });
  });

  test("counters refuse to go down, gauges go down, histograms cannot be read", () => {
    const metrics = new VmMetrics(new MetricStore());
    const counter = metrics.define(MetricType.Counter, "c")!;
    const gauge = metrics.define(MetricType.Gauge, "g")!;
    const histogram = metrics.define(MetricType.Histogram, "h")!;
    expect(metrics.increment(counter, 0n)).toBe(WasmResult.BadArgument);
    expect(metrics.increment(counter, -1n)).toBe(WasmResult.BadArgument);
    expect(metrics.record(gauge, 5n)).toBe(WasmResult.Ok);
    expect(metrics.increment(gauge, -2n)).toBe(WasmResult.Ok);
    expect(metrics.get(gauge)).toBe(3n);
    expect(metrics.record(histogram, 1n)).toBe(WasmResult.Ok);
    expect(metrics.get(histogram)).toBe(WasmResult.BadArgument);
    expect(metrics.increment(histogram, 1n)).toBe(WasmResult.BadArgument);
  });

  test("an unknown id is NotFound, an unknown type BadArgument", () => {
    const metrics = new VmMetrics(new MetricStore());
    expect(metrics.define(3, "x")).toBeNull();
    expect(metrics.increment(400, 1n)).toBe(WasmResult.NotFound);
    expect(metrics.get(400)).toBe(WasmResult.NotFound);
    expect(metrics.record(402, 1n)).toBe(WasmResult.NotFound);
  });
});

describe("clock", () => {
  test("stops at each timer in turn, at its time", () => {
    const clock = new FakeClock(0n, 0n);
    const seen: [string, bigint][] = [];
    clock.schedule(20n, () => seen.push(["b", clock.monotonic]));
    clock.schedule(10n, () => {
      seen.push(["a", clock.wall]);
      clock.schedule(5n, () => seen.push(["c", clock.monotonic]));
    });
    const cancel = clock.schedule(1n, () => seen.push(["never", 0n]));
    cancel();
    clock.advance(20n);
    expect(seen).toEqual([
      ["a", 10n],
      ["c", 15n],
      ["b", 20n],
    ]);
  });

  test("the wall clock steps back while monotonic time goes on", () => {
    const clock = new FakeClock(1000n, 0n);
    clock.wall -= 500n;
    clock.advance(1n);
    expect([clock.wall, clock.monotonic]).toEqual([501n, 1n]);
  });
});

// Tried against Envoy 1.40.0, normalize_path: true, merge_slashes: false.
test.each([
  ["/a/../b?q=1", "/b?q=1"],
  ["/a%2Fb/%2e%2e/c//d/./e%41%7e%20?x=%2e", "/c//d/eA~%20?x=%2e"],
  ["/../../x", "/x"],
  ["/x\\y", "/x/y"],
  ["/a%zz", "/a%zz"],
  ["/x#frag", null],
  ["/a%00", null],
])("normalises the path %s to %s", (target, expected) => {
  expect(normalisePath(target)).toBe(expected);
});

describe("the target of a gRPC call", () => {
  const clusters = new Map([["plain", 1]]);
  const bytes = (text: string): Uint8Array => Uint8Array.from(text, (c) => c.charCodeAt(0));

  test("is the cluster that a GrpcService names, whatever else it has", () => {
    expect(clusterOfTarget(bytes("\x0a\x05\x0a\x03abc"), clusters)).toBe("abc");
    // timeout (field 3) and a stat prefix beside the name.
    expect(clusterOfTarget(bytes("\x0a\x08\x0a\x03abc\x12\x01s\x1a\x02\x08\x01"), clusters)).toBe("abc");
  });

  test("is a cluster's name where it does not parse, and none where there is no such cluster", () => {
    expect(clusterOfTarget(bytes("plain"), clusters)).toBe("plain");
    expect(clusterOfTarget(bytes("\xff"), clusters)).toBeNull();
  });

  test("that parses and names no cluster would end Envoy, and so the test", () => {
    expect(() => clusterOfTarget(bytes(""), clusters)).toThrow(FatalTarget);
    expect(() => clusterOfTarget(bytes("\x0a\x02\x0a\x00"), clusters)).toThrow("Envoy 1.40 aborts");
  });
});

/** Keys that are fetched: when, by whom, what is kept while their source is down, and what becomes of requests that wait for them. */
import { describe, expect, test } from "vitest";
import { ConfigurationRefused } from "../driver.ts";
import { WasmResult } from "../host/index.ts";
import { CLUSTER, KeyProxy, keySet, plugin, saidOf } from "./keys.ts";

const UNAVAILABLE = "401 keys:unavailable";
const UNKNOWN = "401 keys:unknown";
const MINUTE = 60_000;
const body = (text: string): { body: Uint8Array } => ({ body: Buffer.from(text) });

describe("remote keys", () => {
  test("are fetched on the first tick, from the cluster that Istio makes for their host", () => {
    const proxy = new KeyProxy();
    expect(proxy.server.requests).toEqual([]);
    proxy.advance(1000);
    expect(proxy.server.requests.map(({ request }) => request.headers)).toEqual([
      [
        [":method", "GET"],
        [":path", "/keys?tenant=1"],
        [":authority", "issuer.example"],
        ["accept", "application/json"],
      ],
    ]);
    proxy.advance(1000);
    expect(proxy.ask("one")).toBe("passed");
    expect(proxy.fetches("ok")).toBe(1);
  });

  test("come from the cluster that the configuration names, at the port of the URL", () => {
    const proxy = new KeyProxy({
      config: { jwksUri: "http://Keycloak.example:8080", jwksCluster: CLUSTER },
    });
    proxy.advance(1000);
    const headers = proxy.server.requests[0]?.request.headers;
    expect(headers).toContainEqual([":authority", "keycloak.example:8080"]);
    expect(headers).toContainEqual([":path", "/"]);
  });

  test("are fetched at once for the first request, which waits, and for no further one", () => {
    const proxy = new KeyProxy();
    proxy.server.has(["one"], 300);
    const streams = ["one", "one", "two"].map((kid) => proxy.open(kid));
    expect(streams.map(saidOf)).toEqual(["waits", "waits", "waits"]);
    expect(proxy.server.requests).toHaveLength(1);
    proxy.advance(299);
    expect(streams.map(saidOf)).toEqual(["waits", "waits", "waits"]);
    proxy.advance(1);
    // The last one names a key that the set has not: that is one more fetch.
    expect(streams.map(saidOf)).toEqual(["passed", "passed", "waits"]);
    proxy.advance(300);
    expect(saidOf(streams[2]!)).toBe(UNKNOWN);
    expect(proxy.server.requests).toHaveLength(2);
  });

  test("do not come: requests wait until the deadline, and others that cannot get them in time are refused", () => {
    const proxy = new KeyProxy({ answer: "silence", config: { timeout: "3s" } });
    const waiting = proxy.open("one");
    proxy.advance(2999);
    expect(saidOf(waiting)).toBe("waits");
    proxy.advance(50);
    expect(saidOf(waiting)).toBe(UNAVAILABLE);
    expect(proxy.ask("one")).toBe("waits");
  });

  test("are fetched again every five minutes, or as often as the configuration says", () => {
    const proxy = new KeyProxy();
    proxy.advance(16 * MINUTE);
    expect(proxy.server.intervals).toEqual([300_000, 300_000, 300_000]);
    const other = new KeyProxy({ config: { jwksRefresh: "90s" } });
    other.advance(4 * MINUTE);
    expect(other.server.intervals).toEqual([90_000, 90_000]);
  });

  test("are those of the last set: what is no more in it is known no more", () => {
    const proxy = new KeyProxy();
    proxy.advance(2000);
    proxy.server.has(["two"]);
    expect(proxy.ask("one")).toBe("passed");
    proxy.advance(6 * MINUTE);
    expect(proxy.ask("two")).toBe("passed");
    expect(proxy.ask("one")).toBe(UNKNOWN);
  });

  test("stay while their source is down, which is asked again after 1 s, 2 s, .. 60 s", () => {
    const proxy = new KeyProxy({ config: { timeout: "1s" } });
    proxy.advance(1000);
    proxy.server.answer = { status: 500 };
    proxy.advance(11 * MINUTE);
    expect(proxy.ask("one")).toBe("passed");
    const [first, ...others] = proxy.server.intervals;
    expect(first).toBe(300_000);
    for (const [position, interval] of others.entries()) {
      const longest = Math.min(1000 * 2 ** position, 60_000);
      expect(interval).toBeGreaterThanOrEqual(0.75 * longest);
      // It is noticed on a tick.
      expect(interval).toBeLessThanOrEqual(longest + 1000);
    }
    expect(others.length).toBeGreaterThan(8);
    expect(proxy.logs).toEqual([
      "authz: keys of issuer.example/keys do not come: the answer's status is not 200",
    ]);
    proxy.server.has(["one", "two"]);
    proxy.advance(MINUTE);
    expect(proxy.ask("two")).toBe("passed");
    expect(proxy.logs).toEqual(["authz: keys of issuer.example/keys come again"]);
  });

  test("are used for a day at most, or as long as the configuration says, and are there again with the next set", () => {
    const proxy = new KeyProxy({ config: { jwksMaxStale: "10m" } });
    proxy.advance(1000);
    proxy.server.answer = "reset";
    proxy.advance(10 * MINUTE);
    expect(proxy.ask("one")).toBe("passed");
    proxy.advance(2000);
    expect(saidOf(proxy.open("one"))).not.toBe("passed");
    expect(proxy.logs).toContain(
      "authz: keys of issuer.example/keys are older than jwksMaxStale: not used any more",
    );
    proxy.server.has(["one"]);
    proxy.advance(MINUTE + 1000);
    expect(proxy.ask("one")).toBe("passed");
    const day = new KeyProxy();
    day.advance(1000);
    day.server.answer = "reset";
    day.advance(24 * 60 * MINUTE);
    expect(day.ask("one")).toBe("passed");
    day.advance(2000);
    expect(day.ask("one")).not.toBe("passed");
  }, 60_000);

  test("of answers that cannot be used stay as they are, each counted by what was wrong", () => {
    const cases = [
      ["status", { status: 500 }],
      ["status", { status: 302, headers: [["location", "/"]] }],
      ["status", { status: 204 }],
      ["malformed", body("")],
      ["malformed", body("<html>")],
      ["malformed", body('{"keys": []}')],
      ["malformed", body('{"keys": [{"kty": "OKP", "crv": "Ed25519", "x": "AA"}]}')],
      ["too_large", body(keySet("one") + " ".repeat(256 * 1024))],
      ["unavailable", "reset"],
      ["unavailable", "cut"],
      ["unavailable", "garbage"],
      ["unavailable", "silence"],
    ] as const;
    for (const [result, answer] of cases) {
      const proxy = new KeyProxy({ config: { timeout: "1s" } });
      proxy.advance(1000);
      proxy.server.answer = answer;
      proxy.advance(5 * MINUTE + 2000);
      expect(proxy.fetches(result), JSON.stringify(answer)).toBeGreaterThan(0);
      expect(proxy.fetches("ok")).toBe(1);
      expect(proxy.ask("one")).toBe("passed");
    }
  });

  test("of answers that are no set of keys are told with the reason", () => {
    const cases = [
      ["<html>", "no JSON: line 1, column 1: expected a value"],
      ['{"keys": []}', "`keys` is empty"],
      [JSON.stringify({ keys: Array(101).fill({}) }), "more than 100 keys"],
      [
        '{"keys": [{"kty": "OKP"}]}',
        "no key can be used: keys[0]: keys of type OKP (EdDSA) are not supported",
      ],
    ] as const;
    for (const [answer, why] of cases) {
      const proxy = new KeyProxy({ answer: body(answer) });
      proxy.advance(10_000);
      expect(proxy.logs).toEqual([
        `authz: keys of issuer.example/keys do not come: the answer is no set of keys that can be used: ${why}`,
      ]);
    }
  });

  test("of 256 KiB are taken", () => {
    const text = keySet("one");
    const proxy = new KeyProxy({ answer: body(text + " ".repeat(256 * 1024 - text.length)) });
    proxy.advance(2000);
    expect(proxy.ask("one")).toBe("passed");
  });

  test("of a cluster that the proxy has not are counted and told, and come when it has it", () => {
    const proxy = new KeyProxy({ config: { jwksCluster: "later" } });
    proxy.advance(10_000);
    expect(proxy.fetches("no_cluster")).toBeGreaterThan(2);
    expect(proxy.logs).toEqual([
      "authz: keys of issuer.example/keys do not come: the proxy has no cluster for them (jwksCluster)",
    ]);
    proxy.host.clusters.set("later", proxy.host.clusters.get(CLUSTER)!);
    proxy.advance(MINUTE);
    expect(proxy.ask("one")).toBe("passed");
  });
});

describe("a key that the set has not", () => {
  test("is one fetch, for which its request waits", () => {
    const proxy = new KeyProxy();
    proxy.advance(2000);
    proxy.server.has(["one", "two"], 200);
    const rotated = proxy.open("two");
    expect(saidOf(rotated)).toBe("waits");
    expect(proxy.ask("one")).toBe("passed");
    proxy.advance(200);
    expect(saidOf(rotated)).toBe("passed");
    expect(proxy.ask("two")).toBe("passed");
    expect(proxy.server.requests).toHaveLength(2);
  });

  test("is refused when the fetch did not bring it, and those that follow within 30 s are at once", () => {
    const proxy = new KeyProxy();
    proxy.advance(2000);
    proxy.server.has(["one"], 200);
    const streams = ["x", "y", "z"].map((kid) => proxy.open(kid));
    proxy.advance(200);
    expect(streams.map(saidOf)).toEqual([UNKNOWN, UNKNOWN, UNKNOWN]);
    expect(proxy.ask("x")).toBe(UNKNOWN);
    proxy.advance(29_000);
    expect(proxy.ask("other")).toBe(UNKNOWN);
    proxy.advance(1000);
    expect(proxy.ask("other")).toBe("waits");
    expect(proxy.server.requests).toHaveLength(3);
  });

  test("in a flood of them is one fetch in 30 s, over all workers", () => {
    const proxy = new KeyProxy({ workers: 4 });
    proxy.advance(2000);
    proxy.server.has(["one"], 100);
    for (let second = 0; second < 120; second++) {
      for (let number = 0; number < 40; number++) proxy.open(`kid-${second}-${number}`);
      proxy.advance(1000);
    }
    // Four, and the one at the start.
    expect(proxy.server.requests).toHaveLength(5);
    for (const interval of proxy.server.intervals.slice(1)) expect(interval).toBeGreaterThanOrEqual(30_000);
  });

  test("is no reason to ask a source that is down more often", () => {
    const proxy = new KeyProxy({ config: { jwksRefresh: "10s" } });
    proxy.advance(1000);
    proxy.server.answer = { status: 500 };
    proxy.advance(5 * MINUTE);
    const before = proxy.server.requests.length;
    for (let number = 0; number < 20; number++) {
      expect(proxy.ask("x")).toBe(UNKNOWN);
      proxy.advance(1000);
    }
    expect(proxy.server.requests.length).toBeLessThanOrEqual(before + 1);
  });
});

describe("workers", () => {
  test("share one fetch, and all know its keys a second later", () => {
    const proxy = new KeyProxy({ workers: 4 });
    proxy.advance(2000);
    expect(proxy.server.requests).toHaveLength(1);
    for (let worker = 0; worker < 4; worker++) expect(proxy.ask("one", worker)).toBe("passed");
    proxy.advance(5 * MINUTE);
    expect(proxy.server.requests).toHaveLength(2);
  });

  test("with requests that wait know at once what another one has fetched", () => {
    const proxy = new KeyProxy({ workers: 4 });
    proxy.server.has(["one"], 400);
    const streams = [0, 1, 2, 3].map((worker) => proxy.open("one", worker));
    proxy.advance(450);
    expect(streams.map(saidOf)).toEqual(["passed", "passed", "passed", "passed"]);
    expect(proxy.server.requests).toHaveLength(1);
    proxy.server.has(["one", "two"], 100);
    const rotated = [3, 2, 1, 0].map((worker) => proxy.open("two", worker));
    proxy.advance(150);
    expect(rotated.map(saidOf)).toEqual(["passed", "passed", "passed", "passed"]);
    expect(proxy.server.requests).toHaveLength(2);
  });

  test("do not fetch where another one has written meanwhile, or nothing can be shared", () => {
    for (const result of [WasmResult.CasMismatch, WasmResult.InternalFailure]) {
      const proxy = new KeyProxy({ workers: 2 });
      proxy.host.faults.set("proxy_set_shared_data", result);
      const waiting = proxy.open("one");
      proxy.advance(4000);
      expect(saidOf(waiting)).toBe("waits");
      expect(proxy.server.requests).toEqual([]);
      proxy.host.faults.clear();
      proxy.advance(50);
      expect(saidOf(waiting)).toBe("passed");
      expect(proxy.server.requests).toHaveLength(1);
    }
  });

  test("whose host functions fail refuse their requests, at the latest at the deadline", () => {
    for (const name of ["proxy_http_call", "proxy_set_shared_data", "proxy_get_buffer_bytes"]) {
      const proxy = new KeyProxy({ workers: 2 });
      proxy.host.faults.set(name, WasmResult.InternalFailure);
      const waiting = proxy.open("one");
      proxy.advance(5100);
      expect(saidOf(waiting), name).toBe(UNAVAILABLE);
    }
  });

  test("which cannot read what is shared use what they have fetched themselves, and fetch no more", () => {
    const proxy = new KeyProxy({ workers: 2 });
    proxy.host.faults.set("proxy_get_shared_data", WasmResult.InternalFailure);
    const streams = [proxy.open("one", 0), proxy.open("one", 1)];
    proxy.advance(5100);
    expect(streams.map(saidOf)).toEqual(["passed", UNAVAILABLE]);
    proxy.advance(MINUTE);
    expect(proxy.server.requests).toHaveLength(1);
  });

  test("take over from one whose fetch was lost", () => {
    const proxy = new KeyProxy({ workers: 2, answer: "silence", config: { timeout: "2s" } });
    const waiting = proxy.open("one", 0);
    expect(proxy.server.requests).toHaveLength(1);
    // Its call ends with it.
    proxy.listener.roots(0)[0]!.httpCalls.cancelAll();
    proxy.server.has(["one"]);
    proxy.advance(6_000);
    expect(saidOf(waiting)).toBe(UNAVAILABLE);
    proxy.advance(2_000);
    expect(proxy.server.requests).toHaveLength(2);
    expect(proxy.ask("one", 1)).toBe("passed");
  });

  test("and plugins with the same URL and cluster share it; another cluster is another source", () => {
    const proxy = new KeyProxy({ workers: 2, plugins: [0, 1, 2].map((number) => plugin({}, number)) });
    proxy.advance(2000);
    expect(proxy.server.requests).toHaveLength(1);
    const two = new KeyProxy({
      config: { second: { jwksUri: "https://issuer.example/keys?tenant=1", jwksCluster: "other" } },
    });
    two.host.clusters.set("other", { http: () => body(keySet("two")) });
    two.advance(2000);
    expect(saidOf(two.open("two", 0, [["x-second", "1"]]))).toBe("passed");
    expect(two.ask("one")).toBe("passed");
    const same = new KeyProxy({
      config: { second: { jwksUri: "HTTPS://ISSUER.example/keys?tenant=1", timeout: "1s" } },
    });
    same.advance(2000);
    expect(saidOf(same.open("one", 0, [["x-second", "1"]]))).toBe("passed");
    expect(same.server.requests).toHaveLength(1);
  });
});

describe("rules that share a source", () => {
  const second = (more: object) => ({ second: { jwksUri: "https://issuer.example/keys?tenant=1", ...more } });

  test.each([
    ["the first", { timeout: "1s" }, { timeout: "3s" }, []],
    ["the second", { timeout: "3s" }, { timeout: "1s" }, [["x-second", "1"]]],
  ] as const)("each let requests wait as long as it says, %s for less", (_which, first, other, ofShort) => {
    const proxy = new KeyProxy({ config: { ...first, ...second(other) } });
    proxy.server.has(["one"], 2000);
    const ofLong: [string, string][] = ofShort.length === 0 ? [["x-second", "1"]] : [];
    const short = proxy.open(
      "one",
      0,
      ofShort.map(([name, value]) => [name, value]),
    );
    const long = proxy.open("one", 0, ofLong);
    proxy.advance(1100);
    expect([saidOf(short), saidOf(long)]).toEqual([UNAVAILABLE, "waits"]);
    proxy.advance(1000);
    expect(saidOf(long)).toBe("passed");
    expect(proxy.server.requests).toHaveLength(1);
  });

  test("have it fetched as often as the most impatient of them says", () => {
    for (const config of [
      { jwksRefresh: "1m", ...second({ jwksRefresh: "10s" }) },
      { jwksRefresh: "10s", ...second({ jwksRefresh: "1m" }) },
    ]) {
      const proxy = new KeyProxy({ config });
      proxy.advance(35_000);
      expect(proxy.server.requests).toHaveLength(4);
    }
  });

  test("use its keys no longer than the strictest of them says", () => {
    const strict = { jwksRefresh: "30s", jwksMaxStale: "1m" };
    for (const config of [second(strict), { ...strict, ...second({}) }]) {
      const proxy = new KeyProxy({ config });
      proxy.advance(2000);
      proxy.server.answer = { status: 500 };
      expect(proxy.ask("one")).toBe("passed");
      proxy.advance(63_000);
      expect(proxy.ask("one")).not.toBe("passed");
      expect(saidOf(proxy.open("one", 0, [["x-second", "1"]]))).not.toBe("passed");
    }
  });
});

describe("what others wrote in the place of the shared keys", () => {
  test("is not believed: the keys are fetched again, and those at hand are used meanwhile", () => {
    const proxy = new KeyProxy();
    proxy.advance(2000);
    const places = [...proxy.host.sharedData.keys("")].filter((key) => key.includes("authz/jwks"));
    expect(places).toHaveLength(2);
    const state = places.find((key) => !key.endsWith("/text"))!;
    const kept = proxy.host.sharedData.get("", state)!.value;
    const junk = [Buffer.alloc(0), Buffer.alloc(48, 0xff), Buffer.alloc(47), Buffer.from("x".repeat(1000))];
    for (let at = 0; at < kept.length; at++) {
      const changed = Buffer.from(kept);
      changed[at] = changed[at]! ^ 0xff;
      junk.push(changed);
    }
    for (const value of junk) {
      proxy.host.sharedData.set("", state, value, 0);
      proxy.advance(1000);
      expect(proxy.ask("one")).toBe("passed");
      proxy.advance(70 * 1000);
      expect(proxy.ask("one")).toBe("passed");
    }
  });

  test("as the text is no key set: it is passed over, and the next fetch mends it", () => {
    const proxy = new KeyProxy({ workers: 2 });
    proxy.advance(2000);
    const text = [...proxy.host.sharedData.keys("")].find((key) => key.endsWith("/text"))!;
    const kept = Buffer.from(proxy.host.sharedData.get("", text)!.value);
    proxy.host.sharedData.set("", text, Buffer.concat([kept.subarray(0, 8), Buffer.from("nonsense")]), 0);
    expect(proxy.ask("one", 0)).toBe("passed");
    proxy.listener.update([plugin({ timeout: "4s" })]);
    expect(proxy.ask("one")).toBe(UNAVAILABLE);
    proxy.advance(31_000);
    expect(proxy.ask("one", 0)).toBe("passed");
    expect(proxy.ask("one", 1)).toBe("passed");
  });
});

describe("a new configuration", () => {
  test("has the keys that the proxy has fetched before, without a request that waits", () => {
    const proxy = new KeyProxy({ workers: 2 });
    proxy.advance(2000);
    proxy.listener.update([plugin({ timeout: "4s" })]);
    expect(proxy.ask("one", 0)).toBe("passed");
    expect(proxy.ask("one", 1)).toBe("passed");
    expect(proxy.server.requests).toHaveLength(1);
  });

  test("leaves requests that wait to the one that they came to", () => {
    const proxy = new KeyProxy();
    proxy.server.has(["one"], 800);
    const streams = [proxy.open("one"), proxy.open("two")];
    proxy.listener.update([plugin({ timeout: "4s" })]);
    proxy.advance(900);
    expect(saidOf(streams[0]!)).toBe("passed");
    proxy.advance(6000);
    expect(saidOf(streams[1]!)).toBe(UNKNOWN);
  });
});

describe("requests that wait", () => {
  test("and whose clients go away leave nothing behind", () => {
    const proxy = new KeyProxy({ answer: "silence", config: { timeout: "60s" } });
    const ask = (): string => {
      const stream = proxy.open("one");
      const said = saidOf(stream);
      stream.resetStream("downstream_remote_disconnect");
      return said;
    };
    for (let second = 0; second < 3; second++) {
      for (let number = 0; number < 4096; number++) if (ask() !== "waits") expect.fail(`${second} ${number}`);
      proxy.advance(1050);
    }
    for (let number = 0; number < 4096; number++) ask();
    expect(ask()).toBe(UNAVAILABLE);
  });

  test("are all answered once when keys come, thousands of them, also where a plugin of the same VM follows", () => {
    const proxy = new KeyProxy({ plugins: [plugin(), plugin({ jwksUri: null }, 1)] });
    proxy.server.has(["one"], 500);
    const streams = Array.from({ length: 4096 }, () => proxy.open("one"));
    expect(new Set(streams.map(saidOf))).toEqual(new Set(["waits"]));
    proxy.advance(1000);
    expect(new Set(streams.map(saidOf))).toEqual(new Set(["passed"]));
  });
});

describe("the configuration of remote keys", () => {
  const refusal = (config: object): string => {
    try {
      new KeyProxy({ config });
      return "";
    } catch (error) {
      if (error instanceof ConfigurationRefused) return error.messages.join("\n");
      throw error;
    }
  };

  test("refuses what is no URL of HTTP, with a user or a fragment, and takes all others", () => {
    const wrong = [
      "",
      "issuer.example/keys",
      "ftp://issuer.example/keys",
      "https:/issuer.example",
      "https://",
      "https:///keys",
      "https://:443/keys",
      "https://user@issuer.example/keys",
      "https://issuer.example/keys#one",
      "https://issuer.example:/keys",
      "https://issuer.example:0/keys",
      "https://issuer.example:65536/keys",
      "https://issuer.example:44e/keys",
      "https://issuer.example /keys",
      "https://issuer.example/ke ys",
      "https://issuer.example\\keys",
      "https://issuer.example/k\u00e9ys",
      "https://[::1/keys",
      "https://[]/keys",
      "https://[::g]/keys",
      "https://[::1]x/keys",
      `https://issuer.example/${"x".repeat(2048)}`,
      7,
    ];
    for (const jwksUri of wrong) {
      const refused = refusal({ jwksUri });
      const isPort = /:(0|65536|44e)?\/keys$/.test(String(jwksUri));
      expect(refused, String(jwksUri)).toContain(
        `jwksUri: expected ${isPort ? "a port from 1 to 65535" : "a URL like https://issuer.example/jwks.json"}`,
      );
      // The text may be secret in part.
      if (!"https://issuer.example/jwks.json, got 7".includes(String(jwksUri)))
        expect(refused).not.toContain(jwksUri);
    }
    const right = [
      "http://a",
      "https://issuer.example?x=1",
      "HTTPS://Issuer.Example:8443/keys",
      "https://10.0.0.1/keys",
      "https://[2001:db8::1]:8443/keys",
      "https://my_service.ns/keys",
    ];
    for (const jwksUri of right) expect(refusal({ jwksUri }), jwksUri).toBe("");
  });

  test("refuses times that make no sense", () => {
    expect(refusal({ jwksRefresh: "1h", jwksMaxStale: "30m" })).toContain("jwksMaxStale is shorter");
    expect(refusal({ jwksRefresh: "10ms" })).toContain('jwksRefresh: expected a duration like "5m"');
    expect(refusal({ jwksMaxStale: 5 })).toContain('jwksMaxStale: expected a duration like "24h"');
    expect(refusal({ timeout: "0s" })).toContain('timeout: expected a duration like "5s"');
    expect(refusal({ jwksCluster: "" })).toContain("jwksCluster: expected the name of a cluster");
  });
});

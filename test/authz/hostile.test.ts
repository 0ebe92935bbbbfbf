/** Whatever a client sends, `authz` decides: no trap, no error of its own, and memory that ends somewhere. */
import { describe, expect, test } from "vitest";
import fc from "fast-check";
import type { Header, HttpRequest } from "../driver.ts";
import { besiege, fuzzAuthzHostile, hostileRequest } from "../fuzz/authz-hostile.ts";
import { loadModule } from "../host/driver.ts";

const module = loadModule("build/authz.wasm");
const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);
const MIB = 1024 * 1024;

describe(`hostile requests, SEED=${seed}`, { timeout: 120_000 }, () => {
  test("trap nothing, are no errors and grow no memory", () => {
    expect(fuzzAuthzHostile(module, { seconds: 5, seed })).toBeGreaterThan(50);
  });

  test("some pass, some are denied, some are refused before", () => {
    const siege = besiege(module);
    const counts = { passed: 0, denied: 0, refused: 0 };
    for (const request of fc.sample(hostileRequest, { seed, numRuns: 300 })) counts[siege.play(request)]++;
    expect(Math.min(counts.passed, counts.denied, counts.refused)).toBeGreaterThan(0);
  });
});

describe("what one request costs is bounded by its size, not by the number of policies", () => {
  const many = (rule: (at: number) => object): object => ({
    policies: Array.from({ length: 1000 }, (_, at) => ({
      name: `p${at}`,
      action: "DENY",
      rules: [rule(at)],
    })),
  });
  const to = (operation: object): object => ({ to: [{ operation }] });
  const when = (key: string, ...values: string[]): object => ({ when: [{ key, values }] });
  const headers = (count: number, name: string, value: string): Header[] =>
    Array.from({ length: count }, () => [name, value]);
  const get = (path: string, more: Partial<HttpRequest> = {}): HttpRequest => ({
    method: "GET",
    path,
    ...more,
  });

  test.each<[what: string, config: object, request: HttpRequest]>([
    [
      "a path of 50 kB against suffixes",
      many((at) => to({ paths: [`*x${at}`] })),
      get(`/${"a".repeat(50_000)}`),
    ],
    [
      "a path of 50 kB against prefixes",
      many((at) => to({ paths: [`/${"a".repeat(at)}b*`] })),
      get(`/${"a".repeat(50_000)}`),
    ],
    [
      "25,000 segments against templates",
      many((at) => to({ paths: [`/{**}/x${at}`] })),
      get("/a".repeat(25_000)),
    ],
    [
      "25,000 segments against templates of one segment",
      many((at) => to({ paths: [`/a/{*}/a/{*}/x${at}`] })),
      get("/a".repeat(25_000)),
    ],
    [
      "empty segments against templates",
      many((at) => to({ paths: [`/{**}/x${at}`] })),
      get("/".repeat(50_000)),
    ],
    [
      "a host of 30 kB against suffixes",
      many((at) => to({ hosts: [`*.x${at}`] })),
      get("/", { authority: "A".repeat(30_000) }),
    ],
    [
      "95 values of a header",
      many((at) => when("request.headers[x-a]", `v${at}*`, `*w${at}`)),
      get("/", { headers: headers(95, "x-a", "u".repeat(500)) }),
    ],
    [
      "95 values of a header that all are the same prefix's",
      many(() => ({
        when: [
          { key: "request.headers[x-a]", values: ["u*"] },
          { key: "request.headers[x-b]", values: ["no"] },
        ],
      })),
      get("/", { headers: headers(95, "x-a", "u".repeat(500)) }),
    ],
    [
      "a namespace in a URI of many",
      many((at) => ({ from: [{ source: { namespaces: [`n*s*${at}`] } }] })),
      get("/", { peer: { uris: [`spiffe://${"/ns/n".repeat(2000)}`] } }),
    ],
  ])("%s", { timeout: 60_000 }, (_what, config, request) => {
    const siege = besiege(module, config);
    siege.play(get("/"));
    const before = siege.host.wasmMemoryBytes();
    const started = performance.now();
    expect(siege.play(request)).toBe("passed");
    expect(siege.host.wasmMemoryBytes() - before).toBeLessThan(MIB);
    // What is quadratic takes minutes.
    expect(performance.now() - started).toBeLessThan(2000);
  });
});

/**
 * Services that answer what nobody meant, and requests by the thousand: each request gets a decision, the module never traps, allocates
 * nothing, and keeps no more than it may.
 */
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { compile } from "../../tools/compile.ts";
import type { CallAnswer, Header } from "../driver.ts";
import { Host, type Listener, PluginModule, WasmResult } from "../host/index.ts";
import { ALLOCATIONS, compileCounted } from "../modules/counted.ts";
import { allowed, denied, encodeResponse, GrpcAuthorizer, option, type CheckResponse } from "./ext-authz.ts";

const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);
const ENTRY = "test/authz/custom-module/module.ts";

/** Most of them are UTF-8: a message with others is no message. */
const anyBytes = fc.oneof(
  { weight: 19, arbitrary: fc.string({ unit: "binary-ascii" }) },
  { weight: 1, arbitrary: fc.string({ unit: "binary" }).map((text) => text.replace(/[^\0-\xff]/g, "y")) },
);
const name = fc.oneof(
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      "x-a",
      "Content-Length",
      ":path",
      "host",
      "",
      "x".repeat(300),
      "a b",
      "cookie",
    ),
  },
  { weight: 1, arbitrary: anyBytes },
);
const value = fc.oneof(
  { weight: 1, arbitrary: fc.constantFrom("v", "/p?q", "v".repeat(9000), "a\r\nb: c") },
  { weight: 1, arbitrary: anyBytes },
);
const headers = fc.array(
  fc
    .tuple(name, value, fc.integer({ min: -1, max: 5 }), fc.option(fc.boolean()))
    .map(([key, text, appendAction, append]) =>
      option(key, text, append === null ? { appendAction } : { append: { value: append } }),
    ),
  { maxLength: 40 },
);
const texts = fc.array(fc.string({ unit: "binary" }), { maxLength: 5 });
const reply = fc.record({
  status: fc.record({ code: fc.integer() }),
  headers,
  body: fc.oneof(fc.string({ unit: "binary" }), fc.constant("b".repeat(100_000))),
});
const responses: fc.Arbitrary<CheckResponse> = fc.oneof(
  fc
    .record({
      headers,
      headersToRemove: texts,
      responseHeadersToAdd: headers,
      queryParametersToSet: fc.array(
        fc.record({ key: fc.string({ unit: "binary" }), value: fc.string({ unit: "binary" }) }),
        { maxLength: 5 },
      ),
      queryParametersToRemove: texts,
    })
    .map(allowed),
  reply.map(denied),
  reply.map((errorResponse) => ({ status: { code: 3 }, errorResponse })),
);
/** A few bytes of a message changed, left out or put in. */
const broken = fc
  .tuple(
    responses.map(encodeResponse),
    fc.array(fc.tuple(fc.nat(), fc.nat(255), fc.nat(2)), { minLength: 1, maxLength: 4 }),
  )
  .map(([message, changes]) => {
    const bytes = [...message];
    for (const [at, byte, how] of changes) {
      const position = bytes.length === 0 ? 0 : at % bytes.length;
      bytes.splice(position, how === 0 ? 0 : 1, ...(how === 2 ? [] : [byte]));
    }
    return Uint8Array.from(bytes);
  });
const grpcAnswers = fc.oneof(
  responses.map(encodeResponse),
  broken,
  broken,
  fc.uint8Array({ maxLength: 200 }),
);
const httpAnswers: fc.Arbitrary<CallAnswer> = fc.record({
  status: fc.oneof(fc.constantFrom(200, 403), fc.integer({ min: 200, max: 999 })),
  headers: fc.array(
    fc.tuple(
      fc.constantFrom(
        "x-a",
        "content-length",
        "transfer-encoding",
        "x-envoy-auth-headers-to-remove",
        "set-cookie",
      ),
      fc.oneof(
        fc.constantFrom("1", ",,host,:path, x y ,", "v".repeat(9000)),
        fc.string({ unit: "binary-ascii" }).map((text) => text.replace(/[^\x21-\x7e]/g, "x")),
      ),
    ),
    { maxLength: 40 },
  ),
  body: fc.uint8Array(),
});
const requestHeaders: fc.Arbitrary<Header[]> = fc.array(
  fc.tuple(
    fc.constantFrom("x-key", "cookie", "authorization", "x-latin", "x-many"),
    fc.string({ unit: "binary" }).map((text) => text.replace(/[^\x21-\xff]/g, "x")),
  ),
  { maxLength: 30 },
);

const PROVIDERS: readonly object[] = [
  {
    name: "grpc",
    envoyExtAuthzGrpc: { cluster: "grpc" },
    cache: { by: [{ header: "x-key" }], ttl: "1s", maxEntries: 16 },
  },
  {
    name: "http",
    envoyExtAuthzHttp: {
      cluster: "http",
      statusOnError: "599",
      includeRequestHeadersInCheck: ["x-*"],
      headersToUpstreamOnAllow: ["x-*", "*-length"],
      headersToDownstreamOnAllow: ["set-*", "*-encoding"],
    },
  },
];
const configuration = (providers: readonly object[]): string =>
  JSON.stringify({ extensionProviders: providers });

/** A proxy whose one provider lets all pass, and whose decisions are remembered so. */
async function remembering(cache: object): Promise<{ host: Host; grpc: GrpcAuthorizer; listener: Listener }> {
  const module = PluginModule.compile(await compile(ENTRY));
  const host = new Host({ logLevel: 3 });
  const grpc = new GrpcAuthorizer(() => allowed());
  host.clusters.set("grpc", grpc.cluster);
  const provider = { name: "grpc", envoyExtAuthzGrpc: { cluster: "grpc" }, cache };
  const plugins = [{ module, name: "custom", rootId: "custom", configuration: configuration([provider]) }];
  return { host, grpc, listener: host.listen({ plugins }) };
}

describe(`answers that nobody meant, SEED=${seed}`, { timeout: 120_000 }, () => {
  let module: PluginModule;
  beforeAll(async () => {
    module = PluginModule.compile(await compile(ENTRY));
  }, 120_000);

  test("end in a decision, and never in a trap", () => {
    const grpc = new GrpcAuthorizer();
    let answerHttp: CallAnswer = {};
    const host = new Host({ logLevel: 3 });
    host.clusters.set("grpc", grpc.cluster);
    host.clusters.set("http", { http: () => answerHttp });
    const listener = host.listen({
      plugins: [{ module, name: "custom", rootId: "custom", configuration: configuration(PROVIDERS) }],
    });
    const outcomes = new Map<string, number>();
    const property = fc.property(grpcAnswers, httpAnswers, requestHeaders, (message, http, headersOf) => {
      grpc.answer = () => message;
      answerHttp = http;
      for (let at = 0; at < 2; at++) {
        const { info } = listener.run({ method: "GET", path: "/a?b=c&d", headers: headersOf });
        const details = info.details ?? "";
        expect(details).not.toBe("wasm_fail_stream");
        outcomes.set(details, (outcomes.get(details) ?? 0) + 1);
        host.clock.advance(300_000_000n);
      }
    });
    fc.assert(property, { seed, numRuns: 800 });
    console.log(JSON.stringify(Object.fromEntries(outcomes)));
    expect([...outcomes.keys()].sort()).toEqual(["authz:custom-error", "custom:denied", "via_upstream"]);
  });
});

describe("external authorization, over many requests", { timeout: 240_000 }, () => {
  /** Requests of all kinds: allowed, denied, remembered, failed, unanswered, and gone before their answer. */
  const REQUESTS = 20_000;

  test("allocates nothing on the heap, and its linear memory stays as it is", async () => {
    const module = PluginModule.compile(await compileCounted(ENTRY));
    const host = new Host({ logLevel: 3 });
    const grpc = new GrpcAuthorizer(({ request }) => {
      const key = request?.http?.headers?.["x-key"] ?? "";
      if (key === "silent") return () => undefined;
      if (key === "failing") return (exchange) => exchange.end(14);
      if (key.startsWith("denied")) return denied({ headers: [option("x-why", "no")], body: "no" });
      return allowed({
        headers: [option("x-user", "ann"), option("x-key", "b", { append: { value: true } })],
        headersToRemove: ["authorization"],
        responseHeadersToAdd: [option("x-set", "1"), option("x-if", "1", { appendAction: 1 })],
        queryParametersToSet: [{ key: "q", value: "1" }],
        queryParametersToRemove: ["r"],
      });
    });
    host.clusters.set("grpc", grpc.cluster);
    host.clusters.set("http", {
      http: () => ({
        headers: [
          ["x-user", "bob"],
          ["set-cookie", "a=1"],
        ],
      }),
    });
    const [overGrpc, ...others] = PROVIDERS;
    const providers = [{ ...overGrpc, envoyExtAuthzGrpc: { cluster: "grpc", timeout: "10ms" } }, ...others];
    const plugins = [{ module, name: "custom", rootId: "custom", configuration: configuration(providers) }];
    const listener = host.listen({ plugins });
    const statuses = new Map<number, number>();
    const ask = (at: number): void => {
      // More keys than the cache has places.
      const kind = ["fine", "denied", "failing", "silent"][at % 4]!;
      const key = at % 4 < 2 ? `${kind}-${at % 100}` : kind;
      const sent: [string, string][] = [
        ["x-key", key],
        ["x-many", "1"],
        ["x-many", "caf\xe9"],
        ["authorization", "Bearer t"],
      ];
      const stream = listener.open({ method: "GET", path: "/?r=1", headers: sent });
      if (key === "silent") {
        if ((at & 8) !== 0) stream.resetStream("downstream_remote_disconnect");
        host.clock.advance(20_000_000n);
      }
      const status = stream.response?.status ?? 0;
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
    };
    for (let at = 0; at < 5000; at++) ask(at);
    const allocations = (): number => {
      const global = host.workers[0]?.allVms[0]?.exports[ALLOCATIONS];
      if (!(global instanceof WebAssembly.Global)) throw new Error("the module does not count");
      return Number(global.value);
    };
    const memory = host.wasmMemoryBytes();
    const before = allocations();
    expect(before).toBeGreaterThan(0);
    statuses.clear();
    for (let at = 0; at < REQUESTS; at++) ask(at);
    expect(allocations() - before).toBe(0);
    expect(host.wasmMemoryBytes()).toBe(memory);
    expect(statuses.get(200)).toBe(REQUESTS / 4);
    expect(statuses.get(403)).toBe(REQUESTS / 2 + REQUESTS / 8);
    expect(statuses.get(0)).toBe(REQUESTS / 8);
  });

  test("keeps no more decisions than it may, and forgets those that end first", async () => {
    const { host, grpc, listener } = await remembering({
      by: [{ header: "x-key" }],
      ttl: "1h",
      maxEntries: 64,
    });
    const ask = (key: string): boolean => {
      const before = grpc.asked.length;
      listener.run({ method: "GET", path: "/", headers: [["x-key", key]] });
      host.clock.advance(1_000_000n);
      return grpc.asked.length > before;
    };
    for (let key = 0; key < 10_000; key++) expect(ask(`k${key}`)).toBe(true);
    // From the last one back, so that what is asked again pushes out none that is still to be looked at.
    let known = 0;
    for (let key = 9_999; key >= 9_700; key--) {
      const before = grpc.asked.length;
      grpc.answer = () => (exchange) => exchange.end(14);
      listener.run({ method: "GET", path: "/", headers: [["x-key", `k${key}`]] });
      if (grpc.asked.length === before) known++;
    }
    expect(known).toBe(64);
    const memory = host.wasmMemoryBytes();
    grpc.answer = () => allowed({ headers: [option("x-large", "v".repeat(40_000))] });
    for (let key = 0; key < 200; key++) ask(`l${key}`);
    expect(ask("l1")).toBe(true);
    expect(host.wasmMemoryBytes() - memory).toBeLessThan(1 << 20);
  });

  test("takes nothing that it remembers for good where the clock stands still", async () => {
    const { host, grpc, listener } = await remembering({ by: [{ header: "x-key" }], ttl: "10s" });
    const ask = (): number => {
      listener.run({ method: "GET", path: "/", headers: [["x-key", "k"]] });
      return grpc.asked.length;
    };
    expect([ask(), ask()]).toEqual([1, 1]);
    host.faults.set("clock_time_get", WasmResult.InternalFailure);
    host.clock.advance(20_000_000_000n);
    expect(ask()).toBe(2);
    host.faults.clear();
    expect([ask(), ask()]).toEqual([3, 3]);
  });
});

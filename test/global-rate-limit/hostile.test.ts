/** Random bytes and broken messages in the place of answers: each request gets a decision, and the module never traps. */
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { encodeResponse } from "../../cli/ratelimit-service/messages.ts";
import { Host, PluginModule } from "../host/index.ts";
import { allowed, denied, header, ScriptedService, status } from "./service.ts";

const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);
const module = PluginModule.compile(readFileSync("build/global-rate-limit.wasm"));

const name = fc.oneof(
  fc.constantFrom("x-a", "Content-Length", ":path", "", "x".repeat(300), "a b"),
  fc.string({ unit: "binary" }),
);
const value = fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom("v", "v".repeat(9000), "a\r\nb: c"));
const headers = fc.array(
  fc.tuple(name, value).map(([key, text]) => header(key, text)),
  { maxLength: 40 },
);
const descriptorStatus = fc
  .record({
    limitRemaining: fc.nat(2 ** 31),
    requestsPerUnit: fc.constantFrom(0, 1, 100, 2 ** 32 - 1),
    unit: fc.integer({ min: 0, max: 9 }),
    seconds: fc.constantFrom(0, 1, 59, 60, 86_400, 2 ** 31, 2 ** 52),
    over: fc.boolean(),
  })
  .map(({ limitRemaining, requestsPerUnit, unit, seconds, over }) =>
    status(over, {
      limitRemaining,
      currentLimit: { requestsPerUnit, unit, name: "" },
      durationUntilReset: { seconds, nanos: 0 },
    }),
  );
const response = fc
  .record({
    over: fc.boolean(),
    statuses: fc.oneof(
      { weight: 9, arbitrary: fc.array(descriptorStatus, { maxLength: 3 }) },
      { weight: 1, arbitrary: fc.array(descriptorStatus, { minLength: 60, maxLength: 70 }) },
    ),
    responseHeadersToAdd: headers,
    requestHeadersToAdd: headers,
    rawBody: fc.oneof(fc.uint8Array(), fc.constant(new Uint8Array(70_000))),
    dynamicMetadata: fc.option(fc.uint8Array()),
  })
  .map(({ over, ...more }) => encodeResponse(over ? denied(more) : allowed(more)));
/** A few bytes of a message changed, left out or put in. */
const broken = fc
  .tuple(response, fc.array(fc.tuple(fc.nat(), fc.nat(255), fc.nat(2)), { minLength: 1, maxLength: 4 }))
  .map(([message, changes]) => {
    const bytes = [...message];
    for (const [at, byte, how] of changes) {
      const position = bytes.length === 0 ? 0 : at % bytes.length;
      bytes.splice(position, how === 0 ? 0 : 1, ...(how === 2 ? [] : [byte]));
    }
    return Uint8Array.from(bytes);
  });
const answers = fc.oneof(response, broken, broken, fc.uint8Array({ maxLength: 200 }));
const bytes = fc.string({ unit: "binary-ascii" }).map((text) => text.replace(/[^\x21-\x7e]/g, "x"));

describe(`answers that nobody meant, SEED=${seed}`, () => {
  test.each(["allow", "deny", "local"])("with failureMode %s", { timeout: 60_000 }, (failureMode) => {
    const service = new ScriptedService();
    const host = new Host({ logLevel: 3 });
    host.clusters.set("ratelimit", service.cluster);
    const local = { requests: 5, per: "minute" };
    const from = { header: "x-key" };
    const configuration = JSON.stringify({
      domain: "test",
      service: { cluster: "ratelimit" },
      failureMode,
      breaker: { consecutiveFailures: 1_000_000 },
      limits: [
        { name: "plain", descriptor: [{ key: "plain", from }], local },
        {
          name: "leased",
          descriptor: [{ key: "leased", from }],
          lease: { max: 50 },
          cacheDenials: true,
          local,
        },
      ],
    });
    const plugins = [{ module, name: "hostile", rootId: "global-rate-limit", configuration }];
    const listener = host.listen({ plugins });
    const statuses = new Map<number, number>();
    const property = fc.property(
      fc.array(answers, { minLength: 1, maxLength: 8 }),
      bytes,
      (messages, key) => {
        let next = 0;
        service.answer = () => messages[next++ % messages.length]!;
        for (let at = 0; at < messages.length + 2; at++) {
          const headers: [string, string][] = [["x-key", at % 2 === 0 ? "same" : key]];
          const { response, info } = listener.run({ method: "GET", path: "/", headers });
          const status = response?.status ?? 0;
          expect(info.details).not.toBe("wasm_fail_stream");
          expect([200, 429, 500]).toContain(status);
          statuses.set(status, (statuses.get(status) ?? 0) + 1);
          host.clock.advance(300_000_000n);
        }
      },
    );
    fc.assert(property, { seed, numRuns: 120 });
    const error = failureMode === "deny" ? [500] : [];
    expect([...statuses.keys()].sort()).toEqual([200, 429, ...error]);
  });
});

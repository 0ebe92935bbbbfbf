/** Requests that end while the service is asked about them: what it has counted is kept, and nothing of theirs becomes another's. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { encodeResponse } from "../../cli/ratelimit-service/messages.ts";
import { Way } from "../host/context.ts";
import { HeaderMap, Host, PluginModule, type HttpStream, type Listener } from "../host/index.ts";
import { allowed, denied, ScriptedService, status } from "./service.ts";

const module = PluginModule.compile(readFileSync("build/global-rate-limit.wasm"));
const MILLISECOND = 1_000_000n;
const SECOND = 1000n * MILLISECOND;

/** What the service says where there is plenty. */
const ROOMY = {
  currentLimit: { requestsPerUnit: 100_000, unit: 2, name: "" },
  limitRemaining: 90_000,
  durationUntilReset: { seconds: 50, nanos: 0 },
};

/** A proxy with a limit by `x-user`; of the users, the service refuses `ann`, and it answers after so many milliseconds. */
class Proxy {
  readonly host = new Host({ logLevel: 3 });
  readonly service = new ScriptedService();
  private readonly listener: Listener;

  constructor(limit: object = {}) {
    this.host.clusters.set("ratelimit", this.service.cluster);
    const configuration = JSON.stringify({
      domain: "test",
      service: { cluster: "ratelimit", timeout: "60s" },
      limits: [{ name: "users", descriptor: [{ key: "user", from: { header: "x-user" } }], ...limit }],
    });
    this.listener = this.host.listen({
      plugins: [{ module, name: "ended", rootId: "global-rate-limit", configuration }],
    });
    this.answerAfter(0);
  }

  answerAfter(milliseconds: number): void {
    this.service.answer =
      ({ descriptors }) =>
      (exchange) => {
        const over = descriptors[0]?.entries[0]?.value === "ann";
        const statuses = [status(over, ROOMY)];
        exchange.after(milliseconds, () => {
          exchange.send(encodeResponse(over ? denied({ statuses }) : allowed({ statuses })));
          exchange.end(0);
        });
      };
  }

  open(user: string, abortAfter?: number): HttpStream {
    const request = { method: "GET", path: "/", headers: [["x-user", user]] as [string, string][] };
    return this.listener.open(abortAfter === undefined ? request : { ...request, abortAfter });
  }

  /** What requests of these users get who all wait at the same time. */
  together(...users: string[]): (number | undefined)[] {
    this.answerAfter(10);
    const streams = users.map((user) => this.open(user));
    this.host.clock.advance(20n * MILLISECOND);
    return streams.map(({ response }) => response?.status);
  }
}

test("a lease that was fetched for a request whose client has gone is spent by others", () => {
  const proxy = new Proxy({ lease: { max: 1000 } });
  const { host, service } = proxy;
  for (let at = 0; at < 200; at++) {
    host.clock.advance(10n * MILLISECOND);
    expect(proxy.open("bob").response?.status).toBe(200);
  }
  host.clock.advance(60n * SECOND);
  proxy.answerAfter(20);
  const before = service.asked.length;
  expect(proxy.open("bob", 10).finished).toBe(false);
  host.clock.advance(30n * MILLISECOND);
  expect(service.asked).toHaveLength(before + 1);
  expect(service.asked.at(-1)?.hitsAddend).toBeGreaterThan(20);
  for (let at = 0; at < 10; at++) expect(proxy.open("bob").response?.status).toBe(200);
  expect(service.asked).toHaveLength(before + 1);
});

test("a denial is remembered of a request whose client has gone", () => {
  const proxy = new Proxy({ cacheDenials: true });
  proxy.answerAfter(20);
  proxy.open("ann", 10);
  proxy.host.clock.advance(30n * MILLISECOND);
  expect(proxy.open("ann").response?.status).toBe(429);
  expect(proxy.service.asked).toHaveLength(1);
});

test.each([
  ["before it is known that its stream is gone", 100],
  ["after that", 20_000],
])("the answer to a request whose client has gone disturbs no other one, %s", (_, milliseconds) => {
  const proxy = new Proxy();
  proxy.answerAfter(milliseconds);
  for (const user of ["ann", "bob"]) proxy.open(user, 50);
  proxy.host.clock.advance(15n * SECOND);
  const others = ["bob", "ann"].map((user) => proxy.open(user));
  proxy.host.clock.advance(30n * SECOND);
  expect(others.map(({ response }) => response?.status)).toEqual([200, 429]);
  expect(proxy.together("bob", "ann", "bob", "ann", "bob")).toEqual([200, 429, 200, 429, 200]);
});

test("the answer to a request that Envoy has answered itself meanwhile is nobody else's", () => {
  const proxy = new Proxy();
  proxy.answerAfter(10);
  const timedOut = proxy.open("ann");
  // As a timeout of the listener's has it, while a filter in front holds the response.
  timedOut.contexts[0]!.headers(Way.Encode, HeaderMap.of("response", [[":status", "408"]]), false);
  proxy.answerAfter(20);
  const other = proxy.open("bob");
  proxy.host.clock.advance(50n * MILLISECOND);
  expect(other.response?.status).toBe(200);
  expect(timedOut.response).toBeNull();
  expect(timedOut.upstream).toBeNull();
  expect(proxy.together("bob", "ann", "bob", "ann", "bob")).toEqual([200, 429, 200, 429, 200]);
});

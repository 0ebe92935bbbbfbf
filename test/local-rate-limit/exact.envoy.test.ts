import { Agent, request as httpRequest } from "node:http";
import { connect as connectHttp2 } from "node:http2";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { linearMemories, residentBytes } from "../envoy/proc.ts";
import { LimitingEnvoy } from "./envoy.ts";
import { hammer } from "./hammer.ts";

const WORKERS = 4;
const CONNECTIONS = 32;
const REQUESTS = 20_000;
/** A day's: a unit comes back every 86 s, and no test takes so long. */
const LIMIT = 1000;
const ADMITTED = { 200: LIMIT, 429: REQUESTS - LIMIT };

describe("local-rate-limit in a real Envoy of four workers", () => {
  let limiting: LimitingEnvoy;
  /** What clients saw admitted, by the limit that has to have counted it. */
  const seen = new Map<string, number>();
  const note = (limit: string, admitted: number): Map<string, number> =>
    seen.set(limit, (seen.get(limit) ?? 0) + admitted);

  beforeAll(async () => {
    limiting = await LimitingEnvoy.start(WORKERS);
  });

  afterAll(async () => {
    await limiting.stop();
  });

  test.each([1, 2, 3])("one limit admits exactly 1,000 of 20,000 at once (%i)", async (time) => {
    const { statuses } = await attack(`one-${time}`, { limits: [daily("all", LIMIT)] });
    note("all", statuses[200]!);
    expect(statuses).toEqual(ADMITTED);
  });

  test("so does a limit of which all requests have one key", async () => {
    const limits = [{ ...daily("keyed", LIMIT), key: [{ header: "x-key" }] }];
    const { statuses } = await attack("keyed", { limits }, { "x-key": "one" });
    note("keyed", statuses[200]!);
    expect(statuses).toEqual(ADMITTED);
  });

  test("so does the lower one of two limits, and the upper one is charged for no more", async () => {
    const limits = [
      { ...daily("low", LIMIT), match: { headers: { "x-both": "true" } } },
      daily("high", LIMIT + 500),
    ];
    const { statuses, port } = await attack("two", { limits }, { "x-both": "true" });
    expect(statuses).toEqual(ADMITTED);
    const rest = await hammer({ port, connections: CONNECTIONS, requests: 2000 });
    expect(Object.fromEntries(rest)).toEqual({ 200: 500, 429: 1500 });
    note("low", statuses[200]!);
    note("high", statuses[200]! + rest.get(200)!);
  });

  /** The statuses of 20,000 requests through a new listener with this plugin; prints the spread over the workers. */
  async function attack(
    name: string,
    config: object,
    headers: Record<string, string> = {},
  ): Promise<{ statuses: Record<number, number>; port: number }> {
    const port = await limiting.add(name, { plugin: config });
    await limiting.apply(1);
    const load = { port, connections: CONNECTIONS, requests: REQUESTS };
    const statuses = await hammer({ ...load, headers: () => headers });
    const spread = await limiting.connections(port);
    console.log(`${name}: connections by worker ${spread.join(" ")}`);
    expect(spread.filter((connections) => connections > 0).length).toBeGreaterThanOrEqual(2);
    return { statuses: Object.fromEntries(statuses), port };
  }

  test("over updates that keep the limit, as many are admitted as without", async () => {
    const config = (revision: number): object => ({
      limits: [daily("kept", LIMIT)],
      response: { headers: { "x-revision": String(revision) } },
    });
    const port = await limiting.add("updated", { plugin: config(0) });
    await limiting.apply(1);
    let admitted = 0;
    let answered = 0;
    let running = true;
    const clients = Array.from({ length: 8 }, async () => {
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      while (running) {
        const { status, revision } = await get(port, agent);
        answered++;
        if (status === 200) admitted++;
        else revisions.add(revision);
      }
      agent.destroy();
    });
    const revisions = new Set<string>();
    let update = 0;
    while (answered < LIMIT * 1.5) {
      limiting.set("updated", port, { plugin: config(++update) });
      await limiting.apply(1);
    }
    running = false;
    await Promise.all(clients);
    note("kept", admitted);
    console.log(
      `${answered} requests over ${update} updates, refused by revisions ${[...revisions].join(" ")}`,
    );
    expect(admitted).toBe(LIMIT);
    expect(update).toBeGreaterThan(2);
  });

  test("the counters tell what clients saw", async () => {
    // They reach Envoy with the plugins' tick of 1 s.
    await sleep(1300);
    const { stats } = JSON.parse(
      await limiting.envoy.admin("/stats?format=json&filter=outrigger_local_rate_limit"),
    ) as { stats: { name: string; value: number }[] };
    const sum = (...parts: string[]): number =>
      stats
        .filter(({ name }) => parts.every((part) => name.includes(part)))
        .reduce((total, { value }) => total + value, 0);
    console.log(`lost to contention: ${sum("contended")}`);
    for (const [limit, admitted] of seen) {
      expect(sum("_decisions", "=admitted", `=${limit}`), limit).toBe(admitted);
    }
    expect(seen.size).toBeGreaterThan(0);
  });

  test("a gRPC request over HTTP/2 that is refused gets RESOURCE_EXHAUSTED with HTTP 200", async () => {
    const port = await limiting.add("grpc", { plugin: { limits: [daily("one", 1)] } });
    await limiting.apply(1);
    const session = connectHttp2(`http://127.0.0.1:${port}`);
    try {
      const call = (): Promise<Record<string, unknown>> =>
        new Promise((resolve, reject) => {
          const headers = { ":method": "POST", ":path": "/svc/m", "content-type": "application/grpc" };
          const stream = session.request(headers);
          stream.setTimeout(5000, () => stream.destroy(new Error("no answer within 5 s")));
          stream.on("response", (answer) => resolve({ ...answer }));
          stream.on("error", reject);
          stream.resume().end();
        });
      expect((await call())["grpc-status"]).not.toBe("8");
      expect(await call()).toMatchObject({
        ":status": 200,
        "content-type": "application/grpc",
        "grpc-status": "8",
        "grpc-message": "rate limited",
      });
    } finally {
      session.destroy();
    }
  });

  test(
    "200,000 requests with keys that nobody has seen leave the memory as it is",
    { timeout: 60_000 },
    async () => {
      const limits = [{ ...daily("keys", 1), key: [{ header: "x-key" }], maxKeys: 1000 }];
      const port = await limiting.add("memory", { plugin: { limits } });
      await limiting.apply(1);
      const load = async (requests: number): Promise<{ resident: number; linear: number }> => {
        const headers = (): Record<string, string> => ({ "x-key": Math.random().toString(36) });
        const statuses = await hammer({ port, connections: CONNECTIONS, requests, headers });
        expect((statuses.get(200) ?? 0) + (statuses.get(429) ?? 0)).toBe(requests);
        const linear = linearMemories(limiting.envoy.pid).reduce((total, size) => total + size, 0);
        return { resident: residentBytes(limiting.envoy.pid), linear };
      };
      const before = await load(20_000);
      const after = await load(200_000);
      console.log(`before ${JSON.stringify(before)}, after ${JSON.stringify(after)}`);
      expect(after.linear).toBe(before.linear);
      // A key takes 45 bytes at least: kept, they would be 9 MB.
      expect(after.resident - before.resident).toBeLessThan(4 * 2 ** 20);
    },
  );
});

function daily(name: string, requests: number): object {
  return { name, limit: { requests, per: "day" } };
}

function get(port: number, agent: Agent): Promise<{ status: number; revision: string }> {
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest({ host: "127.0.0.1", port, agent, timeout: 10_000 }, (answer) => {
      answer.resume();
      answer.on("end", () =>
        resolve({ status: answer.statusCode ?? 0, revision: String(answer.headers["x-revision"]) }),
      );
    });
    outgoing.on("error", reject);
    outgoing.on("timeout", () => outgoing.destroy(new Error("no answer within 10 s")));
    outgoing.end();
  });
}

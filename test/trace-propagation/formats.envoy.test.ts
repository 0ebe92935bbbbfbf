/** The specifications' examples, and random headers beside the model, in a real Envoy: how headers arrive there is not the host's guess. */
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Header, Session } from "../driver.ts";
import { EnvoyDriver } from "../envoy/driver.ts";
import { traceHeaders } from "./headers.ts";
import { type Format, FORMATS } from "./model.ts";
import { configurationOf, Expectations, ofTraces, type Propagation, withDefaults } from "./modelled.ts";
import { headersOf } from "./proxy.ts";
import { expectSaid } from "./said.ts";
import { title, VECTORS } from "./vectors.ts";

const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);
console.log(`seed ${seed}`);

const driver = new EnvoyDriver();

afterAll(async () => {
  await driver.close();
});

async function open(config: Propagation): Promise<Session> {
  return driver.open({
    plugins: [
      {
        module: "build/trace-propagation.wasm",
        name: "traces",
        rootId: "trace-propagation",
        configuration: JSON.stringify(configurationOf(withDefaults(config))),
      },
    ],
    direction: "inbound",
  });
}

/** The trace headers upstream; null where Envoy itself takes no such request. */
async function pass(session: Session, headers: readonly Header[]): Promise<Header[] | null> {
  const { upstream } = await session.request({ method: "GET", path: "/", headers });
  return upstream === null ? null : ofTraces(headersOf(upstream));
}

describe("trace-propagation in a real Envoy", { timeout: 120_000 }, () => {
  const sessions = new Map<Format, Session>();

  beforeAll(async () => {
    for (const format of FORMATS) sessions.set(format, await open({ extract: [format], inject: FORMATS }));
  }, 60_000);

  test.each(VECTORS.map((vector) => [title(vector), vector] as const))("%s", async (_, vector) => {
    expectSaid(vector, (await pass(sessions.get(vector.format)!, vector.headers))!, "keep");
  });

  test.each([
    { extract: FORMATS, inject: FORMATS },
    {
      extract: [...FORMATS].reverse(),
      inject: ["datadog", "w3c"] as const,
      sampling: { default: 0 } as const,
    },
  ])("passes on what the model says: $extract", async (config) => {
    const session = await open(config);
    const bare = await driver.open({ plugins: [] });
    const expectations = new Expectations(withDefaults(config));
    let continued = 0;
    for (const headers of fc.sample(traceHeaders, { numRuns: 300, seed })) {
      const arrived = await pass(bare, headers);
      const passed = await pass(session, headers);
      expect(passed === null).toBe(arrived === null);
      if (arrived === null || passed === null) continue;
      if (expectations.check("enter", arrived, passed) !== "new") continued++;
    }
    expect(continued).toBeGreaterThan(50);
  });
});

import { afterAll, expect, test } from "vitest";
import { HostDriver } from "../host/driver.ts";
import { ScriptedService } from "./service.ts";

const driver = new HostDriver();
afterAll(() => driver.close());

test("calls that were under way when the breaker opened do not keep it open for longer", async () => {
  const service = new ScriptedService(() => () => undefined);
  const configuration = {
    domain: "test",
    service: { cluster: "ratelimit", timeout: "500ms" },
    breaker: { consecutiveFailures: 2, baseInterval: "1s" },
    limits: [{ name: "all", descriptor: [{ key: "all", value: "all" }], cacheDenials: false }],
  };
  const session = await driver.open({
    plugins: [
      {
        module: "build/global-rate-limit.wasm",
        name: "breaker",
        rootId: "global-rate-limit",
        configuration: JSON.stringify(configuration),
      },
    ],
    properties: [],
    clusters: { ratelimit: service.cluster },
  });
  const ask = () => session.request({ method: "GET", path: "/" });
  const waiting = Array.from({ length: 6 }, ask);
  await session.advance(500);
  for (const { response } of await Promise.all(waiting)) expect(response.status).toBe(200);
  expect(service.asked).toHaveLength(6);
  await session.advance(900);
  await ask();
  expect(service.asked).toHaveLength(6);
  await session.advance(200);
  const attempt = ask();
  await session.advance(500);
  await attempt;
  expect(service.asked).toHaveLength(7);
  await session.close();
});

import { afterAll, expect, test } from "vitest";
import { HostDriver } from "../host/driver.ts";
import { allowed, ScriptedService } from "./service.ts";

const driver = new HostDriver();
afterAll(() => driver.close());

test("a request with more descriptors than a call has is left to the failure mode of the first one too many", async () => {
  const service = new ScriptedService(() => allowed());
  const limit = (at: number): object => ({
    name: `limit-${at}`,
    descriptor: [{ key: `k${at}`, value: "v" }],
    local: { requests: at === 64 ? 2 : 1000, per: "hour" },
    match: at < 64 ? {} : { headers: { "x-more": { present: true } } },
  });
  const configuration = {
    domain: "test",
    service: { cluster: "ratelimit" },
    failureMode: "local",
    limits: Array.from({ length: 70 }, (_, at) => limit(at)),
  };
  const session = await driver.open({
    plugins: [
      {
        module: "build/global-rate-limit.wasm",
        name: "bounds",
        rootId: "global-rate-limit",
        configuration: JSON.stringify(configuration),
      },
    ],
    properties: [],
    clusters: { ratelimit: service.cluster },
  });
  const ask = async (...headers: [string, string][]): Promise<string> => {
    const { response, details } = await session.request({ method: "GET", path: "/", headers });
    return response.status === 200 ? "200" : details;
  };
  expect(await ask()).toBe("200");
  expect(service.asked.at(-1)?.descriptors).toHaveLength(64);
  for (let at = 0; at < 2; at++) expect(await ask(["x-more", "1"])).toBe("200");
  // The service is asked about the others all the same.
  expect(service.asked.at(-1)?.descriptors).toHaveLength(64);
  expect(await ask(["x-more", "1"])).toBe("global-rate-limit:limit-64");
  expect(await ask()).toBe("200");
  await session.close();
});

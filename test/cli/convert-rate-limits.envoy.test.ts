/** Converted rate limits beside Envoy's own filters, in one Envoy. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { upstreamCluster } from "../envoy/cds.ts";
import { dial, send } from "../envoy/http1.ts";
import { freePort } from "../envoy/process.ts";
import { LimitingEnvoy } from "../local-rate-limit/envoy.ts";
import { converted, documents, pluginConfigOf, told } from "./converting.ts";
import {
  envoyFilter,
  filterPatch,
  globalFilter,
  globalResources,
  localFilter,
  rateLimits,
  request,
  type Asked,
} from "./rate-limit-filters.ts";
import { descriptorsOf, RecordingService } from "./recording-service.ts";

const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);
console.log(`seed ${seed}`);

const SETS = 40;

describe("converted rate limits", () => {
  test("send the descriptors that Envoy's filter sends", { timeout: 120_000 }, async () => {
    const sets = fc.sample(fc.tuple(rateLimits, fc.array(request, { minLength: 12, maxLength: 12 })), {
      seed,
      numRuns: SETS,
    });
    const recording = await RecordingService.start();
    const { port: upstream } = await freePort();
    const clusters = [
      upstreamCluster("ratelimit", recording.port, true),
      upstreamCluster("upstream", upstream),
    ];
    const limiting = await LimitingEnvoy.start(1, clusters);
    try {
      limiting.set("upstream", upstream, undefined);
      const ports: [number, number][] = [];
      for (const [at, [limits]] of sets.entries()) {
        const { manifests, left } = converted(documents(...globalResources(`ours-${at}`, limits)));
        expect(told(left)).toEqual([]);
        const native = { ...globalFilter(`native-${at}`), rate_limits: limits };
        ports.push([
          await limiting.add(
            `ours-${at}`,
            { plugin: pluginConfigOf(manifests[0]), filter: "global-rate-limit" },
            "forward",
          ),
          await limiting.add(
            `native-${at}`,
            { native: { name: "envoy.filters.http.ratelimit", typed_config: native } },
            "forward",
          ),
        ]);
      }
      await limiting.apply(1 + 2 * SETS);
      const counts = { asked: 0, unasked: 0 };
      for (const [at, [limits, requests]] of sets.entries()) {
        for (const one of requests) {
          const descriptors: string[][] = [];
          for (const port of ports[at]!) {
            recording.take();
            expect(await statusOf(port, one)).toBe(200);
            descriptors.push(recording.take().flatMap(descriptorsOf));
          }
          const [ours, native] = descriptors;
          expect(ours, JSON.stringify({ seed, at, limits, one })).toEqual(native);
          counts[native!.length > 0 ? "asked" : "unasked"]++;
        }
      }
      console.log(JSON.stringify(counts));
      expect(Math.min(...Object.values(counts))).toBeGreaterThan(20);
    } finally {
      await limiting.stop();
      recording.close();
    }
  });

  test("of one proxy admit what Envoy's filter admits", { timeout: 120_000 }, async () => {
    const cases = [
      { all: 5, users: {}, consumesDefault: true },
      { all: 8, users: { ann: 3, bob: 1 }, consumesDefault: true },
      { all: 3, users: { ann: 4 }, consumesDefault: false },
      { all: 20, users: { ann: 5, "": 2 }, consumesDefault: true },
      { all: 2, users: { "": 2 }, consumesDefault: false },
    ];
    const users = [
      "ann",
      "bob",
      "",
      "ann",
      "cat",
      "ann",
      "",
      "bob",
      "cat",
      "ann",
      "cat",
      "bob",
      "ann",
      "",
      "cat",
      "ann",
    ];
    const limiting = await LimitingEnvoy.start(1);
    try {
      const ports: [number, number][] = [];
      for (const [at, { all, users: ofUsers, consumesDefault }] of cases.entries()) {
        const typed = localFilter(all, ofUsers, consumesDefault);
        const { manifests, left } = converted(
          documents(envoyFilter("local", [filterPatch("envoy.filters.http.local_ratelimit", typed)])),
        );
        expect(told(left)).toEqual([]);
        ports.push([
          await limiting.add(`ours-${at}`, {
            plugin: pluginConfigOf(manifests[0]),
            filter: "local-rate-limit",
          }),
          await limiting.add(`native-${at}`, {
            native: { name: "envoy.filters.http.local_ratelimit", typed_config: typed },
          }),
        ]);
      }
      await limiting.apply(2 * cases.length);
      for (const [at, [our, native]] of ports.entries()) {
        const statuses: [number[], number[]] = [[], []];
        for (const user of users) {
          const headers: [string, string][] = user === "" ? [] : [["x-user", user]];
          statuses[0].push(await statusOf(our, { path: "/", headers }));
          statuses[1].push(await statusOf(native, { path: "/", headers }));
        }
        expect(statuses[0], JSON.stringify(cases[at])).toEqual(statuses[1]);
        expect(new Set(statuses[1])).toEqual(new Set([200, 429]));
      }
    } finally {
      await limiting.stop();
    }
  });
});

async function statusOf(port: number, { path, headers }: Asked): Promise<number> {
  const socket = dial(port);
  try {
    const { response } = await send(socket, { method: "GET", path, headers }, 10_000);
    return response.status;
  } finally {
    socket.destroy();
  }
}

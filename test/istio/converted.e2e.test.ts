/** What `outrigger convert` prints, beside what it was printed for, on the real istiod and Envoy. */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, onTestFailed, test } from "vitest";
import { TokenIssuer } from "../authz/tokens.ts";
import { RecordingService } from "../cli/recording-service.ts";
import type { Header, HttpRequest } from "../driver.ts";
import { RateLimit } from "../peers/ratelimit.ts";
import { Redis } from "../peers/redis.ts";
import { eventually } from "./client.ts";
import {
  generatedLimits,
  LAUNCHED,
  localLimits,
  PROBED,
  referenceLimits,
  type Limited,
} from "./converted-limits.ts";
import {
  ConvertedMesh,
  GATEWAY_RESOURCE,
  RATE_LIMIT_SERVICE,
  service,
  until,
  type Side,
} from "./converted-mesh.ts";
import { Policies, type Call } from "./converted-policies.ts";
import {
  ADDRESS,
  CLAIMS,
  DIFFERENT,
  DIFFERENT_SERVICE,
  generatedRoutes,
  HEADER,
  requestAuthentication,
  writtenRoutes,
  type Routed,
} from "./converted-routes.ts";
import { rateLimitEndpoints, VERSION } from "./modules.ts";
import { countsOf, limitOf, routeOf, verdictOf } from "./outcomes.ts";
import { play } from "./playing.ts";
import { manifests } from "./reference-mesh.ts";
import { wasmPlugin } from "./wasm-plugin.ts";

/** Values of descriptors that are over the limit. */
const REFUSED = ["bob", "An", "2"];
const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);
console.log(`SEED=${seed}`);
const POLICY_SETS = 8;
const timeout = 90_000;

describe("what outrigger convert prints", () => {
  let place: ConvertedMesh;

  // The first time on a machine Istio is built.
  beforeAll(async () => {
    place = await ConvertedMesh.start();
  }, 900_000);

  afterAll(() => place?.stop());

  const told = (): void => onTestFailed(() => console.log(place.mesh.log()));

  test("routes requests as the VirtualServices did that it was printed for", { timeout }, async () => {
    told();
    const { mesh } = place;
    const tokens = new TokenIssuer();
    const all = [...writtenRoutes(tokens.token(CLAIMS)), ...generatedRoutes(seed)];
    const resources = [...all.map((one) => one.service), DIFFERENT_SERVICE];
    const ofSidecars = all.filter(({ on }) => on === "outbound");
    const authentication = requestAuthentication(tokens.jwks);
    mesh.apply(
      authentication,
      ...ofSidecars.map((one) => service(one.service.metadata.name)),
      service(DIFFERENT_SERVICE.metadata.name, ADDRESS),
    );
    await place.route(...resources);
    const forged: Header = ["authorization", `Bearer ${tokens.forged(CLAIMS)}`];
    const withForged = { method: "GET", path: "/", authority: "claims.example", headers: [forged] };
    await until(place.at("gateway"), withForged, (_, status) => status === 401);
    const before = await routesOf(all);
    const differentBefore = await different();
    const { plugins, services, left } = await place.converter.convert([...resources, GATEWAY_RESOURCE]);
    mesh.apply(...plugins);
    for (const [side, authority] of [
      ["gateway", "acts.example"],
      ["outbound", "acts"],
    ] as const) {
      const request: HttpRequest = { method: "GET", path: "/", authority, headers: [[HEADER, "forged"]] };
      await until(place.at(side), request, (headers) => headers !== null && headers[HEADER] !== "forged");
    }
    // The plugin comes first.
    const between = await routesOf(all);
    await place.route(...services);
    const after = await routesOf(all);
    const differentAfter = await different();
    place.delete(...plugins, ...resources, authentication);
    for (const [at, { service: of, requests }] of all.entries()) {
      const what = `SEED=${seed} ${JSON.stringify({ of, requests })}`;
      expect(between[at], `with the plugin alone: ${what}`).toEqual(before[at]);
      expect(after[at], what).toEqual(before[at]);
    }
    expect(differentBefore).toEqual(DIFFERENT.map((one) => one.before));
    expect(differentAfter).toEqual(DIFFERENT.map((one) => one.after));
    const counts = countsOf(before.flat());
    console.log(
      `${all.length} VirtualServices, ${services.length} of them converted, ${left.length} things named; ${JSON.stringify(counts)}`,
    );
    for (const outcome of ["reviews-v1", "reviews-v2", "reviews-v3", "404"])
      expect(counts[outcome], outcome).toBeGreaterThan(20);
    expect(services.length).toBeGreaterThan(20);
  });

  test("asks the rate limit service what EnvoyFilters asked", { timeout }, async () => {
    told();
    const recording = await RecordingService.start(...REFUSED);
    const { services, filters, cluster, all, different } = generatedLimits(seed, recording.port);
    // Before the limits it changes a header of each request, and so what Envoy has found of its route is forgotten.
    const launch = wasmPlugin("launch", {
      on: "gateway",
      url: `oci://${place.mesh.registry.host}/outrigger/dark-launch:${VERSION}`,
      mode: "CLIENT",
      phase: "AUTHN",
      config: { header: LAUNCHED, rules: [{ name: "all", variant: "yes" }] },
    });
    /** One request after another, so that it is known who asked. */
    const answersOf = async ({ on, requests }: Limited): Promise<string[]> => {
      const answers: string[] = [];
      for (const request of requests) {
        recording.take();
        const [response] = await play(place.at(on), [request]);
        answers.push(`${limitOf(response!)} asked ${recording.takeTexts().join("; ")}`);
      }
      return answers;
    };
    const isAsked = async (probe: Limited, whether: boolean): Promise<void> => {
      const asked = (await answersOf(probe)).filter((answer) => !answer.endsWith("asked "));
      if (asked.length > 0 !== whether) throw new Error(`${probe.on}: ${asked.join("; ") || "not asked"}`);
    };
    try {
      place.mesh.apply(cluster, launch);
      await place.route(...services);
      const { before, after } = await place.replace(filters, {
        inForce: async (by) => {
          const request = { method: "GET", path: "/", authority: "elsewhere.example" };
          await until(place.at("gateway"), request, (headers) => headers?.[LAUNCHED] === "yes");
          for (const probe of PROBED) await eventually(() => isAsked(probe, by !== "nobody"));
        },
        record: async () => {
          const answers: string[][] = [];
          for (const one of [...all, different]) answers.push(await answersOf(one));
          return answers;
        },
      });
      place.delete(...services, cluster, launch);
      for (const [at, one] of all.entries())
        expect(after[at], `SEED=${seed} ${JSON.stringify({ one, filters })}`).toEqual(before[at]);
      expect([before.at(-1), after.at(-1)]).toEqual([[different.before], [different.after]]);
      const counts = countsOf(before.flat());
      const asked = before.flat().filter((answer) => !answer.endsWith("asked ")).length;
      console.log(`asked for ${asked} of ${before.flat().length} requests; ${JSON.stringify(counts)}`);
      for (const status of ["200", "429"]) expect(counts[status], status).toBeGreaterThan(5);
      expect(asked).toBeGreaterThan(20);
    } finally {
      recording.close();
    }
  });

  /** Requests to the gateway or to the sidecar, and whether their answers tell of a limit. */
  const limiting =
    (on: Side, request: HttpRequest) =>
    async (by: string): Promise<void> => {
      await eventually(async () => {
        const [response] = await play(place.at(on), [request]);
        const isTold = response!.headers.some(([name]) => name === "x-ratelimit-limit");
        if (isTold !== (by !== "nobody")) throw new Error(JSON.stringify(response));
      });
    };

  test("limits as the EnvoyFilter of istio/mesh does, with envoyproxy/ratelimit", { timeout }, async () => {
    told();
    const host = "api.example.com";
    const { service: routes, filters } = referenceLimits(host);
    const [config] = manifests("rate-limit", "service.yaml") as unknown as [{ data: Record<string, string> }];
    const redis = await Redis.start();
    const limiter = await RateLimit.start({ redis, configurations: Object.values(config.data) });
    const ask = (...headers: Header[]): HttpRequest => ({
      method: "GET",
      path: "/",
      authority: host,
      headers,
    });
    try {
      place.mesh.apply(RATE_LIMIT_SERVICE, rateLimitEndpoints(limiter.port));
      await place.route(routes);
      const { before, after } = await place.replace(filters, {
        inForce: limiting("gateway", ask()),
        record: async () => {
          // In one minute of the service's.
          const left = 60_000 - (Date.now() % 60_000);
          if (left < 10_000) await sleep(left + 100);
          await redis.flush();
          const withKey = ask(["x-api-key", "k"]);
          const requests = [...Array<HttpRequest>(25).fill(ask()), ...Array<HttpRequest>(105).fill(withKey)];
          return (await play(place.at("gateway"), requests)).map(limitOf);
        },
      });
      place.delete(routes);
      expect(after).toEqual(before);
      expect(countsOf(before)).toEqual({ 200: 120, 429: 10 });
    } finally {
      await limiter.stop();
      await redis.stop();
    }
  });

  test.each([
    ["filter", "WasmPlugin"],
    ["routes", "TrafficExtension"],
  ] as const)(
    "limits by a proxy of its own as the EnvoyFilter of its %s did, by a %s",
    { timeout },
    async (by, kind) => {
      told();
      const users = ["ann", "bob", "cat", "ann", "bob", "ann", "cat", "ann", "bob", "cat", "ann"];
      const requests = users.map((user): HttpRequest => ({
        method: "GET",
        path: "/",
        headers: [["x-user", `${user}-${kind}`]],
      }));
      const { before, after } = await place.replace(
        [localLimits({ [`ann-${kind}`]: 3, [`bob-${kind}`]: 1 }, by)],
        {
          inForce: limiting("inbound", { method: "GET", path: "/" }),
          record: async () => (await play(place.at("inbound"), requests)).map(limitOf),
          options: ["--kind", kind],
        },
      );
      expect(after).toEqual(before);
      expect(countsOf(before)).toEqual({ 200: 7, 429: 4 });
    },
  );

  test("decides as Istio's own filters do", { timeout }, async () => {
    told();
    const policies = new Policies(place.mesh.authority, new TokenIssuer());
    const sets = [
      policies.reference(),
      policies.documented(),
      policies.layered(),
      policies.ofGateway(),
      ...Array.from({ length: POLICY_SETS }, (_, number) => policies.generated(seed, number)),
    ];
    const all: string[] = [];
    for (const { name, on, resources, calls, probe } of sets) {
      const request = { method: "GET", path: probe, authority: "productpage:9080" };
      const { before, after } = await place.replace(resources, {
        inForce: async (by) => {
          if (by === "plugin") await place.configured(on, probe);
          await until(place.at(on), request, (_, status) => (status === 403) === (by !== "nobody"));
        },
        record: () => Promise.all(calls.map((call) => verdictsOf(on, call))),
      });
      for (const [at, { from, requests }] of calls.entries())
        expect(after[at], `SEED=${seed} ${name} ${JSON.stringify({ from, requests, resources })}`).toEqual(
          before[at],
        );
      all.push(...before.flat());
    }
    const counts = countsOf(all);
    console.log(`${sets.length} sets; ${JSON.stringify(counts)}`);
    for (const status of ["200", "401", "403"]) expect(counts[status], status).toBeGreaterThan(20);
  });

  test("decides the same beside policies that stay with Istio", { timeout }, async () => {
    told();
    const policies = new Policies(place.mesh.authority, new TokenIssuer());
    const { resources, calls, probe } = policies.reference();
    const all = [...resources, ...manifests("authorization", "allow-nothing.yaml")];
    const verdicts = (): Promise<string[][]> => Promise.all(calls.map((call) => verdictsOf("inbound", call)));
    place.mesh.apply(...all);
    // Until now everybody may.
    await until(place.at("inbound"), { method: "GET", path: "/" }, (_, status) => status === 403);
    const before = await verdicts();
    const { plugins, left } = await place.converter.convert(all);
    expect(left).toEqual([expect.stringContaining("allows nothing: it stays with Istio") as string]);
    place.mesh.apply(...plugins);
    await place.configured("inbound", probe);
    expect(await verdicts()).toEqual(before);
    place.delete(...plugins, ...all);
    expect(countsOf(before.flat())).toEqual({ 200: 9, 403: 27 });
  });

  test(
    "passes istioctl validate, an API server's schemas and outrigger validate",
    { timeout: 900_000 },
    async () => {
      const { files, problems, refused } = await place.converter.problems();
      expect(files).toBeGreaterThan(0);
      expect(problems).toEqual([]);
      expect(refused).toBe("");
    },
  );

  function routesOf(all: readonly Routed[]): Promise<string[][]> {
    return Promise.all(
      all.map(async ({ on, requests }) => (await play(place.at(on), requests)).map(routeOf)),
    );
  }

  async function different(): Promise<string[]> {
    return (await play(place.at("outbound"), DIFFERENT)).map(routeOf);
  }

  async function verdictsOf(on: Side, { requests, ...how }: Call): Promise<string[]> {
    return (await play({ ...place.at(on), ...how }, requests)).map(verdictOf);
  }
});

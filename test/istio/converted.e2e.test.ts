/** What `outrigger convert` prints, beside what it was printed for, on the real istiod and Envoy. */
import { afterAll, beforeAll, describe, expect, onTestFailed, test } from "vitest";
import { setTimeout as sleep } from "node:timers/promises";
import { TokenIssuer } from "../authz/tokens.ts";
import type { Header, HttpRequest, HttpResponse } from "../driver.ts";
import { parseResources } from "../peers/kube-resources.ts";
import { RateLimit } from "../peers/ratelimit.ts";
import { Redis } from "../peers/redis.ts";
import { eventually } from "./client.ts";
import { generatedLimits, localLimits, PROBED, referenceLimits, type Limited } from "./converted-limits.ts";
import { Policies, type Call } from "./converted-policies.ts";
import { ConvertedMesh, GATEWAY_RESOURCE, RATE_LIMIT_SERVICE, service, until } from "./converted-mesh.ts";
import {
  ADDRESS,
  CLAIMS,
  different as DIFFERENT_SERVICE,
  DIFFERENT,
  generatedRoutes,
  HEADER,
  requestAuthentication,
  writtenRoutes,
  type Routed,
} from "./converted-routes.ts";
import { Converter } from "./converter.ts";
import { rateLimitEndpoints } from "./modules.ts";
import { manifests } from "./reference-mesh.ts";
import { play, received, type Place } from "./playing.ts";
import { RecordingService } from "./recording-service.ts";

const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);
const POLICY_SETS = 8;
console.log(`SEED=${seed}`);

describe("what outrigger convert prints", () => {
  let place: ConvertedMesh;
  let converter: Converter;
  let recording: RecordingService;

  // The first time on a machine Istio is built.
  beforeAll(async () => {
    place = await ConvertedMesh.start();
    converter = new Converter(place.mesh.registry.host);
    recording = await RecordingService.start();
  }, 900_000);

  afterAll(async () => {
    await place?.stop();
    converter?.remove();
    recording?.close();
  });

  const told = (): void => onTestFailed(() => console.log(place.mesh.log()));

  test(
    "routes requests as the VirtualServices did that it was printed for",
    { timeout: 90_000 },
    async () => {
      told();
      const { mesh } = place;
      const tokens = new TokenIssuer();
      const different: Routed = { service: DIFFERENT_SERVICE, on: "sidecar", requests: [...DIFFERENT] };
      const all = [...writtenRoutes(tokens.token(CLAIMS)), ...generatedRoutes(seed)];
      const resources = [...all, different].map((one) => one.service);
      mesh.apply(requestAuthentication(tokens.jwks), service("different", ADDRESS));
      mesh.apply(
        ...all
          .filter(({ on }) => on === "sidecar")
          .map(({ service: { metadata } }) => service(metadata.name)),
      );
      await place.route(...resources);
      await until(
        place.outside,
        {
          method: "GET",
          path: "/",
          authority: "claims.example",
          headers: [["authorization", `Bearer ${tokens.forged(CLAIMS)}`]],
        },
        (_, status) => status === 401,
      );
      const before = await outcomes([...all, different]);
      const { plugins, services, left } = await converter.convert(
        [...resources, GATEWAY_RESOURCE],
        "--header",
        HEADER,
      );
      console.log(left.join("\n"));
      mesh.apply(...plugins);
      for (const [to, authority] of [
        [place.outside, "acts.example"],
        [place.outbound, "acts"],
      ] as const)
        await until(
          to,
          { method: "GET", path: "/", authority, headers: [[HEADER, "forged"]] },
          (headers) => headers !== null && headers[HEADER] !== "forged",
        );
      // The plugin comes first.
      const between = await outcomes(all);
      await place.route(...services);
      const after = await outcomes([...all, different]);
      for (const [
        at,
        {
          service: { metadata, spec },
          requests,
        },
      ] of all.entries())
        for (const [number, request] of requests.entries()) {
          const what = JSON.stringify({ seed, metadata, request, spec });
          expect(between[at]![number], `with the plugin alone: ${what}`).toBe(before[at]![number]);
          expect(after[at]![number], what).toBe(before[at]![number]);
        }
      expect(before.at(-1)).toEqual(DIFFERENT.map((one) => one.before));
      expect(after.at(-1)).toEqual(DIFFERENT.map((one) => one.after));
      place.delete(...plugins, ...resources);
      const counts = countsOf(before.flat());
      console.log(JSON.stringify({ services: all.length, converted: services.length, ...counts }));
    },
  );

  test("asks the rate limit service what EnvoyFilters asked", { timeout: 90_000 }, async () => {
    told();
    const { mesh } = place;
    const { services, filters, cluster, all } = generatedLimits(seed, recording.port);
    mesh.apply(cluster);
    await place.route(...services);
    mesh.apply(...filters);
    for (const probe of PROBED) await eventually(() => isAsked(probe, true));
    const before = await decisions(all);
    place.delete(...filters);
    for (const probe of PROBED) await eventually(() => isAsked(probe, false));
    const { plugins, left } = await converter.convert([...filters, GATEWAY_RESOURCE]);
    expect(left).toEqual([]);
    mesh.apply(...plugins);
    for (const probe of PROBED) await eventually(() => isAsked(probe, true));
    const after = await decisions(all);
    for (const [at, { on, requests }] of all.entries())
      for (const [number, request] of requests.entries())
        expect(after[at]![number], JSON.stringify({ seed, on, request, filters })).toBe(before[at]![number]);
    place.delete(...plugins, ...services, cluster);
    console.log(JSON.stringify(countsOf(before.flat())));
  });

  test(
    "limits as the EnvoyFilter of istio/mesh does, with the real service",
    { timeout: 90_000 },
    async () => {
      told();
      const { mesh } = place;
      const host = "api.example.com";
      const { service: routes, filters } = referenceLimits(host);
      const [config] = parseResources(manifests("rate-limit", "service.yaml")) as unknown as [
        { data: Record<string, string> },
      ];
      const redis = await Redis.start();
      const limiter = await RateLimit.start({ redis, configurations: Object.values(config.data) });
      try {
        mesh.apply(RATE_LIMIT_SERVICE, rateLimitEndpoints(limiter.port));
        await place.route(routes);
        const ask = (...headers: Header[]): HttpRequest => ({
          method: "GET",
          path: "/",
          authority: host,
          headers,
        });
        const isLimited = (whether: boolean): Promise<void> =>
          eventually(async () => {
            const [response] = await play(place.outside, [ask()]);
            if (response!.headers.some(([name]) => name === "x-ratelimit-limit") !== whether)
              throw new Error(JSON.stringify(response));
          });
        /** What each of 25 requests without a key gets, and each of 105 with one, in one minute of the service's. */
        const decided = async (): Promise<string[]> => {
          const left = 60_000 - (Date.now() % 60_000);
          if (left < 10_000) await sleep(left + 100);
          await redis.flush();
          const requests = [
            ...Array<HttpRequest>(25).fill(ask()),
            ...Array<HttpRequest>(105).fill(ask(["x-api-key", "k"])),
          ];
          return (await play(place.outside, requests)).map(limitOf);
        };
        mesh.apply(...filters);
        await isLimited(true);
        const before = await decided();
        place.delete(...filters);
        await isLimited(false);
        const { plugins, left } = await converter.convert(filters);
        expect(left).toEqual([]);
        mesh.apply(...plugins);
        await isLimited(true);
        const after = await decided();
        place.delete(...plugins, routes);
        expect(after).toEqual(before);
        expect(countsOf(before)).toEqual({ 200: 120, 429: 10 });
      } finally {
        await limiter.stop();
        await redis.stop();
      }
    },
  );

  test("limits by a proxy of its own as the EnvoyFilter did", { timeout: 90_000 }, async () => {
    told();
    const { mesh } = place;
    const filter = localLimits({ ann: 3, bob: 1 });
    const users = ["ann", "bob", "cat", "ann", "bob", "ann", "cat", "ann", "bob", "cat", "ann"];
    const isLimited = (whether: boolean): Promise<void> =>
      eventually(async () => {
        const [response] = await play(place.inbound, [{ method: "GET", path: "/" }]);
        if (response!.headers.some(([name]) => name === "x-ratelimit-limit") !== whether)
          throw new Error(JSON.stringify(response));
      });
    const decided = async (): Promise<string[]> => {
      const requests = users.map((user): HttpRequest => ({
        method: "GET",
        path: "/",
        headers: [["x-user", user]],
      }));
      return (await play(place.inbound, requests)).map(limitOf);
    };
    mesh.apply(filter);
    await isLimited(true);
    const before = await decided();
    place.delete(filter);
    await isLimited(false);
    const { plugins, left } = await converter.convert([filter]);
    expect(left).toEqual([]);
    mesh.apply(...plugins);
    await isLimited(true);
    const after = await decided();
    place.delete(...plugins);
    expect(after).toEqual(before);
    expect(countsOf(before)).toEqual({ 200: 7, 429: 4 });
  });

  test("decides as Istio's own filters do", { timeout: 90_000 }, async () => {
    told();
    const { mesh } = place;
    const policies = new Policies(mesh.authority, new TokenIssuer());
    const sets = [
      policies.reference(),
      policies.documented(),
      ...Array.from({ length: POLICY_SETS }, (_, number) => policies.generated(seed, number)),
    ];
    const all: string[] = [];
    for (const { name, resources, calls, probe } of sets) {
      const inForce = (whether: boolean): Promise<void> =>
        until(
          place.inbound,
          { method: "GET", path: probe, authority: "productpage:9080" },
          (_, status) => (status === 403) === whether,
        );
      mesh.apply(...resources);
      await inForce(true);
      const before = await verdicts(calls);
      place.delete(...resources);
      await inForce(false);
      const { plugins, left } = await converter.convert(resources);
      expect(left).toEqual([]);
      mesh.apply(...plugins);
      await place.configured(probe);
      await inForce(true);
      const after = await verdicts(calls);
      place.delete(...plugins);
      await inForce(false);
      for (const [at, { from, requests }] of calls.entries())
        for (const [number, request] of requests.entries())
          expect(after[at]![number], JSON.stringify({ seed, name, from, request, resources })).toBe(
            before[at]![number],
          );
      all.push(...before.flat());
    }
    const counts = countsOf(all);
    console.log(JSON.stringify({ sets: sets.length, ...counts }));
    for (const status of ["200", "401", "403"]) expect(counts[status], status).toBeGreaterThan(20);
  });

  test(
    "passes istioctl validate, an API server's schemas and outrigger validate",
    { timeout: 900_000 },
    async () => {
      const { files, problems, refused } = await converter.problems();
      console.log(JSON.stringify({ files, problems: problems.length }));
      expect(files).toBeGreaterThan(0);
      expect(problems).toEqual([]);
      expect(refused).toBe("");
    },
  );

  /** Of each request the status, and what an application has learnt of a token. */
  async function verdicts(calls: readonly Call[]): Promise<string[][]> {
    return Promise.all(
      calls.map(async ({ requests, ...how }) =>
        (await play({ ...place.inbound, ...how }, requests)).map((response) => {
          const { authorization = "", "x-claim-sub": claim = "" } = received(response)?.headers ?? {};
          return `${response.status} ${authorization} ${String(claim)}`;
        }),
      ),
    );
  }

  /** One after another, so that it is known who asked. */
  async function decisions(all: readonly Limited[]): Promise<string[][]> {
    const decided: string[][] = [];
    for (const { on, requests } of all) {
      const outcomes: string[] = [];
      for (const request of requests) {
        recording.take();
        const [response] = await play(placeOf(on), [request]);
        const { status, body, headers } = response!;
        const limited = headers.filter(([name]) => name.startsWith("x-") && name.includes("ratelimit"));
        const said = status === 200 ? "" : ` ${Buffer.from(body).toString()} ${JSON.stringify(limited)}`;
        outcomes.push(`${status}${said} ${recording.take().join("; ")}`);
      }
      decided.push(outcomes);
    }
    return decided;
  }

  function placeOf(on: "gateway" | "sidecar" | "inbound" | "outbound"): Place {
    if (on === "gateway") return place.outside;
    return on === "inbound" ? place.inbound : place.outbound;
  }

  async function isAsked({ on, requests }: Limited, whether: boolean): Promise<void> {
    recording.take();
    await play(placeOf(on), requests);
    const asked = recording.take();
    if (asked.length > 0 !== whether) throw new Error(`${on}: asked ${asked.join("; ") || "nothing"}`);
  }

  async function outcomes(all: readonly Routed[]): Promise<string[][]> {
    return Promise.all(
      all.map(async ({ on, requests }) => {
        return (await play(placeOf(on), requests)).map(outcomeOf);
      }),
    );
  }
});

/** Which application was asked what by which route, or what the proxy said itself. */
function outcomeOf(response: HttpResponse): string {
  const echo = received(response);
  if (echo !== null) return `${echo.workload} route ${String(echo.headers["x-route"])} ${echo.path}`;
  const location = response.headers.find(([name]) => name === "location")?.[1] ?? "";
  return `${response.status} ${location} ${Buffer.from(response.body).toString()}`;
}

/** How a limit answers: of what `x-ratelimit-limit` lists, that which is nearest. */
function limitOf({ status, headers, body }: HttpResponse): string {
  const said = headers
    .filter(([name]) => /ratelimit-(?:limit|remaining)$|ratelimited$/.test(name))
    .map(([name, value]) => `${name}: ${value.split(",")[0]}`);
  return [status, ...said, status === 200 ? "" : Buffer.from(body).toString()].join(" ");
}

function countsOf(all: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const outcome of all) {
    const [which = ""] = outcome.split(" ");
    counts[which] = (counts[which] ?? 0) + 1;
  }
  return counts;
}

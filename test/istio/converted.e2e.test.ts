/** What `outrigger convert` prints, beside what it was printed for, on the real istiod and Envoy. */
import { afterAll, beforeAll, describe, expect, onTestFailed, test } from "vitest";
import { TokenIssuer } from "../authz/tokens.ts";
import type { HttpResponse } from "../driver.ts";
import { ConvertedMesh, service, until } from "./converted-mesh.ts";
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
import { play, received } from "./playing.ts";

const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);
console.log(`SEED=${seed}`);

describe("what outrigger convert prints", () => {
  let place: ConvertedMesh;
  let converter: Converter;

  // The first time on a machine Istio is built.
  beforeAll(async () => {
    place = await ConvertedMesh.start();
    converter = new Converter(place.mesh.registry.host);
  }, 900_000);

  afterAll(async () => {
    await place?.stop();
    converter?.remove();
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
      const gateways = mesh.api.store.list(mesh.api.store.types.find(({ kind }) => kind === "Gateway")!);
      const { plugins, services, left } = await converter.convert(
        [...resources, ...gateways],
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
      const counts = countsOf(before.flat());
      console.log(JSON.stringify({ services: all.length, converted: services.length, ...counts }));
    },
  );

  async function outcomes(all: readonly Routed[]): Promise<string[][]> {
    return Promise.all(
      all.map(async ({ on, requests }) => {
        const to = on === "gateway" ? place.outside : place.outbound;
        return (await play(to, requests)).map(outcomeOf);
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

function countsOf(all: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const outcome of all) {
    const [which = ""] = outcome.split(" ");
    counts[which] = (counts[which] ?? 0) + 1;
  }
  return counts;
}

/**
 * The plugins of `istio/plugins` as its overlay `digest` makes them, with the mesh's routes, access log and rate limit service, on the real
 * istiod, pilot-agent and Envoy, from a real registry: what they are to do together.
 */
import { afterAll, beforeAll, describe, expect, onTestFailed, test } from "vitest";
import { stringify } from "yaml";
import type { IstioProxy } from "../peers/istio-proxy.ts";
import { parseResources, type KubeObject } from "../peers/kube-resources.ts";
import { RateLimit } from "../peers/ratelimit.ts";
import { Redis } from "../peers/redis.ts";
import { ask, eventually, type Answer } from "./client.ts";
import { applications, logged, meshConfig, rateLimits, rateLimitService, telemetry } from "./installed.ts";
import { Mesh, type Sidecar } from "./mesh.ts";
import { rateLimitEndpoints } from "./modules.ts";
import { overlay } from "./overlay.ts";
import { at, manifestOf, resourcesIn } from "./resources.ts";
import { httpChains } from "./config-dump.ts";
import type { Echo } from "./workload.ts";

/** Of the headers here, what bookinfo's productpage passes on (`getForwardHeaders` in `samples/bookinfo/src/productpage/productpage.py`). */
const FORWARDED = [
  "x-request-id",
  "traceparent",
  "tracestate",
  "x-b3-traceid",
  "x-b3-spanid",
  "x-b3-parentspanid",
  "x-b3-sampled",
  "x-b3-flags",
];

describe("what istio/ has, applied to the real Istio", () => {
  let mesh: Mesh;
  let gateway: IstioProxy;
  let productpage: Sidecar;
  let reviews: Sidecar;
  let redis: Redis;
  let rateLimit: RateLimit;

  beforeAll(async () => {
    mesh = await Mesh.start(meshConfig());
    await applyApplication();
    redis = await Redis.start();
    rateLimit = await RateLimit.start({ redis, configurations: rateLimits() });
    mesh.apply(...rateLimitService(), rateLimitEndpoints(rateLimit.port));
    mesh.apply(...(await overlay("digest", mesh.registry)));
    // Everything is there when the gateway and both sidecars decide.
    await eventually(async () => {
      expect((await fromOutside("/admin")).body).toBe('{"error":"denied"}');
      const answer = await fromOutside("/productpage", { "x-beta-user": "true" });
      expect(seen(answer).headers).toMatchObject({ "x-variant": "v2" });
      expect((await toReviews()).body).toBe("RBAC: access denied");
    }, 60_000);
  }, 900_000);

  afterAll(async () => {
    await mesh?.stop();
    await rateLimit?.stop();
    await redis?.stop();
  });

  async function applyApplication(): Promise<void> {
    mesh.apply(...applications("productpage", "reviews"), telemetry("accessLogging"));
    await mesh.workload({
      name: "reviews-v2",
      namespace: "my-app",
      labels: { app: "reviews", version: "v2" },
    });
    const pod = (app: string): Promise<Sidecar> =>
      mesh.sidecar({
        name: `${app}-v1`,
        namespace: "my-app",
        labels: { app, version: "v1" },
        serviceAccount: app,
      });
    productpage = await pod("productpage");
    reviews = await pod("reviews");
    gateway = await mesh.gateway();
    mesh.apply(...plainGateway());
    // productpage asks reviews for /productpage, and forwards one header, or all of those that bookinfo's forwards: no baggage.
    productpage.workload.onRequest = ({ path, headers }, response) => {
      if (!path.startsWith("/productpage?with=reviews")) return false;
      const forwarded = path.endsWith("&headers=all") ? FORWARDED : ["x-request-id"];
      const own = forwarded.flatMap((name) => (name in headers ? [[name, String(headers[name])]] : []));
      void fromProductpage(Object.fromEntries(own) as Record<string, string>).then(
        ({ body }) => response.end(body),
        (error: unknown) => response.destroy(error as Error),
      );
      return true;
    };
  }

  let keys = 0;
  /** Each with another API key, so that the service's limits are not reached. */
  function fromOutside(path: string, headers: Record<string, string> = {}): Promise<Answer> {
    return anonymous(path, { "x-api-key": `key-${++keys}`, ...headers });
  }

  function anonymous(path: string, headers: Record<string, string> = {}): Promise<Answer> {
    return ask({ address: gateway.address, port: 8080, host: "api.example.com", path, headers });
  }

  function fromProductpage(headers: Record<string, string>): Promise<Answer> {
    return ask({ ...productpage.outbound, host: "reviews:9080", path: "/reviews/0", headers });
  }

  /** By plain HTTP, from somebody who has no certificate. */
  function toReviews(): Promise<Answer> {
    return ask({ address: reviews.proxy.address, port: 9080, host: "reviews:9080", path: "/reviews/0" });
  }

  const told = (): void => onTestFailed(() => console.log(mesh.log()));

  test(
    "a variant that the gateway chooses decides two hops behind it, through an application that forwards x-request-id alone",
    { timeout: 60_000 },
    async () => {
      told();
      const path = "/productpage?with=reviews";
      for (const forwarding of ["", "&headers=all"]) {
        await eventually(async () => {
          const headers = { "x-beta-user": "true", "x-variant": "v1" };
          const beta = seen(await fromOutside(path + forwarding, headers));
          expect(beta).toMatchObject({
            workload: "reviews-v2",
            headers: { "x-variant": "v2", baggage: "variant=v2" },
          });
        });
      }
      const plain = seen(await fromOutside(path, { "x-variant": "v2", baggage: "variant=v2" }));
      expect(plain).toMatchObject({ workload: "reviews-v1", headers: { "x-variant": "v1" } });
    },
  );

  test("hops have one trace, and outsiders' is not theirs", { timeout: 60_000 }, async () => {
    told();
    const outsiders = "0af7651916cd43dd8448eb211c80319c";
    const traceparent = `00-${outsiders}-b7ad6b7169203331-01`;
    const received = seen(await fromOutside("/productpage?with=reviews", { traceparent }));
    const trace = String(received.headers.traceparent).split("-")[1];
    expect(trace).toMatch(/^[0-9a-f]{32}$/);
    expect(trace).not.toBe(outsiders);
    await eventually(() => {
      const line = logged(productpage.proxy).findLast(({ path }) => path === "/productpage");
      expect(String(line?.traceparent)).toContain(trace);
    });
  });

  test("plugins stand in front of Istio's faults and CORS, also those without a phase", async () => {
    told();
    const filters = [
      ...["trace-propagation", "local-rate-limit", "authz", "global-rate-limit", "dark-launch"].map(
        (name) => `istio-system.${name}`,
      ),
      ...["grpc_stats", "fault", "cors", "router"].map((name) => `envoy.filters.http.${name}`),
    ];
    const chains = Object.values(await httpChains(gateway));
    expect(chains.map((chain) => chain.filters)).toEqual([filters]);
  });

  test("the access log is JSON, and says what the filters decided", { timeout: 60_000 }, async () => {
    told();
    expect(await fromOutside("/admin?secret=1")).toMatchObject({ status: 403, body: '{"error":"denied"}' });
    await eventually(() =>
      expect(logged(gateway).findLast(({ path }) => path === "/admin")).toMatchObject({
        method: "GET",
        authority: "api.example.com",
        response_code: 403,
        response_code_details: "authz:no-allow",
        authz: "authz:no-allow",
      }),
    );
    expect(JSON.stringify(logged(gateway))).not.toContain("secret");
  });

  test(
    "reviews is for productpage, whose certificate says so; the companion tells whence it came",
    { timeout: 60_000 },
    async () => {
      told();
      expect(seen(await fromProductpage({})).workload).toBe("reviews-v1");
      expect(await toReviews()).toMatchObject({ status: 403, body: "RBAC: access denied" });
      await eventually(() => {
        const lines = logged(reviews.proxy);
        expect(lines.findLast(({ response_code }) => response_code === 200)).toMatchObject({
          peer: "spiffe://cluster.local/ns/my-app/sa/productpage",
          // The policy on trial asks for the direct peer, which is in none of the private networks here.
          authz: "authz:outside-private-networks",
        });
        expect(lines.findLast(({ response_code }) => response_code === 403)).toMatchObject({
          authz: "authz:outside-private-networks,authz:no-allow",
        });
      });
    },
  );

  test("the service's limit of requests without a key, by the plugin", { timeout: 90_000 }, async () => {
    told();
    await twentyPass();
    await eventually(() =>
      expect(logged(gateway).findLast(({ response_code }) => response_code === 429)).toMatchObject({
        global_rate_limit: "global-rate-limit:anonymous",
      }),
    );
  });

  test("and by the EnvoyFilter that it replaces", { timeout: 150_000 }, async () => {
    told();
    mesh.delete({ kind: "WasmPlugin", name: "global-rate-limit", namespace: "istio-system" });
    const [filter] = resourcesIn("mesh/rate-limit").filter(({ kind }) => kind === "EnvoyFilter");
    // The gateway here has plain HTTP on port 80 alone.
    mesh.apply(
      ...parseResources(stringify(manifestOf(filter!)).replace("api.example.com:443", "api.example.com:80")),
    );
    // Envoy's own filter asks for requests with a key too, each of which is within its limit.
    await eventually(async () =>
      expect((await fromOutside("/productpage")).headers).toHaveProperty(
        "x-ratelimit-limit",
        "100, 100;w=60",
      ),
    );
    // What takes longer than its 20 ms, on a busy machine, passes.
    await eventually(twentyPass, 60_000);
    expect((await anonymous("/productpage")).headers).toHaveProperty("x-envoy-ratelimited", "true");
  });

  test("the same as TrafficExtensions", { timeout: 90_000 }, async () => {
    told();
    const there = [...(await overlay("digest", mesh.registry)), ...resourcesIn("mesh/rate-limit")];
    for (const { kind, metadata } of there) {
      const { name, namespace = "" } = metadata;
      if (kind === "WasmPlugin" || kind === "EnvoyFilter") mesh.api.delete({ kind, name, namespace });
    }
    // Without a filter the gateway has no such route.
    await eventually(async () => expect((await fromOutside("/admin")).status).toBe(404));
    mesh.apply(...(await overlay("traffic-extension", mesh.registry)));
    await eventually(async () => {
      expect((await fromOutside("/admin")).body).toBe('{"error":"denied"}');
      expect((await toReviews()).body).toBe("RBAC: access denied");
      const beta = seen(await fromOutside("/productpage?with=reviews", { "x-beta-user": "true" }));
      expect(beta).toMatchObject({ workload: "reviews-v2", headers: { "x-variant": "v2" } });
    });
  });

  /** In one window of the service's, which has a minute. */
  async function twentyPass(): Promise<void> {
    const left = 60_000 - (Date.now() % 60_000);
    if (left < 10_000) await new Promise((resolve) => setTimeout(resolve, left + 100));
    await redis.flush();
    const statuses: number[] = [];
    for (let i = 0; i < 22; i++) statuses.push((await anonymous("/productpage")).status);
    expect(statuses).toEqual([...Array<number>(20).fill(200), 429, 429]);
  }
});

/** What an application has received. */
function seen({ status, body }: Answer): Echo {
  expect(status, body).toBe(200);
  return JSON.parse(body) as Echo;
}

/** Gateway and route, by plain HTTP. */
function plainGateway(): KubeObject[] {
  return resourcesIn("mesh/gateway")
    .filter(({ kind }) => kind === "Gateway" || kind === "VirtualService")
    .map((resource) => {
      if (resource.kind !== "Gateway") return manifestOf(resource);
      const servers = at(resource.spec, "servers")
        .filter((server) => at(server, "port.number")[0] === 80)
        .map((server) => ({ ...(server as object), tls: undefined }));
      return { ...manifestOf(resource), spec: { ...resource.spec, servers } };
    });
}

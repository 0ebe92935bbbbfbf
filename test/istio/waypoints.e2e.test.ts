/**
 * The plugins of `istio/plugins`, as its overlays for ambient meshes make them, on a waypoint of the real istiod, pilot-agent and Envoy, from
 * a real registry. Callers ask through tunnels, as ztunnel makes them for workloads.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, onTestFailed, test } from "vitest";
import type { IstioProxy } from "../peers/istio-proxy.ts";
import { locateGatewayDefinitions } from "../peers/gateway-api.ts";
import type { KubeObject } from "../peers/kube-resources.ts";
import { RateLimit } from "../peers/ratelimit.ts";
import { Redis } from "../peers/redis.ts";
import { echo } from "./bookinfo.ts";
import { ask, eventually, type Answer, type Ask } from "./client.ts";
import { applications, logged, meshConfig, rateLimits, rateLimitService, telemetry } from "./installed.ts";
import { Mesh } from "./mesh.ts";
import { rateLimitEndpoints } from "./modules.ts";
import { overlay } from "./overlay.ts";
import { at } from "./resources.ts";
import { failurePolicies, httpChains } from "./config-dump.ts";
import { Ztunnel } from "./ztunnel.ts";

const NAMESPACE = "my-app";
/** The account whose calls the rate limit service limits most. */
const HEAVY = "heavy";

const TRACE = "0af7651916cd43dd8448eb211c80319c";

describe.each([
  ["WasmPlugins", "ambient"],
  ["TrafficExtensions", "traffic-extension-ambient"],
])("%s on a waypoint of the real Istio", (_, name) => {
  let mesh: Mesh;
  let waypoint: IstioProxy;
  let redis: Redis;
  let rateLimit: RateLimit;
  let plugins: KubeObject[];
  const ztunnels = new Map<string, Ztunnel>();

  // The first time on a machine Istio is built.
  beforeAll(async () => {
    mesh = await Mesh.start(withTunnelsPeer(meshConfig()), { gatewayApi: await locateGatewayDefinitions() });
    mesh.apply(...applications("reviews", "details"), telemetry("accessLogging", "tracing"), COLLECTOR);
    for (const [app, version] of [
      ["reviews", "v1"],
      ["reviews", "v2"],
      ["details", "v1"],
    ] as const)
      await mesh.workload({
        name: `${app}-${version}`,
        namespace: NAMESPACE,
        labels: { app, version },
        serviceAccount: app,
      });
    redis = await Redis.start();
    rateLimit = await RateLimit.start({ redis, configurations: rateLimits().map(fiveForHeavy) });
    mesh.apply(...rateLimitService(), rateLimitEndpoints(rateLimit.port));
    waypoint = await mesh.waypoint(NAMESPACE);
    plugins = await overlay(name, mesh.registry);
  }, 900_000);

  afterAll(async () => {
    for (const ztunnel of ztunnels.values()) ztunnel.close();
    await mesh?.stop();
    await rateLimit?.stop();
    await redis?.stop();
  });

  /** What a workload with this account asks a Service. */
  async function from(account: string, what: Partial<Ask> & { service?: string } = {}): Promise<Answer> {
    const { service = "reviews", ...rest } = what;
    let ztunnel = ztunnels.get(account);
    if (ztunnel === undefined) {
      const identity = { ...mesh.identity(NAMESPACE, account), authority: mesh.authority.certificate };
      ztunnel = await Ztunnel.start(waypoint.address, identity);
      ztunnels.set(account, ztunnel);
    }
    const to = { address: mesh.clusterIp(NAMESPACE, service), port: 9080 };
    return ztunnel.ask({ ...to, host: `${service}:9080`, path: `/${service}/1`, ...rest });
  }

  const told = (): void => onTestFailed(() => console.log(mesh.log()));

  test("nobody decides before they are there", async () => {
    told();
    const received = echo(await from("stranger", { headers: { "end-user": "jason" } }));
    expect(received.workload).toBe("reviews-v1");
    expect(received.headers).not.toHaveProperty("x-variant");
    const { [REVIEWS]: chain } = await httpChains(waypoint);
    expect(chain?.filters.filter((filter) => filter.startsWith(NAMESPACE))).toEqual([]);
    expect(chain?.traced).toBe(true);
    // Of what is not behind it, a waypoint has the mesh's providers alone.
    const clusters = await waypoint.admin("/clusters");
    expect(clusters).toContain("outbound|4317||jaeger-collector.observability.svc.cluster.local::");
    expect(clusters).not.toContain("outbound|8081||");
  });

  test("each is where it names, in its order, and fails as it says", async () => {
    told();
    mesh.apply(...plugins);
    const [trace, authz, local, global, launch] = [
      "my-app.trace-propagation-waypoint",
      "my-app.authz-waypoint",
      "my-app.local-rate-limit-waypoint",
      "my-app.global-rate-limit-waypoint",
      "my-app.dark-launch-waypoint",
    ] as const;
    const envoys = ["envoy.filters.http.grpc_stats", "envoy.filters.http.fault", "envoy.filters.http.cors"];
    const router = "envoy.filters.http.router";
    const ofGateway = { filters: [trace, ...envoys, router], traced: false };
    await eventually(async () => {
      expect(await httpChains(waypoint)).toEqual({
        // The tunnels themselves.
        default: { filters: ["connect_authority", router], traced: false },
        [REVIEWS]: { filters: [trace, authz, ...envoys, local, global, launch, router], traced: false },
        "inbound-vip|9080|http|details.my-app.svc.cluster.local": ofGateway,
        // To pods by their own addresses, past their Services.
        "direct-http": ofGateway,
      });
      expect(await failurePolicies(waypoint)).toEqual({
        [trace]: "FAIL_OPEN",
        [authz]: "FAIL_RELOAD",
        [local]: "FAIL_OPEN",
        [global]: "FAIL_OPEN",
        [launch]: "FAIL_OPEN",
      });
    });
  });

  test("authz knows the caller that ztunnel speaks for", async () => {
    told();
    expect(echo(await from("productpage")).workload).toBe("reviews-v1");
    expect(await from("productpage", { method: "POST" })).toMatchObject({ status: 403 });
    expect(await from("stranger")).toMatchObject({ status: 403, body: "RBAC: access denied" });
    expect(echo(await from("stranger", { path: "/health" })).path).toBe("/health");
    // It is the reviews' alone.
    expect(echo(await from("stranger", { service: "details" })).workload).toBe("details-v1");
    await eventually(() =>
      expect(logged(waypoint).findLast(({ response_code }) => response_code === 403)).toMatchObject({
        authz: "authz:no-allow",
        peer: `spiffe://${principal("stranger")}`,
      }),
    );
  });

  test("dark-launch chooses the version that the waypoint's routes lead to", async () => {
    told();
    const chosen = async (headers: Record<string, string>): Promise<[string, unknown]> => {
      const received = echo(await from("productpage", { headers }));
      return [received.workload, received.headers["x-variant"]];
    };
    expect(await chosen({ "end-user": "jason" })).toEqual(["reviews-v2", "v2"]);
    expect(await chosen({})).toEqual(["reviews-v1", "v1"]);
    expect(await chosen({ baggage: "variant=v2" })).toEqual(["reviews-v2", "v2"]);
  });

  test("trace-propagation has one trace in every format, of all Services", async () => {
    told();
    const headers = { traceparent: `00-${TRACE}-b7ad6b7169203331-01`, baggage: "tenant=a,secret=b" };
    for (const [account, service] of [
      ["productpage", "reviews"],
      ["stranger", "details"],
    ] as const) {
      const received = echo(await from(account, { service, headers })).headers;
      expect(received.traceparent).toMatch(new RegExp(`^00-${TRACE}-`));
      expect(received).toMatchObject({ "x-b3-traceid": TRACE, "x-b3-sampled": "1" });
      expect(received.baggage).toMatch(/^tenant=a(,variant=v1)?$/);
      expect(echo(await from(account, { service })).headers["x-b3-traceid"]).toMatch(/^[0-9a-f]{32}$/);
    }
  });

  describe("with other callers admitted", () => {
    const LIGHT = "light";

    beforeAll(async () => {
      const more = changed(plugin("authz"), (config) => {
        const [source] = at(config, "policies.rules.from.source") as { principals: string[] }[];
        source!.principals.push(principal(HEAVY), principal(LIGHT));
      });
      // On a busy machine an answer may take longer than a request would wait for it.
      const patient = changed(plugin("global-rate-limit"), (config) => {
        Object.assign(config.service as object, { timeout: "2s" });
      });
      mesh.apply(patient, more);
      await eventually(async () => void echo(await from(LIGHT)));
    });

    test("global-rate-limit asks the service of the mesh", { timeout: 90_000 }, async () => {
      told();
      const left = 60_000 - (Date.now() % 60_000);
      if (left < 5000) await sleep(left + 100);
      await redis.flush();
      const statuses: number[] = [];
      for (let i = 0; i < 7; i++) statuses.push((await from(HEAVY)).status);
      expect(statuses).toEqual([200, 200, 200, 200, 200, 429, 429]);
      echo(await from(HEAVY, { path: "/health" }));
      echo(await from("productpage"));
      await eventually(() =>
        expect(logged(waypoint).findLast(({ response_code }) => response_code === 429)).toMatchObject({
          global_rate_limit: "global-rate-limit:by-caller",
        }),
      );
    });

    test("local-rate-limit counts each caller for itself", async () => {
      told();
      const there = plugin("local-rate-limit");
      const few = changed(there, (config) => {
        at(config, "limits").forEach((limit) =>
          Object.assign(limit as object, { limit: { requests: 2, per: "hour" } }),
        );
        delete config.responseHeaders;
      });
      mesh.apply(few);
      try {
        const answers: [number, unknown][] = [];
        for (const account of ["productpage", "productpage", "productpage", LIGHT]) {
          const { status, headers } = await eventually(async () => {
            const answer = await from(account);
            expect(answer.headers).toHaveProperty("x-ratelimit-remaining");
            return answer;
          });
          answers.push([status, headers["x-ratelimit-remaining"]]);
        }
        expect(answers).toEqual([
          [200, "1"],
          [200, "0"],
          [429, "0"],
          [200, "1"],
        ]);
        echo(await from("productpage", { path: "/health" }));
        await eventually(() =>
          expect(logged(waypoint).findLast(({ response_code }) => response_code === 429)).toMatchObject({
            local_rate_limit: "local-rate-limit:per-caller",
          }),
        );
      } finally {
        mesh.apply(there);
      }
      await eventually(async () => void echo(await from("productpage")));
    });
  });

  test("authz has no companion there, so that ipBlocks deny", async () => {
    told();
    const reach = [
      { from: [{ source: { remoteIpBlocks: ["127.0.0.1"] } }], to: [{ operation: { paths: ["/remote"] } }] },
      { from: [{ source: { ipBlocks: ["127.0.0.1"] } }], to: [{ operation: { paths: ["/direct"] } }] },
    ];
    const more = changed(plugin("authz"), (config) => {
      const [policy] = at(config, "policies") as { rules: object[] }[];
      policy!.rules.push(...reach);
    });
    const companion = ofNetwork(plugin("authz"));
    mesh.apply(companion, more);
    await eventually(async () => void echo(await from("stranger", { path: "/remote" })));
    expect(await from("stranger", { path: "/direct" })).toMatchObject({ status: 403 });
    expect(await waypoint.admin("/config_dump?resource=dynamic_listeners")).not.toContain("authz-peer");
    await eventually(() =>
      expect(logged(waypoint).findLast(({ path }) => path === "/direct")).toMatchObject({
        authz: "authz:error",
      }),
    );
    mesh.delete({ kind: companion.kind, name: companion.metadata.name, namespace: NAMESPACE });
    mesh.apply(plugin("authz"));
  });

  test("what the gateway asks goes past it, unless the Service says otherwise", async () => {
    told();
    const gateway = await mesh.gateway();
    mesh.apply(INGRESS);
    const fromOutside = (): Promise<Answer> =>
      ask({ address: gateway.address, port: 8080, host: "api.example.com", path: "/productpage" });
    await eventually(async () => expect(echo(await fromOutside()).workload).toBe("reviews-v1"));
    const [reviews] = applications("reviews").filter(({ kind }) => kind === "Service");
    const labels = { ...reviews!.metadata.labels, "istio.io/ingress-use-waypoint": "true" };
    mesh.apply({ ...reviews!, metadata: { ...reviews!.metadata, labels } });
    await eventually(async () =>
      expect(await fromOutside()).toMatchObject({ status: 403, body: "RBAC: access denied" }),
    );
    await eventually(() =>
      expect(logged(waypoint).findLast(({ path }) => path === "/productpage")).toMatchObject({
        authz: "authz:no-allow",
      }),
    );
  });

  function plugin(filter: string): KubeObject {
    return plugins.find(({ metadata }) => metadata.name === `${filter}-waypoint`)!;
  }
});

/** A plugin of either kind with another configuration. */
function changed(plugin: KubeObject, change: (config: Record<string, unknown>) => void): KubeObject {
  const copy = structuredClone(plugin);
  const configs = [...at(copy, "spec.pluginConfig"), ...at(copy, "spec.wasm.pluginConfig")];
  for (const config of configs) change(config as Record<string, unknown>);
  return copy;
}

/** The same module as authz's companion, in front of the same Service. */
function ofNetwork(plugin: KubeObject): KubeObject {
  const copy = structuredClone(plugin) as KubeObject & { spec: { phase: string; wasm?: object } };
  copy.metadata.name = "authz-peer";
  copy.spec.phase = "AUTHN";
  Object.assign(copy.spec.wasm ?? copy.spec, {
    type: "NETWORK",
    failStrategy: "FAIL_OPEN",
    pluginConfig: { mode: "enforce" },
  });
  return copy;
}

function principal(account: string): string {
  return `cluster.local/ns/${NAMESPACE}/sa/${account}`;
}

/** Has the service let one caller ask five times a minute. */
function fiveForHeavy(configuration: string): string {
  return configuration.replace(
    "- key: caller\n",
    `- {key: caller, value: "${principal(HEAVY)}", rate_limit: {unit: minute, requests_per_unit: 5}}\n  $&`,
  );
}

/** With the access log's peer from where a waypoint has it: the certificate is the tunnel's, and what comes out of the tunnel has none. */
function withTunnelsPeer(config: object): object {
  const peer = "%FILTER_STATE(io.istio.peer_principal:PLAIN)%";
  return JSON.parse(JSON.stringify(config).replace("%DOWNSTREAM_PEER_URI_SAN%", peer)) as object;
}

/** The chain of reviews. */
const REVIEWS = "inbound-vip|9080|http|reviews.my-app.svc.cluster.local";

/** The collector of the mesh's traces, of which no pods are here. */
const COLLECTOR = `
apiVersion: v1
kind: Namespace
metadata: {name: observability}
---
apiVersion: v1
kind: Service
metadata: {name: jaeger-collector, namespace: observability}
spec: {ports: [{name: grpc-otlp, port: 4317}]}
`;

/** Of the gateway, a way to reviews. */
const INGRESS = `
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: ingress, namespace: my-app}
spec:
  selector: {istio: ingressgateway}
  servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: [api.example.com]}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: ingress, namespace: my-app}
spec:
  hosts: [api.example.com]
  gateways: [ingress]
  http: [{route: [{destination: {host: reviews.my-app.svc.cluster.local, subset: v1}}]}]
`;

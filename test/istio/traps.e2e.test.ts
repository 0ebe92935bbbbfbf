/** What `istio/README.md` says of routes and DestinationRules that are wrong, seen on the real istiod and Envoy. */
import { afterAll, beforeAll, describe, expect, onTestFailed, test } from "vitest";
import type { IstioProxy } from "../peers/istio-proxy.ts";
import type { KubeObject } from "../peers/kube-resources.ts";
import { ask, eventually, type Answer } from "./client.ts";
import { httpGateway } from "./gateway.ts";
import { Mesh } from "./mesh.ts";
import { manifestOf, resourcesIn } from "./resources.ts";

const LOG = "access.log";
const HOST = "reviews.my-app.svc.cluster.local";
const ROUTES = `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: traps, namespace: my-app}
spec:
  hosts: [traps.test]
  gateways: [traps]
  http:
    - {match: [{uri: {exact: /v1}}], route: [{destination: {host: ${HOST}, subset: v1}}]}
    - {match: [{uri: {exact: /no-pods}}], route: [{destination: {host: ${HOST}, subset: v2}}]}
    - {match: [{uri: {exact: /no-subset}}], route: [{destination: {host: ${HOST}, subset: v9}}]}
`;

describe("on the real Istio", { timeout: 60_000 }, () => {
  let mesh: Mesh;
  let gateway: IstioProxy;

  // The first time on a machine Istio is built.
  beforeAll(async () => {
    const accessLogFormat = "%REQ(:PATH)% %RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS%\n";
    mesh = await Mesh.start({ accessLogFile: LOG, accessLogFormat });
    // v2 has no pods here.
    await mesh.workload({
      name: "reviews-v1",
      namespace: "my-app",
      labels: { app: "reviews", version: "v1" },
    });
    gateway = await mesh.gateway();
    mesh.apply(
      resource("mesh/workloads", "Service"),
      resource("mesh/workloads", "DestinationRule"),
      httpGateway("traps", "traps.test"),
      ROUTES,
    );
    await eventually(async () => expect(await got("/v1")).toMatchObject({ status: 200 }));
  }, 900_000);
  afterAll(() => mesh?.stop());

  const got = (path: string): Promise<Answer> =>
    ask({ address: gateway.address, port: 8080, host: "traps.test", path });

  test.each([
    ["a subset that no DestinationRule has", "/no-subset", 503, "NC cluster_not_found"],
    ["a subset without pods", "/no-pods", 503, "UH no_healthy_upstream"],
    ["a path that no route has", "/nowhere", 404, "NR route_not_found"],
  ])("%s is told apart in the access log", async (_, path, status, why) => {
    onTestFailed(() => console.log(mesh.log()));
    expect((await got(path)).status).toBe(status);
    await eventually(() => expect(gateway.lines(LOG)).toContain(`${path} ${status} ${why}`));
  });

  test("of two DestinationRules for a host, the later one's trafficPolicy counts nothing; in the place of the first it does", async () => {
    onTestFailed(() => console.log(mesh.log()));
    const first = resource("mesh/workloads", "DestinationRule");
    const breaking = resource("mesh/circuit-breaking", "DestinationRule");
    const trafficPolicy = { loadBalancer: { simple: "ROUND_ROBIN" } };
    mesh.apply({ ...first, spec: { ...(first.spec as object), trafficPolicy } });
    await eventually(async () => expect(await cluster()).not.toHaveProperty("lb_policy"));
    // A subset of its own shows that it has arrived.
    const metadata = { ...breaking.metadata, name: "reviews-circuit-breaker" };
    const subsets = [{ name: "late", labels: { version: "v1" } }];
    mesh.apply({ ...breaking, metadata, spec: { ...(breaking.spec as object), subsets } });
    await eventually(async () => expect(await cluster("late")).toBeDefined());
    expect(await cluster()).not.toHaveProperty("outlier_detection");
    mesh.delete({ kind: "DestinationRule", name: "reviews-circuit-breaker", namespace: "my-app" });
    mesh.apply(breaking);
    await eventually(async () =>
      expect(await cluster()).toMatchObject({
        outlier_detection: { consecutive_5xx: 5, max_ejection_percent: 50 },
        circuit_breakers: { thresholds: [expect.objectContaining({ max_connections: 100 })] },
      }),
    );
  });

  /** A subset's cluster, as Envoy has it. */
  async function cluster(subset = "v1"): Promise<Record<string, unknown> | undefined> {
    const dump = JSON.parse(await gateway.admin("/config_dump?resource=dynamic_active_clusters")) as {
      configs: { cluster: Record<string, unknown> }[];
    };
    return dump.configs.find((one) => one.cluster.name === `outbound|9080|${subset}|${HOST}`)?.cluster;
  }
});

describe("where gateways have the clusters of their routes alone", { timeout: 60_000 }, () => {
  let mesh: Mesh;
  let gateway: IstioProxy;
  beforeAll(async () => {
    mesh = await Mesh.start({}, { settings: { PILOT_FILTER_GATEWAY_CLUSTER_CONFIG: "true" } });
    gateway = await mesh.gateway();
  }, 900_000);
  afterAll(() => mesh?.stop());

  test("what a plugin calls is not there, until an EnvoyFilter names it", async () => {
    onTestFailed(() => console.log(mesh.log()));
    const clusters = (): Promise<string> => gateway.admin("/config_dump?resource=dynamic_active_clusters");
    const called = "outbound|8081||ratelimit.istio-system.svc.cluster.local";
    const limits = resourcesIn("mesh/rate-limit").filter(({ kind }) => kind === "Service");
    mesh.apply(
      resource("mesh/workloads", "Service"),
      resource("mesh/workloads", "DestinationRule"),
      ...limits.map(manifestOf),
      httpGateway("traps", "traps.test"),
      ROUTES,
    );
    await eventually(async () => expect(await clusters()).toContain(HOST));
    expect(await clusters()).not.toContain(called);
    const named = manifestOf(resourcesIn("plugins/waypoint", "rate-limit-cluster.yaml")[0]!);
    const workloadSelector = { labels: { istio: "ingressgateway" } };
    mesh.apply({
      ...named,
      metadata: { ...named.metadata, namespace: "istio-system" },
      spec: { workloadSelector },
    });
    await eventually(async () => expect(await clusters()).toContain(called));
  });
});

/** That of reviews. */
function resource(folder: string, kind: string): KubeObject {
  return manifestOf(resourcesIn(folder).find((one) => one.kind === kind && one.metadata.name === "reviews")!);
}

/** What the proxies of the reference mesh are told of, and what they tell of requests: `istio/mesh/sidecar-scope` and `telemetry`. */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, onTestFailed, test } from "vitest";
import type { IstioProxy } from "../peers/istio-proxy.ts";
import type { KubeObject } from "../peers/kube-resources.ts";
import { echo } from "./bookinfo.ts";
import { eventually, many, type Answer } from "./client.ts";
import { loopbackEndpoint } from "./endpoints.ts";
import { logged, telemetry } from "./installed.ts";
import { Observations } from "./observations.ts";
import { manifests, ReferenceMesh } from "./reference-mesh.ts";
import { at, manifestOf, resourcesIn, type Spec } from "./resources.ts";
import { TraceCollector } from "./trace-collector.ts";

describe("proxies of the reference mesh", () => {
  let reference: ReferenceMesh;
  const observed = new Observations();

  // The first time on a machine Istio is built.
  beforeAll(async () => {
    reference = await ReferenceMesh.start();
  }, 900_000);
  afterEach(() => reference.restore());

  afterAll(async () => {
    observed.tell();
    await reference?.mesh.stop();
  });

  const told = (): void => onTestFailed(() => console.log(reference.mesh.log()));

  describe("sidecar-scope", () => {
    const scopeOf = (name: string): Spec =>
      resourcesIn("mesh/sidecar-scope").find(({ metadata }) => metadata.name === name)!.spec!;

    beforeAll(async () => {
      await reference.mesh.workload({
        name: "billing-1",
        namespace: "other-team",
        labels: { app: "billing" },
      });
      const metadata = { name: "billing", namespace: "other-team" };
      const spec = { selector: { app: "billing" }, ports: [{ name: "http", port: 9080 }] };
      reference.mesh.apply({ apiVersion: "v1", kind: "Service", metadata, spec });
    });
    const billing = (): Promise<Answer> => reference.fromProductpage("billing.other-team");
    /** Where productpage's proxy sends a request to it: the cluster, or the route where that answers by itself. */
    const sentTo = async (): Promise<string> => {
      const path = `/${performance.now()}`;
      await reference.fromProductpage("billing.other-team", { path });
      return eventually(() => {
        const line = logged(reference.productpage.proxy).find((one) => one.path === path);
        expect(line).toBeDefined();
        return String(line!.upstream_cluster ?? line!.route_name);
      });
    };

    test("a proxy is told of what its Sidecar names, and of nothing else", { timeout: 60_000 }, async () => {
      told();
      const infrastructure = [...manifests("telemetry"), ...manifests("rate-limit", "service.yaml")];
      reference.apply(...infrastructure.filter(({ kind }) => kind === "Service"));
      const before = await eventually(async () => {
        echo(await billing());
        const hosts = await hostsOf(reference.productpage.proxy);
        expect(hosts).toContain("jaeger-collector.observability");
        return hosts;
      });
      expect(before).toEqual(expect.arrayContaining(["billing.other-team", "productpage.my-app"]));

      reference.scope(reference.productpage, scopeOf("productpage"));
      reference.scope(reference.reviewsV2, scopeOf("default"));
      const [page, reviews] = await eventually(async () => {
        const found = [
          await hostsOf(reference.productpage.proxy),
          await hostsOf(reference.reviewsV2.proxy),
        ] as const;
        for (const hosts of found) expect(hosts).not.toContain("billing.other-team");
        return found;
      });
      const always = before.filter((host) => /\.(istio-system|observability)$/.test(host));
      expect(always).toContain("ratelimit.istio-system");
      const called = ["details.my-app", "ratings.my-app", "reviews.my-app"];
      expect(page).toEqual([...called, ...always].sort());
      expect(reviews).toEqual([...called, "productpage.my-app", ...always].sort());
      echo(await reference.fromProductpage("reviews", { path: "/reviews/1" }));

      observed.note(
        "sidecar-scope",
        `Services that productpage's proxy knows: ${before.length} before, ${page.length} with its own Sidecar; reviews' with the namespace's: ${reviews.length}`,
      );
    });

    test(
      "what it names not is passed through past the mesh, or refused by REGISTRY_ONLY",
      { timeout: 60_000 },
      async () => {
        told();
        await eventually(async () => echo(await billing()));
        const known = await sentTo();
        const scope = scopeOf("productpage");
        reference.scope(reference.productpage, scope);
        const past = await eventually(async () => {
          const cluster = await sentTo();
          expect(cluster).not.toBe(known);
          return cluster;
        });
        reference.scope(reference.productpage, {
          ...scope,
          outboundTrafficPolicy: { mode: "REGISTRY_ONLY" },
        });
        await eventually(async () => expect((await billing()).status).toBe(502));
        const nowhere = await sentTo();
        observed.note(
          "sidecar-scope",
          `a host that is not named: ${known}, then ${past}; REGISTRY_ONLY: 502, ${nowhere}`,
        );
        expect(known).toMatch(/^outbound\|9080\|\|billing\.other-team\./);
        expect([past, nowhere]).toEqual(["PassthroughCluster", "block_all"]);
      },
    );
  });

  describe("telemetry", () => {
    /** Of 600 requests a tenth, and four standard deviations more or less. */
    const [REQUESTS, SAMPLED, TOLERANCE] = [600, 60, 30];
    /** How long Envoy keeps spans before it sends them, and a bit (`tracing.opentelemetry.flush_interval_ms`). */
    const FLUSHED = 7000;
    const COLLECTOR = { name: "jaeger-collector", namespace: "observability" };
    let collector: TraceCollector;

    beforeAll(async () => {
      collector = await TraceCollector.start();
    });
    afterAll(() => collector?.stop());

    /** Until all proxies trace. */
    const deploy = async (): Promise<void> => {
      told();
      reference.apply(
        ...manifests("telemetry", "jaeger.yaml"),
        loopbackEndpoint(COLLECTOR, "grpc-otlp", collector.port),
        telemetry("accessLogging", "tracing"),
        ...manifests("gateway", "gateway.yaml", "virtual-service.yaml"),
        ...manifests("dark-launch"),
        withoutKeepAlive(),
      );
      await eventually(async () => {
        for (const proxy of [reference.gateway, reference.productpage.proxy, reference.reviewsV2.proxy])
          expect(await tracingOf(proxy)).toContain("opentelemetry");
        expect(
          await reference.productpage.proxy.admin("/config_dump?resource=dynamic_active_clusters"),
        ).toContain("max_requests_per_connection");
      });
    };
    /** A connection that was there before has the listener's old configuration for one more request: proxies are to keep none. */
    const withoutKeepAlive = (): KubeObject => {
      const found = manifests("workloads", "destination-rules.yaml").find(
        ({ metadata }) => metadata.name === "reviews",
      )!;
      const trafficPolicy = { connectionPool: { http: { maxRequestsPerConnection: 1 } } };
      return { ...found, spec: { ...(found.spec as object), trafficPolicy } };
    };
    /** To reviews v2, whose proxy tells spans as well; what the application behind it was sent as `traceparent`. */
    const traceparents = async (count: number): Promise<unknown[]> => {
      const headers = { "x-beta-user": "true" };
      const answers = await many(count, () =>
        reference.fromProductpage("reviews", { path: "/reviews/1", headers }),
      );
      return answers.map((answer) => echo(answer).headers.traceparent);
    };

    test("a tenth of the requests is traced, by each proxy on their way", { timeout: 120_000 }, async () => {
      await deploy();
      const [tracing] = JSON.parse(await tracingOf(reference.productpage.proxy)) as unknown[];
      expect(tracing).toMatchObject({
        random_sampling: { value: 10 },
        provider: {
          name: "envoy.tracers.opentelemetry",
          typed_config: {
            grpc_service: {
              envoy_grpc: { cluster_name: "outbound|4317||jaeger-collector.observability.svc.cluster.local" },
            },
          },
        },
      });
      const sent = await traceparents(REQUESTS);
      const sampled = sent
        .filter((one) => String(one).endsWith("-01"))
        .map((one) => String(one).split("-")[1]!);
      const traces = await eventually(() => {
        const found = ["productpage.my-app", "reviews.my-app"].map((service) => collector.tracesOf(service));
        for (const one of found) expect([...one].sort()).toEqual([...sampled].sort());
        return found;
      });
      observed.note(
        "telemetry",
        `of ${REQUESTS} requests ${sampled.length} are sampled (10 %), of which productpage's proxy tells ${traces[0]!.size} traces and reviews' ${traces[1]!.size}, the same`,
      );
      expect(Math.abs(sampled.length - SAMPLED)).toBeLessThan(TOLERANCE);
    });

    test("plugins/: Envoy's own tracing is off where the plugin traces", { timeout: 120_000 }, async () => {
      await deploy();
      const off = (placement: string): void =>
        reference.apply(...resourcesIn(`plugins/${placement}`, "telemetry.yaml").map(manifestOf));
      off("sidecar");
      const sidecars = [reference.productpage.proxy, reference.reviewsV2.proxy];
      await eventually(async () => {
        for (const proxy of sidecars) expect(await tracingOf(proxy)).toBe("[]");
      });
      // That of the namespace says nothing of the gateway, which has one of its own.
      expect(await tracingOf(reference.gateway)).toContain("opentelemetry");
      off("gateway");
      await eventually(async () => expect(await tracingOf(reference.gateway)).toBe("[]"));
      // Workers have it some time after the main thread; and spans are kept for a while.
      await eventually(async () => expect(await traceparents(1)).toEqual([undefined]));
      await sleep(FLUSHED);
      const before = collector.spans.length;
      const sent = await traceparents(200);
      await sleep(FLUSHED);
      observed.note(
        "telemetry, plugins/",
        `with no-native-tracing: ${sent.filter((one) => one !== undefined).length} of ${sent.length} requests have a traceparent, ${collector.spans.length - before} spans come`,
      );
      expect(new Set(sent)).toEqual(new Set([undefined]));
      expect(collector.spans.length).toBe(before);
      // And the access log of the mesh stays.
      await eventually(() =>
        expect(logged(reference.productpage.proxy).at(-1)).toMatchObject({ path: "/reviews/1" }),
      );
    });
  });
});

/** The Services that a proxy has clusters of, by `<name>.<namespace>`. */
async function hostsOf(proxy: IstioProxy): Promise<string[]> {
  const dump: unknown = JSON.parse(await proxy.admin("/config_dump?resource=dynamic_active_clusters"));
  const hosts = at(dump, "configs.cluster.name")
    .map((name) => /^outbound\|.*\|(.+)\.svc\.cluster\.local$/.exec(String(name))?.[1])
    .filter((host) => host !== undefined);
  return [...new Set(hosts)].sort();
}

/** How the listeners of a proxy trace, in JSON; `[]` where none does. */
async function tracingOf(proxy: IstioProxy): Promise<string> {
  const dump: unknown = JSON.parse(await proxy.admin("/config_dump?resource=dynamic_listeners"));
  const listeners = at(dump, "configs.active_state.listener");
  const chains = ["filter_chains", "default_filter_chain"].flatMap((name) => at(listeners, name));
  return JSON.stringify(at(chains, "filters.typed_config.tracing"));
}

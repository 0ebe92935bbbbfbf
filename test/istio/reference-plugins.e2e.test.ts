/** The plugins of `istio/plugins`, as they are but for the registry, on the gateway and the sidecars of the reference mesh. */
import { readdirSync, readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, onTestFailed, test } from "vitest";
import type { IstioProxy } from "../peers/istio-proxy.ts";
import { echo } from "./bookinfo.ts";
import { eventually } from "./client.ts";
import { pushModules } from "./modules.ts";
import { manifests, ReferenceMesh } from "./reference-mesh.ts";

describe("the plugins of istio/plugins", () => {
  let reference: ReferenceMesh;

  // The first time on a machine Istio is built.
  beforeAll(async () => {
    reference = await ReferenceMesh.start();
    await pushModules(reference.mesh.registry);
    // The clusters that they name.
    reference.apply(manifests("rate-limit", "service.yaml"));
    reference.apply(manifests("telemetry", "jaeger.yaml"));
    reference.apply(manifests("gateway", "gateway.yaml", "virtual-service.yaml"));
    reference.apply(manifests("dark-launch"));
    await eventually(async () => echo(await reference.fromOutside()));
    for (const placement of ["gateway", "sidecar"]) reference.apply(plugins(placement));
  }, 900_000);
  afterAll(() => reference?.mesh.stop());

  const plugins = (placement: string): string =>
    readdirSync(`istio/plugins/${placement}`)
      .filter((name) => name !== "kustomization.yaml")
      .map((name) => readFileSync(`istio/plugins/${placement}/${name}`, "utf8"))
      .join("\n---\n")
      .replaceAll("registry.example", reference.mesh.registry.host);

  test("each is loaded where it is meant to be, and nowhere else", { timeout: 60_000 }, async () => {
    onTestFailed(() => console.log(reference.mesh.log()));
    const { gateway, productpage, reviewsV2 } = reference;
    await eventually(async () => {
      expect(await loaded(gateway)).toEqual([
        "istio-system.authz: Wasm",
        "istio-system.dark-launch: Wasm",
        "istio-system.global-rate-limit: Wasm",
        "istio-system.local-rate-limit: Wasm",
        "istio-system.trace-propagation: Wasm",
      ]);
      expect(await loaded(productpage.proxy)).toEqual([
        "my-app.dark-launch: Wasm",
        "my-app.local-rate-limit: Wasm",
        "my-app.trace-propagation: Wasm",
      ]);
      expect(await loaded(reviewsV2.proxy)).toEqual([
        "my-app.authz: Wasm",
        "my-app.global-rate-limit: Wasm",
        "my-app.trace-propagation: Wasm",
      ]);
    });
  });

  test(
    "the gateway serves what its policy allows, with a trace and a variant",
    { timeout: 60_000 },
    async () => {
      onTestFailed(() => console.log(reference.mesh.log()));
      const denied = { status: 403, body: '{"error":"denied"}' };
      await eventually(async () =>
        expect(await reference.fromOutside({ path: "/admin" })).toMatchObject(denied),
      );
      const headers = {
        "x-beta-user": "true",
        traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
      };
      const received = await eventually(async () => {
        const one = echo(await reference.fromOutside({ headers })).headers;
        expect(one).toMatchObject({ "x-variant": "v2" });
        return one;
      });
      expect(received.traceparent).toMatch(/^00-(?!0af7651916cd43dd8448eb211c80319c)[0-9a-f]{32}-/);
      expect(received["x-b3-traceid"]).toBe(String(received.traceparent).slice(3, 35));
    },
  );

  test(
    "reviews is asked in the version that productpage's user has, by productpage alone",
    { timeout: 60_000 },
    async () => {
      onTestFailed(() => console.log(reference.mesh.log()));
      await eventually(async () =>
        expect(await reference.fromNobody()).toMatchObject({ status: 403, body: "RBAC: access denied" }),
      );
      // It is our filter that has denied.
      await eventually(() =>
        expect(reference.reviewsV2.proxy.lines("access.log").join("\n")).toMatch(/ 403 - authz:/),
      );
      // The network plugin has told it of the peer, which is in none of the networks of a policy in shadow.
      await eventually(async () => {
        const stats = await reference.reviewsV2.proxy.admin("/stats?filter=outrigger_authz");
        expect(stats).toMatch(/outrigger_authz_missing_companion: 0$/m);
        expect(stats).toMatch(/policy=\.=outside-private-networks;.*outrigger_authz_decisions: [1-9]/);
      });
      const headers = { "end-user": "jason" };
      await eventually(async () =>
        expect(
          echo(await reference.fromProductpage("reviews", { path: "/reviews/1", headers })).workload,
        ).toMatch(/^reviews-v2/),
      );
      const unknown = await reference.fromProductpage("reviews", { path: "/reviews/1" });
      expect(echo(unknown).workload).toMatch(/^reviews-v1/);
    },
  );
});

/** The extensions that a proxy has, with the kind of filter that each is, in order of their names. */
async function loaded(proxy: IstioProxy): Promise<string[]> {
  const dump = JSON.parse(await proxy.admin("/config_dump?resource=ecds_filters")) as {
    configs?: { ecds_filter: { name: string; typed_config: { "@type": string } } }[];
  };
  return (dump.configs ?? [])
    .map(({ ecds_filter: { name, typed_config } }) => {
      const plugin = /trafficextension\/(.*)~/.exec(name)?.[1] ?? name;
      return `${plugin}: ${typed_config["@type"].split(".").at(-1)}`;
    })
    .sort();
}

/**
 * The reference mesh of `istio/mesh` on loopback: its Services and subsets, with applications and proxies where a
 * cluster would have pods, with the configuration and the access log of its installation.
 */
import type { IstioProxy } from "../peers/istio-proxy.ts";
import type { KubeObject } from "../peers/kube-resources.ts";
import { ask, eventually, type Answer, type Ask } from "./client.ts";
import { echo } from "./bookinfo.ts";
import { meshConfig, telemetry } from "./installed.ts";
import { Mesh, type Sidecar, type WorkloadOptions } from "./mesh.ts";
import { at, manifestOf, resourcesIn, type Spec } from "./resources.ts";
import type { Workload } from "./workload.ts";

/** What the Gateway serves. */
export const HOST = "api.example.com";

export class ReferenceMesh {
  /** What is to be taken away. */
  #applied: KubeObject[] = [];

  private constructor(
    readonly mesh: Mesh,
    readonly gateway: IstioProxy,
    /** These have sidecars. */
    readonly productpage: Sidecar,
    readonly reviewsV2: Sidecar,
    /** These have none. */
    readonly reviewsV1: readonly [Workload, Workload],
    readonly details: Workload,
  ) {}

  static async start(): Promise<ReferenceMesh> {
    const mesh = await Mesh.start(meshConfig());
    try {
      mesh.apply(...lasting());
      const details = await mesh.workload(pod("details", "v1", 1));
      await mesh.workload(pod("ratings", "v1", 1));
      const reviewsV1 = [
        await mesh.workload(pod("reviews", "v1", 1)),
        await mesh.workload(pod("reviews", "v1", 2)),
      ] as const;
      const gateway = await mesh.gateway({ "api-tls-cert": HOST });
      const productpage = await mesh.sidecar(pod("productpage", "v1", 1));
      const reviewsV2 = await mesh.sidecar(pod("reviews", "v2", 1));
      const reference = new ReferenceMesh(mesh, gateway, productpage, reviewsV2, reviewsV1, details);
      await eventually(async () => echo(await reference.fromProductpage("reviews")));
      return reference;
    } catch (error) {
      console.log(mesh.log());
      await mesh.stop();
      throw error;
    }
  }

  /** Applies manifests until {@link restore}. */
  apply(...resources: readonly KubeObject[]): void {
    this.#applied.push(...resources);
    this.mesh.apply(...resources);
  }

  /**
   * Tells a proxy what a Sidecar has it told, until {@link restore}: its hosts, and what becomes of others. Where it listens stays, since
   * nothing is redirected here.
   */
  scope({ resource }: Sidecar, scope: Spec): void {
    const own = resource.spec as { egress: object[] };
    const hosts = at(scope, "egress.hosts");
    const { outboundTrafficPolicy } = scope;
    const spec = { ...own, outboundTrafficPolicy, egress: own.egress.map((one) => ({ ...one, hosts })) };
    this.mesh.apply({ ...resource, spec });
  }

  /** Takes away what was applied, and makes good what took the place of something else. */
  restore(): void {
    this.mesh.remove(...this.#applied);
    this.#applied = [];
    this.mesh.apply(...lasting(), this.productpage.resource, this.reviewsV2.resource);
  }

  fromProductpage(service: string, what: Partial<Ask> = {}): Promise<Answer> {
    return ask({ ...this.productpage.outbound, host: `${service}:9080`, ...what });
  }

  fromReviews(service: string, what: Partial<Ask> = {}): Promise<Answer> {
    return ask({ ...this.reviewsV2.outbound, host: `${service}:9080`, ...what });
  }

  /** Asks reviews v2 without a sidecar. */
  fromNobody(): Promise<Answer> {
    return ask({
      address: this.reviewsV2.proxy.address,
      port: 9080,
      host: "reviews:9080",
      path: "/reviews/1",
    });
  }

  /** By HTTPS at the gateway. */
  fromOutside(what: Partial<Ask> = {}): Promise<Answer> {
    const authority = this.mesh.authority.certificate;
    return ask({
      address: this.gateway.address,
      port: 8443,
      host: HOST,
      path: "/productpage",
      authority,
      ...what,
    });
  }
}

/** The manifests of a subject of `istio/mesh`, or of some of its files. */
export function manifests(subject: string, ...files: readonly string[]): KubeObject[] {
  return resourcesIn(`mesh/${subject}`, ...files).map(manifestOf);
}

/** What is there in all tests: the namespaces, the access log, and the Services. */
function lasting(): KubeObject[] {
  return [...manifests("install", "namespaces.yaml"), telemetry("accessLogging"), ...manifests("workloads")];
}

/** One of a Deployment's. */
function pod(app: string, version: string, number: number): WorkloadOptions {
  const labels = { app, version };
  return { name: `${app}-${version}-${number}`, namespace: "my-app", labels, serviceAccount: app };
}

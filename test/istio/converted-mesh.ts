/** Where conversions are played: a gateway, productpage with a sidecar, reviews in three versions behind both, and the modules in a registry. */
import type { IstioProxy } from "../peers/istio-proxy.ts";
import type { KubeObject } from "../peers/kube-resources.ts";
import type { HttpRequest } from "../driver.ts";
import { applicationOf } from "./bookinfo.ts";
import { eventually } from "./client.ts";
import { GATEWAY } from "./converted-routes.ts";
import { Converter } from "./converter.ts";
import { Mesh, type Sidecar } from "./mesh.ts";
import { pushModules } from "./modules.ts";
import { play, received, type Place } from "./playing.ts";

const [namespace, name] = GATEWAY.split("/") as [string, string];

export const GATEWAY_RESOURCE: KubeObject = {
  apiVersion: "networking.istio.io/v1",
  kind: "Gateway",
  metadata: { name, namespace },
  spec: {
    selector: { istio: "ingressgateway" },
    servers: [{ port: { number: 80, name: "http", protocol: "HTTP" }, hosts: ["*"] }],
  },
};

/** Its endpoints are a test's own. */
export const RATE_LIMIT_SERVICE: KubeObject = {
  apiVersion: "v1",
  kind: "Service",
  metadata: { name: "ratelimit", namespace: "istio-system" },
  spec: { ports: [{ name: "grpc", port: 8081 }] },
};

const SETTLED = "settled.my-app.svc.cluster.local";

export type Side = "gateway" | "inbound" | "outbound";

export interface Replacing<T> {
  /** Waits until requests show that it is so. */
  inForce: (by: "Istio" | "plugin" | "nobody") => Promise<void>;
  record: () => Promise<T>;
  /** Of the command. */
  options?: string[];
}

export interface Replaced<T> {
  before: T;
  after: T;
}

export class ConvertedMesh {
  readonly converter: Converter;
  #settled = 0;

  private constructor(
    readonly mesh: Mesh,
    readonly gateway: IstioProxy,
    readonly productpage: Sidecar,
  ) {
    this.converter = new Converter(mesh.registry.host);
  }

  static async start(): Promise<ConvertedMesh> {
    const mesh = await Mesh.start();
    try {
      for (const version of ["v1", "v2", "v3"])
        await mesh.workload({
          name: `reviews-${version}`,
          namespace: "my-app",
          labels: { app: "reviews", version },
        });
      const gateway = await mesh.gateway();
      const labels = { app: "productpage", version: "v1" };
      const productpage = await mesh.sidecar({ name: "productpage-v1", namespace: "my-app", labels });
      mesh.apply(applicationOf("v1", "v2", "v3"), GATEWAY_RESOURCE, service("settled"));
      await pushModules(mesh.registry);
      return new ConvertedMesh(mesh, gateway, productpage);
    } catch (error) {
      console.log(mesh.log());
      await mesh.stop();
      throw error;
    }
  }

  /** Where requests go: to the gateway, to productpage, or from productpage to others. */
  at(side: Side): Place {
    if (side === "gateway") return { address: this.gateway.address, port: 8080 };
    return side === "outbound"
      ? this.productpage.outbound
      : { address: this.productpage.proxy.address, port: 9080 };
  }

  /** Applies resources, and waits until the routes of both proxies have all of them: of one kind the last to come is the last to be seen. */
  async route(...resources: readonly KubeObject[]): Promise<void> {
    const mark = String(++this.#settled);
    const destination = { host: "reviews.my-app.svc.cluster.local", subset: "v1" };
    const headers = { request: { set: { "x-settled": mark } } };
    this.mesh.apply(...resources, {
      apiVersion: "networking.istio.io/v1",
      kind: "VirtualService",
      metadata: { name: "settled", namespace: "my-app" },
      spec: { hosts: [SETTLED], gateways: ["mesh", GATEWAY], http: [{ route: [{ destination }], headers }] },
    });
    for (const side of ["gateway", "outbound"] as const)
      await until(
        this.at(side),
        { method: "GET", path: "/", authority: SETTLED },
        (headers) => headers?.["x-settled"] === mark,
      );
  }

  /**
   * Waits until a plugin of the gateway, or of productpage's sidecar, has this in its configuration. A listener that drains keeps plugins that were taken away, and one of
   * the same name begins with what they had.
   */
  async configured(side: Side, text: string): Promise<void> {
    const proxy = side === "gateway" ? this.gateway : this.productpage.proxy;
    await eventually(async () => {
      const dump = await proxy.admin("/config_dump?resource=ecds_filters");
      if (!dump.includes(text)) throw new Error(`no plugin has ${text}: ${dump}`);
    });
  }

  delete(...resources: readonly KubeObject[]): void {
    for (const { kind, metadata } of resources) this.mesh.delete({ kind, ...metadata });
  }

  /** What `record` answers with the resources, and then with what they are converted to in their place, which is to be all of them. */
  async replace<T>(
    resources: readonly KubeObject[],
    { inForce, record, options = [] }: Replacing<T>,
  ): Promise<Replaced<T>> {
    this.mesh.apply(...resources);
    await inForce("Istio");
    const before = await record();
    this.delete(...resources);
    await inForce("nobody");
    const { plugins, left } = await this.converter.convert([...resources, GATEWAY_RESOURCE], ...options);
    if (left.length > 0) throw new Error(left.join("\n"));
    this.mesh.apply(...plugins);
    await inForce("plugin");
    const after = await record();
    this.delete(...plugins);
    await inForce("nobody");
    return { before, after };
  }

  async stop(): Promise<void> {
    await this.mesh.stop();
    this.converter.remove();
  }
}

/** A Service of `my-app` without pods, whose routes lead elsewhere. */
export function service(name: string, clusterIP?: string): KubeObject {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name, namespace: "my-app" },
    spec: { ports: [{ name: "http", port: 9080 }], ...(clusterIP === undefined ? {} : { clusterIP }) },
  };
}

type Headers = Record<string, string | string[] | undefined>;

/** Asks until the headers that the application has received are such; they are null where another answers. */
export async function until(
  place: Place,
  request: HttpRequest,
  holds: (headers: Headers | null, status: number) => boolean,
): Promise<void> {
  await eventually(async () => {
    const [response] = await play(place, [request]);
    const headers = received(response!)?.headers ?? null;
    if (!holds(headers, response!.status))
      throw new Error(`${request.authority}${request.path}: ${response!.status} ${JSON.stringify(headers)}`);
  });
}

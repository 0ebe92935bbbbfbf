/** An application in the mesh: a gateway, productpage with a sidecar behind it, and reviews in two versions behind both. */
import type { IstioProxy } from "../peers/istio-proxy.ts";
import { ask, type Answer, type Ask } from "./client.ts";
import { httpGateway } from "./gateway.ts";
import type { Mesh, Sidecar } from "./mesh.ts";
import type { Echo, Workload } from "./workload.ts";

/** What the gateway serves. */
export const HOST = "bookinfo.test";

/** The Services productpage and reviews, and these versions of reviews as subsets, as YAML. */
export function applicationOf(...versions: readonly string[]): string {
  const subsets = versions.map((version) => `{name: ${version}, labels: {version: ${version}}}`);
  return `
apiVersion: v1
kind: Service
metadata: {name: productpage, namespace: my-app}
spec: {selector: {app: productpage}, ports: [{name: http, port: 9080}]}
---
apiVersion: v1
kind: Service
metadata: {name: reviews, namespace: my-app}
spec: {selector: {app: reviews}, ports: [{name: http, port: 9080}]}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: reviews, namespace: my-app}
spec:
  host: reviews
  subsets: [${subsets.join(", ")}]
`;
}

/** Of reviews, v2 where `x-variant` says so. */
const MANIFESTS = `
${applicationOf("v1", "v2")}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: reviews, namespace: my-app}
spec:
  hosts: [reviews]
  http:
    - match: [{headers: {x-variant: {exact: v2}}}]
      route: [{destination: {host: reviews, subset: v2}}]
    - route: [{destination: {host: reviews, subset: v1}}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: bookinfo, namespace: my-app}
spec:
  hosts: [${HOST}]
  gateways: [bookinfo]
  http:
    - match: [{uri: {prefix: /reviews}, headers: {x-variant: {exact: v2}}}]
      route: [{destination: {host: reviews, subset: v2}}]
    - match: [{uri: {prefix: /reviews}}]
      route: [{destination: {host: reviews, subset: v1}}]
    - route: [{destination: {host: productpage}}]
`;

export class Bookinfo {
  private constructor(
    readonly gateway: IstioProxy,
    readonly productpage: Sidecar,
    readonly reviews: { v1: Workload; v2: Workload },
  ) {}

  static async deploy(mesh: Mesh): Promise<Bookinfo> {
    const version = (one: string): Promise<Workload> =>
      mesh.workload({
        name: `reviews-${one}`,
        namespace: "my-app",
        labels: { app: "reviews", version: one },
      });
    const reviews = { v1: await version("v1"), v2: await version("v2") };
    const gateway = await mesh.gateway();
    mesh.apply(httpGateway("bookinfo", HOST), MANIFESTS);
    const productpage = await mesh.sidecar({
      name: "productpage-v1",
      namespace: "my-app",
      labels: { app: "productpage", version: "v1" },
      serviceAccount: "bookinfo-productpage",
    });
    return new Bookinfo(gateway, productpage, reviews);
  }

  /** What a client of the gateway asks: `/reviews/..` of reviews, all else of productpage. */
  fromOutside(what: Partial<Ask> = {}): Promise<Answer> {
    return ask({ address: this.gateway.address, port: 8080, host: HOST, ...what });
  }

  /** What somebody without a sidecar asks productpage's sidecar, by plain HTTP. */
  fromNobody(what: Partial<Ask> = {}): Promise<Answer> {
    return ask({ address: this.productpage.proxy.address, port: 9080, host: "productpage:9080", ...what });
  }

  /** What productpage asks reviews, through its sidecar. */
  fromProductpage(what: Partial<Ask> = {}): Promise<Answer> {
    return ask({ ...this.productpage.outbound, host: "reviews:9080", ...what });
  }
}

/** What an application answers. Throws where it is no application that has. */
export function echo({ status, body }: Answer): Echo {
  if (status !== 200 || !body.startsWith("{")) throw new Error(`no application's answer: ${status} ${body}`);
  return JSON.parse(body) as Echo;
}

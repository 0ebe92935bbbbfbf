/** A Gateway resource of the ingress gateway that serves a host by plain HTTP on port 80. */
import type { KubeObject } from "../peers/kube-resources.ts";

/** In the namespace `my-app`, whose routes name it by `name`. */
export function httpGateway(name: string, host: string): KubeObject {
  const server = { port: { number: 80, name: "http", protocol: "HTTP" }, hosts: [host] };
  return {
    apiVersion: "networking.istio.io/v1",
    kind: "Gateway",
    metadata: { name, namespace: "my-app" },
    spec: { selector: { istio: "ingressgateway" }, servers: [server] },
  };
}

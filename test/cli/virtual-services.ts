/** VirtualServices and Gateways as the tests of `outrigger convert` have them. */

export function virtualService(http: readonly object[], spec: object = {}, name = "reviews"): object {
  return {
    apiVersion: "networking.istio.io/v1",
    kind: "VirtualService",
    metadata: { name, namespace: "my-app" },
    spec: { hosts: ["reviews"], http, ...spec },
  };
}

export function gateway(name: string): object {
  return {
    apiVersion: "networking.istio.io/v1",
    kind: "Gateway",
    metadata: { name, namespace: "istio-ingress" },
    spec: { selector: { istio: "ingress" }, servers: [] },
  };
}

export const to = (subset: string): object => ({ route: [{ destination: { host: "reviews", subset } }] });

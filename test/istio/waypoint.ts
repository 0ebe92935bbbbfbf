/** A waypoint, as `istioctl waypoint apply` and istiod's controller of deployments make it, for stock Envoy on loopback. */
import { run } from "../peers/cache.ts";
import { locateIstio } from "../peers/istio.ts";
import { parseResources, type KubeObject } from "../peers/kube-resources.ts";

const NAME = "waypoint";

/** What tells the waypoint's pod and Service (`files/waypoint.yaml` of Istio's chart istio-discovery). */
const LABELS = {
  "gateway.istio.io/managed": "istio.io-mesh-controller",
  "gateway.networking.k8s.io/gateway-name": NAME,
  "gateway.networking.k8s.io/gateway-class-name": "istio-waypoint",
};

/** The namespace with all of its Services behind the waypoint. */
export function enrolled(namespace: string): KubeObject {
  const labels = {
    "kubernetes.io/metadata.name": namespace,
    "istio.io/dataplane-mode": "ambient",
    "istio.io/use-waypoint": NAME,
  };
  return { apiVersion: "v1", kind: "Namespace", metadata: { name: namespace, labels } };
}

/** The waypoint's pod. */
export function waypointPod(namespace: string): {
  name: string;
  namespace: string;
  labels: Record<string, string>;
  port: number;
  serviceAccount: string;
  settings: Record<string, string>;
} {
  return {
    name: `${NAME}-0`,
    namespace,
    labels: LABELS,
    port: 15008,
    serviceAccount: NAME,
    // From 1.29.2 on istiod has the caller's principal kept as an object of Istio's own (istio.hashable_string, pilot/pkg/xds/filters),
    // and before as Envoy's string. Either is the same text for what reads it as a property. (Beside it, details of tracing hang on the version.)
    settings: { ISTIO_META_ISTIO_VERSION: "1.29.1" },
  };
}

/** All but the pod, which has this address. Throws `PeerNotFound`. */
export async function waypointResources(namespace: string, address: string): Promise<KubeObject[]> {
  const { istioctl } = await locateIstio();
  const { code, output } = await run(istioctl, ["waypoint", "generate", "--namespace", namespace]);
  if (code !== 0) throw new Error(`istioctl waypoint generate: ${code}\n${output}`);
  const gateways = parseResources(output).map((gateway) => ({
    ...gateway,
    // istiod does not take one for ready that has none.
    status: { addresses: [{ type: "Hostname", value: `${NAME}.${namespace}.svc.cluster.local` }] },
  }));
  return [
    ...gateways,
    {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: NAME, namespace, labels: LABELS },
      spec: {
        selector: { "gateway.networking.k8s.io/gateway-name": NAME },
        ports: [{ name: "mesh", port: 15008, protocol: "TCP", appProtocol: "all" }],
      },
    },
    onStockEnvoy(namespace, address),
  ];
}

/** Takes Istio's own filters out, for which no setting of istiod is, and has the one listener on the waypoint's address alone. */
function onStockEnvoy(namespace: string, address: string): KubeObject {
  const remove = (subFilter: string): object => ({
    applyTo: "HTTP_FILTER",
    match: {
      listener: {
        filterChain: {
          filter: { name: "envoy.filters.network.http_connection_manager", subFilter: { name: subFilter } },
        },
      },
    },
    patch: { operation: "REMOVE" },
  });
  return {
    apiVersion: "networking.istio.io/v1alpha3",
    kind: "EnvoyFilter",
    metadata: { name: "stock-envoy", namespace },
    spec: {
      targetRefs: [{ group: "gateway.networking.k8s.io", kind: "Gateway", name: NAME }],
      configPatches: [
        remove("waypoint_downstream_peer_metadata"),
        remove("waypoint_upstream_peer_metadata"),
        {
          applyTo: "LISTENER",
          match: { listener: { name: "connect_terminate" } },
          patch: { operation: "MERGE", value: { address: { socket_address: { address } } } },
        },
      ],
    },
  };
}

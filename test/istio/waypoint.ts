/** A waypoint, as `istioctl waypoint apply` and istiod's controller of deployments make it, for stock Envoy on loopback. */
import { run } from "../peers/cache.ts";
import type { IstioProxy } from "../peers/istio-proxy.ts";
import { locateIstio } from "../peers/istio.ts";
import { parseResources, type KubeObject } from "../peers/kube-resources.ts";
import { at } from "./resources.ts";

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

/** What istiod has given a waypoint for one Service's port, or for one way past all Services. */
export interface Chain {
  /** Names of HTTP filters, in order; those of plugins shortened to `<namespace>.<name>`. */
  filters: string[];
  /** Envoy's own tracing is on. */
  traced: boolean;
}

/** The chains of HTTP on a waypoint's listeners, or another proxy's, by their names. */
export async function httpChains(proxy: IstioProxy): Promise<Record<string, Chain>> {
  const dump = JSON.parse(await proxy.admin("/config_dump?resource=dynamic_listeners")) as object;
  const chains = at(dump, "configs.active_state.listener.filter_chains") as ListenerChain[];
  return Object.fromEntries(
    chains.flatMap(({ name, filters }) =>
      filters
        .filter(({ typed_config: { http_filters } }) => http_filters !== undefined)
        .map(({ typed_config: { http_filters = [], tracing } }) => [
          name,
          { filters: http_filters.map((filter) => pluginOf(filter.name)), traced: tracing !== undefined },
        ]),
    ),
  );
}

/** What a waypoint does without each plugin: Envoy's failure policy by `<namespace>.<name>`. */
export async function failurePolicies(waypoint: IstioProxy): Promise<Record<string, string>> {
  const dump = JSON.parse(await waypoint.admin("/config_dump?resource=ecds_filters")) as object;
  const plugins = at(dump, "configs.ecds_filter") as EcdsFilter[];
  return Object.fromEntries(
    plugins.map(({ name, typed_config }) => [pluginOf(name), typed_config.config.failure_policy]),
  );
}

/** envoy.config.listener.v3.FilterChain, as far as it is read. */
interface ListenerChain {
  name: string;
  filters: { typed_config: { http_filters?: { name: string }[]; tracing?: object } }[];
}

/** envoy.config.core.v3.TypedExtensionConfig of a plugin, as far as it is read. */
interface EcdsFilter {
  name: string;
  typed_config: { config: { failure_policy: string } };
}

/** istiod has one name for a plugin of either kind, which says of a WasmPlugin that it was translated. */
function pluginOf(filter: string): string {
  const [, plugin = filter] =
    /^extensions\.istio\.io\/trafficextension\/(.+?)(?:~istio-translated-wasmplugin)?$/.exec(filter) ?? [];
  return plugin;
}

/** From where `authz` fetches keys: its calls go to clusters, which a proxy has only for what the mesh knows. */
import { referencesOf, type Target } from "./plugin.ts";
import type { Resource } from "./resources.ts";

interface KeyHost {
  host: string;
  port: string;
  isTls: boolean;
}

/** A sentence for each host of `jwksUri` that the input has no ServiceEntry for, and that is no service of Kubernetes; and one of all, where waypoints ask. */
export function findKeyHosts(
  rules: readonly unknown[],
  target: Target,
  resources: readonly Resource[],
): string[] {
  const known = new Map(
    resources
      .filter(({ kind, group }) => kind === "ServiceEntry" && group === "networking.istio.io")
      .flatMap(({ spec, namespace }) =>
        (spec.get("hosts")?.items() ?? []).map((host) => [host.text() ?? "", namespace] as const),
      ),
  );
  const hosts = rules.flatMap(hostOf);
  const missing = hosts.filter(({ host }) => !known.has(host) && namespaceOfService(host) === null);
  const told = missing.map(({ host, port, isTls }) => {
    const tls = isTls ? ", and a DestinationRule with tls.mode SIMPLE, for the plugin speaks HTTP to it" : "";
    return `The keys of ${host} come by the cluster outbound|${port}||${host}: it needs a ServiceEntry (hosts: [${host}], port ${port}, resolution: DNS)${tls}.`;
  });
  if (hosts.length > 0 && referencesOf(target).length > 0) {
    const services = hosts.map(({ host }) => {
      const namespace = known.get(host) ?? namespaceOfService(host) ?? "";
      return `${namespace === "" ? "NAMESPACE" : namespace}/${host}`;
    });
    told.push(
      `A waypoint has clusters of the Services behind it, and none of keys: where targetRefs name one, it needs an EnvoyFilter with the same targetRefs and the annotation envoyfilter.istio.io/referenced-services: ${[...new Set(services)].join(",")} (namespace and host of each Service or ServiceEntry). Without it the plugin gets no keys, and refuses their tokens.`,
    );
  }
  return [...new Set(told)];
}

/** Of a rule with keys that a cluster of Istio's own leads to. */
function hostOf(rule: unknown): KeyHost[] {
  const { jwksUri, jwks_uri, jwksCluster } = rule as Record<string, unknown>;
  const uri = jwksUri ?? jwks_uri;
  if (typeof uri !== "string" || jwksCluster !== undefined || !URL.canParse(uri)) return [];
  const { protocol, hostname, port } = new URL(uri);
  const isTls = protocol === "https:";
  return [{ host: hostname, port: port || (isTls ? "443" : "80"), isTls }];
}

/** Of `name.namespace.svc`, with the cluster's domain or without; null where the host is no service of Kubernetes. */
function namespaceOfService(host: string): string | null {
  return /([^.]*)\.svc(?:\.|$)/.exec(host)?.[1] ?? null;
}

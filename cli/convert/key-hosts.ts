/** From where `authz` fetches keys: its calls go to clusters, which a proxy has only for what the mesh knows. */
import type { Resource } from "./resources.ts";

/** A sentence for each host of `jwksUri` that the input has no ServiceEntry for, and that is no service of Kubernetes. */
export function findKeyHosts(rules: readonly unknown[], resources: readonly Resource[]): string[] {
  const known = new Set(
    resources
      .filter(({ kind, group }) => kind === "ServiceEntry" && group === "networking.istio.io")
      .flatMap(({ spec }) => spec.get("hosts")?.items() ?? [])
      .map((host) => host.text()),
  );
  const told = new Set<string>();
  for (const rule of rules as { jwksUri?: unknown; jwks_uri?: unknown; jwksCluster?: unknown }[]) {
    const uri = rule.jwksUri ?? rule.jwks_uri;
    if (typeof uri !== "string" || rule.jwksCluster !== undefined || !URL.canParse(uri)) continue;
    const { protocol, hostname, port } = new URL(uri);
    if (known.has(hostname) || /\.svc(?:\.|$)/.test(hostname)) continue;
    const number = port || (protocol === "https:" ? "443" : "80");
    const tls =
      protocol === "https:"
        ? ", and a DestinationRule with tls.mode SIMPLE, for the plugin speaks HTTP to it"
        : "";
    told.add(
      `The keys of ${hostname} come by the cluster outbound|${number}||${hostname}: it needs a ServiceEntry (hosts: [${hostname}], port ${number}, resolution: DNS)${tls}.`,
    );
  }
  return [...told];
}

/** The hosts of a VirtualService: a plugin sees all requests of its proxy, and a route only those to its hosts. */
import type { Resource } from "./resources.ts";
import type { RequestMatch } from "./route-match.ts";

/** Of a cluster of Kubernetes, unless it is told another (istiod's `--domain`). */
export const CLUSTER_DOMAIN = "cluster.local";

/** Holds for requests to one of its hosts; null where these cannot be said, which is told. */
export function hostMatch({ spec, namespace, root }: Resource): RequestMatch | null {
  const exact = new Set<string>();
  const suffixes: string[] = [];
  const { report } = spec.place;
  const before = report.count;
  const hosts = spec.get("hosts")?.items() ?? [];
  if (hosts.length === 0)
    root.leave("no hosts: a route without them belongs to another VirtualService (delegation)");
  for (const host of hosts) {
    const text = host.text();
    if (text === null) continue;
    if (text === "*") return {};
    if (text.startsWith("*")) suffixes.push(text.slice(1));
    else for (const one of spellings(text, namespace)) exact.add(one);
    if (!text.includes("."))
      host.note(
        namespace === ""
          ? "a short name, and the VirtualService says no namespace: longer names of the service are not in the match"
          : `a short name, whose longest is taken for ${text}.${namespace}.svc.${CLUSTER_DOMAIN}: where the cluster has another domain, give the whole name`,
      );
  }
  if (report.count > before) return null;
  const all: RequestMatch[] = [
    ...(exact.size === 0 ? [] : [{ host: exact.size === 1 ? [...exact][0]! : { in: [...exact] } }]),
    ...suffixes.map((suffix) => ({ host: { suffix } })),
  ];
  return all.length === 1 ? all[0]! : { anyOf: all };
}

/** The domains of its virtual host in Envoy, in lower case: exact ones, `*.example` and `*`. */
export function hostsOf({ spec, namespace }: Resource): string[] {
  const hosts = spec.get("hosts")?.items() ?? [];
  return hosts.flatMap((host) => {
    const text = (host.text() ?? "").toLowerCase();
    return text.startsWith("*") ? [text] : spellings(text, namespace);
  });
}

/** Whether one has a host that the other has too, or that is more specific than one of the other's. Both may go before the other. */
export function goesBefore(one: readonly string[], other: readonly string[]): boolean {
  return one.some((host) =>
    other.some((pattern) => pattern === host || (pattern.startsWith("*") && host.endsWith(pattern.slice(1)))),
  );
}

/** What clients of a service of Kubernetes may call it (`GenerateAltVirtualHosts` of `httproute.go`); any other host is what it is. */
function spellings(host: string, namespace: string): string[] {
  const [, service, of, domain = ""] =
    /^([^.]+)\.([^.]+)\.svc(?:\.(.+))?$/.exec(host) ??
    (host.includes(".") || namespace === "" ? [] : ["", host, namespace, CLUSTER_DOMAIN]);
  if (service === undefined || of === undefined) return [host];
  const short = of === namespace ? [service] : [];
  const whole = `${service}.${of}.svc.${domain}`;
  const longest = domain === "" ? [] : [whole, `${whole}.`];
  return [...short, `${service}.${of}`, `${service}.${of}.svc`, ...longest];
}

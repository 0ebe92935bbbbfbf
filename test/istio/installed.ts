/** What `istio/` has for a whole mesh, as far as it can be on loopback. */
import type { KubeObject } from "../peers/kube-resources.ts";
import type { IstioProxy } from "../peers/istio-proxy.ts";
import { at, manifestOf, resourcesIn } from "./resources.ts";

/** In each proxy's own folder: a container's `/dev/stdout` is a socket here, which cannot be opened. */
const LOG = "access.log";

/** A line of the access log of `istio/mesh/install`. */
export type Line = Record<string, string | number | undefined>;

/** The MeshConfig of the installation, with the access log in a file. */
export function meshConfig(): object {
  const [config] = resourcesIn("mesh/install").flatMap(({ spec }) => at(spec, "meshConfig"));
  return JSON.parse(JSON.stringify(config).replace("/dev/stdout", LOG)) as object;
}

/** The mesh's Telemetry, of which only this; its metrics need Istio's own filters. */
export function telemetry(...fields: ("accessLogging" | "tracing")[]): KubeObject {
  const [there] = resourcesIn("mesh/telemetry").filter(({ kind }) => kind === "Telemetry");
  const spec = Object.fromEntries(fields.map((field) => [field, there!.spec![field]]));
  return { ...manifestOf(there!), spec };
}

/** Of these applications the Services and subsets, and where reviews' versions lead. */
export function applications(...names: string[]): KubeObject[] {
  const kinds = new Set(["Service", "DestinationRule"]);
  return [
    ...resourcesIn("mesh/workloads").filter(
      ({ kind, metadata }) => kinds.has(kind) && names.includes(metadata.name),
    ),
    ...resourcesIn("mesh/dark-launch"),
  ].map(manifestOf);
}

/** The rate limit service's configurations. */
export function rateLimits(): string[] {
  return resourcesIn("mesh/rate-limit")
    .filter(({ metadata }) => metadata.name === "ratelimit-config")
    .flatMap(({ data }) => Object.values(data ?? {}));
}

/** Its Service, of which no pods are here. */
export function rateLimitService(): KubeObject[] {
  return resourcesIn("mesh/rate-limit")
    .filter(({ kind, metadata }) => kind === "Service" && metadata.name === "ratelimit")
    .map(manifestOf);
}

/** What a proxy has logged. Envoy writes it once a second. */
export function logged(proxy: IstioProxy): Line[] {
  return proxy.lines(LOG).map((line) => JSON.parse(line) as Line);
}

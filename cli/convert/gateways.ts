/** Gateways of the input, and which targets are their proxies: plugins, policies and EnvoyFilters depend on it alike. */
import { labelsOf, type Target } from "./plugin.ts";
import type { Resource } from "./resources.ts";

/** Names that Istio's own installations and charts give gateways, as the labels `istio` and `app` have them (`_helpers.tpl` of the gateway's chart). */
const ISTIO_LABEL = /gateway$|^(?:in|e)gress$/;
const APP_LABEL = /^istio-(?:in|e)gress(?:gateway)?$/;

/**
 * What says that a target is of gateways or waypoints, which have no listeners of a sidecar's other side; null where nothing does. Labels of other
 * names say nothing: an `app` called payment-gateway has a sidecar.
 */
export function signOfGateways(target: Target, resources: readonly Resource[]): string | null {
  if (target.targetRefs !== undefined) return "targetRefs";
  const labels = labelsOf(target);
  for (const [name, value] of Object.entries(labels)) {
    const isSign =
      name === "gateway.networking.k8s.io/gateway-name" ||
      (name === "istio" && ISTIO_LABEL.test(value)) ||
      (["app", "app.kubernetes.io/name"].includes(name) && APP_LABEL.test(value));
    if (isSign) return `the label ${name}: ${value}`;
  }
  const gateway = resources.find((resource) => {
    const selector = Object.entries(selectorOf(resource) ?? {});
    return selector.length > 0 && selector.every(([name, value]) => labels[name] === value);
  });
  return gateway?.title ?? null;
}

export function findGateway(
  namespace: string,
  name: string,
  resources: readonly Resource[],
): Resource | null {
  return resources.find((one) => isGateway(one) && one.name === name && one.namespace === namespace) ?? null;
}

/** The labels of a Gateway's proxies, in all namespaces (`mergeGateways` of `push_context.go`); null where it has none, or is no Gateway. */
export function selectorOf(resource: Resource): Record<string, string> | null {
  if (!isGateway(resource)) return null;
  return (resource.spec.get("selector")?.value() ?? null) as Record<string, string> | null;
}

function isGateway({ kind, group }: Resource): boolean {
  return kind === "Gateway" && group === "networking.istio.io";
}

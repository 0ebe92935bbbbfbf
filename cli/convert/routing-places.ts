/** Which proxies route by a VirtualService: a plugin that its routes follow must be in these. */
import { findGateway, selectorOf } from "./gateways.ts";
import type { Place } from "./plugin.ts";
import type { Resource } from "./resources.ts";

export interface RoutingPlace extends Place {
  /** Where its proxies are: those of a Gateway in any namespace (`mergeGateways` of `push_context.go`), whatever that of the plugin is. */
  reach: Place;
  /** What to know of a plugin there. */
  remark: string;
}

export interface RoutingPlaces {
  /** Sidecars of its namespace for `mesh`, and the proxies of gateways. */
  places: RoutingPlace[];
  /** Why there are more, and which: each with the number of its member of `gateways`. */
  unknown: { at: number; why: string }[];
}

export function placesOf(
  { spec, namespace, title }: Resource,
  resources: readonly Resource[],
  rootNamespace: string,
): RoutingPlaces {
  const named = (spec.get("gateways")?.items() ?? []).map((one) => one.text() ?? "");
  const found: RoutingPlaces = { places: [], unknown: [] };
  for (const [at, name] of (named.length === 0 ? ["mesh"] : named).entries()) {
    if (name === "mesh") {
      const reach =
        namespace === rootNamespace
          ? `this reaches the sidecars and gateways of all namespaces, since its own (${namespace}) is the root namespace`
          : "this reaches those in its own namespace; callers in another one need the plugin there too";
      const remark = `For the callers of ${title}: ${reach}. Sidecars load it; a waypoint that routes for them does not, which loads plugins of mode SERVER that name it in targetRefs.`;
      found.places.push({ namespace, target: {}, reach: { namespace, target: {} }, remark });
      continue;
    }
    const [of, short] = resolvedName(name, namespace);
    const whole = of === "" ? short : `${of}/${short}`;
    const gateway = findGateway(of, short, resources);
    const selector = gateway === null ? null : selectorOf(gateway);
    if (gateway === null) found.unknown.push({ at, why: `the Gateway ${whole} is not in the input` });
    else if (selector === null) found.unknown.push({ at, why: `the Gateway ${whole} has no selector` });
    else {
      const target = { selector: { matchLabels: selector } };
      found.places.push({
        namespace: of,
        target,
        reach: { namespace: "", target },
        remark: `For the proxies of the Gateway ${whole}: where they are in another namespace than ${of || "it"}, the plugin belongs there.`,
      });
    }
  }
  return found;
}

/** The namespace and the name of a Gateway, as `resolveGatewayName` of istiod's `config.go` reads it: `ns/name`, `./name`, `name`, `name.ns.svc..`. */
function resolvedName(text: string, namespace: string): [string, string] {
  if (text.includes("/")) {
    const [of = "", ...rest] = text.split("/");
    return [of === "." ? namespace : of, rest.join("/")];
  }
  const [name = "", of = namespace] = text.split(".");
  return [of, name];
}

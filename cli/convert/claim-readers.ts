/** What of the input reads the claims that Istio's own filter has verified, and stays: without its `RequestAuthentication` none of it holds any more. */
import { workloadOf } from "./envoy-filter.ts";
import { signOfGateways } from "./gateways.ts";
import { overlap, type Place } from "./plugin.ts";
import type { Resource } from "./resources.ts";
import { placesOf } from "./routing-places.ts";

export interface ClaimReader {
  title: string;
  /** Whether it may be in proxies of this place. */
  meets: (place: Place) => boolean;
}

export interface ClaimReaderOptions {
  rootNamespace: string;
  /** Policies are for gateways, whatever their labels. */
  gateway: boolean;
}

/** VirtualServices as they are after the conversion: `routes` are those of a converted one. */
export function findClaimReaders(
  resources: readonly Resource[],
  routes: ReadonlyMap<Resource, readonly unknown[]>,
  options: ClaimReaderOptions,
): ClaimReader[] {
  return resources
    .filter(({ group }) => group === "networking.istio.io")
    .flatMap((resource) => {
      if (
        resource.kind === "VirtualService" &&
        matchesClaims(routes.get(resource) ?? resource.spec.get("http")?.value())
      )
        return [ofRoutes(resource, resources, options)];
      return resource.kind === "EnvoyFilter" && namesTokenFilter(resource)
        ? [ofPatches(resource, options.rootNamespace)]
        : [];
    });
}

/** By a header whose name istiod takes for a claim's path (`pkg/jwt/routing.go`). */
function matchesClaims(http: unknown): boolean {
  return /"@request\.auth\.claims[.[]/i.test(JSON.stringify(http ?? []));
}

/** In metadata that it reads, or as the filter beside which it stands. */
function namesTokenFilter({ spec }: Resource): boolean {
  return JSON.stringify(spec.value()).includes("envoy.filters.http.jwt_authn");
}

function ofRoutes(
  resource: Resource,
  resources: readonly Resource[],
  { rootNamespace, gateway }: ClaimReaderOptions,
): ClaimReader {
  const { places, unknown } = placesOf(resource, resources, rootNamespace);
  // A VirtualService without hosts is routed by where another delegates to it.
  const isAnywhere = unknown.length > 0 || !resource.spec.has("hosts");
  return {
    title: resource.title,
    meets: (place) => {
      // A plugin for sidecars says itself that tokens stay where gateways have them too.
      const isOfGateways = gateway || signOfGateways(place.target, resources) !== null;
      return (
        isAnywhere || places.some((one) => overlap(isOfGateways ? one.reach : one, place, rootNamespace))
      );
    },
  };
}

function ofPatches({ title, namespace, spec }: Resource, rootNamespace: string): ClaimReader {
  const target = workloadOf(spec);
  return { title, meets: (place) => overlap({ namespace, target }, place, rootNamespace) };
}

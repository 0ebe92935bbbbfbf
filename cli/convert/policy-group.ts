/** Policies and tokens of one target, and what is known of them. */
import type { MeshConfig } from "./mesh-config.ts";
import { labelsOf, type Target } from "./plugin.ts";
import type { Resource } from "./resources.ts";

export interface Policy {
  resource: Resource;
  action: string;
  shadow: boolean;
  /** Of a CUSTOM policy: whom it asks. */
  provider: string | null;
  config: object;
}

/** All that is for the same proxies: one plugin. */
export interface Group {
  namespace: string;
  target: Target;
  policies: Policy[];
  /** Policies that Istio goes on asking. */
  staying: Policy[];
  authentications: { resource: Resource; rules: unknown[] }[];
  /** What must be in the plugin, and cannot be: then nothing of the group is converted. */
  missing: Resource | null;
  /** A policy that allows nothing and stays with Istio: so must those that this allows by. */
  beside: Resource | null;
  members: Resource[];
  /** Members that something was told of. */
  left: Set<Resource>;
}

/** What the plugin is configured with. */
export function configurationOf(
  group: Group,
  { trustDomain, trustDomainAliases, providers }: MeshConfig,
): object {
  const rules = group.authentications.flatMap((one) => one.rules);
  const asked = providersOf(group).map((name) => providers.get(name)!.value());
  return {
    ...(trustDomain === null ? {} : { trustDomain }),
    ...(trustDomainAliases.length === 0 ? {} : { trustDomainAliases }),
    ...(rules.length === 0 ? {} : { jwtRules: rules }),
    ...(asked.length === 0 ? {} : { extensionProviders: asked }),
    ...(group.policies.length === 0 ? {} : { policies: group.policies.map(({ config }) => config) }),
  };
}

/** Whom its CUSTOM policies ask, each once, in the order of `extensionProviders` of {@link configurationOf}. */
export function providersOf({ policies }: Group): string[] {
  return [...new Set(policies.flatMap(({ provider }) => provider ?? []))];
}

/** Its ALLOW policies, but for dry runs. */
export function allowing({ policies }: Group): Policy[] {
  return policies.filter(({ action, shadow }) => action === "ALLOW" && !shadow);
}

/** Whether it verifies tokens, or decides by what they say. */
export function looksAtTokens(group: Group): boolean {
  return group.authentications.length > 0 || group.policies.some(asksForToken);
}

export function asksForToken({ config }: Policy): boolean {
  return /"(?:not)?requestPrincipals"|"request\.auth\./i.test(JSON.stringify(config));
}

/** Whether it is for all proxies of its namespace, or of the mesh. */
export function hasNoLabels(target: Target): boolean {
  return target.targetRefs === undefined && Object.keys(labelsOf(target)).length === 0;
}

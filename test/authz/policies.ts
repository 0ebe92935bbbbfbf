/** Istio's AuthorizationPolicy (`istio.io/api/security/v1beta1/authorization_policy.proto`), as JSON has it. */
import type { NamedPolicy } from "../peers/istio-rbac.ts";

export interface Source {
  principals?: string[];
  notPrincipals?: string[];
  requestPrincipals?: string[];
  notRequestPrincipals?: string[];
  namespaces?: string[];
  notNamespaces?: string[];
  serviceAccounts?: string[];
  notServiceAccounts?: string[];
  ipBlocks?: string[];
  notIpBlocks?: string[];
  remoteIpBlocks?: string[];
  notRemoteIpBlocks?: string[];
  trustDomains?: string[];
  notTrustDomains?: string[];
}

export interface Operation {
  hosts?: string[];
  notHosts?: string[];
  ports?: string[];
  notPorts?: string[];
  methods?: string[];
  notMethods?: string[];
  paths?: string[];
  notPaths?: string[];
}

export interface Condition {
  key: string;
  values?: string[];
  notValues?: string[];
}

export interface Rule {
  from?: { source?: Source }[];
  to?: { operation?: Operation }[];
  when?: Condition[];
}

export interface Spec {
  action?: "ALLOW" | "DENY" | "AUDIT" | "CUSTOM";
  provider?: { name: string };
  rules?: Rule[];
}

export interface Policy extends NamedPolicy {
  spec: Spec;
}

/** All that one workload has: what is asked of istiod's translation, of the model and of the filter alike. */
export interface PolicySet {
  trustDomain: string;
  trustDomainAliases: string[];
  policies: Policy[];
  /** The spec of a RequestAuthentication. */
  requestAuthentication?: { jwtRules: object[] };
}

/** The annotation that makes a policy be tried without being obeyed. */
export const DRY_RUN = "istio.io/dry-run";

/** Only what Go's `strconv.ParseBool` takes for true; any other text is false. */
export function isDryRun({ annotations }: Policy): boolean {
  return ["1", "t", "T", "TRUE", "true", "True"].includes(annotations?.[DRY_RUN] ?? "");
}

/** The configuration of the filter `authz` for the same. */
export function pluginConfig(set: PolicySet): object {
  return {
    trustDomain: set.trustDomain,
    trustDomainAliases: set.trustDomainAliases,
    ...(set.requestAuthentication ? { jwtRules: set.requestAuthentication.jwtRules } : {}),
    policies: set.policies.map((policy) => ({
      name: policy.name,
      namespace: policy.namespace,
      ...(isDryRun(policy) ? { mode: "shadow" } : {}),
      ...policy.spec,
    })),
  };
}

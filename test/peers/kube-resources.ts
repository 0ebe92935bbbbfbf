/** The types of resources that a Kubernetes API serves: those built in which istiod asks for, and those of CustomResourceDefinitions. */
import { parseAllDocuments } from "yaml";

/** A resource, as `kubectl` takes it and the API answers it. */
export interface KubeObject {
  apiVersion: string;
  kind: string;
  metadata: KubeMetadata;
  [field: string]: unknown;
}

export interface KubeMetadata {
  name: string;
  /** Absent where the type has none. */
  namespace?: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  resourceVersion?: string;
  generation?: number;
  uid?: string;
  creationTimestamp?: string;
  [field: string]: unknown;
}

export interface ResourceType {
  /** Empty for the core group. */
  group: string;
  versions: readonly string[];
  plural: string;
  kind: string;
  namespaced: boolean;
}

interface CustomResourceDefinition {
  spec: {
    group: string;
    names: { plural: string; kind: string };
    scope: "Namespaced" | "Cluster";
    versions: { name: string }[];
  };
}

/** The type that a CustomResourceDefinition defines. */
export function definedType(definition: object): ResourceType {
  const { group, names, scope, versions } = (definition as CustomResourceDefinition).spec;
  return {
    group,
    versions: versions.map(({ name }) => name),
    plural: names.plural,
    kind: names.kind,
    namespaced: scope === "Namespaced",
  };
}

/** The resources of a text of YAML documents, empty ones left out. Throws where it is no YAML. */
export function parseResources(text: string): KubeObject[] {
  const resources: KubeObject[] = [];
  for (const document of parseAllDocuments(text)) {
    if (document.errors[0] !== undefined) throw document.errors[0];
    const value = document.toJS() as KubeObject | null;
    if (value !== null) resources.push(value);
  }
  return resources;
}

/** What a cluster has without any definition, as far as a mesh uses it. */
export const BUILT_IN: readonly ResourceType[] = [
  ...types("", "v1", true, {
    configmaps: "ConfigMap",
    endpoints: "Endpoints",
    pods: "Pod",
    secrets: "Secret",
    serviceaccounts: "ServiceAccount",
    services: "Service",
  }),
  ...types("", "v1", false, { namespaces: "Namespace", nodes: "Node" }),
  ...types("apps", "v1", true, { daemonsets: "DaemonSet", deployments: "Deployment" }),
  ...types("autoscaling", "v2", true, { horizontalpodautoscalers: "HorizontalPodAutoscaler" }),
  ...types("policy", "v1", true, { poddisruptionbudgets: "PodDisruptionBudget" }),
  ...types("discovery.k8s.io", "v1", true, { endpointslices: "EndpointSlice" }),
  ...types("networking.k8s.io", "v1", true, { ingresses: "Ingress", networkpolicies: "NetworkPolicy" }),
  ...types("networking.k8s.io", "v1", false, { ingressclasses: "IngressClass" }),
  ...types("rbac.authorization.k8s.io", "v1", true, { roles: "Role", rolebindings: "RoleBinding" }),
  ...types("coordination.k8s.io", "v1", true, { leases: "Lease" }),
  ...types("admissionregistration.k8s.io", "v1", false, {
    mutatingwebhookconfigurations: "MutatingWebhookConfiguration",
    validatingwebhookconfigurations: "ValidatingWebhookConfiguration",
  }),
  ...types("apiextensions.k8s.io", "v1", false, { customresourcedefinitions: "CustomResourceDefinition" }),
];

function types(
  group: string,
  version: string,
  namespaced: boolean,
  kinds: Readonly<Record<string, string>>,
): ResourceType[] {
  return Object.entries(kinds).map(([plural, kind]) => ({
    group,
    versions: [version],
    plural,
    kind,
    namespaced,
  }));
}

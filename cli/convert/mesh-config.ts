/** What conversions take from the mesh's own configuration, where the input has it. */
import { Field } from "./field.ts";
import { fieldOfText, type Resource } from "./resources.ts";

export interface MeshConfig {
  trustDomain: string | null;
  trustDomainAliases: readonly string[];
  /** Whose policies are for all namespaces (`MeshConfig.rootNamespace`). */
  rootNamespace: string;
  providers: ReadonlyMap<string, Field>;
}

/**
 * Of an `IstioOperator`, of the ConfigMap that istiod reads (`data.mesh`), or of a document that holds `meshConfig`, as Helm's values do. Of
 * other members nothing is taken, and none is named.
 */
export function readMeshConfig(resources: readonly Resource[]): MeshConfig {
  let trustDomain: string | null = null;
  let rootNamespace = "istio-system";
  const trustDomainAliases: string[] = [];
  const providers = new Map<string, Field>();
  for (const resource of resources) {
    const mesh = meshConfigOf(resource);
    if (mesh === null) continue;
    trustDomain = mesh.get("trustDomain")?.text() ?? trustDomain;
    rootNamespace = mesh.get("rootNamespace")?.text() ?? rootNamespace;
    for (const alias of mesh.get("trustDomainAliases")?.items() ?? []) {
      const text = alias.text();
      if (text !== null) trustDomainAliases.push(text);
    }
    for (const provider of mesh.get("extensionProviders")?.items() ?? []) {
      const name = provider.get("name")?.text();
      if (name) providers.set(name, provider);
    }
  }
  return { trustDomain, trustDomainAliases, rootNamespace, providers };
}

export function isMeshConfig({ kind, root }: Resource): boolean {
  if (kind === "IstioOperator" || kind === "") return true;
  return kind === "ConfigMap" && root.find("data", "mesh") !== null;
}

function meshConfigOf({ kind, root, spec }: Resource): Field | null {
  if (kind === "IstioOperator") return spec.get("meshConfig");
  if (kind === "ConfigMap") {
    const mesh = root.find("data", "mesh");
    const text = mesh?.text() ?? null;
    return mesh === null || text === null ? null : fieldOfText(mesh, text);
  }
  if (kind !== "") return null;
  return root.get("meshConfig") ?? (root.has("extensionProviders") || root.has("trustDomain") ? root : null);
}

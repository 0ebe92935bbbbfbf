/** The resource that has a module loaded out of a registry. */
import { stringify } from "yaml";

export interface PublishedModule {
  /** `oci://HOST/REPOSITORY:TAG`. */
  url: string;
  /** Of the image's manifest. */
  digest: string;
  /** The filter's name. */
  title: string;
}

/** A WasmPlugin that loads exactly this image, as YAML; how the filter is configured is for its user to say. */
export function wasmPlugin({ url, digest, title }: PublishedModule): string {
  const resource = {
    apiVersion: "extensions.istio.io/v1alpha1",
    kind: "WasmPlugin",
    metadata: {
      name: title
        .toLowerCase()
        .replace(/[^a-z0-9]+/g, "-")
        .replace(/^-|-$/g, ""),
    },
    spec: {
      url,
      // For an image Istio compares it with the digest of the manifest (istio `pkg/wasm/cache.go`).
      sha256: digest.replace(/^sha256:/, ""),
      // In the module of all filters it chooses one.
      pluginName: title === "outrigger" ? "suite" : title,
    },
  };
  return `# ${url}@${digest}\n${stringify(resource, { lineWidth: 0 })}  # To be added: selector or targetRefs, phase, match, pluginConfig.\n`;
}

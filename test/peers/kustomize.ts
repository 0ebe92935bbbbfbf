/** What makes resources of folders: kustomize and Helm, as their users run them. */
import { goTool } from "./go-tool.ts";

export const KUSTOMIZE_VERSION = "v5.8.1";
export const HELM_VERSION = "v3.22.0";

/** The path of kustomize; the first call on a machine builds it. Throws `PeerNotFound`. */
export function locateKustomize(env: NodeJS.ProcessEnv = process.env): Promise<string> {
  return goTool(
    // As its `go.mod` says.
    {
      name: "kustomize",
      path: "sigs.k8s.io/kustomize/kustomize/v5",
      version: KUSTOMIZE_VERSION,
      go: "1.24.0",
    },
    env,
  );
}

/** The path of Helm; the first call on a machine builds it. Throws `PeerNotFound`. */
export function locateHelm(env: NodeJS.ProcessEnv = process.env): Promise<string> {
  return goTool({ name: "helm", path: "helm.sh/helm/v3/cmd/helm", version: HELM_VERSION, go: "1.26.0" }, env);
}

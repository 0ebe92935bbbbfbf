/** kustomize, as its users run it. */
import { goTool } from "./go-tool.ts";

/** The path of kustomize. */
export const locateKustomize = goTool({
  name: "kustomize",
  path: "sigs.k8s.io/kustomize/kustomize/v5",
  version: "v5.8.1",
  go: "1.24.0",
});

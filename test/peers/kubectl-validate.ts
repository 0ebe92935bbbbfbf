/** kubectl-validate: validates manifests as an API server does, offline. */
import { goTool } from "./go-tool.ts";

/** The path of kubectl-validate. */
export const locateKubectlValidate = goTool({
  name: "kubectl-validate",
  path: "sigs.k8s.io/kubectl-validate",
  version: "v0.0.4",
  go: "1.26.0",
});

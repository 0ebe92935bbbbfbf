/** Helm, as its users run it. */
import { goTool } from "./go-tool.ts";

/** The path of Helm. */
export const locateHelm = goTool({
  name: "helm",
  path: "helm.sh/helm/v3/cmd/helm",
  version: "v3.22.0",
  go: "1.26.0",
});

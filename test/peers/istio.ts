/** The real Istio as programs, without Kubernetes: istiod, the agent of a proxy, and istioctl. */
import { join } from "node:path";
import { goTools } from "./go-tool.ts";

/** Istio has no releases as a Go module that can be fetched: this is its main branch on 2026-08-27, which calls itself 1.31. */
export const ISTIO_VERSION = "v0.0.0-20260827124520-eed52ebb66ad";

export interface Istio {
  /** Paths of the programs. */
  discovery: string;
  agent: string;
  istioctl: string;
  /** Paths of files: Istio's CustomResourceDefinitions, and the template of an Envoy's bootstrap. */
  definitions: string;
  bootstrap: string;
}

/** The first call on a machine builds them: some minutes. Throws `PeerNotFound`. */
export async function locateIstio(env: NodeJS.ProcessEnv = process.env): Promise<Istio> {
  const folder = await goTools(
    {
      name: "istio",
      module: "istio.io/istio",
      version: ISTIO_VERSION,
      // As its `go.mod` says.
      go: "1.26.0",
      packages: ["pilot/cmd/pilot-discovery", "pilot/cmd/pilot-agent", "istioctl/cmd/istioctl"],
      files: ["manifests/charts/base/files/crd-all.gen.yaml", "tools/packaging/common/envoy_bootstrap.json"],
    },
    env,
  );
  return {
    discovery: join(folder, "pilot-discovery"),
    agent: join(folder, "pilot-agent"),
    istioctl: join(folder, "istioctl"),
    definitions: join(folder, "crd-all.gen.yaml"),
    bootstrap: join(folder, "envoy_bootstrap.json"),
  };
}

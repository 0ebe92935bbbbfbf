/** WasmPlugin resources (extensions.istio.io/v1alpha1) for the gateway and for productpage's sidecar. */
import type { KubeObject } from "../peers/kube-resources.ts";
import type { Reference } from "../peers/kube-store.ts";

export interface PluginOptions {
  on: "gateway" | "sidecar";
  /** `oci://HOST/REPOSITORY:TAG`, or with a digest. */
  url: string;
  /** In hex. */
  sha256?: string;
  /** CLIENT is what an application asks, and all of a gateway; SERVER what it is asked. */
  mode: "CLIENT" | "SERVER" | "CLIENT_AND_SERVER";
  failStrategy?: "FAIL_OPEN" | "FAIL_CLOSE" | "FAIL_RELOAD";
  phase?: "AUTHN" | "AUTHZ" | "STATS";
  config?: object;
}

export function wasmPlugin(name: string, options: PluginOptions): KubeObject {
  const { on, config, mode, ...rest } = options;
  return {
    apiVersion: "extensions.istio.io/v1alpha1",
    kind: "WasmPlugin",
    metadata: { name, namespace: namespaceOf(on) },
    spec: {
      selector: { matchLabels: on === "gateway" ? { istio: "ingressgateway" } : { app: "productpage" } },
      match: [{ mode }],
      ...rest,
      ...(config === undefined ? {} : { pluginConfig: config }),
    },
  };
}

/** To delete it by. */
export function referenceTo(name: string, on: PluginOptions["on"]): Reference {
  return { kind: "WasmPlugin", name, namespace: namespaceOf(on) };
}

function namespaceOf(on: PluginOptions["on"]): string {
  return on === "gateway" ? "istio-system" : "my-app";
}

/** The real servers and programs of `make e2e`, and which of its test files need which. */
import { locateEnvoy } from "../test/envoy/locate.ts";
import { locateCertificateDefinition } from "../test/peers/cert-manager.ts";
import { locateCrane } from "../test/peers/crane.ts";
import { locateCompose, locateDockerd } from "../test/peers/docker.ts";
import { locateGatewayDefinitions } from "../test/peers/gateway-api.ts";
import { locateHelm } from "../test/peers/helm.ts";
import { locateIstioFetch } from "../test/peers/istio-fetch.ts";
import { locateIstioRbac } from "../test/peers/istio-rbac.ts";
import { locateIstio } from "../test/peers/istio.ts";
import { locateKubectlValidate } from "../test/peers/kubectl-validate.ts";
import { locateKustomize } from "../test/peers/kustomize.ts";
import { linkModules } from "../test/peers/module-folder.ts";
import { locateOciRegistry } from "../test/peers/oci-registry.ts";
import { locateProgram } from "../test/peers/program.ts";
import { locatePrometheus, locatePromtool } from "../test/peers/prometheus.ts";
import { locateConfigurationCheck, locateRateLimit } from "../test/peers/ratelimit.ts";
import { locateRedis } from "../test/peers/redis.ts";
import { locateRegistry } from "../test/peers/registry.ts";
import { locateZipkin } from "../test/peers/zipkin.ts";

/** How each is found: the path of it. They throw `EnvoyNotFound` or `PeerNotFound`. */
export const PEERS = {
  envoy: () => locateEnvoy(),
  redis: () => locateRedis(),
  ratelimit: () => locateRateLimit(),
  ratelimitCheck: () => locateConfigurationCheck(),
  istioRbac: () => locateIstioRbac(),
  istio: async () => (await locateIstio()).discovery,
  /** Of pilot-agent's modules. */
  moduleFolder: () => linkModules(),
  kubectlValidate: () => locateKubectlValidate(),
  certManager: () => locateCertificateDefinition(),
  gatewayApi: () => locateGatewayDefinitions(),
  kustomize: () => locateKustomize(),
  helm: () => locateHelm(),
  registry: () => locateRegistry(),
  ociRegistry: () => locateOciRegistry(),
  crane: () => locateCrane(),
  istioFetch: () => locateIstioFetch(),
  zipkin: () => locateZipkin(),
  dockerd: () => locateDockerd(),
  compose: () => locateCompose(),
  prometheus: () => locatePrometheus(),
  promtool: () => locatePromtool(),
  wget: () => locateProgram("wget", "wget"),
} satisfies Readonly<Record<string, () => Promise<string>>>;

export type PeerName = keyof typeof PEERS;

const LIMITS = ["envoy", "redis", "ratelimit"] as const;
const MESH = ["envoy", "istio", "moduleFolder", "registry"] as const;
/** With the programs of which the images are made. */
const CONTAINERS = [...LIMITS, "zipkin", "prometheus", "wget", "dockerd"] as const;

/** Test files, and what each needs. */
export const NEEDS: Readonly<Record<string, readonly PeerName[]>> = {
  "test/authz/rbac.e2e.test.ts": ["envoy", "istioRbac"],
  "test/authz/readers.e2e.test.ts": ["istioRbac"],
  "test/cli/push.e2e.test.ts": ["registry", "ociRegistry", "crane", "istioFetch"],
  "test/compose/compose.e2e.test.ts": [...CONTAINERS, "compose", "promtool"],
  "test/compose/docker.e2e.test.ts": CONTAINERS,
  "test/global-rate-limit/faults.e2e.test.ts": LIMITS,
  "test/global-rate-limit/leases.e2e.test.ts": LIMITS,
  "test/global-rate-limit/native.e2e.test.ts": LIMITS,
  "test/istio/applied.e2e.test.ts": [...MESH, "redis", "ratelimit", "kustomize"],
  "test/istio/converted.e2e.test.ts": [...MESH, "redis", "ratelimit", "kubectlValidate"],
  "test/istio/failures.e2e.test.ts": MESH,
  "test/istio/installation.e2e.test.ts": ["istio", "kubectlValidate", "certManager"],
  "test/istio/manifests.e2e.test.ts": ["istio", "kubectlValidate"],
  "test/istio/plugins.e2e.test.ts": [...MESH, "redis", "ratelimit"],
  "test/istio/prometheus.e2e.test.ts": ["prometheus"],
  "test/istio/rate-limit-service.e2e.test.ts": ["redis", "ratelimit"],
  "test/istio/reference-mesh.e2e.test.ts": [...MESH, "redis", "ratelimit"],
  "test/istio/reference-proxies.e2e.test.ts": MESH,
  "test/istio/rendering.e2e.test.ts": ["kustomize", "helm"],
  "test/istio/traps.e2e.test.ts": MESH,
  "test/istio/updates.e2e.test.ts": MESH,
  "test/istio/waypoints.e2e.test.ts": [...MESH, "gatewayApi", "redis", "ratelimit", "kustomize"],
  "test/ratelimit-service/real.e2e.test.ts": ["redis", "ratelimit", "ratelimitCheck"],
  "test/scenario/services.e2e.test.ts": LIMITS,
  "test/trace-propagation/mesh.e2e.test.ts": ["envoy", "zipkin"],
  "test/trace-propagation/report.e2e.test.ts": ["envoy", "zipkin"],
};

export interface LeftOut {
  file: string;
  /** What is missing for it, each in one line. */
  why: string;
}

/** The test files that cannot run without the missing ones, of which `missing` says why they are. */
export function leftOut(missing: ReadonlyMap<PeerName, string>): LeftOut[] {
  return Object.entries(NEEDS).flatMap(([file, needs]) => {
    const reasons = needs.map((name) => missing.get(name)).filter((why) => why !== undefined);
    return reasons.length === 0 ? [] : [{ file, why: [...new Set(reasons)].join("; ") }];
  });
}

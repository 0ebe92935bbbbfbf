/**
 * `make e2e`: the tests against real servers beside Envoy: envoyproxy/ratelimit, istiod's translation of policies, Istio itself and its
 * fetcher of images, kubectl-validate, kustomize, Helm, crane and its registry, which are built once (Go), Debian's `redis-server` and
 * `docker-registry`, and Zipkin, which is fetched once (Maven, Java); and those of envoy/docker-compose.yaml in a Docker daemon of their
 * own, with Docker Compose (Go). Ends with one line of totals; what cannot be found is named, and in CI (`CI` set) is a failure.
 */
import { EnvoyNotFound, locateEnvoy } from "../test/envoy/locate.ts";
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
import { PeerNotFound } from "../test/peers/process.ts";
import { locateProgram } from "../test/peers/program.ts";
import { locatePrometheus, locatePromtool } from "../test/peers/prometheus.ts";
import { locateRateLimit } from "../test/peers/ratelimit.ts";
import { locateRedis } from "../test/peers/redis.ts";
import { locateRegistry } from "../test/peers/registry.ts";

import { locateZipkin } from "../test/peers/zipkin.ts";
import { heading, TestRun } from "./test-run.ts";

const tests = new TestRun("e2e");
if (await tests.build()) {
  heading("Real servers");
  const envoy = await found(locateEnvoy);
  const peers = [
    await found(locateRedis),
    await found(locateRateLimit),
    await found(locateIstioRbac),
    await found(async () => (await locateIstio()).discovery),
    await found(linkModules),
    await found(locateKubectlValidate),
    await found(locateRegistry),
    await found(locateZipkin),
    await found(locateOciRegistry),
    await found(locateCrane),
    await found(locateIstioFetch),
    await found(locateKustomize),
    await found(locateHelm),
    await found(locateCertificateDefinition),
    await found(locateGatewayDefinitions),
  ];
  // What one part of the tests needs, and not everybody has or may start.
  const forCompose = [
    await found(locateDockerd),
    await found(locateCompose),
    await found(locatePrometheus),
    await found(locatePromtool),
    await found(() => locateProgram("wget", "wget")),
  ];
  const without = forCompose.includes(null) ? ["test/compose/**"] : [];
  if (envoy !== null && !peers.includes(null)) await tests.vitest("e2e", { ENVOY_BIN: envoy }, without);
}
await tests.finish();

/** The path of a server; null, and told, where it cannot be had. */
async function found(locate: () => Promise<string>): Promise<string | null> {
  try {
    const path = await locate();
    console.log(path);
    return path;
  } catch (error) {
    if (!(error instanceof EnvoyNotFound) && !(error instanceof PeerNotFound)) throw error;
    console.log(error.message);
    tests.skipped.push(`the tests against real servers: ${error.message.split("\n")[0]}`);
    return null;
  }
}

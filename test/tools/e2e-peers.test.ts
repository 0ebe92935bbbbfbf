/** That `make e2e` leaves out the test files that cannot run where something is missing, and no others. */
import { readdirSync } from "node:fs";
import { build } from "esbuild";
import { describe, expect, test } from "vitest";
import { leftOut, NEEDS, type PeerName } from "../../tools/e2e-peers.ts";

/** The module of each that says how it is found. */
const MODULES: Readonly<Record<Exclude<PeerName, "wget">, string>> = {
  envoy: "test/envoy/locate.ts",
  redis: "test/peers/redis.ts",
  ratelimit: "test/peers/ratelimit.ts",
  ratelimitCheck: "test/peers/ratelimit.ts",
  istioRbac: "test/peers/istio-rbac.ts",
  istio: "test/peers/istio.ts",
  moduleFolder: "test/peers/module-folder.ts",
  kubectlValidate: "test/peers/kubectl-validate.ts",
  certManager: "test/peers/cert-manager.ts",
  gatewayApi: "test/peers/gateway-api.ts",
  kustomize: "test/peers/kustomize.ts",
  helm: "test/peers/helm.ts",
  registry: "test/peers/registry.ts",
  ociRegistry: "test/peers/oci-registry.ts",
  crane: "test/peers/crane.ts",
  istioFetch: "test/peers/istio-fetch.ts",
  zipkin: "test/peers/zipkin.ts",
  dockerd: "test/peers/docker.ts",
  compose: "test/peers/docker.ts",
  prometheus: "test/peers/prometheus.ts",
  promtool: "test/peers/prometheus.ts",
};

/** What a test file runs as a process of its own. */
const STARTED: Readonly<Record<string, string>> = {
  "test/compose/docker.e2e.test.ts": "test/compose/daemon.ts",
};

const files = readdirSync("test", { recursive: true, encoding: "utf8" })
  .filter((file) => file.endsWith(".e2e.test.ts"))
  .map((file) => `test/${file}`);

const { metafile } = await build({
  entryPoints: [...files, ...Object.values(STARTED)],
  outdir: "none",
  write: false,
  metafile: true,
  bundle: true,
  packages: "external",
  platform: "node",
  format: "esm",
});

/** All modules of this project that a file imports, itself or by what it imports. */
function imported(file: string, found = new Set<string>()): Set<string> {
  if (found.has(file)) return found;
  found.add(file);
  for (const { path, external } of metafile.inputs[file]?.imports ?? [])
    if (external !== true) imported(path, found);
  return found;
}

const modulesOf = (names: readonly PeerName[]): string[] =>
  names.filter((name) => name !== "wget").map((name) => MODULES[name]);

test("all test files are in the table, and no other", () => {
  expect(Object.keys(NEEDS).sort()).toEqual(files.sort());
});

describe.each(files)("%s", (file) => {
  const needed = new Set(modulesOf(NEEDS[file] ?? []));
  const there = imported(STARTED[file] ?? file);

  test("needs what it imports", () => {
    // The host's driver comes with that of Envoy, which is then not asked for.
    const peers = new Set(Object.values(MODULES).filter((module) => module !== MODULES.envoy));
    expect([...there].filter((module) => peers.has(module) && !needed.has(module))).toEqual([]);
  });

  test("needs nothing else", () => {
    expect([...needed].filter((module) => !there.has(module))).toEqual([]);
  });
});

test("where nothing is missing, nothing is left out", () => {
  expect(leftOut(new Map())).toEqual([]);
});

test("what needs something that is missing is left out, and it is said why", () => {
  const missing = new Map<PeerName, string>([
    ["zipkin", "no Zipkin: java is not on the PATH"],
    ["compose", "no docker-compose: go is not installed"],
  ]);
  expect(leftOut(missing)).toEqual([
    {
      file: "test/compose/compose.e2e.test.ts",
      why: "no Zipkin: java is not on the PATH; no docker-compose: go is not installed",
    },
    { file: "test/compose/docker.e2e.test.ts", why: "no Zipkin: java is not on the PATH" },
    { file: "test/trace-propagation/mesh.e2e.test.ts", why: "no Zipkin: java is not on the PATH" },
    { file: "test/trace-propagation/report.e2e.test.ts", why: "no Zipkin: java is not on the PATH" },
  ]);
});

test("what is missing for one reason is told once", () => {
  const why = "no istio: go is not installed";
  const manifests = leftOut(
    new Map<PeerName, string>([
      ["istio", why],
      ["kubectlValidate", why],
    ]),
  );
  expect(manifests).toContainEqual({ file: "test/istio/manifests.e2e.test.ts", why });
});

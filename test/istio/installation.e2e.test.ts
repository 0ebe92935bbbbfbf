/** The two manifests that no schema of Istio's holds: the IstioOperator, which istioctl renders, and cert-manager's Certificate. */
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse, parseAllDocuments } from "yaml";
import { ISTIO } from "../../tools/istio-plugins.ts";
import { run } from "../peers/cache.ts";
import { locateCertificateDefinition } from "../peers/cert-manager.ts";
import { locateIstio } from "../peers/istio.ts";
import { locateKubectlValidate } from "../peers/kubectl-validate.ts";
import { at, resourcesIn, type Resource } from "./resources.ts";

describe("the installation, as istioctl renders it", { timeout: 60_000 }, () => {
  const file = join(ISTIO, "mesh/install/istio-operator.yaml");
  let istioctl = "";
  let rendered: Resource[] = [];

  // The first time on a machine Istio is built.
  beforeAll(async () => {
    ({ istioctl } = await locateIstio());
    const { code, output } = await run(istioctl, ["manifest", "generate", "--filename", file]);
    expect(code, output).toBe(0);
    rendered = parseAllDocuments(output).map((document) => document.toJS() as Resource);
  }, 900_000);

  const one = (kind: string, name: string): Resource => {
    const found = rendered.filter((resource) => resource?.kind === kind && resource.metadata.name === name);
    expect(found, `${kind} ${name}`).toHaveLength(1);
    return found[0]!;
  };

  test("is valid, without a warning", async () => {
    const { code, output } = await run(istioctl, ["validate", "--filename", file]);
    expect(output.trim()).toBe(`"${file}" is valid`);
    expect(code).toBe(0);
  });

  test.each([
    ["istiod", 2, 5],
    ["istio-ingressgateway", 2, 10],
  ])(
    "%s has %i to %i replicas, requests, a bound of memory, and a budget for disruptions",
    (name, min, max) => {
      const { spec } = one("HorizontalPodAutoscaler", name);
      expect(spec).toMatchObject({
        minReplicas: min,
        maxReplicas: max,
        scaleTargetRef: { kind: "Deployment", name },
      });
      const [resources] = at(one("Deployment", name).spec, "template.spec.containers.resources");
      expect(at(resources, "requests.cpu")).toHaveLength(1);
      expect(at(resources, "limits.memory")).toHaveLength(1);
      expect(at(one("PodDisruptionBudget", name).spec, "minAvailable")).toEqual([1]);
    },
  );

  test("the gateway is what policies and plugins take it for", () => {
    const { metadata, spec } = one("Deployment", "istio-ingressgateway");
    expect(metadata.namespace).toBe("istio-system");
    expect(at(spec, "template.metadata.labels")[0]).toMatchObject({ istio: "ingressgateway" });
    const [account] = at(spec, "template.spec.serviceAccountName");
    const principals = JSON.stringify(resourcesIn("mesh/authorization"));
    expect(principals).toContain(`cluster.local/ns/istio-system/sa/${String(account)}"`);
    expect(one("Service", "istio-ingressgateway").spec).toMatchObject({ externalTrafficPolicy: "Local" });
  });

  test("the mesh's configuration has the providers, the labels of metrics that docs/metrics.md names, and the paths", () => {
    const mesh = parse(one("ConfigMap", "istio").data?.mesh ?? "") as object;
    expect(at(mesh, "extensionProviders.name")).toEqual(
      expect.arrayContaining(["access-log-json", "jaeger"]),
    );
    const [, labels = ""] = /extraStatTags: \[([^\]]*)\]/.exec(readFileSync("docs/metrics.md", "utf8")) ?? [];
    expect(at(mesh, "defaultConfig.extraStatTags")).toEqual(labels.split(", "));
    expect(at(mesh, "pathNormalization.normalization")).toEqual(["MERGE_SLASHES"]);
  });
});

describe("cert-manager's certificate", { timeout: 60_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), "outrigger-certificate-"));
  const file = join(ISTIO, "mesh/gateway/certificate.yaml");
  let validator = "";
  beforeAll(async () => {
    validator = await locateKubectlValidate();
    copyFileSync(await locateCertificateDefinition(), join(folder, "definition.yaml"));
  }, 900_000);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const verdict = (path: string): Promise<{ code: number | string; output: string }> =>
    run(validator, [path, "--local-crds", folder]);

  test("is as cert-manager's definition has it", async () => {
    const { code, output } = await verdict(file);
    expect(code, output).toBe(0);
  });

  test("and would not be with another field", async () => {
    const wrong = join(folder, "wrong.yaml");
    writeFileSync(wrong, readFileSync(file, "utf8").replace("secretName:", "secretname:"));
    const { code, output } = await verdict(wrong);
    expect(code).not.toBe(0);
    expect(output).toContain("spec.secretname: Invalid value: value provided for unknown field");
  });
});

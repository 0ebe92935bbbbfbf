/** What kustomize makes of `istio/plugins`. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stringify } from "yaml";
import { FILTERS } from "../../tools/filters.ts";
import { ISTIO } from "../../tools/istio-plugins.ts";
import { run } from "../peers/cache.ts";
import { parseResources, type KubeObject } from "../peers/kube-resources.ts";
import { locateKustomize } from "../peers/kustomize.ts";
import type { Registry } from "../peers/registry.ts";
import { pushImage } from "./image.ts";
import { VERSION } from "./modules.ts";

/** The resources of an overlay of `istio/plugins`, with this registry, into which it pushes the images, and their digests. */
export async function overlay(name: string, registry: Registry): Promise<KubeObject[]> {
  const kustomize = await locateKustomize();
  const data: Record<string, string> = { registry: registry.host, tag: VERSION };
  for (const filter of FILTERS) {
    const repository = `${registry.host}/outrigger/${filter}`;
    const digest = await pushImage(repository, VERSION, readFileSync(`build/${filter}.wasm`));
    data[filter] = digest.replace("sha256:", "");
  }
  const folder = mkdtempSync(join(tmpdir(), "outrigger-istio-"));
  try {
    cpSync(ISTIO, folder, { recursive: true });
    const path = join(folder, "plugins/overlays", name);
    const annotations = { "config.kubernetes.io/local-config": "true" };
    const metadata = { name: "outrigger-release", annotations };
    const release = { apiVersion: "v1", kind: "ConfigMap", metadata, data };
    writeFileSync(join(path, "release.yaml"), stringify(release));
    const { code, output } = await run(kustomize, ["build", path]);
    if (code !== 0) throw new Error(`kustomize build ${path}: ${code}\n${output}`);
    return parseResources(output);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The resources in `istio/`, as `kubectl apply` reads them. */
import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { ISTIO } from "../../tools/istio-plugins.ts";
import { parseResources, type KubeObject } from "../peers/kube-resources.ts";

export interface Resource extends KubeObject {
  /** Below `istio/`: `mesh/canary/virtual-service.yaml`. */
  file: string;
  spec?: Spec;
  data?: Record<string, string>;
}

/** Fields that the tests look at are read with {@link at}. */
export type Spec = Record<string, unknown>;

/** All of them below a folder of `istio/`, or those of some of its files, without what is only for kustomize and Helm. */
export function resourcesIn(folder: string, ...files: readonly string[]): Resource[] {
  const home = join(ISTIO, folder);
  const paths = files.length > 0 ? files.map((file) => join(home, file)) : yamlFiles(home);
  return paths.flatMap(resourcesOf);
}

function resourcesOf(path: string): Resource[] {
  try {
    const file = relative(ISTIO, path);
    return parseResources(readFileSync(path, "utf8")).map((resource) => ({ file, ...resource }));
  } catch (error) {
    throw new Error(`${path}: ${(error as Error).message}`);
  }
}

/** `WasmPlugin my-app/authz (plugins/sidecar/authz.yaml)`. */
export function titleOf({ kind, metadata, file }: Resource): string {
  return `${kind} ${metadata.namespace ?? ""}/${metadata.name} (${file})`;
}

/** The resource as it stands in the file. */
export function manifestOf({ file: _file, ...manifest }: Resource): KubeObject {
  return manifest;
}

/** What a path leads to; a list's elements all of them: `http.route.destination.host`. Empty where there is nothing. */
export function at(value: unknown, path: string): unknown[] {
  let found: unknown[] = [value];
  for (const name of path === "" ? [] : path.split(".")) {
    found = found
      .flatMap((one) => one)
      .map((one) => (typeof one === "object" && one !== null ? (one as Spec)[name] : undefined))
      .filter((one) => one !== undefined);
  }
  return found.flatMap((one) => one);
}

function yamlFiles(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".yaml"))
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => !/\/(?:kustomization|release)\.yaml$/.test(path) && !path.includes("/chart/"))
    .sort();
}

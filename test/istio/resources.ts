/** The resources in `istio/`, as `kubectl apply` reads them. */
import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { parseAllDocuments } from "yaml";
import { ISTIO } from "../../tools/istio-plugins.ts";
import type { KubeObject } from "../peers/kube-resources.ts";

export interface Resource {
  /** Below `istio/`: `mesh/canary/virtual-service.yaml`. */
  file: string;
  apiVersion: string;
  kind: string;
  metadata: {
    name: string;
    namespace?: string;
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
  };
  spec?: Spec;
  data?: Record<string, string>;
}

/** Fields that the tests look at are read with {@link at}. */
export type Spec = Record<string, unknown>;

/** All of them below a folder of `istio/`, without what is only for kustomize, Helm and istioctl. */
export function resourcesIn(folder: string): Resource[] {
  return yamlFiles(join(ISTIO, folder)).flatMap((path) =>
    parseAllDocuments(readFileSync(path, "utf8")).map((document): Resource => {
      if (document.errors[0] !== undefined) throw new Error(`${path}: ${document.errors[0].message}`);
      return { file: relative(ISTIO, path), ...(document.toJS() as Omit<Resource, "file">) };
    }),
  );
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

/** What the tests of `outrigger convert` share: the conversion within this process, and what came out of it. */
import { parseAllDocuments } from "yaml";
import { convertSources } from "../../cli/convert/conversion.ts";
import type { PluginOptions } from "../../cli/convert/plugin.ts";
import { Report, type Remark } from "../../cli/convert/report.ts";
import { Modules } from "../../cli/modules.ts";
import { parseSource } from "../../cli/source.ts";

export interface Manifest {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace?: string };
  spec: Record<string, unknown>;
}

export interface Converted {
  text: string;
  manifests: Manifest[];
  left: readonly Remark[];
  notes: readonly Remark[];
}

export const URL_OF_TESTS = "oci://registry.example/outrigger/{filter}:v1";
const modules = new Modules("build");

export interface ConvertingOptions extends Partial<PluginOptions> {
  gateway?: boolean;
  header?: string;
}

export function converted(text: string, options: ConvertingOptions = {}): Converted {
  const { gateway = false, header = "x-variant", ...plugin } = options;
  const report = new Report();
  const documents = convertSources([parseSource("in.yaml", text)], {
    modules,
    plugin: { kind: "WasmPlugin", url: URL_OF_TESTS, sha256: new Map(), ...plugin },
    header,
    gateway,
    report,
  });
  const all = documents.join("---\n");
  // As kubectl reads it.
  const manifests = parseAllDocuments(all, { schema: "yaml-1.1" }).map((one) => one.toJS() as Manifest);
  return { text: all, manifests, left: report.left, notes: report.notes };
}

/** Documents as JSON, which is YAML. */
export function documents(...all: readonly object[]): string {
  return all.map((one) => `${JSON.stringify(one)}\n`).join("---\n");
}

/** `line path: message` of each. */
export function told(remarks: readonly Remark[]): string[] {
  return remarks.map(({ line, path, message }) => `${line} ${path}: ${message}`);
}

export function pluginConfigOf(manifest: Manifest | undefined): Record<string, unknown> {
  return (manifest?.spec.pluginConfig ?? {}) as Record<string, unknown>;
}

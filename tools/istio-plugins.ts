/**
 * Makes of the `WasmPlugin`s in `istio/plugins/` what says the same in another form: the `TrafficExtension`s beside them, the Helm
 * chart's `files/plugins.yaml`, and the copy of one that the reference mesh shows. `npx tsx tools/istio-plugins.ts` writes them; `test/istio/plugins.test.ts` holds them to be as written.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { format } from "prettier";
import { Document, isMap, parseDocument, YAMLMap, type Pair } from "yaml";

/** The folder `istio/` of the clone. */
export const ISTIO = fileURLToPath(new URL("../istio/", import.meta.url));

/** Where plugins are loaded; each is a folder of `istio/plugins/`. */
export const PLACEMENTS = ["sidecar", "gateway", "waypoint"] as const;

/** Of a `WasmPlugin`'s spec, what `TrafficExtension` has beside `wasm` (`traffic_extension.proto`). */
const OUTSIDE = new Set(["selector", "targetRefs", "phase", "priority", "match"]);
const NOTE = "Made of ../WHERE/*.yaml by tools/istio-plugins.ts: change those.";

/** The generated files' texts, by their paths below `istio/`. */
export async function generated(): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  for (const placement of PLACEMENTS) {
    files.set(
      `plugins/traffic-extension/${placement}/plugins.yaml`,
      await yaml(trafficExtensions(placement)),
    );
  }
  files.set("chart/files/plugins.yaml", await yaml(chartPlugins()));
  const limit = readFileSync(join(ISTIO, "plugins/gateway/global-rate-limit.yaml"), "utf8");
  const note =
    "# A copy of ../../plugins/gateway/global-rate-limit.yaml by tools/istio-plugins.ts: change that.";
  files.set("mesh/rate-limit/wasm-plugin.yaml", `${note}\n\n${limit}`);
  return files;
}

/** A placement's resources, in the order of its `kustomization.yaml`. */
function resources(placement: string): Document[] {
  const folder = join(ISTIO, "plugins", placement);
  const listed = parseDocument(readFileSync(join(folder, "kustomization.yaml"), "utf8"));
  const { resources: names } = listed.toJS() as { resources: string[] };
  const missing = readdirSync(folder).filter(
    (file) => file !== "kustomization.yaml" && !names.includes(file),
  );
  if (missing.length > 0) throw new Error(`${folder}/kustomization.yaml does not name ${missing.join(", ")}`);
  return names.map((name) => parseDocument(readFileSync(join(folder, name), "utf8")));
}

function trafficExtensions(placement: string): string {
  const texts = resources(placement).map((document) => {
    if (document.get("kind") === "WasmPlugin") toTrafficExtension(document);
    return document.toString({ lineWidth: 0 });
  });
  // What comments name is one folder further away.
  const text = texts.join("---\n").replaceAll(/(?:\.\.\/)+/g, "../$&");
  return `# ${NOTE.replace("WHERE", `../${placement}`)}\n\n${text}`;
}

/** Moves what is the module's below `wasm`; comments go with their fields. */
function toTrafficExtension(document: Document): void {
  document.set("kind", "TrafficExtension");
  const spec = document.get("spec");
  if (!isMap(spec)) throw new Error("a WasmPlugin without spec");
  const nameOf = (pair: Pair): string => String(pair.key);
  const wasm = new YAMLMap(document.schema);
  wasm.items = spec.items.filter((pair) => !OUTSIDE.has(nameOf(pair)));
  spec.items = spec.items.filter((pair) => OUTSIDE.has(nameOf(pair)));
  spec.items.push(document.createPair("wasm", wasm));
}

/**
 * `{<placement>: {<name>: {kind, apiVersion, annotations, filter, with, spec}}}`, without where modules come from, which is the values' to
 * say; of a plugin without `apiVersion`, which is that of the kind that the values name. `with` is the filter's first resource of the
 * placement, without which the others are for nothing.
 */
function chartPlugins(): string {
  const places: Record<string, Record<string, unknown>> = {};
  for (const placement of PLACEMENTS) {
    const place: Record<string, unknown> = (places[placement] = {});
    const first = new Map<string, string>();
    for (const document of resources(placement)) {
      const resource = document.toJS() as Resource;
      const spec = Object.fromEntries(
        Object.entries(resource.spec).filter(([field]) => field !== "url" && field !== "imagePullPolicy"),
      );
      const { kind, apiVersion, metadata } = resource;
      const filter = metadata.labels["app.kubernetes.io/name"] ?? "";
      place[metadata.name] = {
        kind,
        ...(kind === "WasmPlugin" ? {} : { apiVersion }),
        ...(metadata.annotations === undefined ? {} : { annotations: metadata.annotations }),
        filter,
        ...(first.has(filter) ? { with: first.get(filter) } : {}),
        spec,
      };
      if (!first.has(filter)) first.set(filter, resource.metadata.name);
    }
  }
  // Helm reads YAML 1.1, in which `off` is a boolean.
  const options = { aliasDuplicateObjects: false, compat: "yaml-1.1" } as const;
  const text = new Document(places, options).toString({ lineWidth: 0 });
  return `# ${NOTE.replace("../WHERE", "../../plugins/*")}\n${text}`;
}

interface Resource {
  apiVersion: string;
  kind: string;
  metadata: { name: string; labels: Record<string, string>; annotations?: Record<string, string> };
  spec: Record<string, unknown>;
}

function yaml(text: string): Promise<string> {
  return format(text, { parser: "yaml", printWidth: 110 });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const [file, text] of await generated()) writeFileSync(join(ISTIO, file), text);
}

/** The configurations that this project shows: in scenarios, in pages and in the proxy's files. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { parse, parseAllDocuments } from "yaml";

export interface Shown {
  /** File, and which of its configurations. */
  where: string;
  /** The root id under which the module gets it. */
  filter: string;
  configuration: unknown;
}

/** All of them. */
export function shownConfigurations(): Shown[] {
  const shown: Shown[] = [];
  const add = (where: string, filter: unknown, configuration: unknown): void => {
    if (typeof filter === "string" && configuration !== undefined)
      shown.push({ where, filter, configuration });
  };
  const scenarios = filesOf("filters", ".yaml").filter((file) => file.includes("/scenarios/"));
  for (const file of scenarios) fromScenario(parse(readFileSync(file, "utf8")), file, add);
  for (const file of ["README.md", ...filesOf("docs", ".md"), ...filesOf("filters", ".md")]) {
    const blocks = [...readFileSync(file, "utf8").matchAll(/^```ya?ml\n(.*?)^```$/gms)];
    for (const [at, [, text = ""]] of blocks.entries())
      for (const document of parseAllDocuments(text))
        fromBlock(document.toJS(), `${file}, example ${at + 1}`, add);
  }
  // What the chart has and renders is held to the plugins elsewhere.
  const manifests = filesOf("istio", ".yaml").filter((file) => !file.startsWith("istio/chart/"));
  for (const file of [...filesOf("envoy", ".yaml"), ...manifests]) {
    for (const document of parseAllDocuments(readFileSync(file, "utf8")))
      fromManifest(document.toJS(), file, add);
  }
  return shown;
}

/** The files below a folder with this ending; none where there is no such folder. */
function filesOf(folder: string, ending: string): string[] {
  if (!existsSync(folder)) return [];
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" });
  return files
    .filter((file) => file.endsWith(ending))
    .map((file) => `${folder}/${file}`)
    .sort();
}

/** Fields of which one is in every configuration of `authz` that does something. */
const AUTHZ = ["policies", "jwtRules", "apiKeys", "basicAuth", "extensionProviders"];

type Add = (where: string, filter: unknown, configuration: unknown) => void;

/** A scenario has its configuration, those of a chain, and those of updates. */
function fromScenario(document: unknown, where: string, add: Add): void {
  if (!isObject(document)) return;
  add(where, document.filter, document.config);
  for (const [at, plugin] of listOf(document.plugins).entries())
    add(`${where}, plugin ${at}`, plugin.filter, plugin.config);
  for (const [at, step] of listOf(document.steps).entries())
    add(`${where}, step ${at}`, document.filter, step.config);
}

/** A page shows scenarios, plugins as Istio has them, and plain configurations. */
function fromBlock(document: unknown, where: string, add: Add): void {
  if (!isObject(document)) return;
  if ("steps" in document || "refused" in document) fromScenario(document, where, add);
  else if ("filters" in document) add(where, "suite", document);
  else if ("rules" in document || "default" in document) add(where, "dark-launch", document);
  else if (AUTHZ.some((field) => field in document)) add(where, "authz", document);
  else if (["extract", "inject", "correlate", "report"].some((field) => field in document))
    add(where, "trace-propagation", document);
  else if ("limits" in document)
    add(where, "domain" in document ? "global-rate-limit" : "local-rate-limit", document);
  else fromManifest(document, where, add);
}

/**
 * In a WasmPlugin or a TrafficExtension a configuration is `pluginConfig`, of the filter that `pluginName` or the image names; in Envoy's files
 * the JSON in a `StringValue`.
 */
function fromManifest(document: unknown, where: string, add: Add): void {
  if (typeof document !== "object" || document === null) return;
  for (const child of Object.values(document) as unknown[]) fromManifest(child, where, add);
  if (!isObject(document)) return;
  add(where, document.pluginName ?? imageName(document.url) ?? "dark-launch", document.pluginConfig);
  const value = isObject(document.configuration) ? document.configuration.value : undefined;
  if (typeof value === "string") add(where, document.root_id ?? "dark-launch", JSON.parse(value));
}

/** `authz` of `oci://registry.example/outrigger/authz:0.1.0`. */
function imageName(url: unknown): string | undefined {
  return typeof url === "string" ? /^oci:.*\/([^/:@]+)(?:[:@]|$)/.exec(url)?.[1] : undefined;
}

function listOf(value: unknown): Record<string, unknown>[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

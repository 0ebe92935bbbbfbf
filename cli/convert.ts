/** `outrigger convert`: plugins of ours for what Istio's resources and EnvoyFilters say. */
import { checkSource } from "./check.ts";
import { convertAuthorization } from "./convert/authorization.ts";
import { readEnvoyFilters } from "./convert/envoy-filter.ts";
import { convertGlobalRateLimit } from "./convert/global-rate-limit.ts";
import { convertLocalRateLimit } from "./convert/local-rate-limit.ts";
import { isMeshConfig, readMeshConfig } from "./convert/mesh-config.ts";
import { manifestOf, type ConvertedPlugin, type PluginOptions } from "./convert/plugin.ts";
import { Names } from "./convert/names.ts";
import { Report, type Remark } from "./convert/report.ts";
import { readResources, type Resource } from "./convert/resources.ts";
import { convertVirtualServices } from "./convert/virtual-service.ts";
import { writeDocument } from "./convert/write.ts";
import { ExitCode, UserError } from "./errors.ts";
import { Modules } from "./modules.ts";
import { parseSource, readSource, type Source } from "./source.ts";
import { printable, stderr, stdout } from "./terminal.ts";

export interface ConvertOptions {
  url: string;
  sha256?: string[];
  kind: "WasmPlugin" | "TrafficExtension";
  header: string;
  gateway?: boolean;
  strict?: boolean;
  modules: string;
}

/** Answers the exit code. */
export function convert(files: readonly string[], options: ConvertOptions): number {
  const modules = new Modules(options.modules);
  const pluginOptions = readPluginOptions(options, modules);
  const report = new Report();
  const documents = convertSources(files.map(readSource), { ...options, modules, pluginOptions, report });
  if (documents.length > 0) stdout.line(documents.join("---\n").trimEnd());
  tell(report.notes, stderr.colors.dim("note:"));
  tell(report.left, stderr.colors.yellow("not converted:"));
  if (documents.length === 0) {
    stderr.line(
      report.left.length > 0
        ? "nothing could be converted"
        : "nothing to convert: no AuthorizationPolicy, RequestAuthentication, VirtualService or EnvoyFilter in the input",
    );
    return ExitCode.Failed;
  }
  return options.strict === true && report.left.length > 0 ? ExitCode.Failed : ExitCode.Ok;
}

interface Conversion {
  modules: Modules;
  pluginOptions: PluginOptions;
  header: string;
  gateway?: boolean;
  report: Report;
}

/** The documents that come out, each with its comments. */
function convertSources(sources: readonly Source[], conversion: Conversion): string[] {
  const { modules, header, gateway = false, report } = conversion;
  const resources = readResources(sources, report);
  for (const resource of resources) nameOthers(resource);
  const mesh = readMeshConfig(resources);
  const plugins = convertAuthorization(resources, { modules, mesh, gateway });
  for (const group of readEnvoyFilters(resources)) {
    for (const filter of group.filters) {
      const plugin =
        filter.kind === "global"
          ? convertGlobalRateLimit(filter, group, resources)
          : convertLocalRateLimit(filter, group);
      if (plugin !== null) plugins.push(plugin);
    }
    for (const { at } of group.filters.length > 0 ? [] : group.routes)
      at.leave(
        "rate limits of routes, and the filter that they are for is not in the input, or is for other proxies",
      );
  }
  const launches = convertVirtualServices(resources, { header });
  const documents = [...plugins, ...launches.plugins].flatMap(written(conversion));
  const isLaunched = launches.plugins.length > 0 && documents.length > plugins.length;
  const services = isLaunched ? launches.services : [];
  return [...documents, ...services.map(({ manifest, comments }) => writeDocument(manifest, comments))];
}

/** A plugin as YAML; nothing where its filter refuses it, which is told. */
function written({ modules, pluginOptions }: Conversion): (plugin: ConvertedPlugin) => string[] {
  const names = new Names();
  return (plugin) => {
    const manifest = manifestOf({ ...plugin, name: nameIn(plugin, names) }, pluginOptions);
    const text = writeDocument(manifest, plugin.comments);
    const { findings } = checkSource(parseSource("the conversion", text), { modules });
    for (const { path, message } of findings)
      plugin.from[0]!.root.leave(
        `${plugin.filter} refuses what was made of it: ${path === "" ? "" : `${path}: `}${message}`,
      );
    return findings.length > 0 ? [] : [text];
  };
}

/** Names are unique in a namespace. */
function nameIn({ namespace, name }: ConvertedPlugin, names: Names): string {
  return names.claim(`${namespace}/${name}`).slice(namespace.length + 1);
}

/** What is looked at beside the four kinds that are converted. */
const BESIDE = ["Gateway", "ServiceEntry"];
const CONVERTED = ["AuthorizationPolicy", "RequestAuthentication", "VirtualService", "EnvoyFilter"];

function nameOthers(resource: Resource): void {
  const { kind, group, root, title } = resource;
  if (/\.istio\.io$/.test(group) && [...CONVERTED, ...BESIDE].includes(kind)) {
    // Read by parts: the rest of `root` says nothing of a request.
    return;
  }
  const isConfiguration = kind === "ConfigMap" || isMeshConfig(resource);
  if (!isConfiguration) root.leave(`${title}: not of a kind that is converted`);
}

function readPluginOptions({ url, sha256 = [], kind }: ConvertOptions, modules: Modules): PluginOptions {
  if (!/^(?:oci|https?|file):\/\/\S+$/.test(url) || /[\0-\x20]/.test(url))
    throw new UserError(
      `--url: expected a URL like oci://registry.example/outrigger/{filter}:v1, got "${url}"`,
    );
  const digests = new Map<string, string>();
  for (const item of sha256) {
    const [, filter = "*", digest] = /^(?:([a-z-]+)=)?(?:sha256:)?([0-9a-f]{64})$/.exec(item) ?? [];
    if (digest === undefined)
      throw new UserError(`--sha256: expected 64 hex digits, or FILTER=DIGEST, got "${item}"`);
    if (filter !== "*" && !modules.has(filter))
      throw new UserError(`--sha256: no filter "${filter}"; expected ${modules.filters.join(", ")}`);
    digests.set(filter, digest);
  }
  if (digests.has("*") && url.includes("{filter}"))
    throw new UserError("--sha256: each filter's image has a digest of its own; give it as FILTER=DIGEST");
  return { kind, url, sha256: digests };
}

/** `policies.yaml:14:20: not converted: spec.rules[0].name: ..`, in the input's order, each once. */
function tell(remarks: readonly Remark[], what: string): void {
  const lines = new Set<string>();
  for (const { file, line, column, path, message } of remarks.toSorted((a, b) =>
    a.file === b.file ? a.line - b.line || a.column - b.column : 0,
  ))
    lines.add(
      `${printable(`${file}:${line}:${column}:`)} ${what} ${printable(path === "" ? "" : `${path}: `)}${printable(message)}`,
    );
  for (const line of lines) stderr.line(line);
}

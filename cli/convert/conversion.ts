/** From files to documents: each kind of resource by its own converter, and each plugin past its filter. */
import { checkSource } from "../check.ts";
import { UserError } from "../errors.ts";
import { moduleName } from "../filter-names.ts";
import type { Modules } from "../modules.ts";
import { parseSource, type Source } from "../source.ts";
import { convertAuthorization } from "./authorization.ts";
import { readEnvoyFilters, type PatchGroup } from "./envoy-filter.ts";
import { convertGlobalRateLimit } from "./global-rate-limit.ts";
import { convertLocalRateLimit } from "./local-rate-limit.ts";
import { isMeshConfig, readMeshConfig } from "./mesh-config.ts";
import { Names } from "./names.ts";
import { companionOf, manifestOf, type ConvertedPlugin, type PluginOptions } from "./plugin.ts";
import { routesOf } from "./rate-limit-settings.ts";
import type { Report } from "./report.ts";
import { readResources, type Resource } from "./resources.ts";
import { convertVirtualServices } from "./virtual-service.ts";
import { writeDocument } from "./write.ts";

export interface Conversion {
  modules: Modules;
  plugin: PluginOptions;
  /** The routing header of a dark launch. */
  header: string;
  /** Policies are for gateways, whatever their target. */
  gateway?: boolean;
  report: Report;
}

/** The YAML documents that come out, each with its comments. Throws {@link UserError} where the modules' URL is one filter's, and another's is needed. */
export function convertSources(sources: readonly Source[], conversion: Conversion): string[] {
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
    nameUnused(group);
  }
  const launches = convertVirtualServices(resources, { header, modules });
  const write = writer(conversion);
  const documents = plugins.flatMap(write);
  const launching = launches.plugins.map((plugin) => ({ plugin, written: write(plugin) }));
  // Routes that follow a header which nothing writes would lead nowhere.
  const refused = launching.filter(({ written }) => written.length === 0);
  const isRefused = (resource: Resource): boolean =>
    refused.some(({ plugin }) => plugin.from.includes(resource));
  for (const { written } of launching) documents.push(...written);
  for (const { manifest, comments, from } of launches.services) {
    if (isRefused(from)) from.root.leave("stays as it is: a plugin that its routes would follow is refused");
    else documents.push(writeDocument(manifest, comments));
  }
  return documents;
}

/** Patches that are about rate limits, and that no filter of the input looks at. */
function nameUnused(group: PatchGroup): void {
  const { filters, routes, clusters } = group;
  const used = new Set(filters.flatMap((filter) => routesOf(group, filter)));
  for (const route of routes)
    if (!used.has(route))
      route.at.leave(
        "the filter that these rate limits are for is not in the input, or not for the same proxies",
      );
  for (const { at } of filters.some(({ kind }) => kind === "global") ? [] : clusters.values())
    at.leave("a cluster, and no rate limit filter that calls it: the patch stays with the EnvoyFilter");
}

/** Writes a plugin as YAML, and its companion if it has one; nothing where its filter refuses it, which is told. */
function writer({ modules, plugin: options }: Conversion): (plugin: ConvertedPlugin) => string[] {
  const names = new Map<string, Names>();
  return function write(plugin): string[] {
    const { filter, namespace, comments, from } = plugin;
    const image = moduleName(options.url.replaceAll("{filter}", filter));
    if (modules.filters.includes(image) && image !== filter)
      throw new UserError(
        `--url: ${image} is not ${filter}, which the input needs too; write {filter} where the filter's name goes`,
      );
    const ofNamespace = names.get(namespace) ?? new Names();
    names.set(namespace, ofNamespace);
    const named = { ...plugin, name: ofNamespace.claim(plugin.name) };
    const text = writeDocument(manifestOf(named, options), comments);
    const { findings } = checkSource(parseSource("the conversion", text), { modules });
    for (const { path, message } of findings)
      from[0]!.root.leave(
        `${filter} refuses what was made of it: ${path === "" ? "" : `${path}: `}${message}`,
      );
    const companion = companionOf(named);
    return findings.length > 0 ? [] : [text, ...(companion === null ? [] : write(companion))];
  };
}

const CONVERTED = ["AuthorizationPolicy", "RequestAuthentication", "VirtualService", "EnvoyFilter"];
/** What conversions look at beside them. */
const BESIDE = ["Gateway", "ServiceEntry"];

function nameOthers(resource: Resource): void {
  const { kind, group, root, title } = resource;
  const isKnown = group.endsWith(".istio.io") && [...CONVERTED, ...BESIDE].includes(kind);
  if (!isKnown && kind !== "ConfigMap" && !isMeshConfig(resource))
    root.leave(`${title}: not of a kind that is converted`);
}

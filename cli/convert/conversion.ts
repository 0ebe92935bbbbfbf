/** From files to documents: each kind of resource by its own converter, and each plugin past its filter. */
import { checkSource } from "../check.ts";
import { UserError } from "../errors.ts";
import { moduleName } from "../filter-names.ts";
import type { Modules } from "../modules.ts";
import { parseSource, type Source } from "../source.ts";
import { convertAuthorization } from "./authorization.ts";
import { findClaimReaders } from "./claim-readers.ts";
import { isMeshConfig, readMeshConfig } from "./mesh-config.ts";
import { Names } from "./names.ts";
import {
  companionOf,
  manifestOf,
  type ConvertedPlugin,
  type ConvertedResource,
  type PluginOptions,
} from "./plugin.ts";
import { convertRateLimits, sayWhatMayGo } from "./rate-limits.ts";
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
  const launches = convertVirtualServices(resources, { header, modules, mesh });
  const routes = new Map(launches.services.map(({ from, routes }) => [from, routes]));
  const readers = findClaimReaders(resources, routes, { rootNamespace: mesh.rootNamespace, gateway });
  const policies = convertAuthorization(resources, { modules, mesh, gateway, readers });
  const rateLimits = convertRateLimits(resources, mesh.rootNamespace);
  const check = checker(conversion);
  const checked = [...policies, ...rateLimits].flatMap((plugin) => {
    const found = check(plugin);
    const [, ...others] = found.length > 0 ? [] : plugin.from;
    for (const { root } of others) root.leave("stays as it is: the plugin that it is part of is refused");
    return found;
  });
  const launching = launches.plugins.map((plugin) => ({ plugin, checked: check(plugin) }));
  sayWhatMayGo(rateLimits);
  const documents = [...checked, ...launching.flatMap((launch) => launch.checked)].map(
    ({ manifest, comments }) => writeDocument(manifest, comments),
  );
  // Routes that follow a header which nothing writes would lead nowhere.
  const refused = launching.filter((launch) => launch.checked.length === 0);
  const isRefused = (resource: Resource): boolean =>
    refused.some(({ plugin }) => plugin.from.includes(resource));
  for (const { manifest, comments, from } of launches.services) {
    if (isRefused(from)) from.root.leave("stays as it is: a plugin that its routes would follow is refused");
    else documents.push(writeDocument(manifest, comments));
  }
  return documents;
}

/** Makes the resource of a plugin, and its companion if it has one; nothing where its filter refuses it, which is told. */
function checker({ modules, plugin: options }: Conversion): (plugin: ConvertedPlugin) => ConvertedResource[] {
  const names = new Map<string, Names>();
  return function check(plugin): ConvertedResource[] {
    const { filter, namespace, comments, from } = plugin;
    const image = moduleName(options.url.replaceAll("{filter}", filter));
    if (modules.filters.includes(image) && image !== filter)
      throw new UserError(
        `--url: ${image} is not ${filter}, which the input needs too; write {filter} where the filter's name goes`,
      );
    const ofNamespace = names.get(namespace) ?? new Names();
    names.set(namespace, ofNamespace);
    const named = { ...plugin, name: ofNamespace.claim(plugin.name) };
    const manifest = manifestOf(named, options);
    const { findings } = checkSource(parseSource("the conversion", writeDocument(manifest, [])), { modules });
    for (const { path, message } of findings)
      from[0]!.root.leave(
        `${filter} refuses what was made of it: ${path === "" ? "" : `${path}: `}${message}`,
      );
    for (const { root } of from) root.place.stays.count += findings.length;
    const companion = companionOf(named);
    if (findings.length > 0) return [];
    return [{ manifest, comments }, ...(companion === null ? [] : check(companion))];
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

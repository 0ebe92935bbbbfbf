/**
 * Finds the plugins of a file: Istio's `WasmPlugin` and `TrafficExtension`, Envoy's Wasm filters wherever they stand (a bootstrap,
 * an LDS file, an `EnvoyFilter`, a filter alone), or a plugin's configuration by itself.
 */
import { isMap, isSeq, type Node } from "yaml";
import { textConfiguration, yamlConfiguration, positionOf, type Configuration } from "./configuration.ts";
import { guessFilter, moduleName } from "./filter-names.ts";
import { COMBINED, SUITE, type Modules, type Runner } from "./modules.ts";
import type { Position, Source, YamlDocument } from "./source.ts";
import { itemsOf, memberOf, membersOf, reach, resolved, textOf } from "./yaml-tree.ts";

export interface Plugin {
  /** What it is, for a person: `WasmPlugin reviews/launch`. */
  title: string;
  /** The resource's or the plugin's name; empty for a configuration by itself. */
  name: string;
  position: Position;
  runner: Runner;
  /** The root id was not given in the file but taken for it, as a bare configuration has none. */
  guessed: boolean;
  /** Where the root id (Istio's `pluginName`) stands, or what it is missing from. */
  rootIdPosition: Position;
  configuration: Configuration;
}

/** What is wrong with a file before any module has seen it. */
export interface FileProblem extends Position {
  message: string;
  /** Of which filter, where that is known. */
  filter: string | null;
}

export interface Found {
  plugins: Plugin[];
  problems: FileProblem[];
  /** Plugins that are none of ours, and documents without any, for a person. */
  notes: (Position & { text: string })[];
}

export interface FindOptions {
  modules: Modules;
  /** The filter of a configuration that stands by itself. */
  filter?: string;
}

export function findPlugins(source: Source, options: FindOptions): Found {
  const finder = new Finder(source, options);
  for (const document of source.documents) finder.document(document);
  const { found } = finder;
  if (found.plugins.length === 0 && found.problems.length === 0 && found.notes.length === 0) {
    found.notes.push({ line: 1, column: 1, text: "no plugin in it" });
  }
  return found;
}

/** A plugin as a file has it. */
interface Declaration {
  title: string;
  name: string;
  node: Node;
  configNode: Node;
  /** Where the module comes from: a URL or a file's path; null where that is not told. */
  module: string | null;
  rootId: string | null;
  rootIdNode: Node | null;
}

const WASM_TYPE = /(?:^|\/)envoy\.extensions\.filters\.(?:http|network)\.wasm\.v3\.Wasm$/;
const STRUCT_TYPES = /(?:^|\/)(?:udpa\.type|xds\.type)\.v[13]\.TypedStruct$/;
/** Of what begins an Envoy configuration. */
const ENVOY_FIELDS = ["static_resources", "staticResources", "dynamic_resources", "dynamicResources"];
ENVOY_FIELDS.push("resources", "typed_config", "typedConfig", "filter_chains", "filterChains", "@type");
/** What else is to be said of an empty configuration in a resource of Istio's. */
const EMPTY = "istiod sends a pluginConfig without fields as none at all";
/** Of what begins a scenario. */
const SCENARIO_FIELDS = ["steps", "refused"];

class Finder {
  readonly found: Found = { plugins: [], problems: [], notes: [] };

  constructor(
    private readonly source: Source,
    private readonly options: FindOptions,
  ) {}

  document(document: YamlDocument): void {
    if (document.errors.length > 0) {
      for (const error of document.errors) {
        const position = this.source.positionAt(error.pos[0]);
        this.found.problems.push({ ...position, message: `not YAML: ${inWords(error)}`, filter: null });
      }
      return;
    }
    const root = resolved(document.contents, document);
    const has = (...names: string[]): boolean => memberOf(root, document, ...names) !== null;
    if (root === null) return;
    if (has("apiVersion") && has("kind")) this.resource(root, document);
    else if (isSeq(root) || has(...ENVOY_FIELDS)) this.envoy(root, document);
    else if (has(...SCENARIO_FIELDS) && has("filter", "plugins")) {
      this.note(root, "a scenario: `outrigger test` plays it");
    } else if (!isEmpty(root)) this.bare(root, document);
  }

  private resource(root: Node, document: YamlDocument): void {
    const text = (...steps: string[]): string => textOf(reach(root, document, ...steps)) ?? "";
    const kind = text("kind");
    if (kind === "List" || kind.endsWith("PluginList") || kind.endsWith("ExtensionList")) {
      for (const item of itemsOf(reach(root, document, "items"), document)) {
        if (item !== null) this.resource(item, document);
      }
      return;
    }
    const namespace = text("metadata", "namespace");
    const name = text("metadata", "name");
    const title = `${kind} ${namespace === "" ? "" : `${namespace}/`}${name === "" ? "(no name)" : name}`;
    const isIstios = text("apiVersion").startsWith("extensions.istio.io/");
    if (isIstios && (kind === "WasmPlugin" || kind === "TrafficExtension")) {
      const steps = kind === "WasmPlugin" ? ["spec"] : ["spec", "wasm"];
      const spec = reach(root, document, ...steps);
      if (spec === null) {
        this.note(root, `skipped ${title}: it has no ${steps.join(".")}`);
        return;
      }
      this.istio(title, name, spec, document);
    } else this.envoy(root, document, title);
  }

  private istio(title: string, name: string, spec: Node, document: YamlDocument): void {
    const pluginName = memberOf(spec, document, "pluginName");
    const config = memberOf(spec, document, "pluginConfig");
    const declaration: Declaration = {
      title,
      name,
      node: spec,
      configNode: config?.value ?? spec,
      module: textOf(reach(spec, document, "url")),
      rootId: textOf(pluginName?.value ?? null),
      rootIdNode: pluginName?.value ?? null,
    };
    // istiod sends no configuration for a pluginConfig without fields (`buildPluginConfig` of `extensions.go`).
    const fields = membersOf(config?.value ?? null, document);
    const text = (): Configuration =>
      config === null || (isMap(config.value) && fields.length === 0)
        ? textConfiguration(this.source, config?.value ?? spec, "", EMPTY)
        : yamlConfiguration(this.source, document, config.value);
    this.declared(declaration, text);
  }

  /** Any tree in which Envoy's Wasm filters may stand. */
  private envoy(root: Node, document: YamlDocument, title = ""): void {
    // Without recursion: the tree's depth is the file's. An alias is visited where it is used first.
    const open: [Node, string][] = [[root, ""]];
    const seen = new Set<Node>();
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      const [node, name] = next;
      if (seen.has(node)) continue;
      seen.add(node);
      const type = textOf(reach(node, document, "@type")) ?? "";
      if (WASM_TYPE.test(type)) {
        this.wasmFilter(reach(node, document, "config"), node, name, document, title);
        continue;
      }
      const inner = textOf(reach(node, document, ["type_url", "typeUrl"])) ?? "";
      if (STRUCT_TYPES.test(type) && WASM_TYPE.test(inner)) {
        this.wasmFilter(reach(node, document, "value", "config"), node, name, document, title);
        continue;
      }
      const own = textOf(reach(node, document, "name")) ?? name;
      const children = isMap(node)
        ? membersOf(node, document).map(({ value }) => value)
        : itemsOf(node, document);
      for (const child of children.reverse()) {
        if (isMap(child) || isSeq(child)) open.push([child, own]);
      }
    }
  }

  /** `config` is a `PluginConfig` of Envoy's `wasm.proto`. */
  private wasmFilter(
    config: Node | null,
    filter: Node,
    filterName: string,
    document: YamlDocument,
    resource: string,
  ): void {
    const name = textOf(reach(config, document, "name")) ?? filterName;
    const title = `Wasm filter ${name === "" ? "(no name)" : name}${resource === "" ? "" : ` of ${resource}`}`;
    if (config === null) {
      this.note(filter, `skipped ${title}: it has no config`);
      return;
    }
    const rootId = memberOf(config, document, "root_id", "rootId");
    const code = reach(config, document, ["vm_config", "vmConfig"], "code");
    const uri = reach(code, document, "remote", ["http_uri", "httpUri"], "uri");
    const declaration: Declaration = {
      title,
      name,
      node: config,
      configNode: config,
      module: textOf(reach(code, document, "local", "filename")) ?? textOf(uri),
      rootId: textOf(rootId?.value ?? null),
      rootIdNode: rootId?.value ?? null,
    };
    this.declared(declaration, (filterOf) => this.anyConfiguration(config, document, filterOf));
  }

  /** The bytes that Envoy makes of a plugin's `configuration` (`anyToBytes` of `source/common/protobuf`): null where no filter can read them. */
  private anyConfiguration(config: Node, document: YamlDocument, filter: string): Configuration | null {
    const any = reach(config, document, "configuration");
    if (any === null) return textConfiguration(this.source, config, "");
    const type = textOf(reach(any, document, "@type")) ?? "";
    const value = reach(any, document, "value");
    const text = textOf(value) ?? "";
    if (type.endsWith("/google.protobuf.StringValue"))
      return textConfiguration(this.source, value ?? any, text);
    if (type.endsWith("/google.protobuf.BytesValue")) {
      return textConfiguration(this.source, value ?? any, Buffer.from(text, "base64").toString());
    }
    const got = type === "" ? "no @type" : `"${type}"`;
    const message = `configuration: expected a google.protobuf.StringValue with the JSON text, got ${got}; anything else reaches the filter as protobuf bytes`;
    this.found.problems.push({ ...positionOf(this.source, any), message, filter });
    return null;
  }

  /** A configuration by itself: of which filter, is told or guessed. */
  private bare(root: Node, document: YamlDocument): void {
    const { filter, modules } = this.options;
    const configuration = this.readable("", root, () => yamlConfiguration(this.source, document, root));
    if (configuration === null) return;
    const position = positionOf(this.source, root);
    const guess =
      filter ?? guessFilter(this.source.file, membersOf(root, document), configuration.text, modules);
    if (guess === null) {
      const names = modules.names.join(", ");
      const message = `a configuration by itself, of which filter is not clear; say so with --filter (${names})`;
      this.found.problems.push({ ...position, message, filter: null });
      return;
    }
    if (filter === undefined)
      this.note(root, `taken for a configuration of ${guess} (--filter says so for sure)`);
    this.found.plugins.push({
      title: `configuration of ${guess}`,
      name: "",
      position,
      runner: modules.runnerOf(guess),
      guessed: filter === undefined,
      rootIdPosition: position,
      configuration,
    });
  }

  private declared(declaration: Declaration, read: (filter: string) => Configuration | null): void {
    const { title, name, node } = declaration;
    const runner = runnerOf(declaration, this.options.modules);
    if (runner === null) {
      const from = declaration.module === null ? "" : ` (${declaration.module})`;
      this.note(node, `skipped ${title}: not one of our filters${from}`);
      return;
    }
    const configuration = this.readable(runner.filter, declaration.configNode, () => read(runner.filter));
    if (configuration === null) return;
    this.found.plugins.push({
      title,
      name,
      position: positionOf(this.source, node),
      runner,
      guessed: false,
      rootIdPosition: positionOf(this.source, declaration.rootIdNode ?? node),
      configuration,
    });

    function runnerOf({ module, rootId }: Declaration, modules: Modules): Runner | null {
      const image = module === null ? "" : moduleName(module);
      if (image === COMBINED) return modules.combinedRunner(rootId ?? "");
      if (image !== SUITE && modules.has(image)) return { ...modules.runnerOf(image), rootId: rootId ?? "" };
      return rootId !== null && modules.has(rootId) ? modules.runnerOf(rootId) : null;
    }
  }

  /** Aliases without end, or that refer to nothing, are found only when values are made of them. */
  private readable(filter: string, node: Node, read: () => Configuration | null): Configuration | null {
    try {
      return read();
    } catch (error) {
      const why = inWords(error as Error);
      const position = positionOf(this.source, node);
      this.found.problems.push({
        ...position,
        message: `not YAML: ${why}`,
        filter: filter === "" ? null : filter,
      });
      return null;
    }
  }

  private note(node: Node, text: string): void {
    this.found.notes.push({ ...positionOf(this.source, node), text });
  }
}

/** Why a file's YAML cannot be read, or be written as JSON. */
function inWords(error: Error): string {
  if (error.message.includes("call stack")) return "nested too deeply";
  // What `JSON.stringify` throws is a TypeError.
  return error instanceof TypeError ? "an alias stands within what it stands for" : error.message;
}

function isEmpty(root: Node): boolean {
  return "value" in root && root.value === null;
}

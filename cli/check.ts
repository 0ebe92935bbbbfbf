/** Lets the built module read a plugin's configuration, and tells what it says of it. */
import type { Modules } from "./modules.ts";
import { findPlugins, type FindOptions, type Found, type Plugin } from "./plugins.ts";
import { refusalOf } from "./refusal.ts";
import type { Position, Source } from "./source.ts";

/** What is wrong, and where. */
export interface Finding extends Position {
  file: string;
  /** Within the plugin's configuration: `rules[2].match.path`; empty where all of it is meant. */
  path: string;
  message: string;
  /** Null where the file is broken before any filter comes into it. */
  filter: string | null;
  /** `WasmPlugin reviews/launch`; null as above. */
  plugin: string | null;
}

export interface Checked extends Found {
  findings: Finding[];
}

/** Finds the plugins of a file and checks each. Findings are in the file's order. */
export function checkSource(source: Source, options: FindOptions): Checked {
  const found = findPlugins(source, options);
  const { file } = source;
  const findings = [
    ...found.problems.map((problem): Finding => ({ file, path: "", plugin: null, ...problem })),
    ...found.plugins.flatMap((plugin) => checkPlugin(file, plugin, options.modules)),
  ];
  findings.sort((a, b) => a.line - b.line || a.column - b.column);
  return { ...found, findings };
}

/** What the plugin's module says of its configuration. */
export function checkPlugin(file: string, plugin: Plugin, modules: Modules): Finding[] {
  const { runner, configuration, title } = plugin;
  return refusalOf(runner, title, configuration.text).map((told): Finding => {
    const finding = { file, filter: runner.filter, plugin: title };
    if (told.startsWith("no filter of this name")) {
      const message = `${told}; expected ${modules.names.join(", ")}, got "${runner.rootId}"`;
      return { ...finding, ...plugin.rootIdPosition, path: "", message };
    }
    return { ...finding, ...configuration.locate(told) };
  });
}

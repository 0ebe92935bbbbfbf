/** Lets the built module read a plugin's configuration, and tells what it says of it. */
import { ConfigurationRefused } from "../test/driver.ts";
import { Host, LogLevel, ModuleLoadError } from "../test/host/index.ts";
import { UserError } from "./errors.ts";
import type { Modules } from "./modules.ts";
import { findPlugins, type FindOptions, type Found, type Plugin } from "./plugins.ts";
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

/** What the plugin's module says of its configuration. Throws {@link UserError} when the module does not load. */
export function checkPlugin(file: string, plugin: Plugin, modules: Modules): Finding[] {
  const { runner, configuration, title } = plugin;
  const host = new Host({ logLevel: LogLevel.Warn });
  const finding = { file, filter: runner.filter, plugin: title };
  try {
    const { module, rootId } = runner;
    host.listen({ plugins: [{ module, name: title, rootId, configuration: configuration.text }] }).close();
    return [];
  } catch (error) {
    if (error instanceof ModuleLoadError) throw new UserError(`${runner.filter}: ${error.message}`);
    if (!(error instanceof ConfigurationRefused)) throw error;
    return problemsOf(error.messages).map((told): Finding => {
      if (told.startsWith("no filter of this name")) {
        const message = `${told}; expected ${modules.names.join(", ")}, got "${runner.rootId}"`;
        return { ...finding, ...plugin.rootIdPosition, path: "", message };
      }
      return { ...finding, ...configuration.locate(told) };
    });
  }
}

/** One text for each problem, out of what a module logs when it refuses a configuration. */
function problemsOf(messages: readonly string[]): string[] {
  const problems = messages.flatMap((message) =>
    message
      .replace(/^configuration refused:\s*/, "")
      .split("\n")
      .filter((line) => line.trim() !== ""),
  );
  return problems.length > 0 ? problems : ["configuration: refused, and the module does not say why"];
}

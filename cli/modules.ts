/** The built modules: which filters there are, and what runs them. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { loadModule } from "../test/host/driver.ts";
import { ModuleLoadError, type PluginModule } from "../test/host/index.ts";
import { reasonOf, UserError } from "./errors.ts";

/** The module with all filters, where the root id chooses. */
export const COMBINED = "outrigger";
/** The root id of {@link COMBINED} that runs several filters in one plugin. */
export const SUITE = "suite";

/** How a plugin's configuration is run. */
export interface Runner {
  /** `dark-launch`; `suite` for several in one. */
  filter: string;
  module: PluginModule;
  rootId: string;
}

export class Modules {
  /** The filters that have a module, in order of their names; `suite` is not among them. */
  readonly filters: readonly string[];
  private readonly hasCombined: boolean;
  private readonly loaded = new Map<string, PluginModule>();

  /** Throws {@link UserError} when the folder has no modules. */
  constructor(readonly folder: string) {
    let names: string[];
    try {
      names = readdirSync(folder);
    } catch (error) {
      throw new UserError(`cannot read the modules' folder ${folder}: ${reasonOf(error)}`);
    }
    const modules = names.filter((name) => name.endsWith(".wasm")).map((name) => name.slice(0, -5));
    if (modules.length === 0) {
      throw new UserError(
        `no modules in ${folder}; build them first (\`make build\`), or name their folder with --modules`,
      );
    }
    this.filters = modules.filter((name) => name !== COMBINED).sort();
    this.hasCombined = modules.includes(COMBINED);
  }

  /** All that can be named as a filter. */
  get names(): readonly string[] {
    return this.hasCombined ? [...this.filters, SUITE] : this.filters;
  }

  has(filter: string): boolean {
    return this.names.includes(filter);
  }

  /** The file of a filter's module. Throws {@link UserError} when it is not there. */
  fileOf(filter: string): string {
    const file = join(this.folder, `${filter === SUITE ? COMBINED : filter}.wasm`);
    if (existsSync(file)) return file;
    throw new UserError(
      `${file} is not there; build it first (\`make build\`), or name the modules' folder with --modules`,
    );
  }

  /** What runs a filter: its own module, and the module of all for `suite`. */
  runnerOf(filter: string): Runner {
    return { filter, module: this.load(this.fileOf(filter)), rootId: filter };
  }

  /** What runs a plugin of the module of all, under its own root id. */
  combinedRunner(rootId: string): Runner {
    return { filter: this.has(rootId) ? rootId : COMBINED, module: this.load(this.fileOf(SUITE)), rootId };
  }

  /** Compiles a module once: a file may have a thousand plugins. */
  private load(file: string): PluginModule {
    const known = this.loaded.get(file);
    if (known !== undefined) return known;
    try {
      const module = loadModule(file);
      this.loaded.set(file, module);
      return module;
    } catch (error) {
      if (error instanceof ModuleLoadError || error instanceof WebAssembly.CompileError) {
        throw new UserError(`${file} does not load: ${error.message}`);
      }
      throw new UserError(`cannot read ${file}: ${reasonOf(error)}`);
    }
  }
}

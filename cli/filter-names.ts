/** Which filter a plugin is of, where that is not said outright. */
import { SUITE, type Modules } from "./modules.ts";
import { refusalOf } from "./refusal.ts";
import type { Member } from "./yaml-tree.ts";

/**
 * The name of a module by where it comes from: `dark-launch` of `oci://ghcr.io/outrigger/dark-launch:1.0@sha256:..`,
 * `https://example.com/dark-launch.wasm?x` and `build/dark-launch.wasm`.
 */
export function moduleName(location: string): string {
  const path = location.replace(/[?#].*$/s, "").replace(/@sha256:.*$/s, "");
  const last = path.slice(path.lastIndexOf("/") + 1);
  return last
    .replace(/:[^:]*$/, "")
    .replace(/\.wasm$/, "")
    .replace(/^outrigger-/, "");
}

/** By the file's name; else the filter that knows most of the fields, if there is exactly one. */
export function guessFilter(
  file: string,
  members: readonly Member[],
  configuration: string,
  modules: Modules,
): string | null {
  if (modules.has(SUITE) && members.some(({ name }) => name === "filters")) return SUITE;
  const byFile = modules.filters.filter((filter) => file.replace(/^.*\//, "").includes(filter));
  if (byFile.length === 1) return byFile[0]!;
  if (modules.filters.length === 1) return modules.filters[0]!;
  const unknown = modules.filters.map((filter) => {
    const told = refusalOf(modules.runnerOf(filter), "guess", configuration);
    // Of the configuration itself: what is within it comes from vocabularies that filters share.
    return told.filter((problem) => /^[A-Za-z0-9_-]+: unknown field/.test(problem)).length;
  });
  const least = Math.min(...unknown);
  const best = modules.filters.filter((_, at) => unknown[at] === least);
  return best.length === 1 && least < members.length ? best[0]! : null;
}

/** What a built module says of a configuration. */
import { ConfigurationRefused } from "../test/driver.ts";
import { Host, LogLevel, ModuleLoadError } from "../test/host/index.ts";
import { nodeLibraries } from "../test/host/node-libraries.ts";
import { UserError } from "./errors.ts";
import type { Runner } from "./modules.ts";

/** The problems that the module tells, one a text; none where it takes the configuration. Throws {@link UserError} when it does not load. */
export function refusalOf({ filter, module, rootId }: Runner, name: string, configuration: string): string[] {
  try {
    const host = new Host({ ...nodeLibraries, logLevel: LogLevel.Warn });
    host.listen({ plugins: [{ module, name, rootId, configuration }] }).close();
    return [];
  } catch (error) {
    if (error instanceof ModuleLoadError) throw new UserError(`${filter}: ${error.message}`);
    if (!(error instanceof ConfigurationRefused)) throw error;
    const problems = error.messages.flatMap((message) =>
      message
        .replace(/^configuration refused:\s*/, "")
        .split("\n")
        .filter((line) => line.trim() !== ""),
    );
    return problems.length > 0 ? problems : ["configuration: refused, and the module does not say why"];
  }
}

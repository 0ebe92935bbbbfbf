/** `outrigger ratelimit-service`: a RateLimitService for development, with the configuration of envoyproxy/ratelimit. */
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { ExitCode, reasonOf, UserError } from "./errors.ts";
import { readConfiguration, type ConfigurationFile, type Problem } from "./ratelimit-service/config.ts";
import type { Configuration } from "./ratelimit-service/descriptors.ts";
import { RateLimitServer } from "./ratelimit-service/server.ts";
import { RateLimitService } from "./ratelimit-service/service.ts";
import { readText } from "./source.ts";
import { printable, stderr, stdout } from "./terminal.ts";

export interface RateLimitServiceOptions {
  config: readonly string[];
  host: string;
  port: string;
}

/** Milliseconds between two looks at the files; ratelimit, too, takes what has changed without a restart. */
const LOOK_EVERY = 500;

/** Serves until SIGINT or SIGTERM, and answers the exit code. */
export async function serveRateLimits(options: RateLimitServiceOptions): Promise<number> {
  const port = portOf(options.port);
  let files = readFiles(options.config);
  const configuration = told(files);
  if (configuration === null) return ExitCode.Failed;
  const service = new RateLimitService(configuration, Date.now);
  const server = await RateLimitServer.start(service, options.host, port).catch((error: unknown) => {
    throw new UserError(`cannot listen on ${options.host}:${port}: ${reasonOf(error)}`);
  });
  const host = options.host.includes(":") ? `[${options.host}]` : options.host;
  stdout.line(`RateLimitService on ${host}:${server.port}, ${domains(configuration)}`);
  stderr.line(
    stderr.colors.yellow("For development only: it counts in its own memory and trusts whoever asks."),
  );

  const reload = (evenIfSame: boolean): void => {
    let now: ConfigurationFile[];
    try {
      now = readFiles(options.config);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      // Editors take a file away for a moment.
      if (evenIfSame) stderr.line(`${stderr.colors.red("error:")} ${printable(error.message)}`);
      return;
    }
    if (!evenIfSame && JSON.stringify(now) === JSON.stringify(files)) return;
    files = now;
    const changed = told(files);
    if (changed === null) {
      stderr.line("the configuration before stays");
      return;
    }
    service.configure(changed);
    stdout.line(`read again, ${domains(changed)}`);
  };
  const looking = setInterval(() => reload(false), LOOK_EVERY);
  process.on("SIGHUP", () => reload(true));
  await new Promise<void>((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => resolve());
  });
  clearInterval(looking);
  server.close();
  return ExitCode.Ok;
}

/** Each file, and each YAML file of each folder, in the order of their names. Throws {@link UserError}. */
function readFiles(paths: readonly string[]): ConfigurationFile[] {
  const files = paths.flatMap((path) => {
    try {
      if (!statSync(path).isDirectory()) return [path];
      const found = readdirSync(path, { recursive: true, encoding: "utf8" })
        .filter((name) => /\.ya?ml$/.test(name))
        .sort()
        .map((name) => join(path, name));
      if (found.length > 0) return found;
    } catch (error) {
      throw new UserError(`cannot read ${path}: ${reasonOf(error)}`);
    }
    throw new UserError(`no YAML file in ${path}`);
  });
  return files.map((file) => ({ file, text: readText(file) }));
}

/** Tells what is wrong; null where there is something. */
function told(files: readonly ConfigurationFile[]): Configuration | null {
  const { configuration, problems, warnings } = readConfiguration(files);
  const { red, yellow } = stderr.colors;
  for (const warning of warnings) stderr.line(shown(warning, yellow("warning:")));
  for (const problem of problems) stderr.line(shown(problem, red("error:")));
  return problems.length > 0 ? null : configuration;
}

/** As {@link showFinding} of `validate.ts` has it. */
function shown({ file, line, column, path, message }: Problem, kind: string): string {
  const where = path === "" ? "" : `${printable(path)}: `;
  return `${printable(file)}:${line}:${column}: ${kind} ${where}${printable(message)}`;
}

function domains(configuration: Configuration): string {
  const names = [...configuration.domains.keys()].map((name) => printable(name));
  return `${names.length === 1 ? "domain" : "domains"} ${names.join(", ")}`;
}

function portOf(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : NaN;
  if (port <= 65_535) return port;
  throw new UserError(`--port: expected a number from 0 to 65535, got "${text}"`);
}

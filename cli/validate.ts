/** `outrigger validate`: what is wrong with the plugins in files, each with its place. */
import { checkSource, type Finding } from "./check.ts";
import { ExitCode, UserError } from "./errors.ts";
import { Modules } from "./modules.ts";
import { readSource } from "./source.ts";
import { counted, printable, stderr, stdout } from "./terminal.ts";

export interface ValidateOptions {
  modules: string;
  filter?: string;
  json?: boolean;
  quiet?: boolean;
}

/** Answers the exit code. */
export function validate(files: readonly string[], options: ValidateOptions): number {
  const modules = new Modules(options.modules);
  const { filter } = options;
  if (filter !== undefined && !modules.has(filter)) throw unknownFilter(filter, modules);
  const findings: Finding[] = [];
  const wrong = new Set<string>();
  let plugins = 0;
  let unreadable = 0;
  for (const file of files) {
    try {
      const source = readSource(file);
      const checked = checkSource(source, { modules, ...(filter === undefined ? {} : { filter }) });
      if (options.quiet !== true) {
        for (const { line, text } of checked.notes) {
          stderr.line(stderr.colors.dim(printable(`${file}:${line}: ${text}`)));
        }
      }
      plugins += checked.plugins.length;
      findings.push(...checked.findings);
      for (const finding of checked.findings) wrong.add(finding.file);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      unreadable++;
      stderr.line(`${stderr.colors.red("error:")} ${printable(error.message)}`);
    }
  }
  if (options.json === true) stdout.line(JSON.stringify(findings, null, 2));
  else {
    for (const finding of findings) stdout.line(showFinding(finding));
    if (options.quiet !== true)
      stdout.line(summary(findings.length, wrong.size, plugins, files.length - unreadable, unreadable));
  }
  if (unreadable > 0) return ExitCode.Usage;
  return findings.length > 0 ? ExitCode.Failed : ExitCode.Ok;
}

/** `launch.yaml:14:20: rules[0].name: expected ..`, as editors and CI systems know it. */
export function showFinding({ file, line, column, path, message, filter }: Finding): string {
  const { bold, cyan, dim, red } = stdout.colors;
  const place = bold(printable(`${file}:${line}:${column}:`));
  const where = path === "" ? "" : `${cyan(printable(path))}: `;
  return `${place} ${red("error:")} ${where}${printable(message)}${filter === null ? "" : dim(` [${filter}]`)}`;
}

export function unknownFilter(filter: string, modules: Modules): UserError {
  return new UserError(`no filter "${filter}"; expected ${modules.names.join(", ")}`);
}

function summary(
  problems: number,
  wrongFiles: number,
  plugins: number,
  files: number,
  unreadable: number,
): string {
  const { green, red } = stdout.colors;
  const checked = `${counted(plugins, "plugin")} in ${counted(files, "file")} checked`;
  const unread = unreadable === 0 ? "" : red(`, ${counted(unreadable, "file")} not read`);
  if (problems === 0) return `${checked}: ${plugins === 0 ? "nothing to say" : green("no problem")}${unread}`;
  return `${checked}: ${red(`${counted(problems, "problem")} in ${counted(wrongFiles, "file")}`)}${unread}`;
}

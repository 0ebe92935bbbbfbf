/** `outrigger convert`: plugins of ours for what Istio's resources and EnvoyFilters say. */
import { convertSources } from "./convert/conversion.ts";
import type { PluginOptions } from "./convert/plugin.ts";
import { Report, type Remark } from "./convert/report.ts";
import { ExitCode, UserError } from "./errors.ts";
import { Modules } from "./modules.ts";
import { readSource } from "./source.ts";
import { printable, stderr, stdout } from "./terminal.ts";

export interface ConvertOptions {
  url: string;
  sha256?: string[];
  kind: "WasmPlugin" | "TrafficExtension";
  header: string;
  gateway?: boolean;
  strict?: boolean;
  modules: string;
}

/** Answers the exit code. */
export function convert(files: readonly string[], options: ConvertOptions): number {
  const modules = new Modules(options.modules);
  const plugin = readPluginOptions(options, modules);
  const report = new Report();
  const documents = convertSources(files.map(readSource), { ...options, modules, plugin, report });
  if (documents.length > 0) stdout.line(documents.join("---\n").trimEnd());
  tell(report.notes, stderr.colors.dim("note:"));
  tell(report.left, stderr.colors.yellow("not converted:"));
  if (documents.length === 0) {
    stderr.line(
      report.left.length > 0
        ? "nothing could be converted"
        : "nothing to convert: no AuthorizationPolicy, RequestAuthentication, VirtualService or EnvoyFilter in the input",
    );
    return ExitCode.Failed;
  }
  return options.strict === true && report.left.length > 0 ? ExitCode.Failed : ExitCode.Ok;
}

function readPluginOptions({ url, sha256 = [], kind }: ConvertOptions, modules: Modules): PluginOptions {
  if (!/^(?:oci|https?|file):\/\/\S+$/.test(url) || /[\0-\x20]/.test(url))
    throw new UserError(
      `--url: expected a URL like oci://registry.example/outrigger/{filter}:v1, got "${url}"`,
    );
  const digests = new Map<string, string>();
  for (const item of sha256) {
    const [, filter = "*", digest] = /^(?:([a-z-]+)=)?(?:sha256:)?([0-9a-f]{64})$/.exec(item) ?? [];
    if (digest === undefined)
      throw new UserError(`--sha256: expected 64 hex digits, or FILTER=DIGEST, got "${item}"`);
    if (filter !== "*" && !modules.has(filter))
      throw new UserError(`--sha256: no filter "${filter}"; expected ${modules.filters.join(", ")}`);
    digests.set(filter, digest);
  }
  if (digests.has("*") && url.includes("{filter}"))
    throw new UserError("--sha256: each filter's image has a digest of its own; give it as FILTER=DIGEST");
  return { kind, url, sha256: digests };
}

/** `policies.yaml:14:20: not converted: spec.rules[0].name: ..`, in the input's order, each once. */
function tell(remarks: readonly Remark[], what: string): void {
  const lines = new Set<string>();
  for (const { file, line, column, path, message } of remarks.toSorted((a, b) =>
    a.file === b.file ? a.line - b.line || a.column - b.column : 0,
  ))
    lines.add(
      `${printable(`${file}:${line}:${column}:`)} ${what} ${printable(path === "" ? "" : `${path}: `)}${printable(message)}`,
    );
  for (const line of lines) stderr.line(line);
}

/** `outrigger explain`: which rule decides a request, and why each other does not. */
import type { Claims, Header, HttpRequest } from "../test/driver.ts";
import { checkPlugin, checkSource } from "./check.ts";
import { ExitCode, UserError } from "./errors.ts";
import { explainAnyFilter } from "./explain/any-filter.ts";
import { explainAuthz } from "./explain/authz.ts";
import { explainDarkLaunch, type Explanation } from "./explain/dark-launch.ts";
import { Oracle, type Attribute } from "./explain/oracle.ts";
import { showExplanation } from "./explain/show.ts";
import { Modules, SUITE } from "./modules.ts";
import type { Plugin } from "./plugins.ts";
import { readSource } from "./source.ts";
import { printable, stderr, stdout } from "./terminal.ts";
import { showFinding, unknownFilter } from "./validate.ts";

export interface ExplainOptions {
  config: string;
  request: string;
  header?: string[];
  authority: string;
  claims?: string;
  peer?: string;
  attribute?: string[];
  now?: string;
  filter?: string;
  plugin?: string;
  json?: boolean;
  modules: string;
}

/** What explains a filter's decisions. Of a filter that is not here, only what it does is told. */
const EXPLAINERS: Readonly<Record<string, (oracle: Oracle, config: unknown) => Explanation>> = {
  "dark-launch": explainDarkLaunch,
  authz: explainAuthz,
};

/** Answers the exit code. */
export function explain(options: ExplainOptions): number {
  const request = readRequest(options);
  const now = readNow(options.now);
  const attributes = readAttributes(options.attribute ?? []);
  const modules = new Modules(options.modules);
  const { filter } = options;
  if (filter !== undefined && !modules.has(filter)) throw unknownFilter(filter, modules);
  const source = readSource(options.config);
  const found = checkSource(source, { modules, ...(filter === undefined ? {} : { filter }) });
  const plugin = choose(found.plugins, options, found.findings.length > 0);
  const findings = plugin === null ? found.findings : checkPlugin(source.file, plugin, modules);
  if (plugin === null || findings.length > 0) {
    for (const finding of findings) stderr.line(showFinding(finding));
    stderr.line("nothing to explain: the configuration is invalid");
    return ExitCode.Failed;
  }
  if (plugin.guessed) {
    stderr.line(
      stderr.colors.dim(`taken for a configuration of ${plugin.runner.filter} (--filter says so for sure)`),
    );
  }
  const explanations: Explanation[] = entriesOf(plugin).map(({ filter: name, path, config, within }) => {
    const oracle = new Oracle({ runner: plugin.runner, now, attributes, request, within });
    const explained = EXPLAINERS[name]?.(oracle, config) ?? explainAnyFilter(name, oracle, config);
    const at = path === "" ? "" : `${path}.`;
    const rules = explained.rules.map((rule, index) => {
      // Where a module would say that something is wrong with the rule.
      const { line } = plugin.configuration.locate(`${at}rules[${index}]: `);
      return { ...rule, line };
    });
    const judged = explained.policies?.map((judgedRule) => {
      const place = `${at}policies[${judgedRule.position}].rules[${judgedRule.rule}]: `;
      return { ...judgedRule, line: plugin.configuration.locate(place).line };
    });
    return { ...explained, path, rules, ...(judged === undefined ? {} : { policies: judged }) };
  });
  if (options.json === true) {
    stdout.line(
      JSON.stringify({ request: shown(request), plugin: plugin.title, filters: explanations }, null, 2),
    );
  } else showExplanation(stdout, request, explanations);
  return ExitCode.Ok;
}

/** The plugin that was meant; null where there is none for an error that is told elsewhere. */
function choose(
  plugins: readonly Plugin[],
  { plugin, config }: ExplainOptions,
  broken: boolean,
): Plugin | null {
  const named = plugin === undefined ? plugins : plugins.filter(({ name }) => name === plugin);
  if (named.length === 1) return named[0]!;
  if (plugins.length === 0 && broken) return null;
  const names = plugins
    .map(({ name, position }) => `  ${name === "" ? "(no name)" : name}, line ${position.line}`)
    .join("\n");
  if (plugins.length === 0) throw new UserError(`${config} has no plugin of ours`);
  if (plugin === undefined)
    throw new UserError(`${config} has several plugins; choose one with --plugin:\n${names}`);
  throw new UserError(
    `${config} has ${named.length === 0 ? "no plugin" : "several plugins"} of the name "${plugin}", but\n${names}`,
  );
}

interface Entry {
  filter: string;
  /** Where in the plugin's configuration: `filters[1].darkLaunch`; empty for all of it. */
  path: string;
  config: unknown;
  /** The plugin's configuration with this one of the filter; with null, without the filter: null where nothing is left. */
  within: (config: unknown) => unknown;
}

/** The plugin's filters: those of a suite one by one, each behind those before it. */
function entriesOf({ runner, configuration }: Plugin): Entry[] {
  if (runner.filter !== SUITE) {
    return [{ filter: runner.filter, path: "", config: configuration.value, within: (config) => config }];
  }
  const { filters } = configuration.value as { filters: Record<string, unknown>[] };
  return filters.map((entry, at) => {
    const [[field, config]] = Object.entries(entry) as [[string, unknown]];
    const before = filters.slice(0, at);
    return {
      filter: field.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`),
      path: `filters[${at}].${field}`,
      config,
      within: (one) => ({ filters: one === null ? before : [...before, { [field]: one }] }),
    };
  });
}

function readRequest(options: ExplainOptions): HttpRequest {
  const { request, header = [], authority, peer } = options;
  const claims = readClaims(options.claims);
  const match = /^(?:([A-Za-z]+)\s+)?(\S+)(?:\s+HTTP\/[\d.]+)?$/.exec(request.trim());
  if (!match)
    throw new UserError(`--request: expected a method and a path, like "GET /x?y=1", got "${request}"`);
  const path = match[2]!;
  if (!path.startsWith("/") && path !== "*") {
    throw new UserError(
      `--request: expected a path that begins with /, got "${path}" (the host goes to --authority)`,
    );
  }
  let host = authority;
  const headers: Header[] = [];
  for (const line of header) {
    const parts = /^([^:\s]+)\s*:[ \t]*(.*?)[ \t]*$/s.exec(line);
    if (!parts) throw new UserError(`--header: expected "name: value", got "${line}"`);
    const [, name, value] = parts as unknown as [string, string, string];
    // Values are byte strings (see `Header`).
    if (name.toLowerCase() === "host") host = value;
    else headers.push([name, Buffer.from(value).toString("latin1")]);
  }
  return {
    method: (match[1] ?? "GET").toUpperCase(),
    path: Buffer.from(path).toString("latin1"),
    authority: host,
    headers,
    ...(peer === undefined ? {} : { peer: { uris: [peer] } }),
    ...(claims === null ? {} : { claims }),
  };
}

function readClaims(text: string | undefined): Claims | null {
  if (text === undefined) return null;
  let claims: unknown;
  try {
    claims = JSON.parse(text);
  } catch (error) {
    throw new UserError(`--claims: ${(error as Error).message}`);
  }
  if (typeof claims !== "object" || claims === null || Array.isArray(claims))
    throw new UserError(`--claims: expected a JSON object, got "${text}"`);
  return claims as Claims;
}

/** In nanoseconds since 1970. */
function readNow(text: string | undefined): bigint {
  const milliseconds = text === undefined ? Date.now() : Date.parse(text);
  if (Number.isNaN(milliseconds)) {
    throw new UserError(`--now: expected a time like 2026-12-31T00:00:00Z, got "${text}"`);
  }
  return BigInt(milliseconds) * 1_000_000n;
}

function readAttributes(items: readonly string[]): Record<string, Attribute> {
  const attributes: Record<string, Attribute> = {};
  for (const item of items) {
    const at = item.indexOf("=");
    if (at < 1)
      throw new UserError(`--attribute: expected path=value, like connection.mtls=true, got "${item}"`);
    attributes[item.slice(0, at)] = attributeOf(item.slice(0, at), item.slice(at + 1));
  }
  return attributes;
}

/** Typed as Envoy has it. */
function attributeOf(path: string, value: string): Attribute {
  if (!INTEGERS.has(path)) return value === "true" ? true : value === "false" ? false : value;
  if (!/^\d{1,18}$/.test(value)) {
    throw new UserError(`--attribute: expected a whole number for ${path}, like 8080, got "${value}"`);
  }
  return BigInt(value);
}

/** Those of Envoy's attributes that are integers (`source/extensions/filters/common/expr/context.cc`). */
const INTEGERS: ReadonlySet<string> = new Set([
  "request.size",
  "request.total_size",
  "response.code",
  "response.flags",
  "response.grpc_status",
  "response.size",
  "response.total_size",
  "connection.id",
  "source.port",
  "destination.port",
  "upstream.port",
  "upstream.request_attempt_count",
  "xds.listener_direction",
]);

function shown({ method, path, authority, headers = [], peer, claims }: HttpRequest): object {
  const text = (value: string): string => printable(Buffer.from(value, "latin1").toString());
  return {
    method,
    path: text(path),
    authority,
    headers: headers.map(([name, value]) => [name, text(value)]),
    ...(peer === undefined ? {} : { peer: peer.uris?.[0] }),
    ...(claims === undefined ? {} : { claims }),
  };
}

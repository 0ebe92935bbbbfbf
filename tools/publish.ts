/**
 * `make publish REGISTRY=..`: brings each built module into a registry, `REGISTRY/<filter>:TAG`, by default under the project's version. All of
 * them are there before the first one gets its tag. It answers the WasmPlugins that load them.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { ExitCode, UserError } from "../cli/errors.ts";
import { SCHEME } from "../cli/oci/reference.ts";
import { tag } from "../cli/oci/publication.ts";
import { attached, bring, prepare, type Prepared } from "../cli/push.ts";
import { printable, Progress, stderr, stdout } from "../cli/terminal.ts";
import { wasmPlugin } from "../cli/wasm-plugin.ts";
import { revisionOf } from "./revision.ts";

const progress = new Progress();
try {
  await publish();
} catch (error) {
  progress.clear();
  if (!(error instanceof UserError)) throw error;
  stderr.line(`${stderr.colors.red("error:")} ${printable(error.message)}`);
  process.exitCode = error.exitCode;
}

async function publish(): Promise<void> {
  const { registry, name, plainHttp, modules, uncommitted } = words();
  const revision = revisionOf(".");
  if (!uncommitted && "why" in revision) {
    throw new UserError(
      `what is here is no commit: ${revision.why}; mend that, or say --uncommitted, and then no provenance goes along`,
    );
  }
  const files = readdirSync(modules).filter((file) => file.endsWith(".wasm"));
  if (files.length === 0) throw new UserError(`no modules in ${modules}; build them first (make build)`);
  const all: Prepared[] = files.map((file) => {
    const reference = `${SCHEME}${registry}/${file.slice(0, -".wasm".length)}:${name}`;
    return prepare(reference, join(modules, file), { ...(plainHttp ? { plainHttp } : {}) }, progress);
  });
  for (const one of all) await bring(one, progress);
  const plugins: string[] = [];
  for (const one of all) {
    const { publication, reference, repository, title } = one;
    const { digest } = publication.image.manifest;
    const url = `${SCHEME}${repository.name}:${reference.tag}`;
    const before = await tag(repository, name, publication);
    progress.clear();
    const replaced = before === null || before === digest ? "" : `, instead of ${before}`;
    stderr.line(`${url}@${digest} (${attached(one)}${replaced})`);
    plugins.push(wasmPlugin({ url, digest, title }));
  }
  stdout.line(plugins.join("---\n").trimEnd());
}

function words(): {
  registry: string;
  name: string;
  plainHttp: boolean;
  modules: string;
  uncommitted: boolean;
} {
  const { version } = JSON.parse(readFileSync("package.json", "utf8")) as { version: string };
  let parsed;
  try {
    parsed = parseArgs({
      allowPositionals: true,
      options: {
        tag: { type: "string", default: version },
        "plain-http": { type: "boolean", default: false },
        modules: { type: "string", default: "build" },
        uncommitted: { type: "boolean", default: false },
      },
    });
  } catch (error) {
    throw new UserError((error as Error).message, ExitCode.Usage);
  }
  const { values, positionals } = parsed;
  const [given = "", more] = positionals;
  const registry = given.replace(/^oci:\/\//, "").replace(/\/+$/, "");
  if (registry === "" || more !== undefined) {
    throw new UserError(
      "where to? make publish REGISTRY=ghcr.io/example (a host, and what comes before the filters' names)",
    );
  }
  return {
    registry,
    name: values.tag,
    plainHttp: values["plain-http"],
    modules: values.modules,
    uncommitted: values.uncommitted,
  };
}

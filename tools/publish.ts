/**
 * `make publish REGISTRY=..`: brings each built module into a registry, `REGISTRY/<filter>:TAG`, by default under the project's version. All of
 * them are there, with what is attached to them, before the first one gets the tag that proxies pull. It answers the WasmPlugins that load
 * them, each when it has its tag.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { ExitCode, UserError } from "../cli/errors.ts";
import { OCI_ANNOTATION } from "../cli/oci/annotations.ts";
import { tag, UnsureTag } from "../cli/oci/publication.ts";
import { SCHEME } from "../cli/oci/reference.ts";
import { attached, bring, prepare, type Prepared, type PushOptions } from "../cli/push.ts";
import { printable, Progress, stderr, stdout, tellUnwritten } from "../cli/terminal.ts";
import { wasmPlugin } from "../cli/wasm-plugin.ts";
import { revisionOf } from "./revision.ts";

const progress = new Progress();
let isUnwritten = false;
// What cannot be told is no reason to stop between two tags.
process.stdout.on("error", (error: Error) => {
  if (!isUnwritten) tellUnwritten(error);
  isUnwritten = true;
  process.exitCode = ExitCode.Failed;
});
try {
  await publish();
} catch (error) {
  progress.clear();
  if (!(error instanceof UserError)) throw error;
  stderr.line(`${stderr.colors.red("error:")} ${printable(error.message)}`);
  process.exitCode = error.exitCode;
}

async function publish(): Promise<void> {
  const { registry, name, modules, commit, options } = words();
  const files = readdirSync(modules).filter((file) => file.endsWith(".wasm"));
  if (files.length === 0) throw new UserError(`no modules in ${modules}; build them first (make build)`);
  const all: Prepared[] = files.map((file) => {
    const path = join(modules, file);
    const reference = `${SCHEME}${registry}/${file.slice(0, -".wasm".length)}:${name}`;
    const prepared = prepare(reference, path, options, progress);
    if (commit !== null) requireCommit(path, prepared, commit);
    return prepared;
  });
  for (const one of all) await bring(one, progress);
  const tagged: string[] = [];
  for (const one of all) {
    const { publication, repository, title, url } = one;
    const { digest } = publication.image.manifest;
    const before = await tag(repository, one.tag, publication).catch((error: unknown) => {
      throw withTagged(error, error instanceof UnsureTag ? [...tagged, `${url} (perhaps)`] : tagged);
    });
    progress.clear();
    const replaced = before === null || before === digest ? "" : `, instead of ${before}`;
    stderr.line(`${url}@${digest} (${attached(one)}${replaced})`);
    // At once: whatever comes, what has a tag has been told.
    stdout.line(`${tagged.length === 0 ? "" : "---\n"}${wasmPlugin({ url, digest, title }).trimEnd()}`);
    tagged.push(url);
  }
}

/** Throws {@link UserError} unless the build's provenance says that the module is of the commit: what lies in build/ may be older. */
function requireCommit(path: string, { records: { provenance } }: Prepared, commit: string): void {
  const advice = "build it again (make build), or remove it where it is a filter's that is no more";
  if (provenance === undefined) {
    throw new UserError(`${path} has no provenance, so nothing says of which commit it is; ${advice}`);
  }
  const built = provenance.annotations[OCI_ANNOTATION.revision];
  if (built !== commit) {
    throw new UserError(`${path} is of ${built ?? "no commit"}, and what is here is ${commit}; ${advice}`);
  }
}

function withTagged(error: unknown, tagged: readonly string[]): unknown {
  if (!(error instanceof UserError) || tagged.length === 0) return error;
  return new UserError(
    `${error.message}; these have their tags already: ${tagged.join(", ")}; publish again to set those of the others`,
    error.exitCode,
  );
}

/** The commit that the working folder is. Throws {@link UserError} where it is none. */
function commitHere(): string {
  const revision = revisionOf(".");
  if (!("why" in revision)) return revision.commit;
  throw new UserError(
    `what is here is no commit: ${revision.why}; mend that, or say --uncommitted, and then no provenance goes along`,
  );
}

interface Words {
  registry: string;
  /** The tag. */
  name: string;
  modules: string;
  /** Of which all modules must be; null for whatever there is. */
  commit: string | null;
  options: PushOptions;
}

function words(): Words {
  const { version } = JSON.parse(readFileSync("package.json", "utf8")) as { version: string };
  let parsed;
  try {
    parsed = parseArgs({
      allowPositionals: true,
      allowNegative: true,
      options: {
        tag: { type: "string", default: version },
        "plain-http": { type: "boolean" },
        sbom: { type: "boolean", default: true },
        provenance: { type: "boolean", default: true },
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
  const { "plain-http": plainHttp, sbom, provenance, uncommitted } = values;
  return {
    registry,
    name: values.tag,
    modules: values.modules,
    commit: uncommitted ? null : commitHere(),
    options: {
      sbom,
      provenance: uncommitted ? null : provenance,
      ...(plainHttp === undefined ? {} : { plainHttp }),
    },
  };
}

/** `outrigger push`: brings a module into a registry, as an image that Istio takes, with what the build has recorded of it. */
import { UserError } from "./errors.ts";
import { moduleName } from "./filter-names.ts";
import { type Annotations, OCI_ANNOTATION } from "./oci/annotations.ts";
import { type BuildRecords, readBuildRecords, type RecordChoice } from "./oci/build-records.ts";
import { digestOf } from "./oci/digest.ts";
import { type Publication, publicationOf, tag, upload } from "./oci/publication.ts";
import { parseReference, SCHEME } from "./oci/reference.ts";
import { Repository } from "./oci/registry.ts";
import { counted, printable, Progress, stderr, stdout } from "./terminal.ts";
import { readModule, wasmFacts, whyNotLoaded } from "./wasm-facts.ts";
import { wasmPlugin } from "./wasm-plugin.ts";

export interface PushOptions {
  annotation?: readonly string[];
  sbom?: RecordChoice;
  provenance?: RecordChoice;
  plainHttp?: boolean;
  json?: boolean;
  quiet?: boolean;
}

/** What is to be pushed: it has been read and looked at, and nothing of it is at the registry yet. */
export interface Prepared {
  tag: string;
  /** With the tag, as a WasmPlugin has it. */
  url: string;
  /** The filter's name. */
  title: string;
  /** The digest of the module itself. */
  moduleDigest: string;
  /** What the build says of it. */
  records: BuildRecords;
  publication: Publication;
  repository: Repository;
}

export async function push(reference: string, file: string, options: PushOptions): Promise<void> {
  const progress = new Progress();
  const prepared = prepare(reference, file, options, progress);
  try {
    const pieces = await bring(prepared, progress);
    progress.show("setting the tag");
    const before = await tag(prepared.repository, prepared.tag, prepared.publication);
    progress.clear();
    report(prepared, pieces, before, options);
  } finally {
    progress.clear();
  }
}

/** Throws `UserError` for a reference, module or record that is not as it should be. */
export function prepare(text: string, file: string, options: PushOptions, progress: Progress): Prepared {
  const reference = parseReference(text);
  if (reference.digest !== undefined) {
    throw new UserError(
      `${text}: a digest comes of what is pushed; name a tag alone, as ${SCHEME}HOST/REPOSITORY:1.0.0`,
    );
  }
  if (reference.tag === undefined) throw new UserError(`${text}: the tag is missing, as in ${text}:1.0.0`);
  const module = readModule(file);
  const why = whyNotLoaded(module, wasmFacts(module, file));
  if (why !== null) throw new UserError(`${file} would not load in a proxy: ${why}`);
  const moduleDigest = digestOf(module);
  const records = readBuildRecords(file, moduleDigest, options);
  const publication = publicationOf(module, records, {
    // What the build says goes over this, and what the user says over all.
    ...(records.sbom === undefined ? { [OCI_ANNOTATION.title]: moduleName(file) } : {}),
    ...annotationsIn(options.annotation ?? []),
  });
  const repository = new Repository(reference, {
    access: "push",
    plainHttp: options.plainHttp,
    note: (text) => progress.note(text),
  });
  const title = records.sbom?.annotations[OCI_ANNOTATION.title] ?? moduleName(file);
  return {
    tag: reference.tag,
    url: `${SCHEME}${repository.name}:${reference.tag}`,
    title,
    moduleDigest,
    records,
    publication,
    repository,
  };
}

/** What goes with the module, for people. What was there before and stays is not spoken of. */
export function attached({ records: { sbom, provenance } }: Prepared): string {
  const state = (one: { attached: boolean } | undefined): string =>
    one === undefined ? "none" : one.attached ? "attached" : "not attached";
  return `SBOM: ${state(sbom)}; provenance: ${state(provenance)}`;
}

/** Uploads all but the tag, and answers how many pieces were not there yet. */
export async function bring(
  { title, publication, repository }: Prepared,
  progress: Progress,
): Promise<number> {
  const { pieces } = await upload(repository, publication, (done, all) =>
    progress.show(`${title}: ${done} of ${all} to ${repository.name}`),
  );
  return pieces;
}

function report(prepared: Prepared, pieces: number, before: string | null, options: PushOptions): void {
  const { url, title, moduleDigest, publication } = prepared;
  const { digest } = publication.image.manifest;
  if (options.json) {
    const referrers = publication.referrers.map(({ manifest }) => manifest.digest);
    stdout.line(
      JSON.stringify(
        {
          url,
          digest,
          module: moduleDigest,
          uploaded: pieces,
          replaced: before === digest ? null : before,
          referrers,
        },
        null,
        2,
      ),
    );
    return;
  }
  if (options.quiet) {
    stdout.line(digest);
    return;
  }
  const done = pieces === 0 ? "all of it was there already" : `${counted(pieces, "piece")} uploaded`;
  stderr.line(`${done}: ${url} (${attached(prepared)})`);
  if (before !== null && before !== digest) {
    stderr.line(
      printable(
        `the tag meant ${before} before; proxies that have pulled it may keep that one: see imagePullPolicy`,
      ),
    );
  }
  stdout.line(wasmPlugin({ url, digest, title }).trimEnd());
}

function annotationsIn(words: readonly string[]): Annotations {
  const annotations: Record<string, string> = {};
  for (const word of words) {
    const equals = word.indexOf("=");
    if (equals <= 0)
      throw new UserError(
        `--annotation ${word}: expected NAME=VALUE, as org.opencontainers.image.vendor=Example`,
      );
    annotations[word.slice(0, equals)] = word.slice(equals + 1);
  }
  return annotations;
}

/** `outrigger inspect`: what a registry holds under a reference, or what a module's file is. */
import { basename } from "node:path";
import { UserError } from "./errors.ts";
import { moduleName } from "./filter-names.ts";
import { type Annotations, OCI_ANNOTATION } from "./oci/annotations.ts";
import { readBuildRecords } from "./oci/build-records.ts";
import { type Descriptor, digestOf } from "./oci/digest.ts";
import { PREDICATE_ANNOTATION } from "./oci/media-types.ts";
import { pull } from "./oci/pull.ts";
import { parseReference, SCHEME } from "./oci/reference.ts";
import { Repository } from "./oci/registry.ts";
import { printable, printableLine, Progress, stderr, stdout } from "./terminal.ts";
import { MAX_MODULE_BYTES, readModule, wasmFacts, type WasmFacts, whyNotLoaded } from "./wasm-facts.ts";

export interface InspectOptions {
  plainHttp?: boolean;
  json?: boolean;
}

type Referrer = Pick<Descriptor, "digest" | "size" | "artifactType" | "annotations">;

/** As `--json` tells it; null is what is not known, or not there. */
interface Inspected extends WasmFacts {
  /** As it was asked for. */
  location: string;
  filter: string;
  version: string | null;
  /** Of the image's manifest, which a WasmPlugin's `sha256` is compared with; null for a file. */
  digest: string | null;
  /** Of the module itself. */
  module: string;
  /** Of the module, in bytes. */
  size: number;
  /** Of what is pulled for it, in bytes; null for a file. */
  layerSize: number | null;
  annotations: Annotations;
  referrers: readonly Referrer[] | null;
  /** Why Istio does not take the image, or no proxy the module. */
  refused: string | null;
}

export async function inspect(location: string, options: InspectOptions): Promise<void> {
  const found = location.startsWith(SCHEME) ? await image(location, options) : file(location);
  if (options.json) stdout.line(JSON.stringify(found, null, 2));
  else show(found);
}

async function image(location: string, { plainHttp }: InspectOptions): Promise<Inspected> {
  const reference = parseReference(location);
  const progress = new Progress();
  try {
    progress.show(`asking ${reference.host}`);
    const repository = new Repository(reference, {
      access: "pull",
      plainHttp,
      note: (text) => progress.note(text),
    });
    const { manifest, annotations, layer, module, refusedByIstio } = await pull(
      repository,
      reference,
      MAX_MODULE_BYTES,
    );
    const { descriptors, keeper } = await repository.referrers(manifest.digest);
    const facts = wasmFacts(module, `what ${location} holds`);
    return {
      location,
      filter: annotations[OCI_ANNOTATION.title] ?? moduleName(location),
      version: annotations[OCI_ANNOTATION.version] ?? null,
      digest: manifest.digest,
      module: digestOf(module),
      size: module.length,
      layerSize: layer.size,
      ...facts,
      annotations,
      referrers: keeper === "nobody" ? null : descriptors.map(toldOf),
      refused: refusedByIstio ?? whyNotLoaded(module, facts),
    };
  } finally {
    progress.clear();
  }
}

function toldOf({ digest, size, artifactType, annotations }: Descriptor): Referrer {
  return {
    digest,
    size,
    ...(artifactType === undefined ? {} : { artifactType }),
    ...(annotations === undefined ? {} : { annotations }),
  };
}

function file(path: string): Inspected {
  const module = readModule(path);
  const facts = wasmFacts(module, path);
  const digest = digestOf(module);
  const annotations = recorded(path, digest);
  return {
    location: path,
    filter: annotations[OCI_ANNOTATION.title] ?? moduleName(basename(path)),
    version: annotations[OCI_ANNOTATION.version] ?? null,
    digest: null,
    module: digest,
    size: module.length,
    layerSize: null,
    ...facts,
    annotations,
    referrers: [],
    refused: whyNotLoaded(module, facts),
  };
}

/** What the build says of the module. Records of another one, an older build's, say nothing of it. */
function recorded(path: string, digest: string): Annotations {
  try {
    const { sbom, provenance } = readBuildRecords(path, digest, {});
    return { ...sbom?.annotations, ...provenance?.annotations };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    stderr.line(`note: ${printable(error.message)}`);
    return {};
  }
}

function show(found: Inspected): void {
  const line = (name: string, value: string | null): void => {
    if (value !== null) stdout.line(printableLine(`${`${name}:`.padEnd(13)}${value}`));
  };
  const list = (name: string, values: readonly string[]): void => {
    line(`${name}`, String(values.length));
    for (const value of values) stdout.line(printableLine(`  ${value}`));
  };
  line("filter", found.filter);
  line("version", found.version ?? "unknown");
  line("digest", found.digest);
  line("module", found.module);
  line("size", `${found.size} bytes${found.layerSize === null ? "" : `, ${found.layerSize} as pulled`}`);
  line("proxy-wasm", found.abi.join(", ") || "none");
  if (found.refused !== null) line("refused", found.refused);
  list("exports", found.exports);
  list("imports", found.imports);
  list(
    "annotations",
    Object.entries(found.annotations).map(([name, value]) => `${name}: ${value}`),
  );
  if (found.digest === null) return;
  if (found.referrers === null) {
    line("referrers", "unknown, since the registry lists none");
    return;
  }
  list(
    "referrers",
    found.referrers.map(({ digest, size, artifactType, annotations }) => {
      const kind = annotations?.[PREDICATE_ANNOTATION];
      return `${digest} ${artifactType ?? "of no type"}${kind === undefined ? "" : ` (${kind})`}, ${size} bytes`;
    }),
  );
}

/** A module on its way into a registry. */
import type { Annotations } from "./annotations.ts";
import type { BuildRecords } from "./build-records.ts";
import { descriptorOf, type Descriptor } from "./digest.ts";
import { type Image, imageOf, referrerOf } from "./image.ts";
import { jsonOf } from "./json.ts";
import { PREDICATE_ANNOTATION, PREDICATE_TYPE } from "./media-types.ts";
import type { Repository } from "./registry.ts";
import { RegistryError } from "./registry-error.ts";

export interface Publication {
  image: Image;
  /** What refers to the image: SBOM and provenance, as far as there are any. */
  referrers: readonly Image[];
}

export interface Uploaded {
  /** Blobs and manifests that were not there yet. */
  pieces: number;
}

/** `more` goes over what the build's records say of the module. */
export function publicationOf(module: Uint8Array, records: BuildRecords, more: Annotations): Publication {
  const { sbom, provenance } = records;
  const image = imageOf(module, { ...sbom?.annotations, ...provenance?.annotations, ...more });
  const referrers: Image[] = [];
  if (sbom?.attached) referrers.push(referrerOf(image.manifest, sbom.content, {}));
  if (provenance?.attached) {
    const predicate = { [PREDICATE_ANNOTATION]: PREDICATE_TYPE };
    referrers.push(referrerOf(image.manifest, provenance.content, predicate));
  }
  return { image, referrers };
}

/**
 * Brings all of it to the registry but the tag, so that whatever fails leaves nothing that anybody would pull. What is there already
 * is not sent again. `progress` tells what is being looked at, and how far along that is.
 */
export async function upload(
  repository: Repository,
  { image, referrers }: Publication,
  progress: (done: number, all: number) => void,
): Promise<Uploaded> {
  const all = [image, ...referrers].reduce((sum, { blobs }) => sum + blobs.length + 1, 0);
  let done = 0;
  let pieces = 0;
  const step = async (sent: Promise<boolean>): Promise<void> => {
    progress(done, all);
    if (await sent) pieces++;
    done++;
  };
  for (const blob of image.blobs) await step(repository.putBlob(blob));
  await step(repository.putManifest(image.manifest));
  for (const { manifest, blobs } of referrers) {
    for (const blob of blobs) await step(repository.putBlob(blob));
    const listed = listingOf(manifest.bytes, descriptorOf(manifest));
    await step(
      repository.putReferrer(image.manifest.digest, manifest, listed).catch((error: unknown) => {
        throw withAdvice(error);
      }),
    );
  }
  progress(all, all);
  return { pieces };
}

/** The tag may have been set, and may not: the registry's answer was lost, or what it has under the tag cannot be read. */
export class UnsureTag extends RegistryError {}

/**
 * Lets a tag mean the image, which must be there, and looks whether it does. Answers which digest the tag had before; null when it is
 * new. Throws {@link RegistryError}, and {@link UnsureTag} where it is not known what the tag means now.
 */
export async function tag(
  repository: Repository,
  name: string,
  { image }: Publication,
): Promise<string | null> {
  const { digest } = image.manifest;
  const meaning = async (): Promise<string | undefined> => (await repository.manifest(name))?.digest;
  const unsure = (error: unknown): unknown =>
    error instanceof RegistryError
      ? new UnsureTag(
          `${error.message}; ${repository.name}:${name} may mean ${digest} now; push again to be sure`,
          error.details,
        )
      : error;
  const before = (await meaning()) ?? null;
  if (before === digest) return before;
  let refusal: RegistryError | null = null;
  try {
    await repository.putUnder(name, image.manifest);
  } catch (error) {
    if (!isRefusal(error)) throw unsure(error);
    // An attempt before this one may have set it and its answer been lost; a tag that nobody may change is refused then.
    refusal = error;
  }
  const after = await meaning().catch((error: unknown) => {
    throw unsure(error);
  });
  if (after === digest) return before;
  if (refusal !== null) throw refusal;
  throw new RegistryError(
    `${repository.name}:${name} is ${after ?? "missing"} after ${digest} was put there: somebody else pushed at the same ` +
      "time, or the registry does not keep what it is given",
  );
}

/** Whether the registry has answered, and not only for the moment. */
function isRefusal(error: unknown): error is RegistryError {
  return error instanceof RegistryError && error.details.status !== undefined && !error.details.transient;
}

/** A registry that has taken the image, and refuses what refers to it, takes the image alone, unless it is about who asks or how much. */
function withAdvice(error: unknown): unknown {
  if (!(error instanceof RegistryError)) return error;
  const { status = 0, transient } = error.details;
  const isOfItsKind = (status >= 400 && status < 500 && ![401, 403, 413].includes(status)) || status === 501;
  if (!isOfItsKind || transient) return error;
  return new RegistryError(
    `${error.message}; the registry takes no attached files: --no-sbom --no-provenance`,
    error.details,
  );
}

/** How a list of referrers names one: with what its manifest says of itself (OCI distribution specification, "Referrers Tag Schema"). */
function listingOf(manifest: Uint8Array, descriptor: Descriptor): Descriptor {
  const { artifactType, annotations } = jsonOf(manifest) as Partial<Descriptor>;
  return {
    ...descriptor,
    ...(artifactType === undefined ? {} : { artifactType }),
    ...(annotations === undefined ? {} : { annotations }),
  };
}

/** Looking at what a registry has: the module in an image, found as Istio's fetcher finds it (istio `pkg/wasm/imagefetcher.go`). */
import { gunzipSync } from "node:zlib";
import { parseTar } from "nanotar";
import type { Annotations } from "./annotations.ts";
import { type Content, type Descriptor, isDescriptor } from "./digest.ts";
import { PLUGIN_FILE } from "./image.ts";
import { isObject, jsonOf } from "./json.ts";
import {
  DOCKER_LAYER_TYPE,
  DOCKER_LIST_TYPE,
  DOCKER_MANIFEST_TYPE,
  INDEX_TYPE,
  LAYER_TYPE,
  WASM_LAYER_TYPE,
  WASM_TYPE,
} from "./media-types.ts";
import type { Reference } from "./reference.ts";
import type { Repository } from "./registry.ts";
import { RegistryError } from "./registry-error.ts";

export interface PulledImage {
  manifest: Content;
  annotations: Annotations;
  /** What the module is in. */
  layer: Descriptor;
  module: Uint8Array;
  /** Why Istio does not take this form; null when it does. */
  refusedByIstio: string | null;
}

interface Manifest {
  mediaType?: unknown;
  artifactType?: unknown;
  annotations?: unknown;
  layers?: unknown;
  manifests?: unknown;
}

/** No module may be larger: `limit`, in bytes. Throws {@link RegistryError} where there is none. */
export async function pull(
  repository: Repository,
  reference: Reference,
  limit: number,
): Promise<PulledImage> {
  const name = reference.digest ?? reference.tag ?? "latest";
  const where = `${repository.name}${reference.digest === undefined ? ":" : "@"}${name}`;
  let manifest = await repository.manifest(name);
  if (manifest === null)
    throw new RegistryError(`there is no ${where}: correct the name or the tag, or push it`);
  let refusedList: string | null = null;
  if (manifest.mediaType === INDEX_TYPE || manifest.mediaType === DOCKER_LIST_TYPE) {
    const { descriptor, refused } = imageIn(parse(manifest, where), where);
    refusedList = refused;
    const { digest } = descriptor;
    manifest = await repository.manifest(digest);
    if (manifest === null)
      throw new RegistryError(`${where} lists ${digest}, which the registry does not have`);
  }
  const parsed = parse(manifest, where);
  const layers = (Array.isArray(parsed.layers) ? (parsed.layers as unknown[]) : []).filter(isDescriptor);
  const annotations = textsOf(parsed.annotations);
  const found = { manifest, annotations };
  // By what it says of itself, and not by what the registry says of it.
  const isDocker = parsed.mediaType === DOCKER_MANIFEST_TYPE;
  const wasm = layers.find(({ mediaType }) => mediaType === WASM_LAYER_TYPE || mediaType === WASM_TYPE);
  const last = layers.at(-1);
  const fits = last?.mediaType === (isDocker ? DOCKER_LAYER_TYPE : LAYER_TYPE);
  const isTar = last?.mediaType === LAYER_TYPE || last?.mediaType === DOCKER_LAYER_TYPE;
  if (last !== undefined && isTar && (fits || wasm === undefined)) {
    const { bytes } = await repository.blob(last, limit);
    const refusedLayer = fits
      ? null
      : `its last layer is ${last.mediaType} in a manifest ${isDocker ? "of Docker's" : "that is none of Docker's"}`;
    try {
      const module = unpack(bytes, where, limit);
      return { ...found, layer: last, module, refusedByIstio: refusedList ?? refusedLayer };
    } catch (error) {
      // Where the last layer holds none, the other form is looked for.
      if (wasm === undefined) throw error;
    }
  }
  if (wasm === undefined) {
    const types = layers.map(({ mediaType }) => mediaType).join(", ");
    throw new RegistryError(`${where} holds no Wasm module: its layers are ${types || "none"}`);
  }
  const { bytes: module } = await repository.blob(wasm, limit);
  return {
    ...found,
    layer: wasm,
    module,
    refusedByIstio: refusedList ?? whyNotTaken(wasm, layers.length, isDocker),
  };
}

/** Why Istio does not take a layer that is the module itself, among so many; null when it does. */
function whyNotTaken({ mediaType }: Descriptor, count: number, isDocker: boolean): string | null {
  if (!isDocker && mediaType === WASM_LAYER_TYPE && count === 2) return null;
  const has = `it has ${count} layer(s) with one of type ${mediaType}`;
  const tar = `Istio takes a last layer of type ${isDocker ? DOCKER_LAYER_TYPE : LAYER_TYPE} with ${PLUGIN_FILE} in it`;
  return isDocker
    ? `${has}, in a manifest of Docker's, of which ${tar}`
    : `${has}; ${tar}, or two layers with one of type ${WASM_LAYER_TYPE}`;
}

function parse({ bytes }: Content, where: string): Manifest {
  try {
    const value = jsonOf(bytes);
    if (isObject(value)) return value;
  } catch {
    // Told below.
  }
  throw new RegistryError(`the manifest of ${where} is no JSON object`);
}

type ForPlatform = Descriptor & { platform?: { architecture?: unknown; os?: unknown } | null };

/**
 * Of several images for platforms, the one that Istio takes: the first for linux/amd64, or for none (go-containerregistry
 * `pkg/v1/remote/index.go`, `childByPlatform`). Where there is none, that for Wasm, and why it is refused.
 */
function imageIn({ manifests }: Manifest, where: string): { descriptor: Descriptor; refused: string | null } {
  const all = (Array.isArray(manifests) ? (manifests as unknown[]) : []).filter(
    isDescriptor,
  ) as ForPlatform[];
  const taken = all.find(
    ({ platform }) => platform == null || (platform.os === "linux" && platform.architecture === "amd64"),
  );
  if (taken !== undefined) return { descriptor: taken, refused: null };
  // What attests to an image is none.
  const images = all.filter(({ platform }) => platform?.architecture !== "unknown");
  const wasm = images.filter(({ platform }) => platform?.architecture === "wasm");
  const [only, more] = wasm.length > 0 ? wasm : images;
  if (only !== undefined && more === undefined) {
    const refused =
      "it is a list of images for platforms, in which Istio looks for linux/amd64 or none, and finds neither; name the image by its digest";
    return { descriptor: only, refused };
  }
  throw new RegistryError(
    `${where} is a list of ${images.length} images, of which none is the one for Wasm: ${images.map(({ digest }) => digest).join(", ")}; name one by its digest`,
  );
}

function unpack(layer: Uint8Array, where: string, limit: number): Uint8Array {
  let files: { name: string; data?: Uint8Array }[];
  try {
    // Of its own buffer, which is what the parser reads.
    files = parseTar(new Uint8Array(gunzipSync(layer, { maxOutputLength: limit })));
  } catch (error) {
    throw new RegistryError(`the layer of ${where} is no tar with gzip: ${(error as Error).message}`);
  }
  const file = files.find(({ name }) => name.replace(/^.*\//, "") === PLUGIN_FILE);
  if (file?.data !== undefined) return file.data;
  const names = files.map(({ name }) => name).slice(0, 10);
  throw new RegistryError(
    `the layer of ${where} has no ${PLUGIN_FILE}: it has ${names.join(", ") || "no files"}`,
  );
}

function textsOf(value: unknown): Annotations {
  if (!isObject(value)) return {};
  return Object.fromEntries(
    Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === "string"),
  );
}

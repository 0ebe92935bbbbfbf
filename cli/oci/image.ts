/**
 * A module as an image: the "compat" variant of the Wasm image specification, which Istio's fetcher takes (istio `pkg/wasm/imagefetcher.go`,
 * `extractOCIStandardImage`): one layer, a tar of one file, `plugin.wasm`. The same module with the same annotations gives the same
 * bytes on any machine, so that a digest says of itself what is in it.
 */
import { gzipSync } from "fflate";
import { createTar } from "nanotar";
import { type Annotations, OCI_ANNOTATION } from "./annotations.ts";
import { type Content, contentOf, descriptorOf, digestOf, jsonContent } from "./digest.ts";
import { CONFIG_TYPE, EMPTY_TYPE, LAYER_TYPE, MANIFEST_TYPE } from "./media-types.ts";

/** What an image, or something that refers to one, consists of. All `blobs` must be there before the manifest. */
export interface Image {
  manifest: Content;
  blobs: readonly Content[];
}

export const PLUGIN_FILE = "plugin.wasm";

/** `created`, in RFC 3339, is left out where nothing reproducible says it. */
export function imageOf(module: Uint8Array, annotations: Annotations): Image {
  const file = { name: PLUGIN_FILE, data: module };
  const tar = createTar([file], { attrs: { mode: "644", uid: 0, gid: 0, mtime: 0, user: "", group: "" } });
  // Node's own zlib gives other bytes on other processors and in other versions.
  const layer = contentOf(LAYER_TYPE, gzipSync(tar, { level: 9, mtime: 0 }));
  const created = annotations[OCI_ANNOTATION.created];
  const config = jsonContent(CONFIG_TYPE, {
    ...(created === undefined ? {} : { created }),
    architecture: "wasm",
    os: "wasip1",
    config: {},
    rootfs: { type: "layers", diff_ids: [digestOf(tar)] },
  });
  const manifest = jsonContent(MANIFEST_TYPE, {
    schemaVersion: 2,
    mediaType: MANIFEST_TYPE,
    config: descriptorOf(config),
    layers: [descriptorOf(layer)],
    ...annotated(annotations),
  });
  return { manifest, blobs: [config, layer] };
}

/** A file that refers to an image (OCI image specification 1.1, "Guidelines for Artifact Usage"). */
export function referrerOf(subject: Content, file: Content, annotations: Annotations): Image {
  const config = contentOf(EMPTY_TYPE, Buffer.from("{}"));
  const manifest = jsonContent(MANIFEST_TYPE, {
    schemaVersion: 2,
    mediaType: MANIFEST_TYPE,
    artifactType: file.mediaType,
    config: descriptorOf(config),
    layers: [descriptorOf(file)],
    subject: descriptorOf(subject),
    ...annotated(annotations),
  });
  return { manifest, blobs: [config, file] };
}

/** In the order of their names. */
function annotated(annotations: Annotations): { annotations?: Annotations } {
  const names = Object.keys(annotations).sort();
  if (names.length === 0) return {};
  return { annotations: Object.fromEntries(names.map((name) => [name, annotations[name]!])) };
}

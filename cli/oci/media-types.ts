/** What content is, by its media type (OCI image specification, "Media Types"). */
export const MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json";
export const INDEX_TYPE = "application/vnd.oci.image.index.v1+json";
export const CONFIG_TYPE = "application/vnd.oci.image.config.v1+json";
export const LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar+gzip";
export const EMPTY_TYPE = "application/vnd.oci.empty.v1+json";

export const DOCKER_MANIFEST_TYPE = "application/vnd.docker.distribution.manifest.v2+json";
export const DOCKER_LIST_TYPE = "application/vnd.docker.distribution.manifest.list.v2+json";
export const DOCKER_LAYER_TYPE = "application/vnd.docker.image.rootfs.diff.tar.gzip";

/** The module as it is, beside a layer with a configuration: the other form that Istio takes. */
export const WASM_LAYER_TYPE = "application/vnd.module.wasm.content.layer.v1+wasm";
/** CNCF TAG Runtime's form for Wasm in registries, which Istio does not take. */
export const WASM_TYPE = "application/wasm";

export const CYCLONEDX_TYPE = "application/vnd.cyclonedx+json";
export const IN_TOTO_TYPE = "application/vnd.in-toto+json";
/** What such a statement says it is (https://in-toto.io/Statement/v1), and of which kind: SLSA's provenance. */
export const STATEMENT_TYPE = "https://in-toto.io/Statement/v1";
export const PREDICATE_TYPE = "https://slsa.dev/provenance/v1";
/** The annotation that says so of what refers to an image. */
export const PREDICATE_ANNOTATION = "in-toto.io/predicate-type";

export const MANIFEST_TYPES = [MANIFEST_TYPE, INDEX_TYPE, DOCKER_MANIFEST_TYPE, DOCKER_LIST_TYPE];

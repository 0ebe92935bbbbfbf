/**
 * Where a module comes from: an in-toto statement (https://in-toto.io/Statement/v1) with SLSA's provenance
 * (https://slsa.dev/spec/v1.0/provenance). `docs/publishing.md` says what its fields mean here.
 */
import { sha256Of } from "../cli/oci/digest.ts";
import { PREDICATE_TYPE, STATEMENT_TYPE } from "../cli/oci/media-types.ts";
import type { Packages } from "./packages.ts";
import type { Revision } from "./revision.ts";

/** How modules are built, as `docs/publishing.md` describes it. */
export const BUILD_TYPE = "urn:outrigger:build:1";
/** A build that nobody vouches for. */
const UNNAMED_BUILDER = "urn:outrigger:builder:unnamed";

/** The builder that `OUTRIGGER_BUILDER_ID` names, a URI; an empty variable counts as unset. */
export function builderIn({ OUTRIGGER_BUILDER_ID: named = "" }: NodeJS.ProcessEnv): string {
  return named === "" ? UNNAMED_BUILDER : named;
}

export interface Build {
  /** The module's file, without folder. */
  file: string;
  binary: Uint8Array;
  /** What was compiled. */
  entry: string;
  revision: Revision;
  /** A URI. */
  builder: string;
}

export function provenanceOf({ file, binary, entry, revision, builder }: Build, packages: Packages): object {
  const { commit, committed, source } = revision;
  return {
    _type: STATEMENT_TYPE,
    subject: [{ name: file, digest: { sha256: sha256Of(binary) } }],
    predicateType: PREDICATE_TYPE,
    predicate: {
      buildDefinition: {
        buildType: BUILD_TYPE,
        externalParameters: { entry },
        resolvedDependencies: [
          {
            ...(source === undefined ? {} : { uri: `git+${source}@${commit}` }),
            digest: { gitCommit: commit },
            annotations: { committed },
          },
          ...packages.tools.map(({ purl, sha512 }) => ({
            uri: purl,
            ...(sha512 === undefined ? {} : { digest: { sha512 } }),
          })),
        ],
      },
      runDetails: { builder: { id: builder, version: { node: process.versions.node } } },
    },
  };
}

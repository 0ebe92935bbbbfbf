/**
 * What the build wrote beside a module: `sbom/<name>.json` (CycloneDX), of what it consists, and `provenance/<name>.json` (an in-toto
 * statement with SLSA's predicate), where it comes from. Each names the module by its SHA-256, and so can be of no other.
 */
import { existsSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { UserError } from "../errors.ts";
import { readText } from "../source.ts";
import { type Annotations, OCI_ANNOTATION } from "./annotations.ts";
import { type Content, contentOf } from "./digest.ts";
import { isObject, type Json } from "./json.ts";
import { CYCLONEDX_TYPE, IN_TOTO_TYPE, PREDICATE_TYPE, STATEMENT_TYPE } from "./media-types.ts";

export interface BuildRecord {
  content: Content;
  /** What it says of the module, for its image. */
  annotations: Annotations;
  /** Whether it goes along itself, as a file that refers to the image. */
  attached: boolean;
}

export interface BuildRecords {
  sbom: BuildRecord | undefined;
  provenance: BuildRecord | undefined;
}

/**
 * A path, and nothing for the one beside the module, if there is one. `false` is for that one too, of which what it says of the module is
 * taken, and it stays here: the same module has the same image in a registry that takes no attached files. `null` is for none.
 */
export type RecordChoice = string | boolean | null | undefined;

/** `digest` is that of the module. Throws {@link UserError} for a record that is of another module, or none. */
export function readBuildRecords(
  modulePath: string,
  digest: string,
  choice: { sbom?: RecordChoice; provenance?: RecordChoice },
): BuildRecords {
  const find = (folder: string, chosen: RecordChoice): string | undefined => {
    if (typeof chosen === "string") return chosen;
    const beside = join(dirname(modulePath), folder, `${basename(modulePath, ".wasm")}.json`);
    return chosen !== null && existsSync(beside) ? beside : undefined;
  };
  const read = (
    folder: "sbom" | "provenance",
    mediaType: string,
    parse: (value: Json, hex: string) => Annotations | string,
  ): BuildRecord | undefined => {
    const path = find(folder, choice[folder]);
    if (path === undefined) return undefined;
    const text = readText(path);
    const annotations = parse(objectIn(text, path), digest.slice("sha256:".length));
    if (typeof annotations === "string") {
      throw new UserError(
        `${path}: ${annotations}; build again (make build), name another file (--${folder} FILE), or remove it`,
      );
    }
    const content = contentOf(mediaType, Buffer.from(text));
    return { content, annotations, attached: choice[folder] !== false };
  };
  return {
    sbom: read("sbom", CYCLONEDX_TYPE, (bom, hex) => fromSbom(bom, hex, modulePath)),
    provenance: read("provenance", IN_TOTO_TYPE, (statement, hex) =>
      fromStatement(statement, hex, modulePath),
    ),
  };
}

/** The annotations, or what is wrong. Field names are those of CycloneDX 1.6. */
function fromSbom(bom: Json, hex: string, modulePath: string): Annotations | string {
  if (bom.bomFormat !== "CycloneDX") return 'it is no CycloneDX SBOM ("bomFormat": "CycloneDX")';
  const component = object(object(bom.metadata).component);
  const hash = array(component.hashes)
    .map(object)
    .find(({ alg }) => alg === "SHA-256");
  if (hash?.content !== hex)
    return `it is of another module than ${modulePath}: metadata.component has no SHA-256 of ${hex}`;
  const licenses = array(component.licenses).map((entry) => object(object(entry).license).id);
  return present({
    title: component.name,
    version: component.version,
    description: component.description,
    licenses: licenses.filter((id) => typeof id === "string").join(" AND "),
  });
}

function fromStatement(statement: Json, hex: string, modulePath: string): Annotations | string {
  const isOurs = statement._type === STATEMENT_TYPE && statement.predicateType === PREDICATE_TYPE;
  if (!isOurs) return `it is no in-toto statement with the predicate ${PREDICATE_TYPE}`;
  const names = array(statement.subject).some((subject) => object(object(subject).digest).sha256 === hex);
  if (!names) return `it is of another module than ${modulePath}: no subject has the SHA-256 ${hex}`;
  const { resolvedDependencies } = object(object(statement.predicate).buildDefinition);
  const source = array(resolvedDependencies)
    .map(object)
    .find(({ digest }) => object(digest).gitCommit !== undefined);
  if (source === undefined) return {};
  const uri =
    typeof source.uri === "string" ? source.uri.replace(/^git\+/, "").replace(/@[^/@]*$/, "") : undefined;
  return present({
    source: uri,
    revision: object(source.digest).gitCommit,
    created: object(source.annotations).committed,
  });
}

/** The texts among the values, under the names that OCI has for them. */
function present(values: Partial<Record<keyof typeof OCI_ANNOTATION, unknown>>): Annotations {
  const annotations: Record<string, string> = {};
  for (const [name, value] of Object.entries(values)) {
    if (typeof value === "string" && value !== "")
      annotations[OCI_ANNOTATION[name as keyof typeof OCI_ANNOTATION]] = value;
  }
  return annotations;
}

function objectIn(text: string, path: string): Json {
  try {
    return object(JSON.parse(text));
  } catch (error) {
    throw new UserError(`${path}: no JSON: ${(error as Error).message}`);
  }
}

function object(value: unknown): Json {
  return isObject(value) ? value : {};
}

function array(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

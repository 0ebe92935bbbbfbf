/** A file with YAML documents (JSON is YAML too), and where in it things stand. */
import { statSync } from "node:fs";
import {
  LineCounter,
  parseAllDocuments,
  type Document,
  type ParsedNode,
  type ScalarTag,
  type Tags,
} from "yaml";
import { reasonOf, UserError } from "./errors.ts";
import { readBytes } from "./read-bytes.ts";

/** Lines and columns begin at 1. */
export interface Position {
  line: number;
  column: number;
}

export type YamlDocument = Document.Parsed<ParsedNode>;

export interface Source {
  /** As the user wrote it; `-` for standard input. */
  file: string;
  text: string;
  documents: readonly YamlDocument[];
  positionAt(offset: number): Position;
}

/** More than any configuration that a cluster takes; YAML in memory is many times as large. */
const MAX_BYTES = 20 * 1024 * 1024;

/** Reads a file, `-` for standard input. Throws {@link UserError} when it cannot be read or is no text. */
export function readSource(file: string): Source {
  return parseSource(file, readText(file));
}

/** Errors in the YAML are those of the documents. A byte order mark may begin any line, as where files were put together. */
export function parseSource(file: string, whole: string): Source {
  const text = whole.replace(/^\ufeff/gm, "");
  const lineCounter = new LineCounter();
  const parsed = parseAllDocuments<ParsedNode>(text, {
    lineCounter,
    prettyErrors: false,
    // Warnings of the library would go to standard error by themselves.
    logLevel: "error",
    merge: true,
    customTags: likeKubernetes,
  });
  return {
    file,
    text,
    documents: "empty" in parsed ? [] : parsed,
    positionAt(offset) {
      const { line, col } = lineCounter.linePos(Math.min(offset, text.length));
      return { line: Math.max(line, 1), column: Math.max(col, 1) };
    },
  };
}

export function readText(file: string): string {
  let bytes: Uint8Array;
  try {
    if (file !== "-" && statSync(file).size > MAX_BYTES) throw tooLarge(file);
    bytes = readBytes(file, MAX_BYTES);
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`cannot read ${file}: ${reasonOf(error)}`);
  }
  if (bytes.length > MAX_BYTES) throw tooLarge(file);
  if (bytes.includes(0)) throw new UserError(`cannot read ${file}: not a text file`);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new UserError(`cannot read ${file}: not UTF-8`);
  }
}

function tooLarge(file: string): UserError {
  return new UserError(`cannot read ${file}: larger than ${MAX_BYTES / 1024 / 1024} MiB`);
}

/**
 * YAML 1.2, but that `yes`, `no`, `on`, `off`, `y` and `n` are booleans, as they are for kubectl, istiod and Envoy, which read
 * YAML 1.1; and that numbers are what Go's YAML, which the first two read by, takes for them: `2026_11` is one, and `0100` is 64.
 */
function likeKubernetes(tags: Tags): Tags {
  const boolean: ScalarTag = {
    tag: "tag:yaml.org,2002:bool",
    default: true,
    test: /^(?:y|Y|yes|Yes|YES|n|N|no|No|NO|on|On|ON|off|Off|OFF)$/,
    resolve: (text) => /^(?:y|on$)/i.test(text),
  };
  const number: ScalarTag = {
    tag: "tag:yaml.org,2002:float",
    default: true,
    test: GO_NUMBER,
    resolve: (text) => goNumber(text.replaceAll("_", "")) ?? text,
  };
  return [boolean, number, ...tags];
}

/** What may be a number in `resolve` of `go.yaml.in/yaml/v2`, which leaves `_` out of it. */
const GO_NUMBER =
  /^[-+]?(?:0[xX][\da-fA-F_]+|0[bB][01_]+|0[oO][0-7_]+|\d[\d_]*(?:\.[\d_]*)?(?:[eE][-+]?[\d_]+)?)$/;

/** Null where it is none. */
function goNumber(text: string): number | null {
  const [, sign, digits = ""] = /^([-+]?)(.*)$/.exec(text)!;
  const size = /^0[0-7]+$/.test(digits) ? Number(`0o${digits}`) : Number(digits);
  return Number.isNaN(size) ? null : sign === "-" ? -size : size;
}

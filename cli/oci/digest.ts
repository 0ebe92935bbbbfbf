/** Content and its address. */
import { createHash } from "node:crypto";
import { DIGEST } from "./reference.ts";

/** Bytes that a registry keeps under their digest. */
export interface Content {
  mediaType: string;
  bytes: Uint8Array;
  /** `sha256:` and 64 hexadecimal digits. */
  digest: string;
}

/** How a manifest names content (OCI image specification, "Descriptors"). */
export interface Descriptor {
  mediaType: string;
  digest: string;
  /** In bytes. */
  size: number;
  artifactType?: string;
  annotations?: Readonly<Record<string, string>>;
}

export function contentOf(mediaType: string, bytes: Uint8Array): Content {
  return { mediaType, bytes, digest: digestOf(bytes) };
}

/** The same value gives the same bytes: fields stay in their order. */
export function jsonContent(mediaType: string, value: unknown): Content {
  return contentOf(mediaType, Buffer.from(JSON.stringify(value)));
}

export function digestOf(bytes: Uint8Array): string {
  return `sha256:${sha256Of(bytes)}`;
}

/** 64 hexadecimal digits; of a text in UTF-8. */
export function sha256Of(content: Uint8Array | string): string {
  return createHash("sha256").update(content).digest("hex");
}

export function descriptorOf({ mediaType, digest, bytes }: Content): Descriptor {
  return { mediaType, digest, size: bytes.length };
}

/** What others wrote is looked at before it is relied on. */
export function isDescriptor(value: unknown): value is Descriptor {
  const { mediaType, digest, size } = (value ?? {}) as Partial<Descriptor>;
  return (
    typeof mediaType === "string" &&
    typeof digest === "string" &&
    DIGEST.test(digest) &&
    Number.isSafeInteger(size) &&
    size! >= 0
  );
}

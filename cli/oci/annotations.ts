/** What is said of an image. */
export type Annotations = Readonly<Record<string, string>>;

const NAMESPACE = "org.opencontainers.image";

/** The names that the OCI image specification has for it ("Pre-Defined Annotation Keys"). */
export const OCI_ANNOTATION = {
  title: `${NAMESPACE}.title`,
  version: `${NAMESPACE}.version`,
  description: `${NAMESPACE}.description`,
  /** Identifiers of SPDX. */
  licenses: `${NAMESPACE}.licenses`,
  /** Where the source is kept. */
  source: `${NAMESPACE}.source`,
  /** The commit. */
  revision: `${NAMESPACE}.revision`,
  /** When, as RFC 3339 has it. */
  created: `${NAMESPACE}.created`,
} as const;

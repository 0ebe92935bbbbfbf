/** What of the vocabulary the built module knows. */
import { type Reader, readSchema } from "./verdicts.ts";

export interface Abilities {
  regex: boolean;
  /** Also whether the host does. */
  cel: boolean;
  /** The kinds of parts of a key. */
  keyKinds: ReadonlySet<string>;
}

/** All kinds of parts of a key that the schema has. */
export const KEY_KINDS: readonly string[] = Object.keys(
  (readSchema("assembly/schema.json").$defs as { keyPart: { properties: object } }).keyPart.properties,
);

export function abilitiesOf(reader: Reader): Abilities {
  const problems = (match: unknown): string =>
    reader.problems({ rules: [{ name: "a", variant: "v", match }] }).join("\n");
  return {
    regex: problems({ path: { regex: "a" } }) === "",
    cel: problems({ cel: "request.path == '/'" }) === "",
    keyKinds: new Set(
      KEY_KINDS.filter((kind) => {
        const by = [{ [kind]: null }];
        return !problems({ percentage: { value: 1, by } }).includes("unknown field");
      }),
    ),
  };
}

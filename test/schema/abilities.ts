/** What of the vocabulary the built module, or the host, may not know. */
import type { Reader } from "./verdicts.ts";

export interface Abilities {
  regex: boolean;
  cel: boolean;
}

export function abilitiesOf(reader: Reader): Abilities {
  const knows = (match: unknown): boolean =>
    reader.problems({ rules: [{ name: "a", variant: "v", match }] }).length === 0;
  return { regex: knows({ path: { regex: "a" } }), cel: knows({ cel: "request.path == '/'" }) };
}

/** The names of all filters: a folder of `filters/` each, in the order of the alphabet. */
import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";

const HOME = fileURLToPath(new URL("../filters/", import.meta.url));

export const FILTERS: readonly string[] = readdirSync(HOME, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name)
  .sort();

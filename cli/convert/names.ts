/** Names that come out: of resources, and of rules, limits and policies within configurations. */
import { createHash } from "node:crypto";

/** Longest name of a rule, and of what a Service may be called. */
const LONGEST = 63;

/** A name that the filters take (`[A-Za-z0-9_.-]{1,63}`), and that is not reserved; the same for the same text. */
export function ruleName(text: string, isReserved: (name: string) => boolean = () => false): string {
  const name = text.replace(/[^A-Za-z0-9_.-]/g, "-") || "unnamed";
  const free = isReserved(name) ? `policy-${name}` : name;
  return free.length <= LONGEST && !(free !== text && text.length > LONGEST) ? free : shortened(free, text);
}

/** A resource's name: DNS labels (RFC 1123) of the parts that are there, joined. */
export function resourceName(...parts: readonly (string | null)[]): string {
  const text = parts
    .filter((part) => part !== null && part !== "")
    .join("-")
    .toLowerCase()
    .replace(/[^a-z0-9-]+/g, "-")
    .replace(/^-+|-+$/g, "");
  // Room for the suffix of a companion.
  return text.length <= LONGEST - 8 ? text : shortened(text, text).slice(0, LONGEST - 8);
}

/** Names for several, each made once: what would be there twice gets a number. */
export class Names {
  private readonly taken = new Set<string>();

  claim(wanted: string): string {
    let name = wanted;
    for (let number = 2; this.taken.has(name); number++) {
      const suffix = `-${number}`;
      name = `${wanted.slice(0, LONGEST - suffix.length)}${suffix}`;
    }
    this.taken.add(name);
    return name;
  }
}

function shortened(name: string, whole: string): string {
  const hash = createHash("sha256").update(whole).digest("hex").slice(0, 8);
  return `${name.slice(0, 45)}-${hash}`;
}
